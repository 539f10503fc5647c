//! The access map: who may reach which port, for everyone that the policies tell apart.

use std::net::IpAddr;

use authz_core::{Authorizer, Decision, Fact, Sample, Samples};
use authz_testdata::{ConnectionFile, OneOrMany, OwnedConnection};
use serde::Serialize;

/// Verdicts of a grid of connections: a row for each peer and address, a column for each port.
///
/// Rows and columns are the values that the policies write, and one for the rest. Each row differs from the
/// connection that was handed over in one fact; the first in none.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessMap<'a> {
    /// The ports.
    pub ports: Vec<MapPort>,
    /// The rows, by the fact in which they differ.
    pub groups: Vec<MapGroup>,
    /// What each of the authorizers decides.
    pub versions: Vec<MapVersion<'a>>,
    /// How many of the values that the policies write are left out.
    pub left_out: usize,
}

/// A column.
#[derive(Clone, Debug, Serialize)]
pub struct MapPort {
    /// The port.
    pub value: u16,
    /// Whether it stands for all ports that no policy writes.
    pub rest: bool,
}

/// Rows that differ in one fact.
#[derive(Clone, Debug, Serialize)]
pub struct MapGroup {
    /// The fact: `connection` where they differ in none, or `peer`, `sourceIp`, `remoteIp`, `destinationIp` or `sni`.
    pub fact: &'static str,
    /// The rows.
    pub rows: Vec<MapRow>,
}

/// A row.
#[derive(Clone, Debug, Serialize)]
pub struct MapRow {
    /// What the policies write, or what the row stands for.
    pub label: String,
    /// The value; nothing where the row is about there being none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Whether it stands for all that no policy writes.
    pub rest: bool,
    /// The connection, to the first of the ports.
    pub connection: ConnectionFile,
}

/// What one authorizer decides.
#[derive(Clone, Debug, Serialize)]
pub struct MapVersion<'a> {
    /// The different decisions.
    pub decisions: Vec<Decision<'a>>,
    /// For each row, of all groups one behind the other, the decision of each port by its place.
    pub cells: Vec<Vec<usize>>,
}

impl<'a> AccessMap<'a> {
    /// The map of some authorizers, versions of each other, around a connection; at most so many of each kind of
    /// value that policies write.
    ///
    /// # Errors
    ///
    /// When the connection is none; see [`OwnedConnection::new`].
    pub fn new(authorizers: &[&'a Authorizer], connection: &ConnectionFile, most: usize) -> Result<Self, String> {
        OwnedConnection::new(connection)?;
        let mut samples = Samples::of(authorizers, most);
        if let Some(port) = connection.destination_port
            && samples.ports.iter().all(|sample| sample.value != port)
        {
            match samples.ports.iter_mut().find(|sample| sample.is_rest()) {
                // Of the ports that stand for each other, the one that was asked about is the one to show.
                Some(rest) if samples.left_out == 0 => rest.value = port,
                // It may be among those that were left out, so that it stands for itself alone.
                _ => samples.ports.push(Sample { value: port, written: Some(port.to_string()) }),
            }
        }
        let groups = groups(&samples, connection);
        let rows: Vec<&MapRow> = groups.iter().flat_map(|group| &group.rows).collect();
        let versions = authorizers.iter().map(|authorizer| MapVersion::new(authorizer, &rows, &samples.ports));
        let versions = versions.collect::<Result<_, String>>()?;
        let ports = samples.ports.iter().map(|sample| MapPort { value: sample.value, rest: sample.is_rest() }).collect();
        Ok(Self { ports, versions, left_out: samples.left_out, groups })
    }
}

impl<'a> MapVersion<'a> {
    fn new(authorizer: &'a Authorizer, rows: &[&MapRow], ports: &[Sample<u16>]) -> Result<Self, String> {
        let mut decisions: Vec<Decision<'a>> = Vec::new();
        let mut cells = Vec::with_capacity(rows.len());
        for row in rows {
            let connection = OwnedConnection::new(&row.connection)?;
            cells.push(connection.with(|connection| {
                let decide = |port: &Sample<u16>| authorizer.decide(&connection.destination_port(Fact::Known(port.value)));
                ports.iter().map(decide).map(|decision| place(decision, &mut decisions)).collect()
            }));
        }
        Ok(Self { decisions, cells })
    }
}

/// The place of a decision among those that are known.
fn place<'a>(decision: Decision<'a>, decisions: &mut Vec<Decision<'a>>) -> usize {
    decisions.iter().position(|known| *known == decision).unwrap_or_else(|| {
        decisions.push(decision);
        decisions.len() - 1
    })
}

