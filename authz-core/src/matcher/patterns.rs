//! What the patterns of all rules say of the texts of a connection.

use super::identities::Identities;
use super::server_names::ServerNames;

/// All patterns, by what they are compared with.
#[derive(Clone, Debug)]
pub(super) struct Patterns {
    pub(super) identities: Identities,
    pub(super) names: ServerNames,
}
