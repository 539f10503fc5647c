//! The facts of a generated connection, some of which may be unknown, and what they may turn out to be.

use std::net::IpAddr;

use authz_core::{Connection, Fact, FactSet, MetadataEntry, MetadataValue, Transport};

use crate::draw::Draw;
use crate::node::Node;
use crate::pool;

/// The facts of a connection.
///
/// ```
/// use authz_testgen::{Draw, Facts, seeded_bytes};
///
/// let bytes = seeded_bytes(3, 256);
/// let mut draw = Draw::new(&bytes);
/// let facts = Facts::draw(&mut draw);
/// assert!(facts.completed(&mut draw).unknown().is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct Facts {
    source: Fact<IpAddr>,
    /// Nothing where the host states none, which makes it the source.
    remote: Option<Fact<IpAddr>>,
    destination: Fact<IpAddr>,
    port: Fact<u16>,
    transport: Fact<Transport>,
    /// Absent unless the transport is mesh mTLS; unknown while the transport is.
    peer: Fact<Vec<String>>,
    sni: Fact<&'static str>,
    metadata: Fact<Vec<MetadataEntry<'static>>>,
}

impl Facts {
    /// A connection of which something is unknown in every other case.
    pub fn draw(draw: &mut Draw<'_>) -> Self {
        let mut facts = Self::draw_known(draw);
        if draw.percent(50) {
            facts.forget(draw);
        }
        facts
    }

    /// A connection of which everything is known.
    pub fn draw_known(draw: &mut Draw<'_>) -> Self {
        let transport = draw_transport(draw);
        Self {
            source: Fact::Known(draw_address(draw)),
            remote: draw.maybe(25, |draw| Fact::Known(draw_address(draw))),
            destination: Fact::Known(draw_address(draw)),
            port: Fact::Known(draw.one(pool::PORTS)),
            transport: Fact::Known(transport),
            peer: if transport == Transport::MeshMtls { draw_peer(draw) } else { Fact::Absent },
            sni: draw_sni(draw),
            metadata: draw_metadata(draw),
        }
    }

    /// Makes facts unknown: later stages of a connection more often than earlier ones.
    fn forget(&mut self, draw: &mut Draw<'_>) {
        if draw.percent(60) {
            self.peer = Fact::Unknown;
            // A connection that is not mesh mTLS has no peer to wait for.
            if self.transport != Fact::Known(Transport::MeshMtls) || draw.percent(60) {
                self.transport = Fact::Unknown;
            }
        }
        if draw.percent(50) {
            self.sni = Fact::Unknown;
        }
        if draw.percent(40) {
            self.metadata = Fact::Unknown;
        }
        if draw.percent(15) {
            self.remote = Some(Fact::Unknown);
        }
        if draw.percent(10) {
            self.source = Fact::Unknown;
        }
        if draw.percent(10) {
            self.destination = Fact::Unknown;
        }
        if draw.percent(10) {
            self.port = Fact::Unknown;
        }
    }

    /// The facts that are unknown.
    pub fn unknown(&self) -> FactSet {
        let table = [
            (FactSet::SOURCE_IP, self.source.is_unknown()),
            (FactSet::REMOTE_IP, self.remote.unwrap_or(self.source).is_unknown()),
            (FactSet::DESTINATION_IP, self.destination.is_unknown()),
            (FactSet::DESTINATION_PORT, self.port.is_unknown()),
            (FactSet::TRANSPORT, self.transport.is_unknown()),
            (FactSet::PEER, self.peer.is_unknown()),
            (FactSet::SNI, self.sni.is_unknown()),
            (FactSet::METADATA, self.metadata.is_unknown()),
        ];
        table.into_iter().filter(|(_, is_unknown)| *is_unknown).fold(FactSet::EMPTY, |all, (fact, _)| all | fact)
    }

    /// The same connection once everything is known, in one of the ways it may turn out.
    pub fn completed(&self, draw: &mut Draw<'_>) -> Self {
        let mut other = Self::draw_known(draw);
        if !self.transport.is_unknown() {
            other.transport = self.transport;
            other.peer = if self.transport == Fact::Known(Transport::MeshMtls) { draw_peer(draw) } else { Fact::Absent };
        }
        self.learned(self.unknown(), &other)
    }

    /// The same connection once `facts`, as far as they are unknown, are what they are in `other`, of
    /// which everything is known.
    pub fn learned(&self, facts: FactSet, other: &Self) -> Self {
        let learns = |fact: FactSet| facts.contains(fact) && self.unknown().contains(fact);
        let mut known = self.clone();
        if learns(FactSet::SOURCE_IP) {
            known.source = other.source;
        }
        if learns(FactSet::REMOTE_IP) && (self.remote.is_some() || !learns(FactSet::SOURCE_IP)) {
            known.remote = Some(other.remote.unwrap_or(other.source));
        }
        if learns(FactSet::DESTINATION_IP) {
            known.destination = other.destination;
        }
        if learns(FactSet::DESTINATION_PORT) {
            known.port = other.port;
        }
        // Who knows the peer knows the transport.
        if learns(FactSet::TRANSPORT) || learns(FactSet::PEER) {
            known.transport = other.transport;
        }
        known.peer = match known.transport {
            Fact::Known(Transport::MeshMtls) if learns(FactSet::PEER) => other.peer.clone(),
            Fact::Known(Transport::MeshMtls) => known.peer,
            Fact::Known(Transport::Plaintext | Transport::Tls) | Fact::Absent => Fact::Absent,
            Fact::Unknown => Fact::Unknown,
        };
        if learns(FactSet::SNI) {
            known.sni = other.sni;
        }
        if learns(FactSet::METADATA) {
            known.metadata = other.metadata.clone();
        }
        known
    }

