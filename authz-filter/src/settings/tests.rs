use super::*;

const POLICY: &str = "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: a, namespace: foo}}";

fn errors(text: &str) -> Vec<String> {
    Settings::read(text).map_or_else(|error| error.lines().map(str::to_owned).collect(), |_| Vec::new())
}

#[test]
fn every_mistake_is_reported_with_its_place() {
    let table = [
        ("", "config:1:1: error[wrong-type]: a configuration is a mapping"),
        ("[]", "config:1:1: error[wrong-type]: a configuration is a mapping"),
        ("a: [", "config:2:1: error[yaml-syntax]: "),
        ("policies: []\n---\npolicies: []", "config:3:1: error[yaml-syntax]: a configuration is one document"),
        ("mode: enforce", "config:1:1: error[missing-field]: policies: it is left out; write `policies: []`"),
        (
            "policies: []\nmodus: enforce",
            "config:2:1: error[unknown-field]: modus: `modus` is not a field here; did you mean `mode`?",
        ),
        (
            "policies: []\nzzzzzzzz: 1",
            "config:2:1: error[unknown-field]: zzzzzzzz: `zzzzzzzz` is not a field here; the fields are `name`, ",
        ),
        ("policies: []\nmode: off", "config:2:7: error[bad-value]: mode: `off` is not a mode; write `enforce` or `shadow`"),
        ("policies: []\nmode: [shadow]", "config:2:7: error[wrong-type]: mode: the field takes a string"),
        ("policies: []\nmode:", "error[wrong-type]: mode: the field takes a string"),
        ("policies: []\npolicies: []", "config:2:1: error[duplicate-key]: policies: `policies` stands here a second time"),
        ("policies: []\nname: My Filter", "config:2:7: error[bad-value]: name: `My Filter` is not a name"),
        (
            "policies: []\nlogDenialsPerSecond: -1",
            "config:2:22: error[bad-value]: logDenialsPerSecond: `-1` is not a whole number",
        ),
        ("policies: []\npolicyCounters: many", "config:2:17: error[bad-value]: policyCounters: "),
        ("policies: []\nprofile: ambient", "config:2:10: error[bad-value]: profile: this profile is not implemented"),
        ("policies: []\nmesh: {trustDomains: a}", "config:2:8: error[unknown-field]: mesh.trustDomains: "),
        ("policies: []\nmesh: {extensionProviders: {opa: tcp}}", "config:2:34: error[bad-value]: mesh.extensionProviders.opa: "),
        ("policies: []\nmesh: {trustDomain: ''}", "config:2:21: error[bad-value]: mesh.trustDomain: it is empty"),
        ("policies: []\ncustomProviders: {opa: maybe}", "config:2:24: error[bad-value]: customProviders.opa: "),
        ("policies: []\ncustomProviders: {opa: allow}", "config:2:18: error[undefined-provider]: customProviders.opa: "),
        ("policies: []\nworkload: {namespaces: foo}", "config:2:12: error[unknown-field]: workload.namespaces: "),
        ("policies: []\nworkload: {namespace: ''}", "config:2:23: error[bad-value]: workload.namespace: it is empty"),
        ("policies: []\nfilterState: {uriSan: a}", "config:2:15: error[unknown-field]: filterState.uriSan: "),
        ("policies: []\ntrust: {firstUriSans: true}", "config:2:9: error[unknown-field]: trust.firstUriSans: "),
        (
            "policies: []\ntrust: {sourceAddress: yes}",
            "config:2:24: error[bad-value]: trust.sourceAddress: `yes` is not `true` or `false`",
        ),
        ("policies: []\ntrust: {serverName: 1}", "config:2:21: error[bad-value]: trust.serverName: `1` is not `true` or `false`"),
        ("policies: []\ntrust: all", "config:2:8: error[wrong-type]: trust: the field takes a mapping"),
        ("policies: []\nname: &a authz", "config:2:7: error[yaml-syntax]: anchors and tags are not read here"),
        ("policies: 7", "policies:1:1: error[not-a-resource]: "),
        ("policies: {a: b}", "config:1:11: error[wrong-type]: policies: the field takes YAML text or a list of resources"),
        ("policies: ''", "config:1:11: error[no-policies]: policies: "),
        ("policies: '{apiVersion: v1, kind: Service}'", "config:1:11: error[no-policies]: policies: "),
        ("policies: [{apiVersion: v1, kind: Service}]", "config:1:11: error[no-policies]: policies: "),
        ("policies: |\n  kind: AuthorizationPolicy\n", "policies:1:7: error[unknown-api-version]: "),
    ];
    for (text, start) in table {
        let found = errors(text);
        assert!(found.len() == 1 && found[0].contains(start), "{text:?}: {found:#?}");
    }
}

