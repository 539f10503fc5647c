//! Envoy's C interface for dynamic modules, version v0.2.0, by hand: the only place with `unsafe`.
//!
//! Hooks are what Envoy calls; the callbacks in `envoy` are what it exports. A buffer that a callback hands out
//! is valid within the hook that asked for it, so every wrapper here copies before it returns. What a hook
//! must not do is panic: each runs within `guard`.

#![allow(unsafe_code, reason = "the interface is of C; one operation a block, each with the fact that makes it sound")]

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use crate::connection::Envoy;
use crate::guard::guard;
use crate::module::{Connection, Event, Maker, Module, Status, Then};

/// Envoy's pointer to what it made for a connection. It is only handed back to Envoy.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct FilterPointer(*mut c_void);

/// Envoy's pointer to what it made for a configuration.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct ConfigPointer(*mut c_void);

/// Text of Envoy's or ours.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Buffer {
    start: *const u8,
    length: usize,
}

impl Buffer {
    const EMPTY: Self = Self { start: std::ptr::null(), length: 0 };

    fn of(text: &str) -> Self {
        Self { start: text.as_ptr(), length: text.len() }
    }

    /// Copies a buffer that Envoy handed out within this hook.
    fn copy(self) -> Vec<u8> {
        if self.start.is_null() || self.length == 0 {
            return Vec::new();
        }
        // SAFETY: Envoy hands out buffers of so many bytes that live as long as the hook that runs now.
        let bytes = unsafe { std::slice::from_raw_parts(self.start, self.length) };
        bytes.to_vec()
    }
}

/// A key and its value.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Pair {
    key: Buffer,
    value: Buffer,
}

/// How important a line of the log is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Level {
    Info,
    Warning,
    Error,
}

impl Level {
    fn number(self) -> u32 {
        match self {
            Self::Info => 2,
            Self::Warning => 3,
            Self::Error => 4,
        }
    }
}

mod envoy {
    //! What Envoy exports, without the prefix that all names have.

    use super::{Buffer, ConfigPointer, FilterPointer, Pair};

    macro_rules! callbacks {
        ($($own:ident = $name:literal ($($argument:ident: $type:ty),*) $(-> $answer:ty)?;)*) => {
            unsafe extern "C" {
                $(
                    #[link_name = concat!("envoy_dynamic_module_callback_", $name)]
                    pub(super) fn $own($($argument: $type),*) $(-> $answer)?;
                )*
            }
        };
    }

    callbacks! {
        log = "log"(level: u32, line: Buffer);
        continue_reading = "network_filter_continue_reading"(filter: FilterPointer);
        close_with_details = "network_filter_close_with_details"(filter: FilterPointer, how: u32, details: Buffer);
        read_disable = "network_filter_read_disable"(filter: FilterPointer, disable: bool) -> u32;
        read_enabled = "network_filter_read_enabled"(filter: FilterPointer) -> bool;
        get_remote_address = "network_filter_get_remote_address"(filter: FilterPointer, address: *mut Buffer, port: *mut u32) -> bool;
        get_direct_remote_address = "network_filter_get_direct_remote_address"(filter: FilterPointer, address: *mut Buffer, port: *mut u32) -> bool;
        get_local_address = "network_filter_get_local_address"(filter: FilterPointer, address: *mut Buffer, port: *mut u32) -> bool;
        is_ssl = "network_filter_is_ssl"(filter: FilterPointer) -> bool;
        get_requested_server_name = "network_filter_get_requested_server_name"(filter: FilterPointer, name: *mut Buffer) -> bool;
        get_ssl_uri_sans_size = "network_filter_get_ssl_uri_sans_size"(filter: FilterPointer) -> usize;
        get_ssl_uri_sans = "network_filter_get_ssl_uri_sans"(filter: FilterPointer, sans: *mut Buffer) -> bool;
        get_ssl_dns_sans_size = "network_filter_get_ssl_dns_sans_size"(filter: FilterPointer) -> usize;
        get_ssl_dns_sans = "network_filter_get_ssl_dns_sans"(filter: FilterPointer, sans: *mut Buffer) -> bool;
        get_ssl_subject = "network_filter_get_ssl_subject"(filter: FilterPointer, subject: *mut Buffer) -> bool;
        get_attribute_bool = "network_filter_get_attribute_bool"(filter: FilterPointer, attribute: u32, value: *mut bool) -> bool;
        define_counter = "network_filter_config_define_counter"(config: ConfigPointer, name: Buffer, counter: *mut usize) -> u32;
        increment_counter = "network_filter_increment_counter"(filter: FilterPointer, counter: usize, by: u64) -> u32;
        set_dynamic_metadata_strings = "network_set_dynamic_metadata_string_batch"(filter: FilterPointer, namespace: Buffer, pairs: *const Pair, count: usize);
    }
}

