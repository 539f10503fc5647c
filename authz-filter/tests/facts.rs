//! Every property present, absent, malformed and not yet there, in each stage.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that panics has failed, as it should")]

mod fake;

use std::sync::Arc;

use authz_filter::{Answer, Filter, Reading};
use fake::{Fake, config};

/// A rule that only the property in question can satisfy, how to set the property, and a value that does.
type Property = (&'static str, &'static str, fn(&mut Fake, State));

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Matching,
    Other,
    Absent,
    Malformed,
    NotYet,
}
use State::{Absent, Malformed, Matching, NotYet, Other};

fn reading<T>(state: State, matching: T, other: T) -> Reading<T> {
    match state {
        Matching => Reading::Present(matching),
        Other => Reading::Present(other),
        Absent => Reading::Absent,
        Malformed => Reading::Malformed,
        NotYet => Reading::NotYet,
    }
}

const PROPERTIES: [Property; 7] = [
    ("remote", "{from: [{source: {remoteIpBlocks: [10.1.0.0/16]}}]}", |fake, state| {
        fake.remote = reading(state, [10, 1, 0, 1].into(), [10, 2, 0, 1].into());
    }),
    ("direct", "{from: [{source: {ipBlocks: [10.1.0.0/16]}}]}", |fake, state| {
        fake.direct = Some(reading(state, [10, 1, 0, 1].into(), [10, 2, 0, 1].into()));
    }),
    ("destination", "{to: [{operation: {ports: ['443']}}]}", |fake, state| {
        fake.destination = reading(state, ([10, 0, 0, 9], 443).into(), ([10, 0, 0, 9], 80).into());
    }),
    ("destination", "{when: [{key: destination.ip, values: [10.1.0.9]}]}", |fake, state| {
        fake.destination = reading(state, ([10, 1, 0, 9], 443).into(), ([10, 0, 0, 9], 443).into());
    }),
    ("is_mutual", "{from: [{source: {principals: ['*']}}]}", |fake, state| fake.is_mutual = reading(state, true, false)),
    ("uri_sans", "{from: [{source: {principals: ['*/sa/sleep']}}]}", |fake, state| {
        let list = |name: &str| vec!["spiffe://cluster.local/ns/foo/sa/first".to_owned(), name.to_owned()];
        let (matching, other) = ("spiffe://cluster.local/ns/foo/sa/sleep", "spiffe://cluster.local/ns/foo/sa/other");
        fake.uri_sans = reading(state, list(matching), list(other));
    }),
    ("server_name", "{when: [{key: connection.sni, values: [a.example]}]}", |fake, state| {
        fake.server_name = reading(state, "a.example".into(), "b.example".into());
    }),
];

/// Facts that a connection cannot be without, so that what says otherwise is broken.
fn is_always_there(property: &str) -> bool {
    matches!(property, "remote" | "direct" | "destination" | "is_mutual")
}

fn last(action: &str, rule: &str, host: &mut Fake) -> (Answer, Filter) {
    let mut filter = Filter::new(config(&[(action, &format!("[{rule}]"))], ", trust: {serverName: true}"));
    match filter.on_new_connection(host) {
        Answer::Wait => {}
        decided => return (decided, filter),
    }
    let answer = filter.on_handshake_done(host);
    assert_ne!(answer, Answer::Wait, "behind the handshake everything is decided");
    (answer, filter)
}

#[test]
fn every_property_in_every_state_allows_only_what_is_certain() {
    for (property, rule, set) in PROPERTIES {
        for state in [Matching, Other, Absent, Malformed, NotYet] {
            let mut host = Fake::mesh("spiffe://cluster.local/ns/foo/sa/me");
            set(&mut host, state);
            let is_known = match state {
                Matching | Other => true,
                Absent => !is_always_there(property),
                Malformed | NotYet => false,
            };
            let (allow, filter) = last("action: ALLOW", rule, &mut host.clone());
            assert_eq!(allow == Answer::Continue, state == Matching, "ALLOW {rule} with {property} {state:?}");
            let is_unknown = filter.details().is_some_and(|details| details.contains("unknown-fact"));
            assert_eq!(is_unknown, !is_known, "{rule} {state:?}: {:?}", filter.details());
            let (deny, _) = last("action: DENY", rule, &mut host.clone());
            let may_pass = is_known && state != Matching;
            assert_eq!(deny == Answer::Continue, may_pass, "DENY {rule} with {property} {state:?}");
            // What no rule asks for is not read, and changes nothing.
            let (other, _) = last("action: ALLOW", "{to: [{operation: {notPorts: ['1']}}]}", &mut host);
            if property != "destination" {
                assert_eq!(other, Answer::Continue, "{property} {state:?} cannot matter");
                assert!(!host.asked.contains_key(property), "{property} was asked for in vain");
            }
        }
    }
}