fn set_port(file: &mut ConnectionFile, port: u16) {
    file.destination_port = Some(port);
    know(file, "destinationPort");
}

/// States that a fact is known.
fn know(file: &mut ConnectionFile, fact: &str) {
    file.unknown.retain(|unknown| unknown != fact);
}

/// The place of an address in a connection.
type Field = fn(&mut ConnectionFile) -> &mut Option<IpAddr>;

fn groups(samples: &Samples, connection: &ConnectionFile) -> Vec<MapGroup> {
    let port = samples.ports.first().map(|sample| sample.value);
    let mut base = connection.clone();
    port.into_iter().for_each(|port| set_port(&mut base, port));
    let own = MapRow { label: "the connection itself".into(), value: None, rest: false, connection: base.clone() };
    let mut groups = vec![
        MapGroup { fact: "connection", rows: vec![own] },
        MapGroup { fact: "peer", rows: peers(&samples.identities, &base) },
    ];
    let addresses: [(&'static str, &[Sample<IpAddr>], Field); 3] = [
        ("sourceIp", &samples.sources, |file| &mut file.source_ip),
        ("remoteIp", &samples.remotes, |file| &mut file.remote_ip),
        ("destinationIp", &samples.destinations, |file| &mut file.destination_ip),
    ];
    for (fact, samples, field) in addresses {
        let row = |sample: &Sample<IpAddr>| {
            let mut connection = base.clone();
            *field(&mut connection) = Some(sample.value);
            know(&mut connection, fact);
            row(sample, "any other address", sample.value.to_string(), connection)
        };
        groups.push(MapGroup { fact, rows: samples.iter().map(row).collect() });
    }
    let row = |sample: &Sample<String>| {
        let mut connection = base.clone();
        connection.sni = Some(sample.value.clone());
        know(&mut connection, "sni");
        row(sample, "any other server name", sample.value.clone(), connection)
    };
    groups.push(MapGroup { fact: "sni", rows: samples.server_names.iter().map(row).collect() });
    groups.retain(|group| !group.rows.is_empty());
    groups
}

fn row<T>(sample: &Sample<T>, rest: &str, value: String, connection: ConnectionFile) -> MapRow {
    MapRow {
        label: sample.written.clone().unwrap_or_else(|| rest.into()),
        value: Some(value),
        rest: sample.is_rest(),
        connection,
    }
}

/// A peer without an identity, in plaintext, and those with one.
fn peers(identities: &[Sample<String>], base: &ConnectionFile) -> Vec<MapRow> {
    let with = |principal: Option<String>| {
        let mut connection = base.clone();
        // A plaintext client asks for no server name.
        if principal.is_none() {
            connection.sni = None;
            know(&mut connection, "sni");
        }
        connection.principal = principal.map(OneOrMany::One);
        connection.tls = false;
        know(&mut connection, "peer");
        know(&mut connection, "transport");
        connection
    };
    let plaintext = MapRow { label: "plaintext".into(), value: None, rest: false, connection: with(None) };
    // Where no rule asks for an identity, any of them stands for all.
    let anyone = [Sample { value: "spiffe://cluster.local/ns/default/sa/default".to_owned(), written: None }];
    let (identities, label) =
        if identities.is_empty() { (&anyone[..], "mesh mTLS, any identity") } else { (identities, "any other identity") };
    let row = |sample: &Sample<String>| row(sample, label, sample.value.clone(), with(Some(sample.value.clone())));
    std::iter::once(plaintext).chain(identities.iter().map(row)).collect()
}