/// The attribute that tells whether the peer presented a certificate.
const CONNECTION_MTLS: u32 = 29;

pub(crate) fn log(level: Level, line: &str) {
    // SAFETY: the line outlives the call, and Envoy copies it.
    unsafe { envoy::log(level.number(), Buffer::of(line)) };
}

fn continue_reading(filter: FilterPointer) {
    // SAFETY: the pointer is Envoy's own, in a hook of its connection.
    unsafe { envoy::continue_reading(filter) };
}

fn close(filter: FilterPointer, details: &str) {
    /// At once, for nothing is owed to who is denied.
    const NO_FLUSH: u32 = 1;
    // SAFETY: the pointer is Envoy's own, in a hook of its connection; Envoy copies the details.
    unsafe { envoy::close_with_details(filter, NO_FLUSH, Buffer::of(details)) };
}

pub(crate) fn is_reading(filter: FilterPointer) -> bool {
    // SAFETY: the pointer is Envoy's own, in a hook of its connection.
    unsafe { envoy::read_enabled(filter) }
}

pub(crate) fn disable_reading(filter: FilterPointer, disable: bool) {
    // SAFETY: the pointer is Envoy's own, in a hook of its connection.
    unsafe { envoy::read_disable(filter, disable) };
}

type AddressGetter = unsafe extern "C" fn(FilterPointer, *mut Buffer, *mut u32) -> bool;

fn address(filter: FilterPointer, get: AddressGetter) -> Option<(Vec<u8>, u32)> {
    let (mut address, mut port) = (Buffer::EMPTY, 0);
    // SAFETY: the pointer is Envoy's own, in a hook of its connection; both places are ours and live.
    let is_there = unsafe { get(filter, &raw mut address, &raw mut port) };
    is_there.then(|| (address.copy(), port))
}

pub(crate) fn remote_address(filter: FilterPointer) -> Option<(Vec<u8>, u32)> {
    address(filter, envoy::get_remote_address)
}

pub(crate) fn direct_remote_address(filter: FilterPointer) -> Option<(Vec<u8>, u32)> {
    address(filter, envoy::get_direct_remote_address)
}

pub(crate) fn local_address(filter: FilterPointer) -> Option<(Vec<u8>, u32)> {
    address(filter, envoy::get_local_address)
}

pub(crate) fn is_tls(filter: FilterPointer) -> bool {
    // SAFETY: the pointer is Envoy's own, in a hook of its connection.
    unsafe { envoy::is_ssl(filter) }
}

pub(crate) fn server_name(filter: FilterPointer) -> Option<Vec<u8>> {
    let mut name = Buffer::EMPTY;
    // SAFETY: the pointer is Envoy's own, in a hook of its connection; the place is ours and lives.
    let is_there = unsafe { envoy::get_requested_server_name(filter, &raw mut name) };
    is_there.then(|| name.copy()).filter(|name| !name.is_empty())
}

pub(crate) fn is_mutual(filter: FilterPointer) -> Option<bool> {
    let mut value = false;
    // SAFETY: the pointer is Envoy's own, in a hook of its connection; the place is ours and lives.
    let is_there = unsafe { envoy::get_attribute_bool(filter, CONNECTION_MTLS, &raw mut value) };
    is_there.then_some(value)
}

type SanCounter = unsafe extern "C" fn(FilterPointer) -> usize;
type SanGetter = unsafe extern "C" fn(FilterPointer, *mut Buffer) -> bool;

/// All SANs of a kind; nothing if Envoy says how many there are and not which.
fn sans(filter: FilterPointer, count: SanCounter, get: SanGetter) -> Option<Vec<Vec<u8>>> {
    // SAFETY: the pointer is Envoy's own, in a hook of its connection.
    let count = unsafe { count(filter) };
    if count == 0 {
        return Some(Vec::new());
    }
    let mut sans = vec![Buffer::EMPTY; count];
    // SAFETY: the pointer is Envoy's own, in a hook of its connection; Envoy fills as many places as it said.
    let are_there = unsafe { get(filter, sans.as_mut_ptr()) };
    are_there.then(|| sans.into_iter().map(Buffer::copy).collect())
}

