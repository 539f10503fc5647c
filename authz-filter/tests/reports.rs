//! What becomes known of decisions.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed, as it should")]

mod fake;

use std::sync::Arc;
use std::time::Duration;

use authz_filter::{Answer, Filter, Reading};
use fake::{Fake, config, read};

const DENY_ALL: (&str, &str) = ("action: DENY", "[{to: [{operation: {ports: ['1']}}]}, {}]");

#[test]
fn a_denial_is_counted_published_and_logged() {
    let mut filter = Filter::new(config(&[DENY_ALL], ""));
    let mut host = Fake::default();
    assert_eq!(filter.on_new_connection(&mut host), Answer::Close);
    assert_eq!(host.counted(&filter), ["authz_denied", "authz_reason.deny-policy", "authz_policy.foo/p0"]);
    let fields: Vec<_> = host.published.iter().map(|(field, value)| (*field, value.as_str())).collect();
    let expected = [("mode", "enforce"), ("policy", "foo/p0"), ("reason", "deny-policy"), ("rule", "1"), ("verdict", "deny")];
    assert_eq!(fields, expected);
    let [line] = host.logged.as_slice() else { panic!("{:?}", host.logged) };
    assert!(line.starts_with(r#"{"name":"authz","mode":"enforce","verdict":"deny","reason":"deny-policy","#), "{line}");
    assert!(line.contains(r#""policy":"foo/p0","rule":1,"#), "{line}");
    let connection =
        r#""connection":{"sourceIp":"10.0.0.7","remoteIp":"10.0.0.7","destinationIp":"10.0.0.9","destinationPort":9000}}"#;
    assert!(line.ends_with(connection), "{line}");
}

#[test]
fn fields_of_connections_that_pass_cost_nothing_unless_they_are_asked_for() {
    for (more, expected) in [("", None), (", fields: denied", None), (", fields: all", Some("allow"))] {
        let mut host = Fake::default();
        assert_eq!(Filter::new(config(&[], more)).on_new_connection(&mut host), Answer::Continue);
        assert_eq!(host.published.get("verdict").map(String::as_str), expected, "{more}");
    }
}

#[test]
fn what_a_peer_wrote_cannot_break_out_of_its_line() {
    let rule = "[{from: [{source: {principals: [a]}}], when: [{key: connection.sni, values: [b]}]}]";
    let config = config(&[("action: ALLOW", rule)], "");
    let mut host = Fake::mesh(&"x\n\"y\u{1b}[0m".repeat(100));
    host.server_name = Reading::Present("a\r\nb".into());
    let mut filter = Filter::new(config);
    let _ = filter.on_new_connection(&mut host);
    let _ = filter.on_handshake_done(&mut host);
    let [line] = host.logged.as_slice() else { panic!("{:?}", host.logged) };
    assert!(!line.contains(char::is_control) && line.len() < 1_500, "{line}");
    assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
}

#[test]
fn denials_are_logged_at_the_rate_that_the_configuration_says() {
    let config = config(&[DENY_ALL], ", logDenialsPerSecond: 2");
    let mut host = Fake { now: Duration::from_secs(100), ..Fake::default() };
    let deny = |host: &mut Fake| assert_eq!(Filter::new(Arc::clone(&config)).on_new_connection(host), Answer::Close);
    (0..10).for_each(|_| deny(&mut host));
    assert_eq!(host.logged.len(), 2);
    host.now += Duration::from_millis(500);
    deny(&mut host);
    assert!(host.logged[2].ends_with(r#","suppressed":8}"#), "{:?}", host.logged);
    let silent = fake::config(&[DENY_ALL], ", logDenialsPerSecond: 0");
    let mut host = Fake::default();
    assert_eq!(Filter::new(silent).on_new_connection(&mut host), Answer::Close);
    assert!(host.logged.is_empty());
}

#[test]
fn policies_past_the_bound_share_a_counter() {
    let block = |n: u8| format!("[{{from: [{{source: {{remoteIpBlocks: [10.0.0.{n}]}}}}]}}]");
    let rules: Vec<String> = (0..5).map(block).collect();
    let policies: Vec<(&str, &str)> = rules.iter().map(|rules| ("action: DENY", rules.as_str())).collect();
    let config = config(&policies, ", policyCounters: 2");
    let names = config.counters().iter().filter(|name| name.starts_with("authz_policy.")).count();
    assert_eq!(names, 2);
    for n in 0..5_u8 {
        let mut filter = Filter::new(Arc::clone(&config));
        let mut host = Fake { remote: Reading::Present([10, 0, 0, n].into()), ..Fake::default() };
        assert_eq!(filter.on_new_connection(&mut host), Answer::Close);
        let own = if n < 2 { format!("authz_policy.foo/p{n}") } else { "authz_policy_other".to_owned() };
        assert_eq!(host.counted(&filter)[2], own);
    }
}

#[test]
fn audit_and_dry_run_are_reported_and_decide_nothing() {
    let text = "
workload: {namespace: foo, labels: {}}
name: edge
policies:
- {apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: watch, namespace: foo}, spec: {action: AUDIT, rules: [{}]}}
- apiVersion: security.istio.io/v1
  kind: AuthorizationPolicy
  metadata: {name: try, namespace: foo, annotations: {istio.io/dry-run: 'true'}}
  spec: {action: DENY, rules: [{from: [{source: {notPrincipals: ['*']}}]}]}
";
    let mut filter = Filter::new(read(text));
    let mut host = Fake::default();
    assert_eq!(filter.on_new_connection(&mut host), Answer::Continue);
    let counted = host.counted(&filter);
    let expected =
        ["edge_allowed", "edge_reason.no-policy", "edge_audited", "edge_dry_run_denied", "edge_dry_run_policy.foo/try"];
    assert_eq!(counted, expected);
    assert_eq!(host.published["audit"], "foo/watch#0");
    assert_eq!((host.published["dry_run"].as_str(), host.published["dry_run_rule"].as_str()), ("deny", "foo/try#0"));
    assert!(host.logged.is_empty());
    // Over TLS the verdict does not wait for what is only tried out.
    let mut host = Fake::mesh("spiffe://cluster.local/ns/foo/sa/sleep");
    assert_eq!(Filter::new(read(text)).on_new_connection(&mut host), Answer::Continue);
}
