//! Every way across the boundary, small enough for Miri, which sees what neither sanitizers nor valgrind do: references
//! to what they must not point to, memory read that nobody wrote, values that their type does not have, data races.
//!
//! `cargo xtask test --only c` runs it under Miri; a plain `cargo test` runs it as it is.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::multiple_unsafe_ops_per_block,
    clippy::undocumented_unsafe_blocks,
    reason = "a test that panics has failed, as it should; what is passed to C is what each test is about"
)]

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::sync::OnceLock;
use std::{mem, ptr, thread};

use authz::*;

const POLICIES: &str = "apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ports, namespace: foo}
spec:
  rules:
  - from: [{source: {principals: [cluster.local/ns/foo/sa/sleep]}}]
  - to: [{operation: {ports: ['9000']}}]
    when: [{key: 'experimental.envoy.filters.a[k]', values: [v]}]
";
const ASKS: &str = "apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ask, namespace: foo}
spec: {action: CUSTOM, provider: {name: opa}, rules: [{}]}
";
const ALL: &str = "apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: all, namespace: foo}
spec: {rules: [{}]}
";
const SLEEP: &str = "spiffe://cluster.local/ns/foo/sa/sleep";

fn lend(text: &str) -> authz_text {
    authz_text { data: text.as_ptr().cast::<c_char>(), len: text.len() }
}

fn read(text: authz_text) -> String {
    let bytes: &[u8] = if text.len == 0 { &[] } else { unsafe { std::slice::from_raw_parts(text.data.cast(), text.len) } };
    str::from_utf8(bytes).unwrap().to_owned()
}

/// The output of a call, which gets memory that nobody wrote.
fn out<T>(call: impl FnOnce(*mut T) -> authz_status) -> (authz_status, T) {
    let mut place = MaybeUninit::<T>::uninit();
    let status = call(place.as_mut_ptr());
    (status, unsafe { place.assume_init() })
}

fn given<T>(call: impl FnOnce(*mut T) -> authz_status) -> T {
    let (status, value) = out(call);
    assert_eq!(status, authz_status::Ok);
    value
}

fn authorizer(text: &str, provider: Option<&str>) -> *mut authz_authorizer {
    let providers: Vec<authz_provider> =
        provider.iter().map(|name| authz_provider { name: lend(name), kind: 1, reserved: 0 }).collect();
    let mut mesh: authz_mesh = unsafe { mem::zeroed() };
    mesh.size = size_of::<authz_mesh>();
    mesh.providers = providers.as_ptr();
    mesh.providers_len = providers.len();
    let policies = given(|out| unsafe { authz_policy_set_from_yaml(lend(text), &mesh, out, ptr::null_mut()) });
    let label = authz_label { key: lend("app"), value: lend("x") };
    let workload =
        authz_workload { size: size_of::<authz_workload>(), namespace_name: lend("foo"), labels: &label, labels_len: 1 };
    let authorizer = given(|out| unsafe { authz_authorizer_new(policies, &workload, out) });
    unsafe { authz_policy_set_free(policies) };
    authorizer
}

/// A handle that threads share.
struct Shared<T>(*mut T);

impl<T> Shared<T> {
    fn get(&self) -> *mut T {
        self.0
    }
}

// SAFETY: the header says that threads may share these handles.
unsafe impl<T> Send for Shared<T> {}
unsafe impl<T> Sync for Shared<T> {}

/// One for all tests that only ask: to make it takes Miri longer than all of them.
fn shared() -> *const authz_authorizer {
    static SHARED: OnceLock<Shared<authz_authorizer>> = OnceLock::new();
    SHARED.get_or_init(|| Shared(authorizer(POLICIES, None))).get()
}

fn plaintext(port: u32) -> authz_connection {
    let mut connection: authz_connection = unsafe { mem::zeroed() };
    connection.size = size_of::<authz_connection>();
    connection.source = given(|out| unsafe { authz_address_parse(lend("10.0.0.7"), out) });
    connection.destination = given(|out| unsafe { authz_address_parse(lend("2001:db8::9"), out) });
    connection.remote_fact = 1;
    connection.destination_port = port;
    connection.destination_port_fact = 2;
    connection.transport = 1;
    connection
}

fn mesh_mtls(sans: &[authz_text]) -> authz_connection {
    authz_connection { transport: 3, peer_fact: 2, uri_sans: sans.as_ptr(), uri_sans_len: sans.len(), ..plaintext(9001) }
}

fn decide(authorizer: *const authz_authorizer, connection: *const authz_connection) -> (authz_status, authz_decision) {
    out(|out| unsafe { authz_decide(authorizer, connection, out) })
}