/// All URI SANs of the peer's certificate.
pub(crate) fn uri_sans(filter: FilterPointer) -> Option<Vec<Vec<u8>>> {
    sans(filter, envoy::get_ssl_uri_sans_size, envoy::get_ssl_uri_sans)
}

/// All DNS SANs of the peer's certificate.
pub(crate) fn dns_sans(filter: FilterPointer) -> Option<Vec<Vec<u8>>> {
    sans(filter, envoy::get_ssl_dns_sans_size, envoy::get_ssl_dns_sans)
}

/// The subject of the peer's certificate, which may be empty; nothing if Envoy does not say.
pub(crate) fn subject(filter: FilterPointer) -> Option<Vec<u8>> {
    let mut subject = Buffer::EMPTY;
    // SAFETY: the pointer is Envoy's own, in a hook of its connection; the place is ours and lives.
    let is_there = unsafe { envoy::get_ssl_subject(filter, &raw mut subject) };
    is_there.then(|| subject.copy())
}

pub(crate) fn increment_counter(filter: FilterPointer, counter: usize) {
    // SAFETY: the pointer is Envoy's own, in a hook of its connection; a number it does not know is an error.
    unsafe { envoy::increment_counter(filter, counter, 1) };
}

/// Sets them all at once: with every call Envoy copies twice what the namespace has already.
pub(crate) fn set_dynamic_metadata(filter: FilterPointer, namespace: &str, fields: &[(&str, &str)]) {
    let pairs: Vec<Pair> = fields.iter().map(|(key, value)| Pair { key: Buffer::of(key), value: Buffer::of(value) }).collect();
    // SAFETY: the pointer is Envoy's own, in a hook of its connection; there are as many pairs, and Envoy copies
    // the texts.
    unsafe { envoy::set_dynamic_metadata_strings(filter, Buffer::of(namespace), pairs.as_ptr(), pairs.len()) };
}

/// Envoy while it makes a configuration.
struct Making(ConfigPointer);

impl Maker for Making {
    fn define_counter(&mut self, name: &str) -> Option<usize> {
        let mut counter = 0;
        // SAFETY: the pointer is Envoy's own, in the hook that makes its configuration; Envoy copies the name.
        let status = unsafe { envoy::define_counter(self.0, Buffer::of(name), &raw mut counter) };
        (status == 0).then_some(counter)
    }

    fn error(&mut self, line: &str) {
        log(Level::Error, line);
    }

    fn warning(&mut self, line: &str) {
        log(Level::Warning, line);
    }
}

/// The version of the interface that this module is written for.
///
/// Envoy compares it with its own, and goes on with a warning if they differ. The module cannot do better: the hook has no
/// argument, none of the callbacks that Envoy 1.40 exports answers a version, and from version to version
/// callbacks kept their names while their arguments changed (`network_filter_get_ssl_dns_sans` did, twice). What
/// can be held to is done by the linker: the module is bound when it is loaded, so an Envoy that lacks one of
/// the callbacks refuses it then, and not in the middle of a connection.
#[unsafe(no_mangle)]
pub extern "C" fn envoy_dynamic_module_on_program_init() -> *const c_char {
    c"v0.2.0".as_ptr()
}

/// Makes a configuration; null refuses it, as for an Envoy that hands over none of its own.
#[unsafe(no_mangle)]
pub extern "C" fn envoy_dynamic_module_on_network_filter_config_new(
    config: ConfigPointer,
    _name: Buffer,
    text: Buffer,
) -> *const c_void {
    let make = || {
        if config.0.is_null() {
            log(
                Level::Error,
                "this Envoy hands over no configuration of its own; run the module in the release that it is built for",
            );
            return std::ptr::null();
        }
        match Module::new(&text.copy(), &mut Making(config)) {
            Some(module) => Arc::into_raw(Arc::new(module)).cast(),
            None => std::ptr::null(),
        }
    };
    guard(make, std::ptr::null)
}

/// Drops a configuration.
///
/// # Safety
///
/// The pointer comes from the hook that makes one, and this is its last use.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn envoy_dynamic_module_on_network_filter_config_destroy(module: *const c_void) {
    let destroy = || {
        if !module.is_null() {
            // SAFETY: by this function's contract; connections that still live hold counts of their own.
            drop(unsafe { Arc::from_raw(module.cast::<Module>()) });
        }
    };
    guard(destroy, || ());
}