#[test]
fn all_mistakes_are_reported_at_once_and_those_of_policies_last() {
    let text = "policies:\n- apiVersion: security.istio.io/v1\n  kind: AuthorizationPolicy\n  metadata: {name: a, namespace: foo}\n  \
                spec: {acton: DENY, rules: [{from: [{source: {ipBlocks: [10.0.0.0/33]}}]}]}\nmode: on\nnmae: x\n";
    let found = errors(text);
    let starts = [
        "config:6:7: error[bad-value]",
        "config:7:1: error[unknown-field]",
        "config:5:10: error[unknown-field]",
        "config:5:60: error[bad-ip-block]",
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for (line, start) in found.iter().zip(starts) {
        assert!(line.starts_with(start), "{line}");
    }
}

#[test]
fn a_line_of_an_error_is_one_line_whatever_the_words_are() {
    let found = errors("policies: []\n\"a\\nb\\u0007\": 1");
    assert!(found.len() == 1 && !found[0].contains(char::is_control), "{found:?}");
}

#[test]
fn yaml_json_and_lists_mean_the_same() {
    let texts = [
        format!("workload: {{namespace: foo, labels: {{}}}}\npolicies: [{POLICY}]"),
        format!("workload:\n  namespace: foo\n  labels: {{}}\npolicies: |\n  {POLICY}\n"),
        r#"{"workload":{"namespace":"foo","labels":{}},"policyCounters":100,"policies":[{"apiVersion":"security.istio.io/v1","kind":"AuthorizationPolicy","metadata":{"name":"a","namespace":"foo"}}]}"#.to_owned(),
    ];
    for text in texts {
        let config = Settings::read_bytes(text.as_bytes()).unwrap().compile(&Node::default()).unwrap();
        assert!(config.counters().contains(&"authz_policy.foo/a".to_owned()), "{text}");
    }
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    for bytes in [&[0xff, 0xfe][..], &[0x0a, 0x12, 0x03], &[0x0a, 0x01, 0xff]] {
        let error = Settings::read_bytes(bytes).unwrap_err();
        assert!(error.to_string().contains("error[not-utf8]"), "{error}");
    }
}

#[test]
fn what_a_proxy_shows_in_part_is_left_by_another_filter_or_vouched_for_or_refused() {
    let refused = |rule: &str, more: &str| -> Vec<String> {
        let policy = POLICY.replace("foo}}", &format!("foo}}, spec: {{{rule}}}}}"));
        let text = format!("workload: {{namespace: foo, labels: {{}}}}\npolicies: [{policy}]\n{more}");
        let config = Settings::read(&text).unwrap().compile(&Node::default()).unwrap();
        let error = config.for_partial_proxy().err();
        error.iter().flat_map(ConfigError::lines).map(str::to_owned).collect()
    };
    const BOTH: &str = "action: DENY, rules: [{from: [{source: {principals: [a], ipBlocks: [10.0.0.1]}}]}]";
    let table: [(&str, &str, &[&str]); 12] = [
        (BOTH, "", &["directPeer", "uriSans"]),
        (BOTH, "filterState: {directPeer: a}", &["uriSans"]),
        (BOTH, "filterState: {uriSans: a}\ntrust: {sourceAddress: true}", &[]),
        (BOTH, "filterState: {handshake: a}\ntrust: {firstUriSan: true, sourceAddress: false}", &["directPeer"]),
        (BOTH, "trust: {firstUriSan: true, sourceAddress: true}", &[]),
        (BOTH, "mode: shadow", &["directPeer", "uriSans"]),
        ("rules: [{from: [{source: {namespaces: [a]}}]}]", "", &["uriSans"]),
        ("action: AUDIT, rules: [{when: [{key: source.principal, notValues: [a]}]}]", "", &["uriSans"]),
        ("rules: [{when: [{key: source.ip, notValues: [10.0.0.1]}]}]", "", &["directPeer"]),
        ("rules: [{from: [{source: {remoteIpBlocks: [10.0.0.1]}}]}]", "", &[]),
        ("rules: [{to: [{operation: {ports: ['80']}}]}]", "", &[]),
        ("action: DENY, rules: [{}]", "", &[]),
    ];
    for (rule, more, expected) in table {
        let found = refused(rule, more);
        assert_eq!(found.len(), expected.len(), "{rule} {more}: {found:?}");
        for (line, key) in found.iter().zip(expected) {
            assert!(line.starts_with(&format!("config:1:1: error[missing-field]: filterState.{key}: ")), "{line}");
            assert!(line.contains("write the key") && line.contains("or `trust: {"), "{line}");
        }
    }
}

#[test]
fn what_the_workload_leaves_out_the_proxy_completes_or_it_is_refused() {
    let labels = |app: &str| Some(Labels::from_iter([("app", app)]));
    let policy = POLICY.replace("namespace: foo}}", "namespace: foo}, spec: {selector: {matchLabels: {app: web}}}}");
    let table = [
        ("{}", Node { namespace: Some("foo".into()), labels: labels("web") }, Some(true)),
        ("{}", Node { namespace: Some("foo".into()), labels: labels("db") }, Some(false)),
        ("{namespace: bar}", Node { namespace: Some("foo".into()), labels: labels("web") }, Some(false)),
        ("{labels: {app: web}}", Node { namespace: Some("foo".into()), labels: labels("db") }, Some(true)),
        ("{namespace: foo, labels: {app: web}}", Node::default(), Some(true)),
        ("{namespace: foo, labels: {}}", Node { labels: labels("web"), ..Node::default() }, Some(false)),
        ("{namespace: foo}", Node::default(), None),
        ("{labels: {}}", Node::default(), None),
    ];
    for (workload, node, applies) in table {
        let settings = Settings::read(&format!("workload: {workload}\npolicies: [{policy}]")).unwrap();
        let config = settings.compile(&node);
        let found = config.as_ref().ok().map(|config| config.counters().contains(&"authz_policy.foo/a".to_owned()));
        assert_eq!(found, applies, "{workload} {node:?} {config:?}");
    }
}
