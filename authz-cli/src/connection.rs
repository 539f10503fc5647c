//! The connection that is asked about, as options of a command.

use std::net::IpAddr;

use authz_core::{Connection, Fact, FactSet, MetadataEntry, MetadataKey, MetadataValue, Transport};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::exit::Failure;

/// What is known of the connection.
///
/// A fact that is neither stated nor named in `--unknown` is known to be absent. A connection always
/// has addresses and a port, so one of these that is left out is unknown.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectionArgs {
    /// The address of the direct peer
    #[arg(long, value_name = "IP")]
    source_ip: Option<IpAddr>,

    /// The address of the original client, where a proxy in between states it [default: that of the direct peer]
    #[arg(long, value_name = "IP")]
    remote_ip: Option<IpAddr>,

    /// The address of the workload
    #[arg(long, value_name = "IP")]
    destination_ip: Option<IpAddr>,

    /// The port of the workload, not of a Service in front of it
    #[arg(long, value_name = "PORT")]
    destination_port: Option<u16>,

    /// A URI SAN of the peer's certificate, as in `spiffe://cluster.local/ns/foo/sa/sleep`; may be repeated
    ///
    /// It states that the connection is mesh mTLS. Without it the connection is plaintext, or TLS that
    /// is not the mesh's if `--tls` or `--sni` is given. An empty one states mesh mTLS without an identity.
    #[arg(long = "principal", value_name = "URI", value_parser = principal)]
    principals: Vec<String>,

    /// The connection is TLS that is not the mesh's, and so without an identity
    #[arg(long, conflicts_with = "principals")]
    tls: bool,

    /// The server name that the client asks for in its TLS handshake
    #[arg(long, value_name = "NAME")]
    sni: Option<String>,

    /// What another filter knows, as `experimental.envoy.filters.FILTER[KEY]=VALUE` or `FILTER|KEY=VALUE`; may be repeated
    ///
    /// The same key twice states a list, and so does a value in brackets: `[select,update]`.
    #[arg(long, value_name = "KEY=VALUE", value_parser = metadata)]
    metadata: Vec<Metadata>,

    /// Facts that are not known yet, separated by commas; what depends on one is denied
    #[arg(long, value_name = "FACT", value_delimiter = ',', value_parser = facts())]
    unknown: Vec<FactSet>,
}

#[derive(Clone, Debug)]
struct Metadata {
    filter: String,
    key: String,
    values: Vec<String>,
    is_list: bool,
}

impl ConnectionArgs {
    /// Hands the connection to `work`; it borrows from vectors that live as long as the call.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&Connection<'_>) -> R) -> Result<R, Failure> {
        let unknown = self.unknown.iter().fold(FactSet::EMPTY, |all, fact| all | *fact);
        self.refuse_contradictions(unknown)?;
        let principals: Vec<&str> = self.principals.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
        let merged = merge(&self.metadata);
        let lists: Vec<Vec<&str>> = merged.iter().map(|entry| entry.values.iter().map(String::as_str).collect()).collect();
        let entries: Vec<MetadataEntry<'_>> = merged
            .iter()
            .zip(&lists)
            .map(|(entry, list)| {
                let value = match list.as_slice() {
                    [text] if !entry.is_list => MetadataValue::Text(text),
                    list => MetadataValue::List(list),
                };
                MetadataEntry { filter: &entry.filter, key: &entry.key, value }
            })
            .collect();
        Ok(work(&self.connection(unknown, &principals, &entries)))
    }

    fn connection<'a>(&'a self, unknown: FactSet, principals: &'a [&'a str], entries: &'a [MetadataEntry<'a>]) -> Connection<'a> {
        let mut connection = Connection::unknown()
            .source_ip(stated(self.source_ip))
            .destination_ip(stated(self.destination_ip))
            .destination_port(stated(self.destination_port));
        if self.remote_ip.is_some() || unknown.contains(FactSet::REMOTE_IP) {
            connection = connection.remote_ip(stated(self.remote_ip));
        }
        connection = if !self.principals.is_empty() {
            connection.principals(principals)
        } else if self.tls {
            connection.transport(Fact::Known(Transport::Tls))
        } else if unknown.contains(FactSet::TRANSPORT) || unknown.contains(FactSet::PEER) {
            // Whether it will be mesh mTLS is not known as long as nobody knows who the peer is.
            connection.transport(Fact::Unknown)
        } else if self.sni.is_some() {
            connection.transport(Fact::Known(Transport::Tls))
        } else {
            connection.transport(Fact::Known(Transport::Plaintext))
        };
        connection = match &self.sni {
            Some(name) => connection.sni(name),
            None if unknown.contains(FactSet::SNI) => connection,
            None => connection.without_sni(),
        };
        match entries {
            [] if unknown.contains(FactSet::METADATA) => connection,
            [] => connection.without_metadata(),
            entries => connection.metadata(entries),
        }
    }

    /// Refuses facts that are both stated and said to be unknown.
    fn refuse_contradictions(&self, unknown: FactSet) -> Result<(), Failure> {
        let stated = [
            (FactSet::SOURCE_IP, "--source-ip", self.source_ip.is_some()),
            (FactSet::REMOTE_IP, "--remote-ip", self.remote_ip.is_some()),
            (FactSet::DESTINATION_IP, "--destination-ip", self.destination_ip.is_some()),
            (FactSet::DESTINATION_PORT, "--destination-port", self.destination_port.is_some()),
            (FactSet::TRANSPORT, "--principal", !self.principals.is_empty()),
            (FactSet::TRANSPORT, "--tls", self.tls),
            (FactSet::PEER, "--principal", !self.principals.is_empty()),
            (FactSet::PEER, "--tls", self.tls),
            (FactSet::SNI, "--sni", self.sni.is_some()),
            (FactSet::METADATA, "--metadata", !self.metadata.is_empty()),
        ];
        match stated.into_iter().find(|(fact, _, is_stated)| *is_stated && unknown.contains(*fact)) {
            Some((fact, flag, _)) => Err(Failure::new(format!("`--unknown {fact}` contradicts `{flag}`; leave one of them out"))),
            None => Ok(()),
        }
    }

    /// The options for those of the `needs` that the user neither stated nor called unknown.
    pub(crate) fn left_out(&self, needs: FactSet) -> Vec<&'static str> {
        let unknown = self.unknown.iter().fold(FactSet::EMPTY, |all, fact| all | *fact);
        let options = [
            (FactSet::SOURCE_IP, "--source-ip"),
            (FactSet::REMOTE_IP, "--remote-ip"),
            (FactSet::DESTINATION_IP, "--destination-ip"),
            (FactSet::DESTINATION_PORT, "--destination-port"),
        ];
        let is_left_out = |fact: FactSet| needs.contains(fact) && !unknown.contains(fact);
        options.into_iter().filter(|(fact, _)| is_left_out(*fact)).map(|(_, option)| option).collect()
    }
}