#[test]
fn decisions_borrow_from_the_authorizer_that_made_them() {
    let first = authorizer(POLICIES, None);
    let second = unsafe { authz_authorizer_clone(first) };
    unsafe { authz_authorizer_free(first) };
    let sans = [lend(SLEEP)];
    let (status, decision) = decide(second, &mesh_mtls(&sans));
    assert_eq!((status, decision.verdict), (authz_status::Ok, authz_verdict::Allow));
    let policy = unsafe { authz_decision_policy(&decision) };
    assert_eq!(
        unsafe { (read(authz_policy_namespace(policy)), read(authz_policy_name(policy))) },
        ("foo".into(), "ports".into())
    );
    assert_eq!(unsafe { (authz_rule_index(decision.rule), authz_rule_location(decision.rule).line) }, (0, 6));
    assert_eq!(read(unsafe { authz_policy_location(policy) }.source), "<text>");
    let (status, early) = out(|out| unsafe { authz_decide_early(second, &plaintext(9000), out) });
    assert_eq!((status, early.needs), (authz_status::Ok, AUTHZ_FACT_SET_METADATA));
    let text = given(|out| unsafe { authz_explain_json(second, &plaintext(9001), out) });
    assert!(read(unsafe { authz_string_text(text) }).contains("no-allow-match"));
    unsafe { authz_string_free(text) };
    unsafe { authz_authorizer_free(second) };
}

#[test]
fn failures_fill_their_outputs() {
    let authorizer = shared();
    let mut connection = plaintext(9000);
    for (size, expected) in [(0, authz_status::Size), (size_of::<authz_connection>() - 1, authz_status::Size)] {
        connection.size = size;
        let (status, decision) = decide(authorizer, &connection);
        assert_eq!((status, decision.verdict, decision.reason), (expected, authz_verdict::Deny, authz_reason::None));
        assert!(unsafe { authz_decision_policy(&decision) }.is_null());
    }
    let (status, string) = out(|out| unsafe { authz_explain(ptr::null(), &connection, out) });
    assert!(status == authz_status::Pointer && string.is_null());
    let mut policies = MaybeUninit::uninit();
    let (status, findings) = out(|out| unsafe {
        authz_policy_set_from_yaml(lend("kind: AuthorizationPolicy"), ptr::null(), policies.as_mut_ptr(), out)
    });
    assert!(status != authz_status::Ok && unsafe { policies.assume_init() }.is_null());
    let len = unsafe { authz_findings_len(findings) };
    for at in 0..=len {
        let (status, finding) = out(|out| unsafe { authz_findings_get(findings, at, out) });
        assert_eq!(status == authz_status::Ok, at < len);
        assert_eq!(read(finding.text).is_empty(), at == len);
    }
    unsafe { authz_findings_free(findings) };
}

/// A connection of a header that is newer than the library.
#[repr(C)]
struct Newer {
    known: authz_connection,
    news: [usize; 3],
}

#[test]
fn a_struct_of_another_size_is_read_as_far_as_it_goes() {
    let authorizer = shared();
    let sans = [lend(SLEEP)];
    let mut newer = Newer { known: mesh_mtls(&sans), news: [0; 3] };
    newer.known.size = size_of::<Newer>();
    assert_eq!(decide(authorizer, ptr::from_ref(&newer).cast()).1.verdict, authz_verdict::Allow);
    newer.news[2] = 1;
    assert_eq!(decide(authorizer, ptr::from_ref(&newer).cast()).0, authz_status::Size);
}

#[test]
fn lists_are_read_in_their_whole_length_and_no_further() {
    let authorizer = shared();
    // Of those with room for few, of those with room for many, and more.
    for len in [0, 1, 4, 5, 513] {
        let mut sans = vec![lend("spiffe://cluster.local/ns/foo/sa/other"); len];
        if let Some(last) = sans.last_mut() {
            *last = lend(SLEEP);
        }
        let (status, decision) = decide(authorizer, &mesh_mtls(&sans));
        let expected = if len > 512 { authz_status::TooMany } else { authz_status::Ok };
        assert_eq!((status, decision.verdict == authz_verdict::Allow), (expected, (1..=512).contains(&len)), "{len}");
        let peer = given(|out| unsafe { authz_peer_new(authorizer, sans.as_ptr(), len, out) });
        drop(sans);
        let by_peer = authz_connection { peer, ..mesh_mtls(&[]) };
        assert_eq!(unsafe { authz_allows(authorizer, &by_peer) }, len > 0, "{len}");
        unsafe { authz_peer_free(peer) };
    }
    let broken = [0xff];
    let sans = [lend(SLEEP), authz_text { data: broken.as_ptr().cast(), len: 1 }];
    assert_eq!(decide(authorizer, &mesh_mtls(&sans)).1.needs & AUTHZ_FACT_SET_PEER, AUTHZ_FACT_SET_PEER);
    let values = [lend("u"), lend("v")];
    let piece = |key: &str, values: &[authz_text], kind| authz_metadata {
        filter: lend("a"),
        key: lend(key),
        values: values.as_ptr(),
        values_len: values.len(),
        kind,
        reserved: 0,
    };
    let pieces = [piece("k", &values[1..], 1), piece("l", &values, 2)];
    let connection =
        authz_connection { metadata_fact: 2, metadata: pieces.as_ptr(), metadata_len: pieces.len(), ..plaintext(9000) };
    assert_eq!(decide(authorizer, &connection).0, authz_status::Ok);
}

