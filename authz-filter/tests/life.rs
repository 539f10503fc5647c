//! The life of a connection: who is decided when, who waits, and what passes meanwhile.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed, as it should")]

mod fake;

use std::sync::Arc;

use authz_filter::{Answer, Config, Filter, Reading};
use fake::{Fake, config};

const SLEEP: &str = "spiffe://cluster.local/ns/foo/sa/sleep";
const EVIL: &str = "spiffe://cluster.local/ns/foo/sa/evil";
const ALLOW_SLEEP: (&str, &str) = ("action: ALLOW", "[{from: [{source: {principals: [cluster.local/ns/foo/sa/sleep]}}]}]");
const DENY_EVIL: (&str, &str) = ("action: DENY", "[{from: [{source: {principals: [cluster.local/ns/foo/sa/evil]}}]}]");
const DENY_ADDRESS: (&str, &str) = ("action: DENY", "[{from: [{source: {ipBlocks: [10.6.6.0/24]}}]}]");

#[derive(Clone, Copy, Debug)]
enum Event {
    New,
    Handshake,
    Down,
    Up,
}
use Answer::{Close, Continue, Wait};
use Event::{Down, Handshake, New, Up};

fn live(config: &Arc<Config>, host: &mut Fake, events: &[Event]) -> (Vec<Answer>, Filter) {
    let mut filter = Filter::new(Arc::clone(config));
    let mut on = |event: &Event| match event {
        New => filter.on_new_connection(host),
        Handshake => filter.on_handshake_done(host),
        Down => filter.on_downstream_data(host),
        Up => filter.on_upstream_data(host),
    };
    (events.iter().map(&mut on).collect(), filter)
}

#[test]
fn a_plaintext_connection_is_decided_before_upstream_is_dialled() {
    let identity = config(&[ALLOW_SLEEP], "");
    let port = config(&[("action: ALLOW", "[{to: [{operation: {ports: ['9000']}}]}]")], "");
    for (config, answers) in [(identity, [Close, Wait, Wait, Wait]), (port, [Continue; 4])] {
        // Some hosts tell of a handshake where there was none.
        let (found, filter) = live(&config, &mut Fake::default(), &[New, Handshake, Up, Down]);
        assert_eq!(found, answers);
        assert_eq!(filter.details().is_some(), answers[0] == Close);
    }
}

#[test]
fn tls_waits_for_the_handshake_only_if_the_peer_can_matter() {
    let address = |last: u8, third: u8| Fake { remote: Reading::Present([10, 6, third, last].into()), ..Fake::mesh(SLEEP) };
    let both = config(&[ALLOW_SLEEP, DENY_ADDRESS], "");
    let only_address = config(&[DENY_ADDRESS], "");
    let (found, filter) = live(&both, &mut address(1, 6), &[New, Handshake, Down]);
    assert_eq!(found, [Close, Wait, Wait]);
    assert_eq!(filter.details(), Some("authz_denied[deny-policy:foo/p1#0]"));
    let mut host = address(1, 7);
    assert_eq!(live(&both, &mut host, &[New, Handshake, Up, Down]).0, [Wait, Continue, Continue, Continue]);
    let mut host = address(1, 7);
    assert_eq!(live(&only_address, &mut host, &[New]).0, [Continue]);
    assert!(!host.asked.contains_key("is_tls") && !host.asked.contains_key("uri_sans"), "{:?}", host.asked);
}

#[test]
fn a_handshake_that_was_done_before_the_connection_was_told_to_be_new_is_remembered() {
    // A filter in front held the connection until then; the event does not come a second time.
    for (identity, answer) in [(SLEEP, Continue), (EVIL, Close)] {
        let (found, _) = live(&config(&[ALLOW_SLEEP], ""), &mut Fake::mesh(identity), &[Handshake, New]);
        assert_eq!(found, [Wait, answer]);
    }
    let sni = config(&[("action: ALLOW", "[{when: [{key: connection.sni, values: [a.example]}]}]")], "");
    assert_eq!(live(&sni, &mut Fake::mesh(SLEEP), &[Handshake, New]).0, [Wait, Close], "no server name comes any more");
    // Plaintext has such an event too, and needs none.
    assert_eq!(live(&config(&[ALLOW_SLEEP], ""), &mut Fake::default(), &[Handshake, New]).0, [Wait, Close]);
}

#[test]
fn nothing_of_upstream_reaches_a_peer_that_is_not_allowed_yet() {
    for (identity, policies, last) in [
        (SLEEP, vec![ALLOW_SLEEP], Continue),
        (EVIL, vec![ALLOW_SLEEP], Close),
        (SLEEP, vec![DENY_EVIL], Continue),
        (EVIL, vec![DENY_EVIL], Close),
    ] {
        let config = config(&policies, "");
        let told = Fake { handshake_complete: true, ..Fake::mesh(identity) };
        // A server that speaks first, before and after the handshake; then a client that does.
        assert_eq!(live(&config, &mut Fake::mesh(identity), &[New, Up, Up, Handshake]).0, [Wait, Wait, Wait, last]);
        assert_eq!(live(&config, &mut told.clone(), &[New, Up]).0, [Wait, last]);
        assert_eq!(live(&config, &mut Fake::mesh(identity), &[New, Up, Down]).0, [Wait, Wait, last]);
        assert_eq!(live(&config, &mut Fake::mesh(identity), &[New, Down]).0, [Wait, last]);
    }
}

