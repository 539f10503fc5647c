//! authz as a native dynamic module for Envoy: it decides TCP connections without a virtual machine in between.
//!
//! What it does and how it is configured is told in the `README.md` beside it. Envoy loads the module into
//! itself and calls functions of C. [`abi`] is the only place with such functions and with `unsafe`; the rest
//! sees safe values: `module` holds what lives as long as a configuration or a connection, `connection` asks and
//! tells Envoy.

#![deny(unsafe_code)]

#[cfg(panic = "abort")]
compile_error!(
    "authz-envoy needs unwinding: with `panic = \"abort\"` a panic in one connection ends Envoy; build it with `panic = \"unwind\"`"
);

pub mod abi;
mod connection;
mod guard;
#[cfg(feature = "inject-panic")]
mod inject;
mod module;