#[test]
fn answers_of_providers_are_read_and_not_kept() {
    let authorizer = authorizer(ASKS, Some("opa"));
    let connection = plaintext(9000);
    let (_, mut decision) = decide(authorizer, &connection);
    assert_eq!(read(decision.provider), "opa");
    // The output is that of the call before, in which the answer's name lies no more once it is written.
    let answer = authz_provider_answer { provider: decision.provider, answer: 1, reserved: 0 };
    assert_eq!(unsafe { authz_decide_answered(authorizer, &connection, &answer, 1, &mut decision) }, authz_status::Ok);
    assert_eq!((decision.verdict, decision.provider.len), (authz_verdict::Allow, 0));
    unsafe { authz_authorizer_free(authorizer) };
}

#[test]
fn the_names_of_a_certificate_outlive_it() {
    let der = include_bytes!("der/uri-sans.der").to_vec();
    let (status, names) = out(|out| unsafe { authz_peer_names_from_der(der.as_ptr(), der.len(), out) });
    if !cfg!(feature = "der") {
        assert!(status == authz_status::Unsupported && names.is_null());
        return;
    }
    drop(der);
    let authorizer = shared();
    let (data, len) = unsafe { (authz_peer_names_data(names), authz_peer_names_len(names)) };
    let connection = authz_connection { uri_sans: data, uri_sans_len: len, ..mesh_mtls(&[]) };
    assert!(unsafe { authz_allows(authorizer, &connection) });
    unsafe { authz_peer_names_free(names) };
    let nameless = include_bytes!("der/no-name.der");
    let names = given(|out| unsafe { authz_peer_names_from_der(nameless.as_ptr(), nameless.len(), out) });
    let connection = authz_connection { uri_sans: unsafe { authz_peer_names_data(names) }, ..mesh_mtls(&[]) };
    assert_eq!(decide(authorizer, &connection).1.reason, authz_reason::NoAllowMatch);
    unsafe { authz_peer_names_free(names) };
}

#[test]
fn threads_read_a_slot_while_it_is_replaced_and_free_what_it_held() {
    let (one, two) = (Shared(authorizer(ALL, None)), Shared(authorizer(ASKS, Some("opa"))));
    let slot = Shared(given(|out| unsafe { authz_slot_new(one.get(), out) }));
    let (readers, rounds) = if cfg!(miri) { (2, 4) } else { (3, 2_000) };
    thread::scope(|scope| {
        for _ in 0..readers {
            scope.spawn(|| {
                let slot = slot.get();
                let sans = [lend(SLEEP)];
                let connection = mesh_mtls(&sans);
                for _ in 0..rounds {
                    let mut owner = ptr::null_mut();
                    let decision = given(|out| unsafe { authz_slot_decide(slot, &connection, out, &mut owner) });
                    let name = read(unsafe { authz_policy_name(authz_decision_policy(&decision)) });
                    assert_eq!(name, if decision.verdict == authz_verdict::Allow { "all" } else { "ask" });
                    unsafe { authz_authorizer_free(owner) };
                    let held = unsafe { authz_slot_load(slot) };
                    assert_eq!(decide(held, &connection).0, authz_status::Ok);
                    unsafe { authz_authorizer_free(held) };
                }
            });
        }
        for _ in 0..rounds {
            for next in [&two, &one] {
                assert_eq!(unsafe { authz_slot_replace(slot.get(), next.get()) }, authz_status::Ok);
                thread::yield_now();
            }
        }
    });
    for owner in [one, two] {
        unsafe { authz_authorizer_free(owner.get()) };
    }
    // The last owner of what it holds, in another thread than any before.
    thread::spawn(move || unsafe { authz_slot_free(slot.get()) }).join().unwrap();
}
