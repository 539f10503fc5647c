//! A connection that owns its facts, and streams of them with the verdicts they must get.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use authz_core::{Connection, Fact, Transport};

/// The facts of one connection.
///
/// ```
/// use authz_benches::Query;
/// use authz_core::Fact;
///
/// let query = Query {
///     source: "10.0.0.7".parse().unwrap(),
///     destination: "10.0.0.9:80".parse().unwrap(),
///     principal: Some("spiffe://cluster.local/ns/a/sa/b".into()),
///     sni: None,
/// };
/// assert_eq!(query.connection().port(), Fact::Known(80));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    /// The direct peer.
    pub source: IpAddr,
    /// The workload's address and port.
    pub destination: SocketAddr,
    /// The peer's URI SAN; `None` is a connection without mesh mTLS.
    pub principal: Option<Arc<str>>,
    /// The server name.
    pub sni: Option<Arc<str>>,
}

impl Query {
    /// The connection, with every fact stated.
    pub fn connection(&self) -> Connection<'_> {
        let connection = Connection::new(self.source, self.destination).without_metadata();
        let connection = match (&self.principal, &self.sni) {
            (Some(principal), _) => connection.principal(principal),
            (None, None) => connection.plaintext(),
            (None, Some(_)) => connection.transport(Fact::Known(Transport::Tls)),
        };
        match &self.sni {
            Some(name) => connection.sni(name),
            None => connection.without_sni(),
        }
    }
}

/// Connections in the order in which they come, each with its verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// What reports call it: `zipf`.
    pub name: String,
    /// The connections.
    pub queries: Vec<Query>,
    /// Whether each may pass.
    pub allowed: Vec<bool>,
}

impl Stream {
    /// The connections, borrowed from here.
    pub fn connections(&self) -> Vec<Connection<'_>> {
        self.queries.iter().map(Query::connection).collect()
    }
}