fn stated<T>(value: Option<T>) -> Fact<T> {
    value.map_or(Fact::Unknown, Fact::Known)
}

/// One entry for each key; a key that was given twice has a list.
fn merge(stated: &[Metadata]) -> Vec<Metadata> {
    let mut merged: Vec<Metadata> = Vec::new();
    for entry in stated {
        match merged.iter_mut().find(|known| known.filter == entry.filter && known.key == entry.key) {
            Some(known) => {
                known.values.extend_from_slice(&entry.values);
                known.is_list = true;
            }
            None => merged.push(entry.clone()),
        }
    }
    merged
}

fn facts() -> impl TypedValueParser<Value = FactSet> {
    PossibleValuesParser::new(FactSet::NAMES.map(|(_, name)| name))
        .try_map(|name| FactSet::named(&name).ok_or_else(|| format!("`{name}` is not a fact")))
}

fn principal(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(':') {
        return Ok(text.to_owned());
    }
    Err(format!("a certificate carries a URI; write `spiffe://{text}`"))
}

fn metadata(text: &str) -> Result<Metadata, String> {
    const FORM: &str = "write experimental.envoy.filters.FILTER[KEY]=VALUE or FILTER|KEY=VALUE";
    let (filter, key, value) = if text.starts_with("experimental.") {
        let (start, value) = text.split_once("]=").ok_or(FORM)?;
        let key = MetadataKey::parse(&format!("{start}]")).ok_or(FORM)?;
        (key.filter().to_owned(), key.key().to_owned(), value)
    } else {
        let (filter, rest) = text.split_once('|').ok_or(FORM)?;
        let (key, value) = rest.split_once('=').ok_or(FORM)?;
        (filter.to_owned(), key.to_owned(), value)
    };
    if filter.is_empty() || key.is_empty() {
        return Err(FORM.into());
    }
    let list = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let values = match list {
        Some("") => Vec::new(),
        Some(list) => list.split(',').map(|item| item.trim().to_owned()).collect(),
        None => vec![value.to_owned()],
    };
    Ok(Metadata { filter, key, values, is_list: list.is_some() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_has_two_spellings_and_lists() {
        let table = [
            ("experimental.envoy.filters.network.mysql_proxy[db.table]=update", Some(("db.table", vec!["update"], false))),
            ("envoy.filters.network.mysql_proxy|db.table=update", Some(("db.table", vec!["update"], false))),
            ("envoy.filters.network.mysql_proxy|db.table=[update]", Some(("db.table", vec!["update"], true))),
            ("envoy.filters.network.mysql_proxy|db.table=[select, update]", Some(("db.table", vec!["select", "update"], true))),
            ("envoy.filters.network.mysql_proxy|db.table=[]", Some(("db.table", vec![], true))),
            ("envoy.filters.network.mysql_proxy|db.table=a=b", Some(("db.table", vec!["a=b"], false))),
            ("experimental.envoy.filters.a=b", None),
            ("envoy.filters.a|b", None),
            ("envoy.filters.a=b", None),
            ("|b=c", None),
        ];
        for (text, expected) in table {
            let entry = metadata(text).ok();
            let found = entry
                .as_ref()
                .map(|entry| (entry.key.as_str(), entry.values.iter().map(String::as_str).collect::<Vec<_>>(), entry.is_list));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn the_same_key_twice_is_a_list() {
        let entries: Vec<Metadata> = ["f|k=a", "f|other=b", "f|k=c"].iter().map(|text| metadata(text).unwrap()).collect();
        let merged = merge(&entries);
        assert_eq!(merged.len(), 2);
        assert_eq!(merged[0].values, ["a", "c"]);
        assert!(merged[0].is_list && !merged[1].is_list);
    }

    #[test]
    fn a_principal_is_a_uri() {
        assert!(principal("spiffe://cluster.local/ns/foo/sa/sleep").is_ok());
        assert!(principal("").is_ok());
        assert!(principal("cluster.local/ns/foo/sa/sleep").unwrap_err().contains("spiffe://cluster.local/ns/foo/sa/sleep"));
    }
}
