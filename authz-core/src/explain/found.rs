//! What a connection has where a term looks: the fact, and its value in words.

use crate::connection::Connection;
use crate::fact::{Fact, Transport};
use crate::finding::printable;
use crate::policy::Patterns;
use crate::value::MetadataValue;

/// What the connection has where a term looks, in words.
pub(super) fn found(patterns: &Patterns, connection: &Connection<'_>) -> String {
    fn of<T: std::fmt::Display>(fact: Fact<T>) -> String {
        match fact {
            Fact::Known(value) => printable(value.to_string()),
            Fact::Absent => "absent".into(),
            Fact::Unknown => "not known yet".into(),
        }
    }
    match patterns {
        Patterns::SourceIp(_) => of(connection.source()),
        Patterns::RemoteIp(_) => of(connection.remote()),
        Patterns::DestinationIp(_) => of(connection.destination()),
        Patterns::DestinationPort(_) => of(connection.port()),
        Patterns::Sni(_) => of(connection.server_name()),
        Patterns::Metadata(key, _) => match connection.metadata_value(key) {
            Fact::Known(MetadataValue::Text(text)) => printable(text.to_owned()),
            Fact::Known(MetadataValue::List(list)) => printable(format!("[{}]", list.join(", "))),
            Fact::Absent => of::<&str>(Fact::Absent),
            Fact::Unknown => of::<&str>(Fact::Unknown),
        },
        Patterns::Principal(_) | Patterns::Namespace(_) | Patterns::ServiceAccount(_) | Patterns::TrustDomain(_) => {
            match connection.transport_fact() {
                Fact::Unknown => of::<&str>(Fact::Unknown),
                Fact::Absent | Fact::Known(Transport::Plaintext) => "absent: the connection is plaintext".into(),
                Fact::Known(Transport::Tls) => "absent: the TLS is not the mesh's".into(),
                Fact::Known(Transport::MeshMtls) if connection.peer_is_unknown() => of::<&str>(Fact::Unknown),
                Fact::Known(Transport::MeshMtls) => {
                    let identities: Vec<&str> = connection.identities().collect();
                    if identities.is_empty() { of::<&str>(Fact::Absent) } else { printable(identities.join(", ")) }
                }
            }
        }
    }
}
