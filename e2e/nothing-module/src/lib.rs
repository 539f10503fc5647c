//! What the boundary between Envoy and a dynamic module costs: a filter that is called for everything and does
//! nothing.
//!
//! `cargo xtask bench --envoy` builds it as it builds `authz-envoy` and measures both. No hook asks Envoy
//! anything or follows a pointer; every answer is that Envoy shall go on.

#![allow(unsafe_code, reason = "names that Envoy looks up must not be mangled; nothing else here is unsafe")]

use std::ffi::{c_char, c_void};

/// Text of Envoy's.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Buffer {
    /// Where it starts.
    pub start: *const u8,
    /// How many bytes it has.
    pub length: usize,
}

/// Envoy hands it back to every hook; null would mean that there is nothing.
const NOTHING: *const c_void = (&raw const ANYTHING).cast();
static ANYTHING: u8 = 0;

/// Go on with the next filter.
const CONTINUE: u32 = 0;

/// The version of the interface.
#[unsafe(no_mangle)]
pub extern "C" fn envoy_dynamic_module_on_program_init() -> *const c_char {
    c"v0.2.0".as_ptr()
}

/// Takes any configuration.
#[unsafe(no_mangle)]
pub extern "C" fn envoy_dynamic_module_on_network_filter_config_new(
    _config: *mut c_void,
    _name: Buffer,
    _text: Buffer,
) -> *const c_void {
    NOTHING
}

/// Has nothing to drop.
#[unsafe(no_mangle)]
pub extern "C" fn envoy_dynamic_module_on_network_filter_config_destroy(_config: *const c_void) {}

/// Makes nothing for a connection.
#[unsafe(no_mangle)]
pub extern "C" fn envoy_dynamic_module_on_network_filter_new(_config: *const c_void, _filter: *mut c_void) -> *const c_void {
    NOTHING
}

/// Lets a connection pass.
#[unsafe(no_mangle)]
pub extern "C" fn envoy_dynamic_module_on_network_filter_new_connection(_filter: *mut c_void, _own: *const c_void) -> u32 {
    CONTINUE
}

/// Lets the peer's data pass.
#[unsafe(no_mangle)]
pub extern "C" fn envoy_dynamic_module_on_network_filter_read(
    _filter: *mut c_void,
    _own: *const c_void,
    _length: usize,
    _is_end: bool,
) -> u32 {
    CONTINUE
}

/// Lets the data of upstream pass.
#[unsafe(no_mangle)]
pub extern "C" fn envoy_dynamic_module_on_network_filter_write(
    _filter: *mut c_void,
    _own: *const c_void,
    _length: usize,
    _is_end: bool,
) -> u32 {
    CONTINUE
}

/// Takes note of nothing.
#[unsafe(no_mangle)]
pub extern "C" fn envoy_dynamic_module_on_network_filter_event(_filter: *mut c_void, _own: *const c_void, _event: u32) {}

/// Has nothing to drop.
#[unsafe(no_mangle)]
pub extern "C" fn envoy_dynamic_module_on_network_filter_destroy(_own: *const c_void) {}
