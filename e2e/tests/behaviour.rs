//! What clients, logs and counters see of both filters.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed, as it should")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use authz_e2e::config::{ours, policy};
use authz_e2e::{Authority, Chain, Client, Door, Envoy, Filter, Listener, Network, Seen, Upstream};
use serde_json::{Value, json};

const HELLO: &str = "hello world";
const BANNER: &str = "220 hello";

fn listener(address: &str, chain: Chain, door: Door, config: &Value, upstream: &Upstream) -> Listener {
    let address: SocketAddr = address.parse().unwrap();
    Listener::new(address, chain, Filter::Ours(door, config.clone()), upstream.address())
}

fn said(line: &str) -> Seen {
    Seen::Answer(line.into())
}

fn local(last: u8) -> IpAddr {
    [127, 0, 0, last].into()
}

/// A test of both filters, each in a network of its own.
fn with_both(test: impl Fn(&Network, Door) + Sync) {
    Door::ALL.into_iter().for_each(|door| Network::run(|network| test(network, door)));
}

#[test]
#[ignore = "needs Envoy 1.40: cargo xtask test --only envoy"]
fn whoever_speaks_first_an_allowed_peer_talks_and_a_denied_one_is_closed() {
    with_both(|_, door| {
        let authority = Authority::new();
        let id = |name: &str| authority.issue(&[&format!("spiffe://cluster.local/ns/foo/sa/{name}")]).unwrap();
        let (good, bad) = (id("good"), id("bad"));
        let (echo, banner) = (Upstream::echo(), Upstream::server_first());
        let by_address = ours(&policy("p", "{rules: [{from: [{source: {ipBlocks: [127.0.0.2]}}]}]}"), json!({}));
        let by_identity = ours(&policy("p", "{rules: [{from: [{source: {principals: ['*/sa/good']}}]}]}"), json!({}));
        let _envoy = Envoy::start(
            &[
                listener("127.0.0.1:9000", Chain::Plain, door, &by_address, &echo),
                listener("127.0.0.1:9001", Chain::Plain, door, &by_address, &banner),
                listener("127.0.0.1:9002", Chain::Mutual, door, &by_identity, &echo),
                listener("127.0.0.1:9003", Chain::Mutual, door, &by_identity, &banner),
            ],
            &authority,
        );
        let to = |port: u16| Client::to((Ipv4Addr::LOCALHOST, port));
        // Client, who speaks first, what is seen.
        let table = [
            (to(9000).from(local(2)), true, said(HELLO)),
            (to(9000).from(local(3)), true, Seen::Closed),
            (to(9001).from(local(2)), false, said(BANNER)),
            (to(9001).from(local(3)), false, Seen::Closed),
            (to(9002).over_tls(Some(&good)), true, said(HELLO)),
            (to(9002).over_tls(Some(&bad)), true, Seen::Closed),
            (to(9003).over_tls(Some(&good)), false, said(BANNER)),
            (to(9003).over_tls(Some(&bad)), false, Seen::Closed),
        ];
        for (client, speaks, expected) in table {
            let mut conversation = client.connect().unwrap();
            let seen = if speaks { conversation.ask("world") } else { conversation.listen() };
            assert_eq!(seen.unwrap(), expected, "{}: {client:?}", door.name());
        }
    });
}

#[test]
#[ignore = "needs Envoy 1.40: cargo xtask test --only envoy"]
fn what_a_peer_sends_before_it_is_decided_arrives_whole() {
    with_both(|_, door| {
        let authority = Authority::new();
        let echo = Upstream::echo();
        let config = ours(&policy("p", "{rules: [{from: [{source: {principals: ['*/sa/good']}}]}]}"), json!({}));
        let _envoy = Envoy::start(
            &[
                listener("127.0.0.1:9000", Chain::Mutual, door, &config, &echo),
                listener("127.0.0.1:9001", Chain::Either, door, &config, &echo),
            ],
            &authority,
        );
        let long = "world ".repeat(100_000);
        for port in [9000, 9001] {
            for (name, expected) in [("good", said(&format!("hello {long}"))), ("bad", Seen::Closed)] {
                let identity = authority.issue(&[&format!("spiffe://cluster.local/ns/foo/sa/{name}")]);
                let seen = Client::to((Ipv4Addr::LOCALHOST, port)).over_tls(identity.as_ref()).ask(&long).unwrap();
                assert!(seen == expected, "{}: {name} at {port} does not see what is to be seen", door.name());
            }
        }
        let answered = 2 * ("hello \n".len() + long.len());
        assert_eq!(echo.bytes(), answered, "{}: what the denied peer sent has arrived", door.name());
    });
}

