//! The line that a denial leaves in the proxy's log.

use std::net::IpAddr;

use authz_core::{Connection, Decision, Transport};
use serde::Serialize;

use crate::config::Mode;

/// Identities and names are the peer's own words; of long ones the start is kept.
const LONGEST: usize = 256;
/// The most identities of one peer that are written.
const IDENTITIES: usize = 8;

#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    mode: &'static str,
    #[serde(flatten)]
    decision: &'a Decision<'a>,
    connection: Known,
    /// How many denials before this one were not written.
    #[serde(skip_serializing_if = "is_zero")]
    suppressed: u64,
}

/// What is known, under the names that suites give it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Known {
    #[serde(skip_serializing_if = "Option::is_none")]
    source_ip: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote_ip: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination_ip: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transport: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    principal: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sni: Option<String>,
}

/// A denial as one line of JSON: the decision in the shape that every door shares, and what is known of the
/// connection.
pub(crate) fn line(name: &str, mode: Mode, decision: &Decision<'_>, connection: &Connection<'_>, suppressed: u64) -> String {
    let transport = connection.transport_fact().known().map(|transport| match transport {
        Transport::Plaintext => "plaintext",
        Transport::Tls => "tls",
        Transport::MeshMtls => "mesh-mtls",
    });
    let known = Known {
        source_ip: connection.source().known(),
        remote_ip: connection.remote().known(),
        destination_ip: connection.destination().known(),
        destination_port: connection.port().known(),
        transport,
        principal: connection.identities().take(IDENTITIES).map(clip).collect(),
        sni: connection.server_name().known().map(clip),
    };
    let line = Line { name, mode: mode.word(), decision, connection: known, suppressed };
    // Nothing in it can fail; if something did, the denial would stand all the same.
    serde_json::to_string(&line).unwrap_or_default()
}

fn clip(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
