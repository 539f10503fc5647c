#![forbid(unsafe_code)]
//! What the Envoy filters of authz share: read this to change what both do, not to use either.
//!
//! `authz-proxy-wasm` and `authz-envoy` differ in how they ask Envoy for a property and how they close a
//! connection. Everything else is here and is tested without a proxy: [`Settings`] reads the
//! configuration, [`Host`] is what a filter may ask and tell its proxy, [`Filter`] is one connection from
//! its first moment to its end.
//!
//! ```
//! use authz_filter::{Node, Settings};
//!
//! let text = "
//! workload: {namespace: foo, labels: {app: tcp-echo}}
//! policies: |
//!   apiVersion: security.istio.io/v1
//!   kind: AuthorizationPolicy
//!   metadata: {name: tcp-policy, namespace: foo}
//!   spec:
//!     rules:
//!     - to: [{operation: {ports: ['9000']}}]
//! ";
//! let config = Settings::read(text)?.compile(&Node::default())?;
//! assert!(config.counters().iter().any(|name| name == "authz_policy.foo/tcp-policy"));
//! # Ok::<(), authz_filter::ConfigError>(())
//! ```

mod config;
mod counters;
mod facts;
mod filter;
mod host;
mod log;
mod rate;
mod report;
mod settings;
mod struct_value;
mod yaml;

#[cfg(test)]
extern crate self as authz_filter;
#[cfg(test)]
#[path = "../tests/fake/mod.rs"]
mod fake;
#[cfg(test)]
mod suites;

pub use config::{Config, FilterStateKeys, Mode};
pub use filter::{Answer, Filter};
pub use host::{Host, Reading};
pub use report::details_of_panic;
pub use settings::{ConfigError, Node, Settings};