#[test]
fn whether_it_is_tls_is_unknown_until_the_proxy_says_it() {
    let rule = "{from: [{source: {principals: ['*']}}]}";
    for (state, answer) in [
        (Reading::Present(false), Answer::Close),
        (Reading::Present(true), Answer::Continue),
        (Reading::Absent, Answer::Close),
        (Reading::Malformed, Answer::Close),
        (Reading::NotYet, Answer::Close),
    ] {
        for action in ["ALLOW", "DENY"] {
            let mut host = Fake { is_tls: state.clone(), ..Fake::mesh("spiffe://cluster.local/ns/foo/sa/me") };
            let (found, _) = last(&format!("action: {action}"), rule, &mut host);
            let expected = match (action, &state) {
                ("DENY", Reading::Present(false)) => Answer::Continue,
                ("DENY", _) => Answer::Close,
                _ => answer,
            };
            assert_eq!(found, expected, "{action} {state:?}");
        }
    }
}

#[test]
fn a_peer_without_a_uri_san_meets_what_any_name_meets_and_passes_for_nobody() {
    const ANY: &str = "{from: [{source: {principals: ['*']}}]}";
    const NONE: &str = "{from: [{source: {notPrincipals: ['*']}}]}";
    const NAMESPACE: &str = "{from: [{source: {namespaces: [admin]}}]}";
    let named = |name: &str| Reading::Present(vec!["web.example".to_owned(), name.to_owned()]);
    let (close, go_on) = (Answer::Close, Answer::Continue);
    // The other names, and what becomes of DENY and ALLOW policies.
    let table = [
        (named("CN=web"), ANY, close, go_on),
        (named("CN=web"), NONE, go_on, close),
        (named("CN=web"), NAMESPACE, go_on, close),
        (named("CN=/ns/admin/web"), ANY, close, close),
        (named("CN=/ns/admin/web"), NAMESPACE, close, close),
        (named("spiffe://cluster.local/ns/admin/sa/web"), NAMESPACE, close, close),
        (Reading::Malformed, ANY, close, close),
        (Reading::NotYet, ANY, close, close),
        (Reading::Absent, ANY, go_on, close),
        (Reading::Absent, NONE, close, go_on),
        (Reading::Present(vec![]), ANY, go_on, close),
    ];
    for (names, rule, deny, allow) in table {
        for sans in [Reading::Absent, Reading::Present(vec![]), Reading::Present(vec![String::new()])] {
            let host = Fake { uri_sans: sans.clone(), other_names: names.clone(), ..Fake::mesh("") };
            assert_eq!(last("action: DENY", rule, &mut host.clone()).0, deny, "DENY {rule} {names:?} {sans:?}");
            assert_eq!(last("action: ALLOW", rule, &mut host.clone()).0, allow, "ALLOW {rule} {names:?} {sans:?}");
        }
    }
    // Nobody asks where there is a URI SAN, or where none can matter.
    let mut host = Fake { other_names: named("CN=/ns/admin/web"), ..Fake::mesh("spiffe://cluster.local/ns/foo/sa/me") };
    assert_eq!(last("action: DENY", NAMESPACE, &mut host).0, go_on);
    let strict = fake::read(
        "workload: {namespace: foo, labels: {}}\npolicies:\n- {apiVersion: security.istio.io/v1, kind: PeerAuthentication, \
         metadata: {name: default, namespace: foo}, spec: {mtls: {mode: STRICT}}}",
    );
    host.uri_sans = Reading::Absent;
    let mut filter = Filter::new(strict);
    assert_eq!([filter.on_new_connection(&mut host), filter.on_handshake_done(&mut host)], [Answer::Wait, go_on]);
    assert!(!host.asked.contains_key("other_names"), "{:?}", host.asked);
}

