//! Stands in for Envoy's callbacks, and drives the hooks as Envoy does.

use std::cell::RefCell;
use std::net::SocketAddr;

use super::*;

/// What Envoy would know of the one connection of a test, and what it was told.
struct State {
    source: SocketAddr,
    is_tls: bool,
    sans: Vec<&'static str>,
    dns_sans: Vec<&'static str>,
    subject: &'static str,
    calls: Vec<String>,
    /// The connection that closing tells of its end, within the same call.
    connection: *const c_void,
}

thread_local! {
    static STATE: RefCell<State> = const {
        RefCell::new(State {
            source: SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 7)), 1),
            is_tls: false,
            sans: Vec::new(),
            dns_sans: Vec::new(),
            subject: "",
            calls: Vec::new(),
            connection: std::ptr::null(),
        })
    };
    static TEXT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

fn call(what: String) {
    STATE.with_borrow_mut(|state| state.calls.push(what));
}

fn text(buffer: Buffer) -> String {
    String::from_utf8(buffer.copy()).unwrap()
}

fn give(address: SocketAddr, to: *mut Buffer, port: *mut u32) -> bool {
    let start = TEXT.with_borrow_mut(|text| {
        *text = address.ip().to_string().into_bytes();
        Buffer { start: text.as_ptr(), length: text.len() }
    });
    // SAFETY: a place of the caller's, as with Envoy.
    unsafe { to.write(start) };
    // SAFETY: the same.
    unsafe { port.write(address.port().into()) };
    true
}

