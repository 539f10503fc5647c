//! What both filters do when something is wrong: with a configuration, with a fact, or with a client.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, as it should"
)]

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::Command;

use authz_e2e::artifact::folder;
use authz_e2e::config::{FILTER_STATE, ours, policy, put_discovered};
use authz_e2e::{Authority, Chain, Client, Conversation, Door, Envoy, Filter, Listener, Network, Seen, Upstream, artifact};
use serde_json::json;

const GOOD: &str = "spiffe://cluster.local/ns/foo/sa/good";
const BAD: &str = "spiffe://cluster.local/ns/foo/sa/bad";

fn said() -> Seen {
    Seen::Answer("hello world".into())
}

fn to(port: u16) -> Client {
    Client::to((Ipv4Addr::LOCALHOST, port))
}

fn with_both(test: impl Fn(Door) + Sync) {
    Door::ALL.into_iter().for_each(|door| Network::run(|_| test(door)));
}

/// Configurations that are refused, and what the log says of each.
fn malformed() -> [(&'static str, String, &'static str); 4] {
    let typo = ours("", json!({"mode": "enforced"})).to_string();
    let bad_policy = ours(&policy("p", "{rules: [{from: [{source: {ipBlocks: [10.0.0.0/33]}}]}]}"), json!({})).to_string();
    [
        ("no text at all", String::new(), "error["),
        ("no mapping", "[1, 2".into(), "error["),
        ("a typing error", typo, "`enforced` is not a mode"),
        ("a policy with a mistake", bad_policy, "10.0.0.0/33"),
    ]
}

/// A listener on port 9000 whose filter comes from a folder.
fn discovering(door: Door, folder: &Path, upstream: &Upstream) -> Listener {
    let filter = Filter::Discovered(door, folder.to_path_buf());
    Listener::new((Ipv4Addr::LOCALHOST, 9000), Chain::Plain, filter, upstream.address())
}

#[test]
#[ignore = "needs Envoy 1.40: cargo xtask test --only envoy"]
fn a_first_configuration_that_is_malformed_closes_every_connection_and_is_explained_in_the_log() {
    with_both(|door| {
        for (what, config, finding) in malformed() {
            let echo = Upstream::echo();
            let discovered = folder("discovered");
            put_discovered(&discovered, door, 0, &config);
            let listener = discovering(door, &discovered, &echo);
            let mut envoy = Envoy::start(&[listener], &Authority::new());
            for _ in 0..10 {
                assert_eq!(to(9000).ask("world").unwrap(), Seen::Closed, "{}: {what}", door.name());
            }
            assert!(envoy.log().contains(finding), "{}: {what}: no {finding} in\n{}", door.name(), envoy.log());
            // The next one is good, and all is well.
            envoy.update(&discovered, door, 1, &ours("", json!({})).to_string()).unwrap();
            assert_eq!(to(9000).ask("world").unwrap(), said(), "{}: {what}", door.name());
            assert_eq!(echo.connections(), 1, "{}: {what}", door.name());
            assert!(envoy.is_alive());
        }
    });
}

#[test]
#[ignore = "needs Envoy 1.40: cargo xtask test --only envoy"]
fn a_malformed_configuration_that_is_static_ends_envoy_with_the_findings_in_its_log() {
    with_both(|door| {
        let config = ours(&policy("p", "{rules: [{from: [{source: {ipBlocks: [10.0.0.0/33]}}]}]}"), json!({}));
        let listener =
            Listener::new((Ipv4Addr::LOCALHOST, 9000), Chain::Plain, Filter::Ours(door, config), ([127, 0, 0, 1], 1).into());
        match Envoy::try_start(&[listener], &Authority::new(), 1) {
            Ok(_) => panic!("{}: Envoy serves", door.name()),
            Err(log) => assert!(log.contains("10.0.0.0/33"), "{}: {log}", door.name()),
        }
    });
}

