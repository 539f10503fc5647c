//! Of ports and addresses the samples are complete: each port and each address is decided as its sample is.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test that panics has failed, as it should")]

use std::net::IpAddr;

use authz_core::{Fact, IpBlock, Mesh, PolicySet, Sample, Samples, Workload};
use authz_testgen::{Draw, Facts, Scenario, seeded_bytes};

const SCENARIOS: u64 = 1500;

/// The sample that stands for an address: that of the smallest block that holds it, or that of the rest.
fn sample_of(address: IpAddr, samples: &[Sample<IpAddr>]) -> IpAddr {
    let written = samples.iter().filter_map(|sample| Some((IpBlock::parse(sample.written.as_ref()?).ok()?, sample.value)));
    let holding = written.filter(|(block, _)| block.contains(address));
    let smallest = holding.max_by_key(|(block, _)| block.prefix().1).map(|(_, value)| value);
    let rest = || samples.iter().find(|sample| sample.is_rest()).map(|sample| sample.value);
    smallest.or_else(rest).unwrap_or(address)
}

#[test]
fn an_address_and_a_port_are_decided_as_their_samples_are() {
    let mut replaced = 0;
    for index in 0..SCENARIOS {
        let bytes = seeded_bytes(index + (1 << 41), 16 << 10);
        let mut draw = Draw::new(&bytes);
        let scenario = Scenario::draw(&mut draw);
        let authorizer = scenario.load().expect("scenarios load");
        let samples = Samples::of(&[&authorizer], usize::MAX);
        for _ in 0..20 {
            let facts = Facts::draw(&mut draw);
            facts.with(|connection| {
                let mut alike = *connection;
                if let (Fact::Known(address), Fact::Known(remote)) = (connection.source(), connection.remote()) {
                    alike = alike.source_ip(Fact::Known(sample_of(address, &samples.sources)));
                    alike = alike.remote_ip(Fact::Known(sample_of(remote, &samples.remotes)));
                }
                if let Fact::Known(port) = connection.port() {
                    let own = samples.ports.iter().find(|sample| sample.value == port);
                    let sample = own.or_else(|| samples.ports.iter().find(|sample| sample.is_rest()));
                    alike = alike.destination_port(Fact::Known(sample.expect("ports have a rest").value));
                }
                if let Fact::Known(address) = connection.destination() {
                    alike = alike.destination_ip(Fact::Known(sample_of(address, &samples.destinations)));
                }
                let changed = alike.source() != connection.source() || alike.port() != connection.port();
                replaced += usize::from(changed);
                let (one, other) = (authorizer.decide(connection), authorizer.decide(&alike));
                assert_eq!(one, other, "scenario {index}: {connection:?} and {alike:?} of {samples:?}\n{}", scenario.text());
            });
        }
    }
    assert!(replaced > 5000, "only {replaced} connections had a sample other than themselves");
}

fn authorizer(rules: &str) -> authz_core::Authorizer {
    let text = format!(
        "{{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {{name: a, namespace: foo}}, spec: {{rules: {rules}}}}}"
    );
    PolicySet::from_yaml(&text, &Mesh::default()).expect("the policy loads").authorizer_for(&Workload::new("foo"))
}

#[test]
fn an_identity_that_no_pattern_matches_stands_for_the_rest() {
    let of = |rules: &str| {
        let samples = Samples::of(&[&authorizer(rules)], 50);
        samples.identities.into_iter().map(|sample| (sample.value, sample.written)).collect::<Vec<_>>()
    };
    let found = of("[{from: [{source: {principals: [cluster.local/ns/foo/sa/sleep], notNamespaces: [default]}}]}]");
    let expected = [
        ("spiffe://cluster.local/ns/foo/sa/sleep", Some("cluster.local/ns/foo/sa/sleep")),
        ("spiffe://cluster.local/ns/default/sa/default", Some("namespace default")),
        ("spiffe://cluster.local/ns/elsewhere/sa/default", None),
    ];
    assert_eq!(found, expected.map(|(value, written)| (value.to_owned(), written.map(str::to_owned))));
    // A star leaves nobody out.
    let found = of("[{from: [{source: {principals: ['*']}}]}]");
    assert_eq!(found, [("spiffe://cluster.local/ns/default/sa/anyone".to_owned(), Some("*".to_owned()))]);
}

#[test]
fn blocks_that_fill_another_leave_it_no_sample() {
    let of = |rules: &str| {
        let samples = Samples::of(&[&authorizer(rules)], 50).sources;
        samples.iter().map(|sample| sample.value.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(of("[{from: [{source: {ipBlocks: [10.0.0.0/31, 10.0.0.0, 10.0.0.1]}}]}]"), ["10.0.0.0", "10.0.0.1", "192.0.2.1"]);
    // All of IPv4 is written, so that the rest is IPv6; a mapped block holds no address of a connection.
    assert_eq!(of("[{from: [{source: {ipBlocks: [0.0.0.0/0, '::ffff:10.0.0.1']}}]}]"), ["192.0.2.1", "2001:db8::1"]);
    assert_eq!(of("[{from: [{source: {ipBlocks: [0.0.0.0/0, '::/0']}}]}]"), ["192.0.2.1", "2001:db8::1"]);
}

#[test]
fn more_than_the_most_are_counted() {
    let samples = Samples::of(&[&authorizer("[{to: [{operation: {ports: ['1', '2', '3', '4']}}]}]")], 3);
    assert_eq!(samples.ports.iter().map(|sample| sample.value).collect::<Vec<_>>(), [1, 2, 3, 80]);
    assert_eq!(samples.left_out, 1);
}