/// Fills the caller's places, of which it has as many as there are SANs.
fn give_all(sans: &[&'static str], to: *mut Buffer) -> bool {
    for (at, san) in sans.iter().enumerate() {
        // SAFETY: the caller has as many places as the size says.
        let place = unsafe { to.add(at) };
        // SAFETY: the same.
        unsafe { place.write(Buffer::of(san)) };
    }
    true
}

macro_rules! callbacks {
    ($($name:ident($($argument:ident: $type:ty),*) $(-> $answer:ty)? $body:block)*) => {
        $(#[unsafe(no_mangle)]
        extern "C" fn $name($($argument: $type),*) $(-> $answer)? $body)*
    };
}

callbacks! {
    envoy_dynamic_module_callback_log(level: u32, line: Buffer) { call(format!("log {level} {}", text(line))); }
    envoy_dynamic_module_callback_network_filter_continue_reading(_filter: FilterPointer) { call("resume".into()); }
    envoy_dynamic_module_callback_network_filter_close_with_details(filter: FilterPointer, how: u32, details: Buffer) {
        call(format!("close {how} {}", text(details)));
        let connection = STATE.with_borrow(|state| state.connection);
        // SAFETY: as Envoy does, the end is told while the hook that asked for it still runs.
        unsafe { envoy_dynamic_module_on_network_filter_event(filter, connection, 1) };
    }
    envoy_dynamic_module_callback_network_filter_read_disable(_filter: FilterPointer, disable: bool) -> u32 {
        call(format!("read_disable {disable}"));
        0
    }
    envoy_dynamic_module_callback_network_filter_read_enabled(_filter: FilterPointer) -> bool { false }
    envoy_dynamic_module_callback_network_filter_get_remote_address(_filter: FilterPointer, a: *mut Buffer, p: *mut u32) -> bool {
        give(STATE.with_borrow(|state| state.source), a, p)
    }
    envoy_dynamic_module_callback_network_filter_get_direct_remote_address(_filter: FilterPointer, a: *mut Buffer, p: *mut u32) -> bool {
        give(STATE.with_borrow(|state| state.source), a, p)
    }
    envoy_dynamic_module_callback_network_filter_get_local_address(_filter: FilterPointer, a: *mut Buffer, p: *mut u32) -> bool {
        give(([10, 0, 0, 9], 9000).into(), a, p)
    }
    envoy_dynamic_module_callback_network_filter_is_ssl(_filter: FilterPointer) -> bool { STATE.with_borrow(|state| state.is_tls) }
    envoy_dynamic_module_callback_network_filter_get_requested_server_name(_filter: FilterPointer, _name: *mut Buffer) -> bool { false }
    envoy_dynamic_module_callback_network_filter_get_ssl_uri_sans_size(_filter: FilterPointer) -> usize {
        STATE.with_borrow(|state| state.sans.len())
    }
    envoy_dynamic_module_callback_network_filter_get_ssl_uri_sans(_filter: FilterPointer, sans: *mut Buffer) -> bool {
        give_all(&STATE.with_borrow(|state| state.sans.clone()), sans)
    }
    envoy_dynamic_module_callback_network_filter_get_ssl_dns_sans_size(_filter: FilterPointer) -> usize {
        call("dns_sans".into());
        STATE.with_borrow(|state| state.dns_sans.len())
    }
    envoy_dynamic_module_callback_network_filter_get_ssl_dns_sans(_filter: FilterPointer, sans: *mut Buffer) -> bool {
        give_all(&STATE.with_borrow(|state| state.dns_sans.clone()), sans)
    }
    envoy_dynamic_module_callback_network_filter_get_ssl_subject(_filter: FilterPointer, subject: *mut Buffer) -> bool {
        give_all(&[STATE.with_borrow(|state| state.subject)], subject)
    }
    envoy_dynamic_module_callback_network_filter_get_attribute_bool(_filter: FilterPointer, attribute: u32, value: *mut bool) -> bool {
        assert_eq!(attribute, CONNECTION_MTLS);
        // SAFETY: a place of the caller's, as with Envoy.
        unsafe { value.write(true) };
        true
    }
    envoy_dynamic_module_callback_network_filter_config_define_counter(_config: ConfigPointer, _name: Buffer, counter: *mut usize) -> u32 {
        // SAFETY: a place of the caller's, as with Envoy.
        unsafe { counter.write(7) };
        0
    }
    envoy_dynamic_module_callback_network_filter_increment_counter(_filter: FilterPointer, _counter: usize, _by: u64) -> u32 { 0 }
    envoy_dynamic_module_callback_network_set_dynamic_metadata_string_batch(_filter: FilterPointer, namespace: Buffer, pairs: *const Pair, count: usize) {
        // SAFETY: the caller hands over as many pairs as it says.
        for pair in unsafe { std::slice::from_raw_parts(pairs, count) } {
            call(format!("metadata {}.{}={}", text(namespace), text(pair.key), text(pair.value)));
        }
    }
}

/// What Envoy made: somewhere, and followed by nobody here.
const FILTER: FilterPointer = FilterPointer(std::ptr::dangling_mut());
const OWNER: ConfigPointer = ConfigPointer(std::ptr::dangling_mut());

/// Runs the hooks of one connection; answers what Envoy was told.
fn live(config: &str, is_tls: bool, sans: &[&'static str]) -> (Vec<u32>, Vec<String>) {
    let (filter, owner) = (FILTER, OWNER);
    let module = envoy_dynamic_module_on_network_filter_config_new(owner, Buffer::of("authz"), Buffer::of(config));
    assert!(!module.is_null());
    // SAFETY: the configuration was made above.
    let connection = unsafe { envoy_dynamic_module_on_network_filter_new(module, filter) };
    // SAFETY: its last use; the connection has a count of its own.
    unsafe { envoy_dynamic_module_on_network_filter_config_destroy(module) };
    STATE.with_borrow_mut(|state| {
        (state.is_tls, state.sans, state.connection) = (is_tls, sans.to_vec(), connection);
        state.calls.clear();
    });
    // SAFETY: the connection was made above, here and in the calls below.
    let first = unsafe { envoy_dynamic_module_on_network_filter_new_connection(filter, connection) };
    // SAFETY: see above.
    unsafe { envoy_dynamic_module_on_network_filter_event(filter, connection, 2) };
    // SAFETY: see above.
    let second = unsafe { envoy_dynamic_module_on_network_filter_read(filter, connection, 1, false) };
    // SAFETY: see above.
    let third = unsafe { envoy_dynamic_module_on_network_filter_write(filter, connection, 1, false) };
    // SAFETY: see above, and this is the last one.
    unsafe { envoy_dynamic_module_on_network_filter_destroy(connection) };
    let calls = STATE.with_borrow(|state| state.calls.clone());
    (vec![first, second, third], calls.into_iter().filter(|call| !call.starts_with("metadata authz.mode")).collect())
}

const CONFIG: &str = "{workload: {namespace: foo, labels: {}}, logDenialsPerSecond: 0, fields: all, policies: [{apiVersion: security.istio.io/v1, \
    kind: AuthorizationPolicy, metadata: {name: p, namespace: foo}, spec: {rules: [{from: [{source: {principals: ['*/sa/sleep']}}]}]}}]}";

#[test]
fn the_hooks_follow_the_life_of_a_connection() {
    let (statuses, calls) = live(CONFIG, true, &["spiffe://td/ns/foo/sa/other", "spiffe://td/ns/foo/sa/sleep"]);
    assert_eq!(statuses, [1, 0, 0]);
    let expected = [
        "read_disable false",
        "metadata authz.verdict=allow",
        "metadata authz.reason=allow-policy",
        "metadata authz.policy=foo/p",
        "metadata authz.rule=0",
        "read_disable true",
        "resume",
    ];
    assert_eq!(calls, expected);
}

#[test]
fn a_peer_without_a_uri_san_is_known_by_its_other_names() {
    let deny_any = "{workload: {namespace: foo, labels: {}}, logDenialsPerSecond: 0, policies: [{apiVersion: security.istio.io/v1, \
        kind: AuthorizationPolicy, metadata: {name: p, namespace: foo}, spec: {action: DENY, rules: [{from: [{source: {principals: ['*']}}]}]}}]}";
    type Case = (&'static [&'static str], &'static [&'static str], &'static str, Option<&'static str>);
    let denied = Some("close 1 authz_denied[deny-policy:foo/p#0]");
    let table: [Case; 6] = [
        (&[], &[], "", None),
        (&[], &["web.example"], "", denied),
        (&[], &["", "web.example"], "", denied),
        (&[], &[], "CN=web", denied),
        (&[""], &[], "CN=web", denied),
        (&[], &["web.example"], "CN=web,O=/ns/foo/", Some("close 1 authz_denied[unknown-fact:peer]")),
    ];
    for (sans, dns_sans, subject, closes) in table {
        STATE.with_borrow_mut(|state| (state.dns_sans, state.subject) = (dns_sans.to_vec(), subject));
        let (_, calls) = live(deny_any, true, sans);
        let found = calls.iter().find(|call| call.starts_with("close"));
        assert_eq!(found.map(String::as_str), closes, "{sans:?} {dns_sans:?} {subject}");
        assert!(calls.iter().any(|call| call == "dns_sans"));
    }
    let (_, calls) = live(deny_any, true, &["spiffe://td/ns/foo/sa/a"]);
    assert!(!calls.iter().any(|call| call == "dns_sans"), "with a URI SAN nobody asks for more");
}

