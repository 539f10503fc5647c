//! By which names of its certificate a peer is known, to Envoy's own filter and to ours.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed, as it should")]

use std::net::Ipv4Addr;

use authz_e2e::config::{ours, policy};
use authz_e2e::{Authority, Chain, Client, Door, Envoy, Filter, Identity, Listener, Network, Seen, Upstream};
use serde_json::json;

/// What a policy says of the peer: its action, its source, and the pattern that Istio makes of that for Envoy.
const POLICIES: [(&str, &str, &str); 4] = [
    ("DENY", "{principals: ['*']}", ".+"),
    ("ALLOW", "{principals: ['*']}", ".+"),
    ("DENY", "{namespaces: [admin]}", ".*/ns/admin/.*"),
    ("ALLOW", "{namespaces: [admin]}", ".*/ns/admin/.*"),
];

/// A filter with one of the policies; without a door, Envoy's own.
fn filter(door: Option<Door>, (action, source, pattern): (&str, &str, &str)) -> Filter {
    let Some(door) = door else {
        let principal = json!({"authenticated": {"principal_name": {"safe_regex": {"regex": pattern}}}});
        let policy = json!({"permissions": [{"any": true}], "principals": [principal]});
        return Filter::Rbac(json!({"action": action, "policies": {"p": policy}}));
    };
    let text = policy("p", &format!("{{action: {action}, rules: [{{from: [{{source: {source}}}]}}]}}"));
    Filter::Ours(door, ours(&text, json!({})))
}

#[test]
#[ignore = "needs Envoy 1.40: cargo xtask test --only envoy"]
fn a_peer_without_a_uri_san_is_as_named_as_envoy_finds_it_and_passes_for_no_spiffe_identity() {
    let authority = Authority::new();
    let named = |uris: &[&str], dns: &[&str], name: Option<&str>| authority.issue_named(uris, dns, name).unwrap();
    let id = "spiffe://cluster.local/ns/foo/sa/good";
    // A certificate, and whether it is let through by each policy: in Envoy's filter, the module, the one in WebAssembly.
    let table: [(&str, Identity, [[bool; 4]; 3]); 7] = [
        ("a URI SAN", named(&[id], &[], None), [[false, true, true, false]; 3]),
        ("a URI SAN and others", named(&[id], &["web.example"], Some("web")), [[false, true, true, false]; 3]),
        (
            "a DNS SAN",
            named(&[], &["web.example"], None),
            // In WebAssembly there may be more of them than one can see.
            [[false, true, true, false], [false, true, true, false], [false; 4]],
        ),
        ("a subject", named(&[], &[], Some("web")), [[false, true, true, false]; 3]),
        (
            "a DNS SAN and a subject",
            named(&[], &["web.example"], Some("web")),
            [[false, true, true, false], [false, true, true, false], [false; 4]],
        ),
        ("no name", named(&[], &[], None), [[true, false, true, false]; 3]),
        (
            "a subject that looks like a namespace",
            named(&[], &[], Some("/ns/admin/web")),
            [[false, true, false, true], [false; 4], [false; 4]],
        ),
    ];
    for (place, door) in [None, Some(Door::Module), Some(Door::Wasm)].into_iter().enumerate() {
        Network::run(|_| {
            let echo = Upstream::echo();
            let listeners: Vec<Listener> = (9000..)
                .zip(POLICIES)
                .map(|(port, policy)| {
                    Listener::new((Ipv4Addr::LOCALHOST, port), Chain::Mutual, filter(door, policy), echo.address())
                })
                .collect();
            let envoy = Envoy::start(&listeners, &authority);
            for (what, identity, expected) in &table {
                for ((port, policy), is_allowed) in (9000..).zip(POLICIES).zip(expected[place]) {
                    let seen = Client::to((Ipv4Addr::LOCALHOST, port)).over_tls(Some(identity)).ask("world").unwrap();
                    let expected = if is_allowed { Seen::Answer("hello world".into()) } else { Seen::Closed };
                    let name = door.map_or("rbac", Door::name);
                    assert_eq!(seen, expected, "{name}: {policy:?} and a peer with {what}:\n{}", envoy.log());
                }
            }
        });
    }
}

#[test]
#[ignore = "needs Envoy 1.40: cargo xtask test --only envoy"]
fn a_server_name_that_nobody_read_denies_unless_the_configuration_vouches_that_it_is_read() {
    const RULE: &str = "{action: DENY, rules: [{when: [{key: connection.sni, values: [bad.example]}]}]}";
    let both = |test: &(dyn Fn(Door) + Sync)| Door::ALL.into_iter().for_each(|door| Network::run(|_| test(door)));
    both(&|door| {
        let authority = Authority::new();
        let echo = Upstream::echo();
        let identity = authority.issue(&["spiffe://td/peer"]);
        let listener = |port: u16, chain: Chain, more: serde_json::Value| {
            let filter = Filter::Ours(door, ours(&policy("p", RULE), more));
            Listener::new((Ipv4Addr::LOCALHOST, port), chain, filter, echo.address())
        };
        // Only the second and the third inspect, and only the second says so.
        let envoy = Envoy::start(
            &[
                listener(9000, Chain::Mutual, json!({})),
                listener(9001, Chain::Either, json!({"trust": {"serverName": true}})),
                listener(9002, Chain::Either, json!({})),
                listener(9003, Chain::Plain, json!({})),
            ],
            &authority,
        );
        let to = |port: u16| Client::to((Ipv4Addr::LOCALHOST, port));
        let named = |port, name| to(port).over_tls_to(identity.as_ref(), name);
        let said = || Seen::Answer("hello world".into());
        let table = [
            (named(9000, Some("bad.example")), Seen::Closed),
            (named(9000, Some("good.example")), Seen::Closed),
            (named(9000, None), Seen::Closed),
            (named(9001, Some("bad.example")), Seen::Closed),
            (named(9001, Some("good.example")), said()),
            (named(9001, None), said()),
            (to(9001), said()),
            (named(9002, Some("bad.example")), Seen::Closed),
            (named(9002, Some("good.example")), said()),
            (named(9002, None), Seen::Closed),
            (to(9003), Seen::Closed),
        ];
        for (client, expected) in table {
            assert_eq!(client.ask("world").unwrap(), expected, "{}: {client:?}", door.name());
        }
        assert_eq!(envoy.counter(door, "authz_reason.unknown-fact"), 5, "{}", door.name());
        assert_eq!(envoy.counter(door, "authz_reason.deny-policy"), 2, "{}", door.name());
    });
}
