//! What a load reads, and what it refuses for its size.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that panics has failed, as it should"
)]

use authz_core::{Authorizer, Connection, Finding, Limits, LoadError, Mesh, PolicyLoader, PolicySet, Verdict, Workload};

const POLICY: &str = "\
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: web, namespace: shop}
spec:
  action: DENY
  rules:
  - to:
    - operation: {ports: ['80']}
";

fn load(text: &str) -> Result<PolicySet, LoadError> {
    PolicySet::from_yaml(text, &Mesh::default())
}

fn denies(policies: &PolicySet, port: u16) -> bool {
    let connection = Connection::new([10, 0, 0, 1].into(), ([10, 0, 0, 2], port).into()).plaintext().without_metadata();
    policies.authorizer_for(&Workload::new("shop")).decide(&connection).verdict() == Verdict::Deny
}

#[test]
fn one_policy_reads_the_same_in_every_wrapping() {
    let json = r#"{"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"action": "DENY", "rules": [{"to": [{"operation": {"ports": ["80"]}}]}]}}"#;
    let indented: String = POLICY.lines().map(|line| format!("  {line}\n")).collect();
    let wrappings = [
        ("as it is", POLICY.to_owned()),
        ("with a byte order mark", format!("\u{feff}{POLICY}")),
        ("with carriage returns", POLICY.replace('\n', "\r\n")),
        ("without a last line end", POLICY.trim_end().to_owned()),
        ("behind a comment and an empty document", format!("# nothing\n---\n---\n{POLICY}...\n")),
        ("beside other kinds", format!("apiVersion: v1\nkind: Service\nmetadata: {{name: a}}\n---\n{POLICY}")),
        ("as JSON", json.to_owned()),
        ("as JSON with tabs", json.replace("        ", "\t")),
        ("in a list", format!("apiVersion: v1\nkind: List\nitems:\n-\n{indented}")),
        (
            "in a list of its kind",
            format!("apiVersion: security.istio.io/v1\nkind: AuthorizationPolicyList\nitems:\n-\n{indented}"),
        ),
        (
            "with an alias",
            POLICY.replace("metadata: {", "metadata: &m {").replace("ports: ['80']", "ports: &p ['80'], notPorts: ['81']"),
        ),
    ];
    for (name, text) in wrappings {
        let policies = load(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(policies.len(), 1, "{name}");
        assert!(denies(&policies, 80) && !denies(&policies, 81), "{name}");
    }
}

#[test]
fn other_kinds_are_counted() {
    let text = format!(
        "{POLICY}---\n{{apiVersion: v1, kind: Service}}\n---\n{{apiVersion: policy.linkerd.io/v1alpha1, kind: AuthorizationPolicy}}\n---\n{{apiVersion: security.istio.io/v1, kind: RequestAuthentication}}\n"
    );
    let policies = load(&text).unwrap();
    let others: Vec<(&str, usize)> = policies.other_kinds().collect();
    assert_eq!(others, [("AuthorizationPolicy", 1), ("RequestAuthentication", 1), ("Service", 1)]);
    assert_eq!(policies.len(), 1);
}

#[test]
fn a_text_beyond_a_limit_is_refused_leniently_too() {
    let nested = format!("a: {}1{}", "[".repeat(70), "]".repeat(70));
    let aliases = format!("a: &a [{}]\nb: [{}]\n", "x, ".repeat(50), "*a, ".repeat(50));
    let rules = POLICY.replace("  - to:\n    - operation: {ports: ['80']}\n", &"  - {}\n".repeat(9));
    let small = Limits { documents: 3, alias_nodes: 1000, nodes: 2000, rules: 8, ..Limits::default() };
    let table = [
        ("documents", "---\na: 1\n".repeat(4)),
        ("levels of lists and mappings", nested),
        ("aliases", aliases),
        ("values", format!("[{}]", "x, ".repeat(2001))),
        ("rules", rules),
        ("bytes of text", "x".repeat(5001)),
    ];
    for (what, text) in table {
        let limits = Limits { bytes: if what == "bytes of text" { 5000 } else { small.bytes }, ..small };
        for lenient in [false, true] {
            let loader = PolicyLoader::new(&Mesh::default()).limits(limits).source("a.yaml", &text);
            let loader = if lenient { loader.lenient() } else { loader };
            let error = loader.load().unwrap_err();
            let found =
                error.findings().iter().any(|finding| finding.code() == "limit-exceeded" && finding.message().contains(what));
            assert!(found, "{what}: {error}");
        }
    }
}

#[test]
fn what_real_clusters_hold_fits_the_limits() {
    let mut text = String::new();
    for i in 0..2_000 {
        text.push_str(&POLICY.replace("name: web", &format!("name: web-{i}")));
        text.push_str("---\n");
    }
    assert_eq!(load(&text).unwrap().len(), 2_000);
}

#[test]
fn findings_are_bounded_and_the_first_error_is_never_lost() {
    let warnings = POLICY.replace(", namespace: shop", "").replace("name: web", "name: NAME");
    let mut text: String = (0..20).map(|i| warnings.replace("NAME", &format!("w{i}")) + "---\n").collect();
    text.push_str(&POLICY.replace("'80'", "'http'"));
    let limits = Limits { findings: 5, ..Limits::default() };
    let error = PolicyLoader::new(&Mesh::default()).limits(limits).source("a.yaml", &text).load().unwrap_err();
    let codes: Vec<&str> = error.findings().iter().map(Finding::code).collect();
    assert_eq!(codes.len(), 6);
    assert_eq!(codes.last(), Some(&"bad-port"));
}

#[test]
fn findings_come_in_the_order_of_the_texts() {
    let broken = POLICY.replace("'80'", "'http'");
    let error = PolicyLoader::new(&Mesh::default()).source("b.yaml", &broken).source("a.yaml", "kind: [").load().unwrap_err();
    let places: Vec<String> = error.findings().iter().map(|finding| finding.location().to_string()).collect();
    assert_eq!(places, ["b.yaml:8:27", "a.yaml:1:8"], "{error}");
}

#[test]
fn an_authorizer_can_be_shared_between_threads() {
    fn is_shareable<T: Clone + Send + Sync + 'static>() {}
    is_shareable::<Authorizer>();
    is_shareable::<PolicySet>();
    is_shareable::<LoadError>();
}