    /// Hands the connection to `work`; it borrows from a list that lives as long as the call.
    pub fn with<R>(&self, work: impl FnOnce(&Connection<'_>) -> R) -> R {
        let identities: Vec<&str> = match &self.peer {
            Fact::Known(identities) => identities.iter().map(String::as_str).collect(),
            Fact::Absent | Fact::Unknown => Vec::new(),
        };
        work(&self.connection(&identities))
    }

    fn connection<'a>(&'a self, identities: &'a [&'a str]) -> Connection<'a> {
        let mut connection = Connection::unknown()
            .source_ip(self.source)
            .destination_ip(self.destination)
            .destination_port(self.port)
            .transport(self.transport);
        if let Some(remote) = self.remote {
            connection = connection.remote_ip(remote);
        }
        if self.transport == Fact::Known(Transport::MeshMtls) && !self.peer.is_unknown() {
            connection = match identities {
                [one] if !one.is_empty() => connection.principal(one),
                many => connection.principals(many),
            };
        }
        connection = match self.sni {
            Fact::Known(name) => connection.sni(name),
            Fact::Absent => connection.without_sni(),
            Fact::Unknown => connection,
        };
        match &self.metadata {
            Fact::Known(entries) => connection.metadata(entries),
            Fact::Absent => connection.without_metadata(),
            Fact::Unknown => connection,
        }
    }

    /// The `connection` of a case. A suite tells mesh mTLS by the principal and makes no difference
    /// between plaintext and other TLS; nor do rules.
    pub(crate) fn to_node(&self) -> Node {
        fn stated<T: ToString>(fact: Fact<T>) -> Option<Node> {
            fact.known().map(|value| Node::Text(value.to_string()))
        }
        let mut node = Node::Map(Vec::new())
            .with_some("sourceIp", stated(self.source))
            .with_some("remoteIp", self.remote.and_then(stated))
            .with_some("destinationIp", stated(self.destination));
        if let Fact::Known(port) = self.port {
            node = node.with("destinationPort", Node::Number(port));
        }
        if self.transport == Fact::Known(Transport::MeshMtls) {
            let identities = self.peer.clone().known().unwrap_or_default();
            node = node.with("principal", Node::texts(identities));
        }
        node = node.with_some("sni", stated(self.sni));
        if let Fact::Known(entries) = &self.metadata {
            let value = |value: MetadataValue<'_>| match value {
                MetadataValue::Text(text) => Node::text(text),
                MetadataValue::List(list) => Node::texts(list.iter().copied()),
            };
            let entries = entries.iter().map(|entry| (format!("{}|{}", entry.filter, entry.key), value(entry.value)));
            node = node.with("metadata", Node::map(entries));
        }
        let unknown: Vec<&str> = self.unknown().names().collect();
        node.with_some("unknown", (!unknown.is_empty()).then(|| Node::texts(unknown)))
    }
}

fn draw_address(draw: &mut Draw<'_>) -> IpAddr {
    draw.one(pool::ADDRESSES).parse().unwrap_or(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED))
}

fn draw_transport(draw: &mut Draw<'_>) -> Transport {
    match draw.weighted(&[2, 1, 7]) {
        0 => Transport::Plaintext,
        1 => Transport::Tls,
        _ => Transport::MeshMtls,
    }
}

fn draw_peer(draw: &mut Draw<'_>) -> Fact<Vec<String>> {
    if draw.percent(3) { Fact::Absent } else { Fact::Known(draw.some(2, draw_identity)) }
}

fn draw_identity(draw: &mut Draw<'_>) -> String {
    if draw.percent(15) {
        return draw.text(pool::ODD_IDENTITIES);
    }
    let (trust_domain, namespace) = (draw.one(pool::TRUST_DOMAINS), draw.one(pool::NAMESPACES));
    format!("spiffe://{trust_domain}/ns/{namespace}/sa/{}", draw.one(pool::ACCOUNTS))
}

fn draw_sni(draw: &mut Draw<'_>) -> Fact<&'static str> {
    if draw.percent(70) { Fact::Known(draw.one(pool::SNIS)) } else { Fact::Absent }
}

fn draw_metadata(draw: &mut Draw<'_>) -> Fact<Vec<MetadataEntry<'static>>> {
    if draw.percent(50) {
        return Fact::Absent;
    }
    let count = pool::METADATA.len();
    let entries = (0..count).filter_map(|at| draw.maybe(50, |draw| pool::entry(at, draw.below(pool::METADATA_VALUES.len()))));
    Fact::Known(entries.flatten().collect())
}
