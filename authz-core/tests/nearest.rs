//! Near misses tell the truth: what they say would be allowed is allowed.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that panics has failed, as it should"
)]

use std::fs;
use std::path::Path;

use authz_core::{Connection, Fact, Mesh, NearMiss, PolicySet, Verdict, Workload};
use authz_testdata::Suite;

/// Makes the changes of a near miss with their examples; nothing where one has none.
fn changed<'a>(connection: &Connection<'a>, miss: &'a NearMiss<'_>) -> Option<Connection<'a>> {
    let mut changed = *connection;
    for change in &miss.changes {
        let example = change.example.as_deref()?;
        changed = match change.fact {
            "sourceIp" => changed.source_ip(Fact::Known(example.parse().unwrap())),
            "remoteIp" => changed.remote_ip(Fact::Known(example.parse().unwrap())),
            "destinationIp" => changed.destination_ip(Fact::Known(example.parse().unwrap())),
            "destinationPort" => changed.destination_port(Fact::Known(example.parse().unwrap())),
            "peer" => changed.principal(example),
            "sni" => changed.sni(example),
            other => panic!("an example for `{other}`"),
        };
    }
    Some(changed)
}

#[test]
fn what_a_near_miss_promises_happens() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/conformance/envoy.jsonl");
    let suite = Suite::read("envoy.jsonl", &fs::read_to_string(path).unwrap(), &|path| Err(path.to_owned())).unwrap();
    let (mut tried, mut allowed) = (0, 0);
    for case in suite.cases() {
        let Some((authorizer, connection, _)) = case.scenario() else { continue };
        connection.with(|connection| {
            let explanation = authorizer.explain(connection);
            for miss in &explanation.nearest {
                let Some(then) = miss.then else { continue };
                let changed = changed(connection, miss).unwrap();
                let decision = authorizer.decide(&changed);
                assert_eq!(decision.verdict(), then, "{}: {miss}\n{changed:?}: {decision}", case.name());
                assert_eq!(then == Verdict::Allow, miss.message.starts_with("would be allowed if"), "{miss}");
                tried += 1;
                allowed += usize::from(then == Verdict::Allow);
            }
        });
    }
    assert!(tried > 1_500 && allowed > 1_000, "{tried} tried, {allowed} allowed");
}

fn nearest(rules: &str, connection: &Connection<'_>) -> Vec<String> {
    let text = format!(
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: p, namespace: foo}}\nspec:\n  rules:\n{rules}"
    );
    let authorizer = PolicySet::from_yaml(&text, &Mesh::default()).unwrap().authorizer_for(&Workload::new("foo"));
    authorizer.explain(connection).nearest.into_iter().map(|miss| miss.message).collect()
}

#[test]
fn near_misses_come_with_the_fewest_differing_facts_first() {
    let connection = Connection::new([10, 0, 0, 1].into(), ([10, 0, 0, 2], 9002).into()).plaintext().without_metadata();
    let table: [(&str, &[&str]); 5] = [
        (
            "  - to: [{operation: {ports: ['9000', '9001']}}]\n    from: [{source: {namespaces: [shop]}}]\n  - to: [{operation: {ports: ['9000']}}]\n",
            &[
                "would be allowed if destination.port were 9000; it is 9002 (foo/p rule 1, <text>:8:5)",
                "would be allowed if source.namespace were shop and destination.port were 9000 or 9001; \
                 the peer's identity is absent: the connection is plaintext, destination.port is 9002 (foo/p rule 0, <text>:6:5)",
            ],
        ),
        // A port that another term keeps out is no way in.
        (
            "  - to: [{operation: {ports: ['80', '81'], notPorts: ['80']}}]\n",
            &["would be allowed if destination.port were 81; it is 9002 (foo/p rule 0, <text>:6:5)"],
        ),
        ("  - to: [{operation: {ports: ['80'], notPorts: ['80']}}]\n", &[]),
        (
            "  - from: [{source: {notIpBlocks: [10.0.0.0/8]}}]\n",
            &["would be allowed if source.ip were not 10.0.0.0/8; it is 10.0.0.1 (foo/p rule 0, <text>:6:5)"],
        ),
        ("  - to: [{operation: {methods: [GET]}}]\n", &[]),
    ];
    for (rules, expected) in table {
        assert_eq!(nearest(rules, &connection), expected, "{rules}");
    }
}

#[test]
fn a_near_miss_that_a_deny_rule_would_catch_says_so() {
    let text = "
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: allow, namespace: foo}
spec: {rules: [{to: [{operation: {ports: ['80']}}]}]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: deny, namespace: foo}
spec: {action: DENY, rules: [{to: [{operation: {ports: ['80']}}]}]}
";
    let authorizer = PolicySet::from_yaml(text, &Mesh::default()).unwrap().authorizer_for(&Workload::new("foo"));
    let connection = Connection::new([10, 0, 0, 1].into(), ([10, 0, 0, 2], 81).into()).plaintext();
    let explanation = authorizer.explain(&connection);
    assert_eq!(explanation.nearest[0].then, Some(Verdict::Deny));
    assert!(
        explanation.nearest[0].message.starts_with("would match if destination.port were 80; it is 81"),
        "{}",
        explanation.nearest[0]
    );
}