#[test]
#[ignore = "needs Envoy 1.40: cargo xtask test --only envoy"]
fn after_an_update_that_is_malformed_the_last_good_one_goes_on_serving() {
    with_both(|door| {
        let echo = Upstream::echo();
        let discovered = folder("discovered");
        let allow = |address: &str| {
            ours(&policy("p", &format!("{{rules: [{{from: [{{source: {{ipBlocks: [{address}]}}}}]}}]}}")), json!({}))
        };
        put_discovered(&discovered, door, 0, &allow("127.0.0.2").to_string());
        let listener = discovering(door, &discovered, &echo);
        let mut envoy = Envoy::start(&[listener], &Authority::new());
        let from = |last: u8| to(9000).from([127, 0, 0, last]);
        let mut established = from(2).connect().unwrap();
        for (at, (what, config, finding)) in malformed().into_iter().enumerate() {
            let refused = envoy.update(&discovered, door, at + 1, &config);
            assert!(refused.is_err(), "{}: {what} is taken", door.name());
            assert!(envoy.log().contains(finding), "{}: {what}: no {finding} in\n{}", door.name(), envoy.log());
            assert_eq!(from(2).ask("world").unwrap(), said(), "{}: {what}", door.name());
            assert_eq!(from(3).ask("world").unwrap(), Seen::Closed, "{}: {what}", door.name());
            assert_eq!(established.ask("world").unwrap(), said(), "{}: {what}", door.name());
        }
        envoy.update(&discovered, door, 9, &allow("127.0.0.3").to_string()).unwrap();
        assert_eq!(from(2).ask("world").unwrap(), Seen::Closed, "{}", door.name());
        assert_eq!(from(3).ask("world").unwrap(), said(), "{}", door.name());
        assert_eq!(established.ask("world").unwrap(), said(), "{}", door.name());
        assert!(envoy.is_alive());
    });
}