/// Makes what belongs to a connection; null makes Envoy close it.
///
/// # Safety
///
/// The pointer comes from the hook that makes a configuration, which was not dropped yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn envoy_dynamic_module_on_network_filter_new(
    module: *const c_void,
    filter: FilterPointer,
) -> *const c_void {
    let make = || {
        if module.is_null() || filter.0.is_null() {
            return std::ptr::null();
        }
        // SAFETY: by this function's contract the count is at least one, and it is not given up here.
        unsafe { Arc::increment_strong_count(module.cast::<Module>()) };
        // SAFETY: the count that was just added is the one that is taken.
        let module = unsafe { Arc::from_raw(module.cast::<Module>()) };
        Box::into_raw(Box::new(Connection::new(module))).cast_const().cast()
    };
    guard(make, std::ptr::null)
}

/// Handles an event.
///
/// # Safety
///
/// The pointer comes from the hook that makes a connection and was not dropped yet.
unsafe fn handle(filter: FilterPointer, connection: *const c_void, event: Event) -> Status {
    if filter.0.is_null() {
        // Nobody to ask or to tell; nothing passes.
        return Status::Stop;
    }
    let handle = || {
        // SAFETY: by this function's contract. All hooks of a connection run on one thread, and the calls that
        // make Envoy run one within another are below, where this reference is gone.
        let connection = unsafe { connection.cast::<Connection>().cast_mut().as_mut() };
        let Some(connection) = connection else { return (Status::Stop, Then::Nothing) };
        let module = Arc::clone(connection.module());
        connection.handle(event, &mut Envoy::new(filter, &module))
    };
    let (status, then) = guard(handle, || (Status::Stop, Then::Close(String::new())));
    // No reference to the connection lives any more: Envoy calls its hooks from within these two.
    match then {
        Then::Nothing => {}
        Then::Resume => continue_reading(filter),
        Then::Close(details) => close(filter, &details),
    }
    status
}

fn number(status: Status) -> u32 {
    match status {
        Status::Continue => 0,
        Status::Stop => 1,
    }
}

/// A connection was accepted.
///
/// # Safety
///
/// As for every hook of a connection: the pointer comes from the hook that makes one and was not dropped yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn envoy_dynamic_module_on_network_filter_new_connection(
    filter: FilterPointer,
    connection: *const c_void,
) -> u32 {
    // SAFETY: by this function's contract.
    number(unsafe { handle(filter, connection, Event::New) })
}

/// The peer sent data.
///
/// # Safety
///
/// As for every hook of a connection.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn envoy_dynamic_module_on_network_filter_read(
    filter: FilterPointer,
    connection: *const c_void,
    _length: usize,
    _is_end: bool,
) -> u32 {
    // SAFETY: by this function's contract.
    number(unsafe { handle(filter, connection, Event::DownstreamData) })
}

/// Upstream sent data.
///
/// # Safety
///
/// As for every hook of a connection.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn envoy_dynamic_module_on_network_filter_write(
    filter: FilterPointer,
    connection: *const c_void,
    _length: usize,
    _is_end: bool,
) -> u32 {
    // SAFETY: by this function's contract.
    number(unsafe { handle(filter, connection, Event::UpstreamData) })
}

/// The state of the connection changed.
///
/// # Safety
///
/// As for every hook of a connection.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn envoy_dynamic_module_on_network_filter_event(
    filter: FilterPointer,
    connection: *const c_void,
    event: u32,
) {
    const REMOTE_CLOSE: u32 = 0;
    const LOCAL_CLOSE: u32 = 1;
    const CONNECTED: u32 = 2;
    let event = match event {
        CONNECTED => Event::HandshakeDone,
        REMOTE_CLOSE | LOCAL_CLOSE => Event::Closed,
        // Early data proves no identity.
        _ => return,
    };
    // SAFETY: by this function's contract.
    unsafe { handle(filter, connection, event) };
}

/// Drops what belongs to a connection.
///
/// # Safety
///
/// As for every hook of a connection, and this is the last one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn envoy_dynamic_module_on_network_filter_destroy(connection: *const c_void) {
    let destroy = || {
        if !connection.is_null() {
            // SAFETY: by this function's contract; it was made by `Box::into_raw`.
            drop(unsafe { Box::from_raw(connection.cast::<Connection>().cast_mut()) });
        }
    };
    guard(destroy, || ());
}

#[cfg(test)]
mod fake;