#[test]
fn what_was_decided_stays_decided() {
    let config = config(&[ALLOW_SLEEP], "");
    for (identity, first, later) in [(SLEEP, Continue, Continue), (EVIL, Close, Wait)] {
        let mut host = Fake::mesh(identity);
        let (found, _) = live(&config, &mut host, &[New, Handshake, Down, Up, Handshake, New, Down]);
        assert_eq!(found[1..], [first, later, later, later, later, later]);
        assert_eq!(host.counted.iter().filter(|place| **place < 2).count(), 1, "decided once");
        assert!(host.asked.values().all(|times| *times == 1), "{:?}", host.asked);
    }
}

#[test]
fn tls_without_a_certificate_is_no_mesh_mtls() {
    let strict = "workload: {namespace: foo, labels: {}}\npolicies:\n- {apiVersion: security.istio.io/v1, kind: PeerAuthentication, \
                  metadata: {name: default, namespace: foo}, spec: {mtls: {mode: STRICT}}}";
    let config = fake::read(strict);
    let mut host = Fake { is_mutual: Reading::Present(false), ..Fake::mesh(SLEEP) };
    let (found, filter) = live(&config, &mut host, &[New, Handshake]);
    assert_eq!(found, [Wait, Close]);
    assert_eq!(filter.details(), Some("authz_denied[strict-mtls:foo/default]"));
    assert!(!host.asked.contains_key("uri_sans"));
    assert_eq!(live(&config, &mut Fake::mesh(SLEEP), &[New, Handshake]).0, [Wait, Continue]);
    assert_eq!(live(&config, &mut Fake::default(), &[New]).0, [Close]);
}

#[test]
fn a_connection_that_goes_before_it_is_decided_is_counted_as_such() {
    let config = config(&[ALLOW_SLEEP], "");
    let mut host = Fake::mesh(SLEEP);
    let (_, mut filter) = live(&config, &mut host, &[New]);
    filter.on_close(&mut host);
    filter.on_close(&mut host);
    assert_eq!(host.counted(&filter), ["authz_undecided"]);
    assert_eq!(filter.on_downstream_data(&mut host), Wait);
    let (_, mut filter) = live(&config, &mut host, &[New, Handshake]);
    host.counted.clear();
    filter.on_close(&mut host);
    assert!(host.counted.is_empty());
}

#[test]
fn a_shadow_neither_waits_nor_closes_and_says_what_it_would_have_done() {
    let config = config(&[ALLOW_SLEEP], ", mode: shadow");
    let mut host = Fake::mesh(EVIL);
    let (found, filter) = live(&config, &mut host, &[New, Up, Down, Up]);
    assert_eq!(found, [Continue; 4]);
    assert_eq!(filter.details(), None);
    assert_eq!(host.counted(&filter), ["authz_shadow_denied", "authz_shadow_reason.no-allow-match"]);
    assert_eq!(host.published["verdict"], "deny");
    assert_eq!(host.published["mode"], "shadow");
    assert!(host.logged[0].contains(r#""mode":"shadow","verdict":"deny""#), "{:?}", host.logged);
}

#[test]
fn a_failed_hook_lets_nothing_pass_any_more() {
    for mode in ["", ", mode: shadow"] {
        let mut host = Fake::default();
        let (found, mut filter) = live(&config(&[], mode), &mut host, &[New]);
        assert_eq!(found, [Continue]);
        filter.on_panic();
        assert_eq!(filter.details(), Some("authz_denied[internal-error]"));
        assert_eq!([filter.on_downstream_data(&mut host), filter.on_upstream_data(&mut host)], [Wait, Wait]);
    }
}

#[test]
fn a_provider_that_the_configuration_does_not_answer_for_denies() {
    let ask = ("action: CUSTOM, provider: {name: opa}", "[{}]");
    let mesh = ", mesh: {extensionProviders: {opa: grpc}}";
    let table = [
        ("", Close, Some("authz_denied[custom-provider:foo/p0#0]")),
        (", customProviders: {opa: deny}", Close, Some("authz_denied[custom-provider:foo/p0#0]")),
        (", customProviders: {opa: allow}", Continue, None),
    ];
    for (more, answer, details) in table {
        let (found, filter) = live(&config(&[ask], &format!("{mesh}{more}")), &mut Fake::default(), &[New]);
        assert_eq!((found, filter.details()), (vec![answer], details), "{more}");
    }
    let denied = config(&[ask, DENY_ADDRESS], &format!("{mesh}, customProviders: {{opa: allow}}"));
    let mut host = Fake { remote: Reading::Present([10, 6, 6, 1].into()), ..Fake::default() };
    assert_eq!(live(&denied, &mut host, &[New]).0, [Close], "a provider overrides no DENY policy");
}
