//! The suites through the C functions, with the same outcome as through Rust, and without an allocation.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::multiple_unsafe_ops_per_block,
    clippy::undocumented_unsafe_blocks,
    reason = "a test that panics has failed, as it should; all it passes to C lives until the calls that read it are over"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ffi::{CStr, c_char};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::{fs, mem, ptr};

use authz::*;
use authz_core::{Connection, Fact, FactSet, ProviderAnswer, ProviderKind, Transport, Verdict};
use authz_testdata::{Found, FoundRule, Question, Suite};

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is handed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A text of C's; `text` has to outlive its use.
fn lend(text: &str) -> authz_text {
    authz_text { data: text.as_ptr().cast::<c_char>(), len: text.len() }
}

fn read(text: authz_text) -> String {
    if text.len == 0 {
        return String::new();
    }
    let bytes = unsafe { std::slice::from_raw_parts(text.data.cast::<u8>(), text.len) };
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn named(name: *const c_char) -> String {
    unsafe { CStr::from_ptr(name) }.to_str().unwrap().to_owned()
}

fn address(fact: Fact<IpAddr>) -> authz_address {
    let mut address = authz_address { bytes: [0; 16], len: 0 };
    match fact {
        Fact::Known(IpAddr::V4(v4)) => {
            address.bytes[..4].copy_from_slice(&v4.octets());
            address.len = 4;
        }
        Fact::Known(IpAddr::V6(v6)) => {
            address.bytes = v6.octets();
            address.len = 16;
        }
        Fact::Unknown | Fact::Absent => {}
    }
    address
}

fn number<T>(fact: Fact<T>) -> u32 {
    match fact {
        Fact::Unknown => 0,
        Fact::Absent => 1,
        Fact::Known(_) => 2,
    }
}

/// What C would state of a connection; the arrays are the caller's.
fn state(connection: &Connection<'_>, sans: &[authz_text], metadata: &[authz_metadata]) -> authz_connection {
    let mut stated: authz_connection = unsafe { mem::zeroed() };
    stated.size = size_of::<authz_connection>();
    stated.source = address(connection.source());
    stated.destination = address(connection.destination());
    if connection.remote() == connection.source() {
        stated.remote_fact = 1;
    } else {
        stated.remote = address(connection.remote());
        stated.remote_fact = number(connection.remote());
    }
    stated.destination_port_fact = number(connection.port());
    stated.destination_port = connection.port().known().unwrap_or_default().into();
    stated.transport = match connection.transport_fact() {
        Fact::Unknown | Fact::Absent => 0,
        Fact::Known(Transport::Plaintext) => 1,
        Fact::Known(Transport::Tls) => 2,
        Fact::Known(Transport::MeshMtls) => 3,
    };
    stated.peer_fact = match (connection.peer_is_unknown(), sans) {
        (true, _) => 0,
        (false, []) => 1,
        (false, _) => 2,
    };
    stated.uri_sans = sans.as_ptr();
    stated.uri_sans_len = sans.len();
    stated.sni_fact = number(connection.server_name());
    stated.sni = lend(connection.server_name().known().unwrap_or_default());
    stated.metadata_fact = match (connection.unknown_facts().contains(FactSet::METADATA), metadata) {
        (true, _) => 0,
        (false, []) => 1,
        (false, _) => 2,
    };
    stated.metadata = metadata.as_ptr();
    stated.metadata_len = metadata.len();
    stated
}

/// Loads the policies of a case and makes its authorizer, all through C.
fn authorizer(question: &Question<'_>) -> *mut authz_authorizer {
    let mesh = question.mesh;
    let aliases: Vec<authz_text> = mesh.trust_domain_aliases.iter().map(|alias| lend(alias)).collect();
    let kind = |kind: &ProviderKind| match kind {
        ProviderKind::Grpc => 1,
        ProviderKind::Http => 2,
    };
    let providers: Vec<authz_provider> = mesh
        .extension_providers
        .iter()
        .map(|(name, how)| authz_provider { name: lend(name), kind: kind(how), reserved: 0 })
        .collect();
    let mesh = authz_mesh {
        size: size_of::<authz_mesh>(),
        root_namespace: lend(&mesh.root_namespace),
        trust_domain: lend(&mesh.trust_domain),
        trust_domain_aliases: aliases.as_ptr(),
        trust_domain_aliases_len: aliases.len(),
        providers: providers.as_ptr(),
        providers_len: providers.len(),
        multiple_custom_providers: mesh.multiple_custom_providers.into(),
        reserved: 0,
    };
    let mut options: authz_load_options = unsafe { mem::zeroed() };
    options.size = size_of::<authz_load_options>();
    options.lenient = question.is_lenient.into();
    options.allow_empty = 1;
    let sources: Vec<authz_source> =
        question.sources.iter().map(|(name, text)| authz_source { name: lend(name), text: lend(text) }).collect();
    let (mut policies, mut authorizer) = (ptr::null_mut(), ptr::null_mut());
    let status =
        unsafe { authz_policy_set_load(sources.as_ptr(), sources.len(), &mesh, &options, &mut policies, ptr::null_mut()) };
    assert_eq!(status, authz_status::Ok);
    let labels: Vec<authz_label> =
        question.workload.labels().iter().map(|(key, value)| authz_label { key: lend(key), value: lend(value) }).collect();
    let workload = authz_workload {
        size: size_of::<authz_workload>(),
        namespace_name: lend(question.workload.namespace()),
        labels: labels.as_ptr(),
        labels_len: labels.len(),
    };
    assert_eq!(unsafe { authz_authorizer_new(policies, &workload, &mut authorizer) }, authz_status::Ok);
    unsafe { authz_policy_set_free(policies) };
    authorizer
}

fn policy(policy: *const authz_policy) -> Option<String> {
    let (namespace, name) = unsafe { (authz_policy_namespace(policy), authz_policy_name(policy)) };
    (!policy.is_null()).then(|| format!("{}/{}", read(namespace), read(name)))
}

fn rule(rule: *const authz_rule) -> Option<FoundRule> {
    let index = usize::try_from(unsafe { authz_rule_index(rule) }).unwrap();
    policy(unsafe { authz_rule_policy(rule) }).map(|policy| FoundRule { policy, rule: index })
}

fn verdict(verdict: authz_verdict) -> Verdict {
    if verdict == authz_verdict::Allow { Verdict::Allow } else { Verdict::Deny }
}

fn found(decision: &authz_decision) -> Found {
    let shadow = |result: authz_shadow, by: *const authz_rule| {
        let result = matches!(result, authz_shadow::Allowed | authz_shadow::Denied).then_some(result);
        (result.map(|result| named(authz_shadow_name(result.number()))), rule(by))
    };
    Found {
        verdict: verdict(decision.verdict),
        reason: named(authz_reason_name(decision.reason.number())),
        policy: policy(unsafe { authz_decision_policy(decision) }),
        rule: rule(decision.rule).map(|rule| rule.rule),
        audit: rule(decision.audit),
        shadow_allow: shadow(decision.shadow_allow, decision.shadow_allow_rule),
        shadow_deny: shadow(decision.shadow_deny, decision.shadow_deny_rule),
        if_enforced: match decision.if_enforced {
            authz_shadow::NotConfigured => verdict(decision.verdict),
            authz_shadow::Allowed => Verdict::Allow,
            authz_shadow::Denied | authz_shadow::Unknown => Verdict::Deny,
        },
    }
}

/// Asks for a decision until no provider is left to be asked; answers it and how often deciding allocated.
fn decide(authorizer: *const authz_authorizer, connection: &authz_connection, question: &Question<'_>) -> (Found, usize) {
    let mut decision: authz_decision = unsafe { mem::zeroed() };
    let mut early: authz_decision = unsafe { mem::zeroed() };
    let before = COUNT.get();
    let status = unsafe { authz_decide(authorizer, connection, &mut decision) };
    let early_status = unsafe { authz_decide_early(authorizer, connection, &mut early) };
    let allows = unsafe { authz_allows(authorizer, connection) };
    let allocated = COUNT.get() - before;
    assert_eq!((status, early_status), (authz_status::Ok, authz_status::Ok));
    assert_eq!((decision.verdict, allows), (early.verdict, decision.verdict == authz_verdict::Allow));
    let mut answers: Vec<authz_provider_answer> = Vec::new();
    while decision.provider.len != 0 {
        let allows = question.answer_of(&read(decision.provider)) == ProviderAnswer::Allow;
        answers.push(authz_provider_answer { provider: decision.provider, answer: allows.into(), reserved: 0 });
        let status = unsafe { authz_decide_answered(authorizer, connection, answers.as_ptr(), answers.len(), &mut decision) };
        assert_eq!(status, authz_status::Ok);
    }
    (found(&decision), allocated)
}

/// A case through C; a line for each thing that does not hold.
fn failures(question: &Question<'_>, judge: &dyn Fn(&Found) -> Vec<String>) -> Vec<String> {
    let authorizer = authorizer(question);
    let failures = question.connection.with(|connection| {
        let sans: Vec<authz_text> = connection.identities().map(lend).collect();
        let values: Vec<Vec<authz_text>> =
            question.connection.metadata().map(|(_, _, values, _)| values.iter().map(|value| lend(value)).collect()).collect();
        let metadata: Vec<authz_metadata> = question
            .connection
            .metadata()
            .zip(&values)
            .map(|((filter, key, _, is_list), values)| authz_metadata {
                filter: lend(filter),
                key: lend(key),
                values: values.as_ptr(),
                values_len: values.len(),
                kind: if is_list { 2 } else { 1 },
                reserved: 0,
            })
            .collect();
        let mut stated = state(connection, &sans, &metadata);
        let (found, allocated) = decide(authorizer, &stated, question);
        assert_eq!(allocated, 0);
        if !sans.is_empty() {
            let mut peer = ptr::null_mut();
            let status = unsafe { authz_peer_new(authorizer, sans.as_ptr(), sans.len(), &mut peer) };
            assert_eq!(status, authz_status::Ok);
            stated.uri_sans_len = 0;
            stated.peer = peer;
            assert_eq!(decide(authorizer, &stated, question), (found.clone(), 0));
            unsafe { authz_peer_free(peer) };
        }
        judge(&found)
    });
    unsafe { authz_authorizer_free(authorizer) };
    failures
}

/// Runs a suite; answers how many of its cases about connections passed, and how many cases it has.
fn run(path: &Path) -> (usize, usize) {
    let text = fs::read_to_string(path).unwrap();
    let folder = path.parent().unwrap();
    let read = |name: &str| fs::read_to_string(folder.join(name)).map_err(|error| error.to_string());
    let suite = Suite::read(&path.to_string_lossy(), &text, &read).unwrap();
    let mut passed = 0;
    for case in suite.cases() {
        let Some(question) = case.question() else { continue };
        let failures = failures(&question, &|found| case.judge(found));
        assert!(failures.is_empty(), "{}: {}", case.name(), failures.join("\n"));
        passed += 1;
    }
    (passed, suite.cases().len())
}

fn in_testdata(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata").join(path)
}

#[test]
fn every_connection_that_envoy_decided_is_decided_alike() {
    assert_eq!(run(&in_testdata("conformance/envoy.jsonl")), (6017, 6018));
}

#[test]
fn every_rule_case_holds() {
    assert_eq!(run(&in_testdata("conformance/rules.yaml")), (411, 411));
}

#[test]
fn every_walkthrough_mistake_and_own_case_holds() {
    let mut suites = 0;
    for folder in ["walkthroughs", "mistakes", "cases"] {
        for entry in fs::read_dir(in_testdata(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                assert!(run(&path).0 > 0, "{}", path.display());
                suites += 1;
            }
        }
    }
    assert!(suites > 25, "{suites}");
}

#[test]
fn a_thread_that_reads_a_slot_allocates_once() {
    let text = "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: a, namespace: foo}}";
    let (mut policies, mut authorizer, mut slot) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
    let workload =
        authz_workload { size: size_of::<authz_workload>(), namespace_name: lend("foo"), labels: ptr::null(), labels_len: 0 };
    let mut connection: authz_connection = unsafe { mem::zeroed() };
    connection.size = size_of::<authz_connection>();
    let mut decision: authz_decision = unsafe { mem::zeroed() };
    unsafe {
        assert_eq!(authz_policy_set_from_yaml(lend(text), ptr::null(), &mut policies, ptr::null_mut()), authz_status::Ok);
        assert_eq!(authz_authorizer_new(policies, &workload, &mut authorizer), authz_status::Ok);
        assert_eq!(authz_slot_new(authorizer, &mut slot), authz_status::Ok);
        assert!(!authz_slot_allows(slot, &connection));
    }
    let before = COUNT.get();
    unsafe {
        assert!(!authz_slot_allows(slot, &connection));
        assert_eq!(authz_slot_decide(slot, &connection, &mut decision, ptr::null_mut()), authz_status::Ok);
        let mut owner = ptr::null_mut();
        assert_eq!(authz_slot_decide_early(slot, &connection, &mut decision, &mut owner), authz_status::Ok);
        authz_authorizer_free(owner);
        authz_authorizer_free(authz_authorizer_clone(authorizer));
    }
    assert_eq!(COUNT.get(), before);
    unsafe {
        authz_slot_free(slot);
        authz_authorizer_free(authorizer);
        authz_policy_set_free(policies);
    }
}