const SNI: &str = "[{when: [{key: connection.sni, values: [a.example]}]}]";

#[test]
fn a_server_name_that_is_not_told_is_none_only_where_the_configuration_vouches_for_it() {
    let named = |name: &str| Reading::Present(name.to_owned());
    let (go_on, close) = (Answer::Continue, Answer::Close);
    // What is told, what becomes of it without the promise, and with it.
    let table = [
        ("DENY", Reading::Absent, close, go_on),
        ("DENY", named("b.example"), go_on, go_on),
        ("DENY", named("a.example"), close, close),
        ("ALLOW", Reading::Absent, close, close),
        ("ALLOW", named("a.example"), go_on, go_on),
    ];
    for (action, name, without, with) in table {
        for (more, expected) in [("", without), (", trust: {serverName: false}", without), (", trust: {serverName: true}", with)]
        {
            let config = config(&[(&format!("action: {action}"), SNI)], more);
            // TLS that ends elsewhere is plaintext here.
            for is_tls in [true, false] {
                let mut host = Fake { is_tls: Reading::Present(is_tls), server_name: name.clone(), ..Fake::mesh("spiffe://a/b") };
                let mut filter = Filter::new(Arc::clone(&config));
                let answer = match filter.on_new_connection(&mut host) {
                    Answer::Wait => filter.on_handshake_done(&mut host),
                    decided => decided,
                };
                assert_eq!(answer, expected, "{action} {name:?} {more} {is_tls}");
                let is_unknown = filter.details().is_some_and(|details| details.contains("unknown-fact:sni"));
                assert_eq!(is_unknown, name == Reading::Absent && !more.contains("true"), "{:?}", filter.details());
            }
        }
    }
}

#[test]
fn a_server_name_known_before_the_handshake_is_not_waited_for() {
    let vouched = config(&[("action: ALLOW", SNI)], ", trust: {serverName: true}");
    let mut host = Fake::mesh("spiffe://a/b");
    assert_eq!(Filter::new(vouched).on_new_connection(&mut host), Answer::Close, "the greeting has been read");
    let config = config(&[("action: ALLOW", SNI)], "");
    for (name, first) in [
        (Reading::Present("a.example".to_owned()), Answer::Continue),
        (Reading::Present("b.example".to_owned()), Answer::Close),
        (Reading::Absent, Answer::Wait),
    ] {
        let mut host = Fake { server_name: name.clone(), ..Fake::mesh("spiffe://a/b") };
        assert_eq!(Filter::new(Arc::clone(&config)).on_new_connection(&mut host), first, "{name:?}");
        // Without TLS here, what was told is all there will be.
        host.is_tls = Reading::Present(false);
        let first = if first == Answer::Wait { Answer::Close } else { first };
        assert_eq!(Filter::new(Arc::clone(&config)).on_new_connection(&mut host), first, "{name:?}");
    }
}

#[test]
fn the_direct_peer_and_the_original_client_are_told_apart() {
    let blocks = |kind: &str, block: &str| format!("[{{from: [{{source: {{{kind}: [{block}]}}}}]}}]");
    let host = Fake {
        remote: Reading::Present([203, 0, 113, 7].into()),
        direct: Some(Reading::Present([10, 0, 0, 1].into())),
        ..Fake::default()
    };
    for (kind, block, answer) in [
        ("ipBlocks", "10.0.0.1", Answer::Continue),
        ("ipBlocks", "203.0.113.7", Answer::Close),
        ("remoteIpBlocks", "203.0.113.7", Answer::Continue),
        ("remoteIpBlocks", "10.0.0.1", Answer::Close),
    ] {
        let config = config(&[("action: ALLOW", &blocks(kind, block))], "");
        assert_eq!(Filter::new(Arc::clone(&config)).on_new_connection(&mut host.clone()), answer, "{kind} {block}");
        // A host that has no other address has one for both.
        let mut same = Fake { remote: Reading::Present(block.parse().unwrap()), direct: None, ..Fake::default() };
        assert_eq!(Filter::new(config).on_new_connection(&mut same), Answer::Continue, "{kind} {block}");
    }
}
