//! Policies that stand under a key of another text, and what a host may ask of what was compiled.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that panics has failed, as it should")]

use authz_core::{FactSet, Mesh, PolicyLoader, PolicySet, Workload};

fn load(text: &str) -> Result<PolicySet, String> {
    PolicyLoader::new(&Mesh::default()).section("config", text, "policies").load().map_err(|error| error.to_string())
}

#[test]
fn a_section_holds_the_resources_of_its_list() {
    let policy = "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: a, namespace: b}}";
    let table = [
        ("mode: enforce\n".to_owned(), 0),
        ("policies: []\n".to_owned(), 0),
        (format!("policies: [{policy}]\n"), 1),
        (format!("policies:\n- kind: List\n  items: [{policy}]\n"), 1),
        ("policies: [{apiVersion: v1, kind: Service}]\n".to_owned(), 0),
    ];
    for (text, policies) in table {
        assert_eq!(load(&text).map(|set| set.len()), Ok(policies), "{text}");
    }
}

#[test]
fn a_section_that_cannot_be_read_is_an_error_with_its_place() {
    let table = [
        ("[]", "config:1:1: error[wrong-type]"),
        ("policies: 7", "config:1:11: error[wrong-type]: policies: "),
        ("a: 1\npolicies: [~]", "config:2:12: error[null-item]: policies[0]: "),
        ("policies:\n- {kind: AuthorizationPolicy}", "config:2:10: error[unknown-api-version]"),
        ("policies: []\npolicies: []", "config:2:1: error[duplicate-key]"),
    ];
    for (text, start) in table {
        let error = load(text).unwrap_err();
        assert!(error.starts_with(start), "{text}: {error}");
    }
}

#[test]
fn an_authorizer_asks_for_the_facts_of_rules_and_modes_and_no_others() {
    let policy = |rest: &str| {
        format!(
            "{{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {{name: a, namespace: foo}}, spec: {rest}}}"
        )
    };
    let mtls = |rest: &str| {
        format!(
            "{{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {{name: a, namespace: foo}}, spec: {{{rest}}}}}"
        )
    };
    let table = [
        (String::new(), FactSet::EMPTY),
        (policy("{rules: [{}]}"), FactSet::EMPTY),
        (policy("{rules: [{from: [{source: {ipBlocks: [10.0.0.1]}}]}]}"), FactSet::SOURCE_IP),
        (policy("{rules: [{from: [{source: {principals: [a]}}]}]}"), FactSet::PEER),
        (policy("{action: AUDIT, rules: [{when: [{key: connection.sni, values: [a]}]}]}"), FactSet::SNI),
        (mtls("mtls: {mode: PERMISSIVE}"), FactSet::EMPTY),
        (mtls("mtls: {mode: STRICT}"), FactSet::TRANSPORT),
        (
            mtls("selector: {matchLabels: {app: web}}, mtls: {mode: STRICT}, portLevelMtls: {'80': {mode: PERMISSIVE}}"),
            FactSet::TRANSPORT | FactSet::DESTINATION_PORT,
        ),
    ];
    for (text, reads) in table {
        let set = PolicySet::from_yaml(&text, &Mesh::default()).unwrap();
        assert_eq!(set.authorizer_for(&Workload::new("foo").label("app", "web")).reads(), reads, "{text}");
    }
}
