//! What the boundary costs: `authz_decide` called from C beside `decide` called from Rust, on the same connections.
//!
//! Both decide the same connections in turns, so that whatever disturbs the machine disturbs both. C states each connection
//! as bytes, which `authz_decide` reads anew each time; Rust has its `Connection`s made before. `cargo bench -p authz-ffi`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a measurement that panics has failed, as it should; times are small numbers"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::{CString, c_char, c_int, c_void};
use std::fmt::Write;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use std::{mem, ptr};

use authz::*;
use authz_core::{Authorizer, Connection, Fact, Mesh, PolicySet, Transport, Verdict, Workload};

struct Counting;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is handed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(1, Ordering::Relaxed);
        // SAFETY: by this function's own contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: by this function's own contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

type Decide = unsafe extern "C" fn(*const authz_authorizer, *const authz_connection, *mut authz_decision) -> authz_status;
type DecideAll = unsafe extern "C" fn(Decide, *const authz_authorizer, *const authz_connection, usize) -> usize;

unsafe extern "C" {
    fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
}

/// The loop in C, compiled now and loaded.
fn c_loop() -> DecideAll {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let library: PathBuf = std::env::temp_dir().join(format!("authz-loop-{}.so", std::process::id()));
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-shared", "-fPIC", "-I"]).arg(here.join("../include")).arg(here.join("benches/loop.c"));
    assert!(cc.arg("-o").arg(&library).status().unwrap().success());
    let path = CString::new(library.to_str().unwrap()).unwrap();
    // SAFETY: a path that ends with a zero byte; 2 is RTLD_NOW.
    let handle = unsafe { dlopen(path.as_ptr(), 2) };
    assert!(!handle.is_null());
    std::fs::remove_file(&library).unwrap();
    // SAFETY: an open library and a name that ends with a zero byte.
    let function = unsafe { dlsym(handle, c"decide_all".as_ptr()) };
    assert!(!function.is_null());
    // SAFETY: `loop.c` declares it so.
    unsafe { mem::transmute::<*mut c_void, DecideAll>(function) }
}

/// `policies` policies, a quarter of which deny, each for an identity, a block and a port.
fn policies(policies: usize) -> String {
    let mut text = String::new();
    for i in 0..policies {
        let action = if i % 4 == 3 { "DENY" } else { "ALLOW" };
        let block = i % 250;
        let port = 9000 + i % 10;
        writeln!(
            text,
            "---\n{{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {{name: p{i}, namespace: foo}},\n\
             \x20spec: {{action: {action}, rules: [{{from: [{{source: {{principals: [cluster.local/ns/n{i}/sa/s{i}],\n\
             \x20  ipBlocks: [10.{block}.0.0/16]}}}}], to: [{{operation: {{ports: ['{port}']}}}}]}}]}}}}"
        )
        .unwrap();
    }
    text
}

/// How a peer presents itself.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Plaintext,
    OneSan,
    FourSans,
    Peer,
}

const CONNECTIONS: usize = 1024;
const ROUNDS: usize = 401;

