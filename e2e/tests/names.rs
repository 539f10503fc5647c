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
