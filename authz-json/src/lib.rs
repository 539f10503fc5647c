//! What the engine is asked and what it answers, as JSON: one shape for the command line and for WebAssembly.
//!
//! Decisions, explanations and findings have their shape in `authz-core`, and meshes, workloads and
//! connections are written as in suites. Here are the answers that several doors give: what became of a load
//! ([`LoadReport`]), of a run of suites ([`SuiteReport`]), and the map of who may reach what ([`AccessMap`]).
//!
//! ```
//! use authz_json::{AccessMap, LoadOptions};
//! use authz_testdata::from_yaml;
//!
//! let text = "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: a, namespace: foo},
//!     spec: {rules: [{to: [{operation: {ports: ['80']}}]}]}}";
//! let load = LoadOptions::default().load([("policies.yaml", text)]);
//! assert_eq!(load.report().errors, 0);
//!
//! let policies = load.policies().ok_or("the policies load")?;
//! let authorizer = policies.authorizer_for(&policies.workloads()[0]);
//! let connection = from_yaml("{sourceIp: 10.0.0.1, destinationIp: 10.0.0.2, destinationPort: 80}")?;
//! let map = AccessMap::new(&[&authorizer], &connection, 50)?;
//! assert_eq!(serde_json::to_value(&map)?["versions"][0]["cells"][0], serde_json::json!([0, 1]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod access_map;
mod applied;
mod finding_entry;
mod load;
mod load_report;
mod suite_cases;
mod suite_report;

pub use access_map::{AccessMap, MapGroup, MapPort, MapRow, MapVersion};
pub use applied::Applied;
pub use finding_entry::FindingEntry;
pub use load::{Load, LoadOptions};
pub use load_report::LoadReport;
pub use suite_cases::{SuiteCase, SuiteCases};
pub use suite_report::{CaseReport, SuiteReport};