#[test]
#[ignore = "needs Envoy 1.40: cargo xtask test --only envoy"]
fn addresses_of_version_6_are_decided_as_those_of_version_4() {
    with_both(|network, door| {
        let address = |last: u16| IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last));
        assert_eq!(network.add([1, 2, 3].map(address)), Vec::<IpAddr>::new());
        let echo = Upstream::echo();
        let config = ours(
            &policy("p", "{rules: [{from: [{source: {ipBlocks: ['2001:db8::2/127']}}], to: [{operation: {ports: ['9000']}}]}]}"),
            json!({}),
        );
        let listeners = ["[::]:9000", "[::]:9001"].map(|at| listener(at, Chain::Plain, door, &config, &echo));
        let _envoy = Envoy::start(&listeners, &Authority::new());
        for (from, port, expected) in
            [(2, 9000, said(HELLO)), (3, 9000, said(HELLO)), (1, 9000, Seen::Closed), (2, 9001, Seen::Closed)]
        {
            let client = Client::to((address(1), port)).from(address(from));
            assert_eq!(client.ask("world").unwrap(), expected, "{}: {client:?}", door.name());
        }
    });
}

#[test]
#[ignore = "needs Envoy 1.40: cargo xtask test --only envoy"]
fn the_direct_peer_and_the_one_that_a_proxy_names_are_told_apart() {
    with_both(|_, door| {
        let echo = Upstream::echo();
        let config = |source: &str| ours(&policy("p", &format!("{{rules: [{{from: [{{source: {source}}}]}}]}}")), json!({}));
        let direct = config("{ipBlocks: [127.0.0.2]}");
        let remote = config("{remoteIpBlocks: [203.0.113.7]}");
        let mut listeners = [
            listener("127.0.0.1:9000", Chain::Either, door, &direct, &echo),
            listener("127.0.0.1:9001", Chain::Either, door, &remote, &echo),
        ];
        listeners.iter_mut().for_each(|listener| listener.takes_proxy_header = true);
        let _envoy = Envoy::start(&listeners, &Authority::new());
        let (client, other) = (IpAddr::from([203, 0, 113, 7]), IpAddr::from([203, 0, 113, 8]));
        let (named_as_the_peer, peer) = (local(2), local(2));
        // Port, direct peer, address in the header, what is seen.
        let table = [
            (9000, peer, Some(client), said(HELLO)),
            (9000, peer, None, said(HELLO)),
            (9000, local(3), Some(named_as_the_peer), Seen::Closed),
            (9000, local(3), None, Seen::Closed),
            (9001, peer, Some(client), said(HELLO)),
            (9001, local(3), Some(client), said(HELLO)),
            (9001, peer, Some(other), Seen::Closed),
            (9001, peer, None, Seen::Closed),
        ];
        for (port, from, header, expected) in table {
            let mut client = Client::to((Ipv4Addr::LOCALHOST, port)).from(from);
            if let Some(header) = header {
                client = client.on_behalf_of(header);
            }
            assert_eq!(client.ask("world").unwrap(), expected, "{}: {client:?}", door.name());
        }
    });
}

