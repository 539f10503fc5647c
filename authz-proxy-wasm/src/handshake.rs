//! Whether the TLS handshake is complete, while the peer itself says nothing: what proves it, and what does not.

use authz_filter::{FilterStateKeys, Reading};

use crate::attributes::{Properties, is_mutual, is_there};

/// The proof of one connection's handshake.
///
/// | configured | what proves it |
/// |---|---|
/// | `handshake` | that key, and nothing else |
/// | `uriSans` alone | that key, and that the peer has a certificate |
/// | neither | that the peer has a certificate |
///
/// A key that is there when the connection is told to be new was set before the handshake, by a filter that is
/// told to set it `on_new_connection`: it proves nothing then, and the peer's own data is waited for.
///
/// That a peer has no certificate shows in the same way as that its certificate has not arrived. So without one a
/// handshake is complete only where the user has named a key for just that.
///
/// A certificate is there a moment too soon: when it has arrived, and before the peer has proved that it is its own. A
/// peer that cannot closes the connection with its failure, and what was let through for it in that moment never leaves
/// Envoy, which encrypts nothing before the end of the handshake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handshake {
    /// Whether the key was there too early.
    is_spoilt: bool,
}

impl Handshake {
    /// Looks at a connection that was just told to be new, and is over TLS.
    pub fn begin(properties: &dyn Properties, keys: &FilterStateKeys) -> Self {
        let is_left = |key| is_there(properties, &["filter_state", key]);
        // What cannot be read now may have been there.
        Self { is_spoilt: key(keys).is_some_and(|key| is_left(key) != Ok(false)) }
    }

    /// Whether it is complete by now.
    pub fn is_complete(self, properties: &dyn Properties, keys: &FilterStateKeys) -> bool {
        let is_left = key(keys).is_none_or(|key| !self.is_spoilt && is_there(properties, &["filter_state", key]) == Ok(true));
        is_left && (keys.handshake.is_some() || is_mutual(properties) == Reading::Present(true))
    }
}

/// The key that is looked at.
fn key(keys: &FilterStateKeys) -> Option<&str> {
    keys.handshake.as_deref().or(keys.uri_sans.as_deref())
}