#[test]
fn closing_may_tell_of_the_end_within_the_hook_that_closes() {
    for (is_tls, statuses) in [(false, [1, 1, 1]), (true, [1, 1, 1])] {
        let (found, calls) = live(CONFIG, is_tls, &[]);
        assert_eq!(found, statuses);
        assert_eq!(calls.iter().filter(|call| call.starts_with("close")).count(), 1);
        assert_eq!(calls.last().map(String::as_str), Some("close 1 authz_denied[no-allow-match]"));
    }
}

#[test]
fn null_is_refused_and_never_followed() {
    // SAFETY: null is what these functions must withstand.
    assert!(unsafe { envoy_dynamic_module_on_network_filter_new(std::ptr::null(), FILTER) }.is_null());
    // SAFETY: the same.
    assert_eq!(unsafe { envoy_dynamic_module_on_network_filter_read(FILTER, std::ptr::null(), 1, false) }, 1);
    // SAFETY: the same.
    unsafe { envoy_dynamic_module_on_network_filter_destroy(std::ptr::null()) };
    // SAFETY: the same.
    unsafe { envoy_dynamic_module_on_network_filter_config_destroy(std::ptr::null()) };
    let make = |owner, text| envoy_dynamic_module_on_network_filter_config_new(owner, Buffer::EMPTY, text);
    assert!(make(OWNER, Buffer::of("a: [")).is_null());
    assert!(make(OWNER, Buffer::EMPTY).is_null());
    assert!(make(OWNER, Buffer { start: std::ptr::null(), length: 1 }).is_null());
    let nothing = ConfigPointer(std::ptr::null_mut());
    assert!(make(nothing, Buffer::of(CONFIG)).is_null());
    let said = STATE.with_borrow(|state| state.calls.last().cloned());
    assert!(said.is_some_and(|line| line.starts_with("log 4 this Envoy hands over no configuration")));
    // SAFETY: a text with a zero at its end.
    let version = unsafe { std::ffi::CStr::from_ptr(envoy_dynamic_module_on_program_init()) };
    assert_eq!(version, c"v0.2.0");
}

#[test]
fn a_connection_that_envoy_does_not_name_is_not_made_and_lets_nothing_pass() {
    let nobody = FilterPointer(std::ptr::null_mut());
    let module = envoy_dynamic_module_on_network_filter_config_new(OWNER, Buffer::of("authz"), Buffer::of(CONFIG));
    // SAFETY: the configuration was made above.
    assert!(unsafe { envoy_dynamic_module_on_network_filter_new(module, nobody) }.is_null());
    // SAFETY: the same.
    let connection = unsafe { envoy_dynamic_module_on_network_filter_new(module, FILTER) };
    assert!(!connection.is_null());
    STATE.with_borrow_mut(|state| state.calls.clear());
    // SAFETY: the connection was made above, here and below.
    assert_eq!(unsafe { envoy_dynamic_module_on_network_filter_new_connection(nobody, connection) }, 1);
    // SAFETY: see above.
    assert_eq!(unsafe { envoy_dynamic_module_on_network_filter_read(nobody, connection, 1, false) }, 1);
    assert_eq!(STATE.with_borrow(|state| state.calls.clone()), Vec::<String>::new());
    // SAFETY: see above, and this is the last one.
    unsafe { envoy_dynamic_module_on_network_filter_destroy(connection) };
    // SAFETY: its last use.
    unsafe { envoy_dynamic_module_on_network_filter_config_destroy(module) };
}
