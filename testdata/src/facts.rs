//! The facts of a case's connection, owned, so that a connection can be borrowed from them.

use std::net::IpAddr;

use authz_core::{Connection, Fact, FactSet, MetadataEntry, MetadataValue, Transport};

use crate::subject::{ConnectionFile, OneOrMany};

/// A connection that owns its facts.
///
/// A fact that a case leaves out is known to be absent; the facts in `unknown` are not known yet.
#[derive(Clone, Debug)]
pub struct OwnedConnection {
    source: Fact<IpAddr>,
    /// Nothing where it is the source, whatever that becomes.
    remote: Option<Fact<IpAddr>>,
    destination: Fact<IpAddr>,
    port: Fact<u16>,
    unknown: FactSet,
    principals: Option<Vec<String>>,
    tls: bool,
    sni: Option<String>,
    metadata: Vec<(String, String, OneOrMany)>,
}

impl OwnedConnection {
    /// Reads the facts of a connection.
    ///
    /// # Errors
    ///
    /// When an address or the port is neither stated nor named in `unknown`, when a name there is no fact, when a
    /// key of `metadata` has another form, and when `tls` contradicts `principal`.
    pub fn new(file: &ConnectionFile) -> Result<Self, String> {
        let mut unknown = FactSet::EMPTY;
        for name in &file.unknown {
            unknown |= FactSet::named(name).ok_or_else(|| format!("`{name}` is not a fact"))?;
        }
        if file.tls && file.principal.is_some() {
            return Err("`tls` says that there is no identity, and `principal` states one; leave one of them out".into());
        }
        let address = |address: Option<IpAddr>, fact: FactSet, name: &str| match address {
            _ if unknown.contains(fact) => Ok(Fact::Unknown),
            Some(address) => Ok(Fact::Known(address)),
            None => Err(format!("`connection.{name}` is left out; state it, or name it in `unknown`")),
        };
        let source = address(file.source_ip, FactSet::SOURCE_IP, "sourceIp")?;
        let mut metadata = Vec::new();
        for (key, value) in file.metadata.iter() {
            let (filter, key) = key.split_once('|').ok_or_else(|| format!("`{key}` is not of the form NAMESPACE|KEY"))?;
            metadata.push((filter.to_owned(), key.to_owned(), value.clone()));
        }
        Ok(Self {
            source,
            remote: match file.remote_ip {
                None if !unknown.contains(FactSet::REMOTE_IP) => None,
                stated => Some(address(stated, FactSet::REMOTE_IP, "remoteIp")?),
            },
            destination: address(file.destination_ip, FactSet::DESTINATION_IP, "destinationIp")?,
            port: match file.destination_port {
                _ if unknown.contains(FactSet::DESTINATION_PORT) => Fact::Unknown,
                Some(port) => Fact::Known(port),
                None => return Err("`connection.destinationPort` is left out; state it, or name it in `unknown`".into()),
            },
            unknown,
            principals: file.principal.clone().map(|principal| match principal {
                OneOrMany::One(one) => vec![one],
                OneOrMany::Many(many) => many,
            }),
            tls: file.tls,
            sni: file.sni.clone(),
            metadata,
        })
    }

    /// Hands the connection to `work`; it borrows from vectors that live as long as the call.
    pub fn with<R>(&self, work: impl FnOnce(&Connection<'_>) -> R) -> R {
        let principals: Vec<&str> = self.principals.iter().flatten().map(String::as_str).collect();
        let lists: Vec<Vec<&str>> = self
            .metadata
            .iter()
            .map(|(_, _, value)| match value {
                OneOrMany::One(_) => Vec::new(),
                OneOrMany::Many(many) => many.iter().map(String::as_str).collect(),
            })
            .collect();
        let entries: Vec<MetadataEntry<'_>> = self
            .metadata
            .iter()
            .zip(&lists)
            .map(|((filter, key, value), list)| MetadataEntry {
                filter,
                key,
                value: match value {
                    OneOrMany::One(text) => MetadataValue::Text(text),
                    OneOrMany::Many(_) => MetadataValue::List(list),
                },
            })
            .collect();
        work(&self.connection(&principals, &entries))
    }

    /// The metadata: filter, key, values, and whether the value is a list of them.
    pub fn metadata(&self) -> impl Iterator<Item = (&str, &str, &[String], bool)> {
        self.metadata.iter().map(|(filter, key, value)| match value {
            OneOrMany::One(text) => (filter.as_str(), key.as_str(), std::slice::from_ref(text), false),
            OneOrMany::Many(many) => (filter.as_str(), key.as_str(), many.as_slice(), true),
        })
    }

    fn connection<'a>(&'a self, principals: &'a [&'a str], entries: &'a [MetadataEntry<'a>]) -> Connection<'a> {
        let mut connection =
            Connection::unknown().source_ip(self.source).destination_ip(self.destination).destination_port(self.port);
        if let Some(remote) = self.remote {
            connection = connection.remote_ip(remote);
        }
        let transport = match (&self.principals, &self.sni) {
            // A connection is mesh mTLS exactly when it states a principal.
            (Some(_), _) => Transport::MeshMtls,
            (None, None) if !self.tls => Transport::Plaintext,
            (None, _) => Transport::Tls,
        };
        let peer_is_unknown = self.unknown.contains(FactSet::PEER);
        if self.unknown.contains(FactSet::TRANSPORT) || (peer_is_unknown && self.principals.is_none() && !self.tls) {
            connection = connection.transport(Fact::Unknown);
        } else if self.principals.is_some() && !peer_is_unknown {
            connection = connection.principals(principals);
        } else {
            connection = connection.transport(Fact::Known(transport));
        }
        if !self.unknown.contains(FactSet::SNI) {
            connection = match &self.sni {
                Some(name) => connection.sni(name),
                None => connection.without_sni(),
            };
        }
        match (self.unknown.contains(FactSet::METADATA), entries) {
            (true, _) => connection,
            (false, []) => connection.without_metadata(),
            (false, entries) => connection.metadata(entries),
        }
    }
}

#[cfg(test)]
mod tests {
    use authz_core::Connection;

    use super::*;
    use crate::yaml::from_yaml;

    fn with(text: &str, check: impl FnOnce(&Connection<'_>)) {
        OwnedConnection::new(&from_yaml(text).unwrap()).unwrap().with(check);
    }

    #[test]
    fn the_original_client_is_the_source_until_it_is_stated() {
        let other = Fact::Known([192, 0, 2, 1].into());
        with("{sourceIp: 10.0.0.1, destinationIp: 10.0.0.2, destinationPort: 80}", |connection| {
            assert_eq!(connection.remote(), connection.source());
            assert_eq!(connection.source_ip(other).remote(), other);
        });
        with("{sourceIp: 10.0.0.1, remoteIp: 10.0.0.1, destinationIp: 10.0.0.2, destinationPort: 80}", |connection| {
            assert_eq!(connection.source_ip(other).remote(), connection.source());
        });
        with("{sourceIp: 10.0.0.1, destinationIp: 10.0.0.2, destinationPort: 80, unknown: [remoteIp]}", |connection| {
            assert!(connection.remote().is_unknown());
        });
    }
}