#[test]
#[ignore = "needs Envoy 1.40: cargo xtask test --only envoy"]
fn every_identity_of_a_certificate_counts_and_what_cannot_be_told_apart_denies() {
    with_both(|_, door| {
        let authority = Authority::new();
        let echo = Upstream::echo();
        let config = ours(&policy("p", "{action: DENY, rules: [{from: [{source: {principals: [td/bad]}}]}]}"), json!({}));
        let _envoy = Envoy::start(&[listener("127.0.0.1:9000", Chain::Mutual, door, &config, &echo)], &authority);
        let is_native = door == Door::Module;
        let if_native = |seen: Seen| if is_native { seen } else { Seen::Closed };
        let table: [(&[&str], Seen); 7] = [
            (&[], said(HELLO)),
            (&["spiffe://td/good"], said(HELLO)),
            (&["spiffe://td/bad"], Seen::Closed),
            (&["spiffe://td/good", "spiffe://td/fine"], said(HELLO)),
            (&["spiffe://td/good", "spiffe://td/bad"], Seen::Closed),
            (&["spiffe://td/good,spiffe://td/bad"], said(HELLO)),
            (&["spiffe://td/1", "spiffe://td/2", "spiffe://td/3"], if_native(said(HELLO))),
        ];
        for (identities, expected) in table {
            let client = Client::to((Ipv4Addr::LOCALHOST, 9000)).over_tls(authority.issue(identities).as_ref());
            assert_eq!(client.ask("world").unwrap(), expected, "{}: {identities:?}", door.name());
        }
    });
}

#[test]
#[ignore = "needs Envoy 1.40: cargo xtask test --only envoy"]
fn a_session_that_is_resumed_has_the_identity_with_which_it_began() {
    with_both(|_, door| {
        let authority = Authority::new();
        let echo = Upstream::echo();
        // The second one is let through by its port, to have a session for the first.
        let rules = "[{from: [{source: {principals: ['*/sa/good']}}]}, {to: [{operation: {ports: ['9001']}}]}]";
        let config = ours(&policy("p", &format!("{{rules: {rules}}}")), json!({}));
        let mut first = listener("127.0.0.1:9000", Chain::Mutual, door, &config, &echo);
        first.more_addresses = vec!["127.0.0.1:9001".parse().unwrap()];
        let _envoy = Envoy::start(&[first], &authority);
        for (name, expected) in [("good", said(HELLO)), ("bad", Seen::Closed)] {
            let identity = authority.issue(&[&format!("spiffe://cluster.local/ns/foo/sa/{name}")]);
            let to = |port: u16| Client::to((Ipv4Addr::LOCALHOST, port));
            for (version, client) in
                [("1.3", to(9001).over_tls(identity.as_ref())), ("1.2", to(9001).over_tls_1_2(identity.as_ref()))]
            {
                let mut conversation = client.connect().unwrap();
                assert_eq!(conversation.ask("world").unwrap(), said(HELLO));
                assert!(!conversation.is_resumed(), "{}: {name}, TLS {version}", door.name());
                let mut conversation = client.redirected((Ipv4Addr::LOCALHOST, 9000)).connect().unwrap();
                assert_eq!(conversation.ask("world").unwrap(), expected, "{}: {name}, TLS {version}", door.name());
                assert!(conversation.is_resumed(), "{}: {name}, TLS {version}", door.name());
            }
        }
    });
}

