//! What a filter may ask its proxy, and tell it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// What a proxy says when it is asked for a property.
///
/// ```
/// use authz_filter::Reading;
///
/// assert_eq!(Reading::of(Some(7)), Reading::Present(7));
/// assert_eq!(Reading::<u8>::of(None), Reading::Absent);
/// assert_eq!(Reading::Present(7).map(|n| n + 1), Reading::Present(8));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading<T> {
    /// It has it.
    Present(T),
    /// It has not and will not: a plaintext peer has no identity.
    Absent,
    /// What it has cannot be read. The fact stays unknown, and denies where it matters.
    Malformed,
    /// A later stage of the connection may tell.
    NotYet,
}

impl<T> Reading<T> {
    /// A value that is there or is not.
    pub fn of(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Self::Present)
    }

    /// The same about something else that follows from it.
    pub fn map<U>(self, with: impl FnOnce(T) -> U) -> Reading<U> {
        match self {
            Self::Present(value) => Reading::Present(with(value)),
            Self::Absent => Reading::Absent,
            Self::Malformed => Reading::Malformed,
            Self::NotYet => Reading::NotYet,
        }
    }
}

/// The proxy's side of one connection.
///
/// A fact is asked for at most once, unless the answer was [`Reading::NotYet`], and only if the policies of the
/// workload can use it. No method may fail: what goes wrong is [`Reading::Malformed`].
pub trait Host {
    /// The client's address as the proxy believes it: that of a PROXY header, where there is one.
    fn remote_address(&mut self) -> Reading<IpAddr>;

    /// The direct peer's address; nothing where this host has no other than
    /// [`remote_address`](Self::remote_address).
    fn direct_address(&mut self) -> Option<Reading<IpAddr>>;

    /// The workload's address and port.
    fn destination(&mut self) -> Reading<SocketAddr>;

    /// Whether the proxy terminates TLS on this connection.
    fn is_tls(&mut self) -> Reading<bool>;

    /// Whether the peer presented a certificate. What it was verified against, if anything, is a matter of the
    /// proxy's configuration. Asked after the handshake only.
    fn is_mutual(&mut self) -> Reading<bool>;

    /// All the URI SANs of the certificate that the peer presented. Asked after the handshake only.
    fn uri_sans(&mut self) -> Reading<Vec<String>>;

    /// All the DNS SANs of that certificate and its subject, in the form of RFC 2253, if it has one: what Envoy's
    /// own filter compares too. Asked only where there is no URI SAN.
    fn other_names(&mut self) -> Reading<Vec<String>>;

    /// The server name that the client asked for. Absent counts only where the configuration vouches that the proxy
    /// reads it of every connection.
    fn server_name(&mut self) -> Reading<String>;

    /// Whether it is certain that the handshake is complete. Asked before upstream's first bytes are let
    /// through, where nothing else has told.
    fn is_handshake_complete(&mut self) -> bool;

    /// The time since some fixed moment.
    fn now(&mut self) -> Duration;

    /// Adds one to the counter at this place of [`Config::counters`](crate::Config::counters).
    fn count(&mut self, counter: usize);

    /// Leaves fields and their values for access logs and later filters, under the configuration's name. All that
    /// a decision has come at once, for some hosts copy what is there with every call.
    fn publish(&mut self, fields: &[(&'static str, &str)]);

    /// Writes a line to the proxy's log.
    fn log(&mut self, line: &str);
}