fn lend(text: &str) -> authz_text {
    authz_text { data: text.as_ptr().cast::<c_char>(), len: text.len() }
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn measure(decide_all: DecideAll, count: usize, kind: Kind) {
    let text = policies(count);
    let (mut set, mut in_c) = (ptr::null_mut(), ptr::null_mut());
    let workload =
        authz_workload { size: size_of::<authz_workload>(), namespace_name: lend("foo"), labels: ptr::null(), labels_len: 0 };
    // SAFETY: all of it lives until the call is over.
    assert_eq!(unsafe { authz_policy_set_from_yaml(lend(&text), ptr::null(), &mut set, ptr::null_mut()) }, authz_status::Ok);
    // SAFETY: as above.
    assert_eq!(unsafe { authz_authorizer_new(set, &workload, &mut in_c) }, authz_status::Ok);
    let in_rust: Authorizer = PolicySet::from_yaml(&text, &Mesh::default()).unwrap().authorizer_for(&Workload::new("foo"));

    let number = |i: usize| u8::try_from(i % count % 250).unwrap();
    let names: Vec<Vec<String>> = (0..CONNECTIONS)
        .map(|i| {
            let own = format!("spiffe://cluster.local/ns/n{0}/sa/s{0}", i % count);
            let other = |n: usize| format!("spiffe://other.example/ns/n{n}/sa/s{i}");
            if matches!(kind, Kind::FourSans) { vec![other(1), other(2), other(3), own] } else { vec![own] }
        })
        .collect();
    let strs: Vec<Vec<&str>> = names.iter().map(|names| names.iter().map(String::as_str).collect()).collect();
    let texts: Vec<Vec<authz_text>> = names.iter().map(|names| names.iter().map(|name| lend(name)).collect()).collect();
    let peers: Vec<authz_core::Peer> = strs.iter().map(|names| in_rust.peer(names)).collect();
    let handles: Vec<*mut authz_peer> = texts
        .iter()
        .map(|names| {
            let mut peer = ptr::null_mut();
            // SAFETY: all of it lives until the call is over.
            assert_eq!(unsafe { authz_peer_new(in_c, names.as_ptr(), names.len(), &mut peer) }, authz_status::Ok);
            peer
        })
        .collect();
    let rust: Vec<Connection<'_>> = (0..CONNECTIONS)
        .map(|i| {
            let port = u16::try_from(9000 + i % count % 10).unwrap();
            let connection =
                Connection::new([10, number(i), 3, 4].into(), ([10, 0, 0, 9], port).into()).without_sni().without_metadata();
            match kind {
                Kind::Plaintext => connection.transport(Fact::Known(Transport::Plaintext)),
                Kind::OneSan | Kind::FourSans => connection.principals(&strs[i]),
                Kind::Peer => connection.peer(&peers[i]),
            }
        })
        .collect();
    let c: Vec<authz_connection> = (0..CONNECTIONS)
        .map(|i| {
            // SAFETY: numbers and pointers, which may be zero.
            let mut connection: authz_connection = unsafe { mem::zeroed() };
            connection.size = size_of::<authz_connection>();
            connection.source.bytes[..4].copy_from_slice(&[10, number(i), 3, 4]);
            connection.source.len = 4;
            connection.destination.bytes[..4].copy_from_slice(&[10, 0, 0, 9]);
            connection.destination.len = 4;
            connection.remote_fact = 1;
            connection.destination_port_fact = 2;
            connection.destination_port = u32::try_from(9000 + i % count % 10).unwrap();
            connection.sni_fact = 1;
            connection.metadata_fact = 1;
            (connection.transport, connection.peer_fact) = if matches!(kind, Kind::Plaintext) { (1, 1) } else { (3, 2) };
            match kind {
                Kind::Plaintext => {}
                Kind::OneSan | Kind::FourSans => {
                    connection.uri_sans = texts[i].as_ptr();
                    connection.uri_sans_len = texts[i].len();
                }
                Kind::Peer => connection.peer = handles[i],
            }
            connection
        })
        .collect();

    let (mut of_c, mut of_rust) = (Vec::with_capacity(ROUNDS), Vec::with_capacity(ROUNDS));
    let mut allocated = 0;
    for _ in 0..ROUNDS {
        let before = ALLOCATED.load(Ordering::Relaxed);
        let start = Instant::now();
        // SAFETY: `c` and what it points to live on, as does the authorizer.
        let in_c = unsafe { decide_all(authz_decide, in_c, c.as_ptr(), c.len()) };
        of_c.push(start.elapsed().as_nanos() as f64 / CONNECTIONS as f64);
        allocated += ALLOCATED.load(Ordering::Relaxed) - before;
        let start = Instant::now();
        let allowed = |connection: &&Connection<'_>| black_box(in_rust.decide(connection)).verdict() == Verdict::Allow;
        let in_rust = rust.iter().filter(allowed).count();
        of_rust.push(start.elapsed().as_nanos() as f64 / CONNECTIONS as f64);
        assert_eq!(in_c, in_rust, "C and Rust disagree");
    }
    let (c, rust) = (median(&mut of_c), median(&mut of_rust));
    let kind = format!("{kind:?}");
    println!("{count:>8}  {kind:<10} {c:>8.1} {rust:>8.1} {:>8.1} {:>10.1} {allocated:>12}", c - rust, of_c[0] - of_rust[0],);
    for peer in handles {
        // SAFETY: freed once, and nobody uses it any more.
        unsafe { authz_peer_free(peer) };
    }
    // SAFETY: as above.
    unsafe { authz_authorizer_free(in_c) };
    // SAFETY: as above.
    unsafe { authz_policy_set_free(set) };
}

fn main() {
    let decide_all = c_loop();
    println!("policies  peer        C, ns  Rust, ns  medians  quickest  allocations");
    for count in [1, 20, 200, 2000] {
        for kind in [Kind::Plaintext, Kind::OneSan, Kind::FourSans, Kind::Peer] {
            measure(decide_all, count, kind);
        }
    }
}
