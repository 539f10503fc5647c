//! The plain evaluator: walks the policies as they are written, clause by clause, and keeps the way.
//!
//! It is slow and obviously right. The compiled form in [`crate::matcher`] is neither, and a property
//! test holds it to this one.

mod display;
mod evaluate;
mod found;
mod nearest;
mod walk;

pub use nearest::{Change, NearMiss};
pub use walk::{Explanation, FailedTerm, MtlsStep, PassedOver, PolicyStep, RuleOutcome, RuleStep};

pub(crate) use evaluate::{Identities, decide};
pub(crate) use nearest::{sample, sample_namespace, sample_trust_domain};
pub(crate) use walk::explain;