#[test]
#[ignore = "needs Envoy 1.40: cargo xtask test --only envoy"]
fn a_shadow_counts_what_it_would_deny_and_lets_it_pass() {
    with_both(|_, door| {
        let authority = Authority::new();
        let (echo, banner) = (Upstream::echo(), Upstream::server_first());
        let config = ours(&policy("p", "{rules: [{from: [{source: {principals: ['*/sa/good']}}]}]}"), json!({"mode": "shadow"}));
        let envoy = Envoy::start(
            &[
                listener("127.0.0.1:9000", Chain::Plain, door, &config, &echo),
                listener("127.0.0.1:9001", Chain::Mutual, door, &config, &echo),
                listener("127.0.0.1:9002", Chain::Mutual, door, &config, &banner),
            ],
            &authority,
        );
        let id = |name: &str| authority.issue(&[&format!("spiffe://cluster.local/ns/foo/sa/{name}")]);
        let to = |port: u16| Client::to((Ipv4Addr::LOCALHOST, port));
        assert_eq!(to(9000).ask("world").unwrap(), said(HELLO));
        assert_eq!(to(9001).over_tls(id("bad").as_ref()).ask("world").unwrap(), said(HELLO));
        assert_eq!(to(9001).over_tls(id("good").as_ref()).ask("world").unwrap(), said(HELLO));
        assert_eq!(to(9002).over_tls(id("bad").as_ref()).listen().unwrap(), said(BANNER));
        let counted = ["authz_shadow_denied", "authz_shadow_allowed", "authz_denied"].map(|name| envoy.counter(door, name));
        assert_eq!(counted, [3, 1, 0], "{}\n{}", door.name(), envoy.log());
        let log = envoy.access_log(4);
        assert_eq!(
            log.iter().filter(|line| line.starts_with("verdict=deny ") && line.contains(" mode=shadow ")).count(),
            3,
            "{log:#?}"
        );
    });
}

#[test]
#[ignore = "needs Envoy 1.40: cargo xtask test --only envoy"]
fn access_logs_counters_and_the_log_say_what_was_decided_and_why() {
    with_both(|_, door| {
        let echo = Upstream::echo();
        let dry_run = "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: trial, namespace: foo, annotations: {istio.io/dry-run: 'true'}}\nspec: {action: DENY, rules: [{from: [{source: {ipBlocks: [127.0.0.2]}}]}]}\n";
        let policies = [
            policy(
                "in",
                "{rules: [{from: [{source: {ipBlocks: [127.0.0.9]}}]}, {from: [{source: {ipBlocks: [127.0.0.2, 127.0.0.3]}}]}]}",
            ),
            policy("out", "{action: DENY, rules: [{from: [{source: {ipBlocks: [127.0.0.3]}}]}]}"),
            dry_run.to_owned(),
        ];
        let config = ours(&policies.concat(), json!({}));
        let envoy = Envoy::start(&[listener("127.0.0.1:9000", Chain::Plain, door, &config, &echo)], &Authority::new());
        let mut lines = Vec::new();
        for (from, expected) in [(2, said(HELLO)), (3, Seen::Closed), (4, Seen::Closed)] {
            assert_eq!(Client::to((Ipv4Addr::LOCALHOST, 9000)).from(local(from)).ask("world").unwrap(), expected);
            lines = envoy.access_log(lines.len() + 1);
        }
        let details = |details: &'static str| if door == Door::Module { details } else { "-" };
        let upstream = echo.address();
        let expected = [
            format!(
                "verdict=allow reason=allow-policy policy=foo/in rule=1 mode=enforce dry_run=deny details=- upstream={upstream}"
            ),
            format!(
                "verdict=deny reason=deny-policy policy=foo/out rule=0 mode=enforce dry_run=deny details={} upstream=-",
                details("authz_denied[deny-policy:foo/out#0]")
            ),
            format!(
                "verdict=deny reason=no-allow-match policy=- rule=- mode=enforce dry_run=deny details={} upstream=-",
                details("authz_denied[no-allow-match]")
            ),
        ];
        // Dynamic metadata is written with quotes.
        let plain: Vec<String> = lines.iter().map(|line| line.replace('"', "")).collect();
        assert_eq!(plain, expected, "{}", door.name());

        let prometheus = envoy.get("/stats/prometheus");
        let table = [
            ("authz_allowed", 1),
            ("authz_denied", 2),
            ("authz_reason_deny_policy", 1),
            ("authz_reason_no_allow_match", 1),
            ("authz_policy_foo_in", 1),
            ("authz_policy_foo_out", 1),
            ("authz_dry_run_denied", 3),
        ];
        for (name, value) in table {
            let found = prometheus.lines().find(|line| line.split(['{', ' ']).next().is_some_and(|own| own.ends_with(name)));
            let found = found.unwrap_or_else(|| panic!("{}: no {name} in\n{prometheus}", door.name()));
            assert!(found.ends_with(&format!(" {value}")), "{}: {found}", door.name());
        }

        let log = envoy.log();
        let denials: Vec<Value> = log
            .lines()
            .filter_map(|line| serde_json::from_str(line.get(line.find('{')?..)?).ok())
            .filter(|line: &Value| line["name"] == "authz")
            .collect();
        assert_eq!(denials.len(), 2, "{log}");
        assert_eq!(
            denials[0]["reason"]["code"].as_str().or(denials[0]["reason"].as_str()),
            Some("deny-policy"),
            "{}",
            denials[0]
        );
        assert_eq!(denials[0]["connection"]["sourceIp"], "127.0.0.3", "{}", denials[0]);
        assert_eq!(denials[0]["connection"]["destinationPort"], 9000, "{}", denials[0]);
    });
}