#[test]
#[ignore = "needs Envoy 1.40: cargo xtask test --only envoy"]
fn a_fact_that_no_filter_left_or_that_is_spoilt_denies_where_it_matters_and_only_there() {
    // What stands in for the direct peer, and for the URI SANs.
    let [peer, sans] = FILTER_STATE;
    let spoilt = |(moment, key, _): (&'static str, &'static str, &'static str), text| (moment, key, text);
    let states = [
        ("whole", vec![peer, sans], true, true),
        ("no direct peer", vec![sans], false, true),
        ("no identities", vec![peer], true, false),
        ("nothing", vec![], false, false),
        ("a direct peer that is none", vec![spoilt(peer, "nobody"), sans], false, true),
        ("a direct peer that is empty", vec![spoilt(peer, "%DYNAMIC_METADATA(none)%"), sans], false, true),
        ("identities of somebody else", vec![peer, spoilt(sans, BAD)], true, false),
        ("identities after which a comma stands", vec![peer, spoilt(sans, "%DOWNSTREAM_PEER_URI_SAN%,")], true, false),
    ];
    let door = Door::Wasm;
    Network::run(|_| {
        let authority = Authority::new();
        let good = authority.issue(&[GOOD]).unwrap();
        let echo = Upstream::echo();
        let config = |source: &str| ours(&policy("p", &format!("{{rules: [{{from: [{{source: {source}}}]}}]}}")), json!({}));
        let by_address = config("{ipBlocks: [127.0.0.0/8]}");
        let by_identity = config("{principals: [cluster.local/ns/foo/sa/good]}");
        let by_port = ours(&policy("p", "{rules: [{to: [{operation: {ports: ['9002']}}]}]}"), json!({}));
        for (what, filter_state, has_peer, has_identities) in states {
            let mut listeners = Vec::new();
            for (port, config) in [(9000, &by_address), (9001, &by_identity), (9002, &by_port)] {
                let filter = Filter::Ours(door, config.clone());
                let mut listener = Listener::new((Ipv4Addr::LOCALHOST, port), Chain::Mutual, filter, echo.address());
                listener.filter_state.clone_from(&filter_state);
                listeners.push(listener);
            }
            let envoy = Envoy::start(&listeners, &authority);
            for (port, is_allowed) in [(9000, has_peer), (9001, has_identities), (9002, true)] {
                let seen = to(port).over_tls(Some(&good)).ask("world").unwrap();
                let expected = if is_allowed { said() } else { Seen::Closed };
                assert_eq!(seen, expected, "{what}, port {port}:\n{}", envoy.log());
            }
            let unknown = envoy.counter(door, "authz_reason.unknown-fact");
            assert_eq!(unknown, u64::from(!has_peer) + u64::from(!has_identities), "{what}");
        }
    });
}

#[test]
#[ignore = "needs Envoy 1.40: cargo xtask test --only envoy"]
fn a_fact_of_which_webassembly_sees_a_part_is_left_by_another_filter_or_vouched_for_or_refused() {
    let config = |source: &str, more: &str| {
        let mut config = ours(&policy("p", &format!("{{action: DENY, rules: [{{from: [{{source: {source}}}]}}]}}")), json!({}));
        config.as_object_mut().unwrap().remove("filterState");
        if !more.is_empty() {
            config["trust"] = json!({more: true});
        }
        config.to_string()
    };
    let (by_address, by_identity) = ("{ipBlocks: [127.0.0.3]}", "{principals: [td/bad]}");
    with_both(|door| {
        let echo = Upstream::echo();
        let discovered = folder("discovered");
        put_discovered(&discovered, door, 0, &config("{remoteIpBlocks: [127.0.0.9]}", ""));
        let listener = discovering(door, &discovered, &echo);
        let envoy = Envoy::start(&[listener], &Authority::new());
        let table = [
            (by_address, "", Some("`trust: {sourceAddress: true}`")),
            (by_address, "firstUriSan", Some("`trust: {sourceAddress: true}`")),
            (by_address, "sourceAddress", None),
            (by_identity, "", Some("`trust: {firstUriSan: true}`")),
            (by_identity, "firstUriSan", None),
        ];
        for (version, (source, trust, finding)) in (1..).zip(table) {
            let outcome = envoy.update(&discovered, door, version, &config(source, trust));
            // The module has both from Envoy itself.
            let finding = finding.filter(|_| door == Door::Wasm);
            assert_eq!(outcome.is_err(), finding.is_some(), "{}: {source}, {trust}\n{}", door.name(), envoy.log());
            if let Some(finding) = finding {
                assert!(envoy.log().contains(finding), "{}", envoy.log());
            }
        }
    });
}

#[test]
#[ignore = "needs Envoy 1.40: cargo xtask test --only envoy"]
fn the_module_is_bound_when_it_is_loaded_so_that_no_callback_is_missed_later() {
    // Envoy itself loads lazily; the module asks for more, and is not loaded where one of its callbacks is missing.
    let readelf = Command::new("readelf").args(["--wide", "--dynamic"]).arg(artifact::path(artifact::MODULE)).output();
    let said = String::from_utf8(readelf.expect("readelf, of the package binutils").stdout).unwrap();
    assert!(said.lines().any(|line| line.contains("(FLAGS)") && line.contains("BIND_NOW")), "{said}");
}

/// How many clients there are, and how many at a time.
const SILENT: usize = 10_000;
const AT_A_TIME: usize = 200;

/// Clients connect, a crowd at a time, do what `greet` does, and say nothing.
fn crowds(clients: usize, client: &Client, greet: impl Fn(&mut Conversation), mut leave: impl FnMut(Conversation)) {
    for _ in 0..clients / AT_A_TIME {
        let mut crowd: Vec<Conversation> = (0..AT_A_TIME).map(|_| client.connect().unwrap()).collect();
        crowd.iter_mut().for_each(&greet);
        crowd.into_iter().for_each(&mut leave);
    }
}

#[test]
#[ignore = "needs Envoy 1.40: cargo xtask test --only envoy"]
fn ten_thousand_denied_clients_that_stay_silent_leave_nothing_behind() {
    with_both(|door| {
        let authority = Authority::new();
        let upstream = Upstream::server_first();
        let config = ours(&policy("p", "{rules: [{from: [{source: {principals: ['*/sa/good']}}]}]}"), json!({}));
        let listener = |port: u16, chain: Chain| {
            Listener::new((Ipv4Addr::LOCALHOST, port), chain, Filter::Ours(door, config.clone()), upstream.address())
        };
        let echo = Upstream::echo();
        let mut client_first = listener(9002, Chain::Mutual);
        client_first.upstream = echo.address();
        let mut envoy = Envoy::start(&[listener(9000, Chain::Plain), listener(9001, Chain::Mutual), client_first], &authority);
        let closed = |mut conversation: Conversation| {
            assert_eq!(conversation.listen().unwrap(), Seen::Closed, "{}", door.name());
        };
        crowds(SILENT, &to(9000).from(IpAddr::from([127, 0, 0, 2])), |_| {}, closed);
        let silent = u64::try_from(SILENT).unwrap();
        // Envoy counts a connection once its filters have seen it, which may be after it was closed.
        envoy.wait_for_stat("listener.at_9000.downstream_cx_total", silent);
        assert_eq!(envoy.counter(door, "authz_denied"), silent);
        assert_eq!(upstream.connections(), 0, "{}", door.name());

        // Some that shake hands and are silent then, and some that do not even do that and go.
        let bad = to(9001).from(IpAddr::from([127, 0, 0, 3])).over_tls(authority.issue(&[BAD]).as_ref());
        crowds(SILENT / 10, &bad, |conversation| conversation.handshake().unwrap_or_default(), closed);
        assert_eq!(envoy.counter(door, "authz_denied"), silent + silent / 10);
        crowds(SILENT / 10, &to(9001).from(IpAddr::from([127, 0, 0, 4])), |_| {}, drop);
        envoy.wait_for_stat("listener.at_9001.downstream_cx_total", silent / 5);
        // Where nobody speaks at all, the filter in WebAssembly has nothing to decide on before the client goes.
        let bad = to(9002).over_tls(authority.issue(&[BAD]).as_ref());
        crowds(SILENT / 10, &bad, |conversation| conversation.handshake().unwrap_or_default(), drop);
        envoy.wait_for_stat("listener.at_9002.downstream_cx_total", silent / 10);
        for port in [9000, 9001, 9002] {
            envoy.wait_for_stat(&format!("listener.at_{port}.downstream_cx_active"), 0);
        }
        envoy.wait_for_stat(&format!("cluster.up_{}.upstream_cx_active", upstream.address().port()), 0);
        if door == Door::Module {
            assert_eq!(upstream.connections(), 0);
        }
        let good = authority.issue(&[GOOD]);
        assert_eq!(to(9001).over_tls(good.as_ref()).listen().unwrap(), Seen::Answer("220 hello".into()));
        assert!(envoy.is_alive(), "{}", envoy.log());
    });
}

#[test]
#[ignore = "needs Envoy 1.40: cargo xtask test --only envoy"]
fn a_client_that_ends_its_side_first_is_answered_or_closed_as_any_other() {
    with_both(|door| {
        let authority = Authority::new();
        let echo = Upstream::echo();
        let config = ours(
            &policy(
                "p",
                "{rules: [{from: [{source: {principals: ['*/sa/good']}}]}, {from: [{source: {ipBlocks: [127.0.0.2]}}]}]}",
            ),
            json!({}),
        );
        // Behind a listener filter that inspects, Envoy itself closes such a client early; so there is none.
        let listener =
            |port, chain| Listener::new((Ipv4Addr::LOCALHOST, port), chain, Filter::Ours(door, config.clone()), echo.address());
        let mut envoy = Envoy::start(&[listener(9000, Chain::Plain), listener(9001, Chain::Mutual)], &authority);
        let plain = |last: u8| to(9000).from([127, 0, 0, last]);
        let tls = |name: &str| to(9001).over_tls(authority.issue(&[name]).as_ref());
        let table = [
            (plain(2), true, said()),
            (plain(3), true, Seen::Closed),
            (plain(2), false, Seen::Closed),
            (plain(3), false, Seen::Closed),
            (tls(GOOD), true, said()),
            (tls(BAD), true, Seen::Closed),
            (tls(GOOD), false, Seen::Closed),
            (tls(BAD), false, Seen::Closed),
        ];
        for (client, speaks, expected) in table {
            let mut conversation = client.connect().unwrap();
            if conversation.handshake().is_ok() && (!speaks || conversation.say("world").is_ok()) {
                // One that was closed already has no side left to end.
                let _ = conversation.half_close();
            }
            assert_eq!(conversation.listen().unwrap(), expected, "{}: {client:?}", door.name());
        }
        for port in [9000, 9001] {
            envoy.wait_for_stat(&format!("listener.at_{port}.downstream_cx_active"), 0);
        }
        assert!(envoy.is_alive(), "{}", envoy.log());
    });
}
