//! Reads and runs policy-test suites: policies, connections, and what must become of them.
//!
//! A suite knows no programming language, so every door of the engine runs the same ones. The format
//! is described in the repository's `testdata/README.md`; unknown keys are errors, so that a misspelt
//! expectation cannot pass.
//!
//! ```
//! use authz_testdata::{Outcome, Suite};
//!
//! let text = "
//! workload: {namespace: foo}
//! policies: |
//!   apiVersion: security.istio.io/v1
//!   kind: AuthorizationPolicy
//!   metadata: {name: allow-nothing, namespace: foo}
//! cases:
//! - name: nothing is allowed
//!   connection: {sourceIp: 10.0.0.1, destinationIp: 10.0.0.2, destinationPort: 80}
//!   expect: deny
//!   because: {reason: no-allow-match}
//! ";
//! let suite = Suite::read("suite.yaml", text, &|path| Err(format!("no file `{path}`")))?;
//! assert_eq!(suite.cases()[0].run(), Outcome::Passed);
//! # Ok::<(), authz_testdata::SuiteError>(())
//! ```

#![forbid(unsafe_code)]

mod case;
mod door;
mod entries;
mod facts;
mod format;
mod subject;
mod suite;
mod validation;
mod yaml;

pub use case::{Case, Outcome};
pub use door::{Found, FoundRule, Question};
pub use entries::Entries;
pub use facts::OwnedConnection;
pub use subject::{ConnectionFile, MeshFile, OneOrMany, WorkloadFile};
pub use suite::{Suite, SuiteError};
pub use yaml::from_yaml;
