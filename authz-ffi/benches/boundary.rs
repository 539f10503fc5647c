//! What the boundary costs: `authz_decide` called from C beside `decide` called from Rust, on the same connections.
//!
//! Both decide the same connections in turns, so that whatever disturbs the machine disturbs both, and both state each anew
//! from what a proxy has in its hands: C as an `authz_connection` that borrows, Rust as a `Connection` that borrows.
//!
//! `cargo bench -p authz-ffi --profile c` builds both as the library is built. With `AUTHZ_ROUNDS=1`, and `AUTHZ_POLICIES=20` for so many policies, they run once, for
//! `valgrind --tool=callgrind --toggle-collect=decide_in_rust` (or `=authz_decide`), which counts instructions.

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
use authz_core::{Authorizer, Connection, Fact, Mesh, Peer, PolicySet, Transport, Verdict, Workload};

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

/// What a proxy in Rust has in its hands.
struct Raw<'a> {
    source: [u8; 4],
    port: u16,
    identity: Identity<'a>,
}

enum Identity<'a> {
    None,
    Names(&'a [&'a str]),
    Peer(&'a Peer),
}

/// What `authz_decide` does, without the boundary. It has a name, so that callgrind finds it.
#[unsafe(no_mangle)]
#[inline(never)]
fn decide_in_rust(authorizer: &Authorizer, raw: &Raw<'_>) -> Verdict {
    let connection = Connection::new(raw.source.into(), ([10, 0, 0, 9], raw.port).into()).without_sni().without_metadata();
    let connection = match raw.identity {
        Identity::None => connection.transport(Fact::Known(Transport::Plaintext)),
        Identity::Names(names) => connection.principals(names),
        Identity::Peer(peer) => connection.peer(peer),
    };
    black_box(authorizer.decide(&connection)).verdict()
}

/// So few that what C states stays in the first cache, as it does where a proxy states a connection and has it decided at once.
const CONNECTIONS: usize = 128;

fn rounds() -> usize {
    std::env::var("AUTHZ_ROUNDS").map_or(401, |rounds| rounds.parse().unwrap())
}

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
    let peers: Vec<Peer> = strs.iter().map(|names| in_rust.peer(names)).collect();
    let handles: Vec<*mut authz_peer> = texts
        .iter()
        .map(|names| {
            let mut peer = ptr::null_mut();
            // SAFETY: all of it lives until the call is over.
            assert_eq!(unsafe { authz_peer_new(in_c, names.as_ptr(), names.len(), &mut peer) }, authz_status::Ok);
            peer
        })
        .collect();
    let rust: Vec<Raw<'_>> = (0..CONNECTIONS)
        .map(|i| Raw {
            source: [10, number(i), 3, 4],
            port: u16::try_from(9000 + i % count % 10).unwrap(),
            identity: match kind {
                Kind::Plaintext => Identity::None,
                Kind::OneSan | Kind::FourSans => Identity::Names(&strs[i]),
                Kind::Peer => Identity::Peer(&peers[i]),
            },
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

    let rounds = rounds();
    let (mut of_c, mut of_rust) = (Vec::with_capacity(rounds), Vec::with_capacity(rounds));
    let mut allocated = 0;
    for _ in 0..rounds {
        let before = ALLOCATED.load(Ordering::Relaxed);
        let start = Instant::now();
        // SAFETY: `c` and what it points to live on, as does the authorizer.
        let in_c = unsafe { decide_all(authz_decide, in_c, c.as_ptr(), c.len()) };
        of_c.push(start.elapsed().as_nanos() as f64 / CONNECTIONS as f64);
        allocated += ALLOCATED.load(Ordering::Relaxed) - before;
        let start = Instant::now();
        let in_rust = rust.iter().filter(|raw| decide_in_rust(&in_rust, raw) == Verdict::Allow).count();
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
    let counts: Vec<usize> = match std::env::var("AUTHZ_POLICIES") {
        Ok(count) => vec![count.parse().unwrap()],
        Err(_) => vec![1, 20, 200, 2000],
    };
    for count in counts {
        for kind in [Kind::Plaintext, Kind::OneSan, Kind::FourSans, Kind::Peer] {
            measure(decide_all, count, kind);
        }
    }
}
