//! The words that rules are made of: addresses, ports, patterns, labels and names, each with one parser.
//!
//! Every stage of the engine compares values through these types, so a value that is accepted here
//! means the same thing to the linter, to `explain` and to `decide`.

mod ip_block;
mod labels;
mod location;
mod metadata_match;
mod namespace_match;
mod policy_name;
mod port;
mod rule_id;
mod service_account;
mod string_match;
mod trust_domain;

pub use ip_block::{IpBlock, IpBlockError};
pub use labels::Labels;
pub use location::{Location, Position, Span};
pub use metadata_match::{MetadataKey, MetadataMatch, MetadataValue};
pub use namespace_match::NamespaceMatch;
pub use policy_name::PolicyName;
pub use port::{Port, PortError};
pub use rule_id::{PolicyId, RuleId};
pub use service_account::{ServiceAccountError, ServiceAccountMatch};
pub use string_match::{PrincipalMatch, SniMatch, StringMatch};
pub use trust_domain::{TrustDomainError, TrustDomainMatch};

pub(crate) use string_match::trust_domains_overlap;