#[test]
#[ignore = "needs Envoy 1.40: cargo xtask test --only envoy"]
fn by_default_a_connection_that_is_denied_has_fields_and_one_that_passes_has_none() {
    with_both(|_, door| {
        let echo = Upstream::echo();
        let mut config = ours(&policy("p", "{rules: [{from: [{source: {ipBlocks: [127.0.0.2]}}]}]}"), json!({}));
        config.as_object_mut().unwrap().remove("fields");
        let envoy = Envoy::start(&[listener("127.0.0.1:9000", Chain::Plain, door, &config, &echo)], &Authority::new());
        let mut lines = Vec::new();
        for (from, expected) in [(2, said(HELLO)), (3, Seen::Closed)] {
            assert_eq!(Client::to((Ipv4Addr::LOCALHOST, 9000)).from(local(from)).ask("world").unwrap(), expected);
            lines = envoy.access_log(lines.len() + 1);
        }
        let plain: Vec<String> = lines.iter().map(|line| line.replace('"', "")).collect();
        assert!(plain[0].starts_with("verdict=- reason=- policy=- rule=- mode=- "), "{}: {plain:#?}", door.name());
        assert!(
            plain[1].starts_with("verdict=deny reason=no-allow-match policy=- rule=- mode=enforce "),
            "{}: {plain:#?}",
            door.name()
        );
    });
}

#[test]
#[ignore = "needs Envoy 1.40: cargo xtask test --only envoy"]
fn a_configuration_is_a_text_or_a_struct_and_the_node_says_which_workload_it_is_if_envoy_tells() {
    with_both(|_, door| {
        let echo = Upstream::echo();
        let text =
            policy("p", "{selector: {matchLabels: {app: tcp-echo}}, rules: [{from: [{source: {ipBlocks: [127.0.0.2]}}]}]}");
        let mut config = ours(&text, json!({"logDenialsPerSecond": 5, "policyCounters": 3}));
        if door == Door::Wasm {
            // The harness's node is labelled so.
            config.as_object_mut().unwrap().remove("workload");
        }
        let mut as_struct = config.clone();
        as_struct["policies"] = json!([{
            "apiVersion": "security.istio.io/v1",
            "kind": "AuthorizationPolicy",
            "metadata": {"name": "p", "namespace": "foo"},
            "spec": {
                "selector": {"matchLabels": {"app": "tcp-echo"}},
                "rules": [{"from": [{"source": {"ipBlocks": ["127.0.0.2"]}}]}],
            },
        }]);
        let mut listeners = [
            listener("127.0.0.1:9000", Chain::Plain, door, &config, &echo),
            listener("127.0.0.1:9001", Chain::Plain, door, &as_struct, &echo),
        ];
        listeners[1].as_struct = true;
        let _envoy = Envoy::start(&listeners, &Authority::new());
        for port in [9000, 9001] {
            for (from, expected) in [(2, said(HELLO)), (3, Seen::Closed)] {
                let client = Client::to((Ipv4Addr::LOCALHOST, port)).from(local(from));
                assert_eq!(client.ask("world").unwrap(), expected, "{}: {client:?}", door.name());
            }
        }
    });
}
