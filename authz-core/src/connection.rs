//! The facts of one connection, each of which a host knows, knows to be absent, or does not know yet.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::fact::{Fact, Transport};
use crate::fact_set::FactSet;
use crate::peer::{Peer, Principals};
use crate::value::{MetadataKey, MetadataValue};

/// The facts of a TCP connection that policies can ask for.
///
/// [`new`] states both addresses. Everything else starts unknown, so that a host that forgets a
/// fact denies where the fact matters:
///
/// | fact                | stated by                                        | before that |
/// |---------------------|--------------------------------------------------|-------------|
/// | transport and peer  | [`principal`], [`principals`], [`peer`], [`plaintext`], [`transport`] | unknown |
/// | server name         | [`sni`], [`without_sni`], [`plaintext`]          | unknown     |
/// | metadata            | [`metadata`], [`without_metadata`]               | unknown     |
/// | original client     | [`remote_ip`] (PROXY protocol)                   | the source  |
///
/// Addresses are canonical: an IPv4-mapped `::ffff:10.0.0.1` is `10.0.0.1`, so that no spelling of an
/// address slips past a rule.
///
/// ```
/// use authz_core::{Connection, Fact};
///
/// let connection = Connection::new("::ffff:10.0.0.7".parse().unwrap(), "10.0.0.9:9000".parse().unwrap())
///     .principal("spiffe://cluster.local/ns/foo/sa/sleep");
/// assert_eq!(connection.source(), Fact::Known("10.0.0.7".parse().unwrap()));
/// assert!(connection.server_name().is_unknown());
/// ```
///
/// [`new`]: Connection::new
/// [`principal`]: Connection::principal
/// [`principals`]: Connection::principals
/// [`peer`]: Connection::peer
/// [`plaintext`]: Connection::plaintext
/// [`transport`]: Connection::transport
/// [`sni`]: Connection::sni
/// [`without_sni`]: Connection::without_sni
/// [`metadata`]: Connection::metadata
/// [`without_metadata`]: Connection::without_metadata
/// [`remote_ip`]: Connection::remote_ip
#[derive(Clone, Copy, Debug)]
#[must_use = "each statement answers a new connection"]
pub struct Connection<'a> {
    /// The facts that are not known. What is not known has some value below that nobody may read.
    unknown: FactSet,
    transport: Transport,
    remote_is_stated: bool,
    port: u16,
    source: IpAddr,
    remote: IpAddr,
    destination: IpAddr,
    peer: Option<Principals<'a>>,
    sni: Option<&'a str>,
    metadata: Option<&'a [MetadataEntry<'a>]>,
}

/// One value that a filter of the host's left for later filters.
///
/// ```
/// use authz_core::{MetadataEntry, MetadataValue};
///
/// let entry = MetadataEntry {
///     filter: "envoy.filters.network.mysql_proxy",
///     key: "db.table",
///     value: MetadataValue::List(&["update"]),
/// };
/// assert_eq!(entry.key, "db.table");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetadataEntry<'a> {
    /// The metadata namespace, the filter's name: `envoy.filters.network.mysql_proxy`.
    pub filter: &'a str,
    /// The key.
    pub key: &'a str,
    /// The value.
    pub value: MetadataValue<'a>,
}

impl<'a> Connection<'a> {
    /// A connection between two known addresses, everything else unknown.
    ///
    /// `source` is the direct peer of the TCP connection. `destination` is the workload's own
    /// address and port, not those of a Service in front of it.
    pub fn new(source: IpAddr, destination: SocketAddr) -> Self {
        Self::unknown()
            .source_ip(Fact::Known(source))
            .destination_ip(Fact::Known(destination.ip()))
            .destination_port(Fact::Known(destination.port()))
    }

    /// A connection of which nothing is known.
    ///
    /// ```
    /// use authz_core::Connection;
    ///
    /// assert!(Connection::unknown().source().is_unknown());
    /// ```
    #[inline]
    pub fn unknown() -> Self {
        let nowhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        Self {
            unknown: FactSet::ALL,
            transport: Transport::Plaintext,
            remote_is_stated: false,
            port: 0,
            source: nowhere,
            remote: nowhere,
            destination: nowhere,
            peer: None,
            sni: None,
            metadata: None,
        }
    }

    /// States the direct peer's address, as `source.ip` and `ipBlocks` compare it.
    ///
    /// A connection has two ends, so [`Fact::Absent`] counts as [`Fact::Unknown`] here; so it does
    /// for the other addresses and the port.
    ///
    /// ```
    /// use authz_core::{Connection, Fact};
    ///
    /// let connection = Connection::unknown().source_ip(Fact::Absent);
    /// assert_eq!(connection.source(), Fact::Unknown);
    /// ```
    #[inline(always)]
    pub fn source_ip(mut self, address: Fact<IpAddr>) -> Self {
        self.source = self.address(FactSet::SOURCE_IP, address);
        if !self.remote_is_stated {
            self.note(FactSet::REMOTE_IP, address.known().is_some());
            self.remote = self.source;
        }
        self
    }

    /// States the original client's address, as `remote.ip` and `remoteIpBlocks` compare it.
    ///
    /// Only a PROXY protocol header, or what else a host trusts, makes it differ from the direct
    /// peer; a host that states nothing gets the direct peer.
    ///
    /// ```
    /// use authz_core::{Connection, Fact};
    ///
    /// let connection = Connection::new("10.0.0.1".parse().unwrap(), "10.0.0.9:80".parse().unwrap());
    /// assert_eq!(connection.remote(), connection.source());
    /// let client = Fact::Known("203.0.113.7".parse().unwrap());
    /// assert_eq!(connection.remote_ip(client).remote(), client);
    /// ```
    #[inline(always)]
    pub fn remote_ip(mut self, address: Fact<IpAddr>) -> Self {
        self.remote_is_stated = true;
        self.remote = self.address(FactSet::REMOTE_IP, address);
        self
    }

    /// States the workload's address, as `destination.ip` compares it.
    ///
    /// ```
    /// use authz_core::{Connection, Fact};
    ///
    /// let address = Fact::Known("10.0.0.9".parse().unwrap());
    /// assert_eq!(Connection::unknown().destination_ip(address).destination(), address);
    /// ```
    #[inline(always)]
    pub fn destination_ip(mut self, address: Fact<IpAddr>) -> Self {
        self.destination = self.address(FactSet::DESTINATION_IP, address);
        self
    }

    /// States the workload's port, as `ports` and `destination.port` compare it.
    ///
    /// ```
    /// use authz_core::{Connection, Fact};
    ///
    /// assert_eq!(Connection::unknown().destination_port(Fact::Known(80)).port(), Fact::Known(80));
    /// ```
    #[inline]
    pub fn destination_port(mut self, port: Fact<u16>) -> Self {
        self.note(FactSet::DESTINATION_PORT, port.known().is_some());
        self.port = port.known().unwrap_or_default();
        self
    }

    /// States that the peer came over mesh mTLS and which URI SAN it presented.
    ///
    /// ```
    /// use authz_core::{Connection, Fact, Transport};
    ///
    /// let connection = Connection::unknown().principal("spiffe://cluster.local/ns/foo/sa/sleep");
    /// assert_eq!(connection.transport_fact(), Fact::Known(Transport::MeshMtls));
    /// ```
    #[inline]
    pub fn principal(self, identity: &'a str) -> Self {
        self.mesh_peer((!identity.is_empty()).then_some(Principals::One(identity)))
    }

    /// States that the peer came over mesh mTLS and all the URI SANs it presented; a pattern that
    /// matches any of them matches.
    ///
    /// An empty list says that the certificate has none.
    ///
    /// ```
    /// use authz_core::Connection;
    ///
    /// let sans = ["spiffe://cluster.local/ns/foo/sa/sleep", "spiffe://old-td/ns/foo/sa/sleep"];
    /// assert!(Connection::unknown().principals(&sans).identities().eq(sans));
    /// ```
    #[inline]
    pub fn principals(self, identities: &'a [&'a str]) -> Self {
        self.mesh_peer(match identities {
            [] => None,
            [identity] => Some(Principals::One(identity)),
            identities => Some(Principals::Many(identities)),
        })
    }

    /// States that the peer came over mesh mTLS and is one that an authorizer looked up before.
    ///
    /// It means what [`principals`](Self::principals) with its identities means, for any authorizer; the
    /// one that looked it up need not do so again.
    ///
    /// ```
    /// use authz_core::{Connection, Mesh, PolicySet, Workload};
    ///
    /// let authorizer = PolicySet::from_yaml("", &Mesh::default())?.authorizer_for(&Workload::new("foo"));
    /// let peer = authorizer.peer(&["spiffe://cluster.local/ns/foo/sa/sleep"]);
    /// assert!(authorizer.allows(&Connection::unknown().peer(&peer)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn peer(self, peer: &'a Peer) -> Self {
        self.mesh_peer((!peer.is_empty()).then_some(Principals::Resolved(peer)))
    }

    /// States that the connection is not protected: no TLS, no identity, no server name.
    ///
    /// ```
    /// use authz_core::{Connection, Fact, Transport};
    ///
    /// let connection = Connection::unknown().plaintext();
    /// assert_eq!(connection.transport_fact(), Fact::Known(Transport::Plaintext));
    /// assert_eq!(connection.server_name(), Fact::Absent);
    /// ```
    pub fn plaintext(self) -> Self {
        self.transport(Fact::Known(Transport::Plaintext)).without_sni()
    }

    /// States the transport alone; the identity becomes unknown for mesh mTLS and absent for the others.
    ///
    /// A proxy that recognises the mesh's ALPN knows that a handshake will be mutual before it knows
    /// with whom. [`Fact::Absent`] counts as plaintext.
    ///
    /// ```
    /// use authz_core::{Connection, Fact, Transport};
    ///
    /// let connection = Connection::unknown().transport(Fact::Known(Transport::MeshMtls));
    /// assert!(connection.peer_is_unknown());
    /// ```
    #[inline]
    pub fn transport(mut self, transport: Fact<Transport>) -> Self {
        let known = match transport {
            Fact::Known(transport) => Some(transport),
            Fact::Absent => Some(Transport::Plaintext),
            Fact::Unknown => None,
        };
        self.note(FactSet::TRANSPORT, known.is_some());
        self.transport = known.unwrap_or(Transport::Plaintext);
        self.note(FactSet::PEER, matches!(known, Some(Transport::Plaintext | Transport::Tls)));
        self.peer = None;
        self
    }

    /// States the server name that the client asked for, in any case; an empty one is none.
    ///
    /// ```
    /// use authz_core::{Connection, Fact};
    ///
    /// assert_eq!(Connection::unknown().sni("a.example").server_name(), Fact::Known("a.example"));
    /// ```
    #[inline]
    pub fn sni(mut self, name: &'a str) -> Self {
        self.note(FactSet::SNI, true);
        self.sni = (!name.is_empty()).then_some(name);
        self
    }

    /// States that the client asked for no server name.
    ///
    /// ```
    /// use authz_core::{Connection, Fact};
    ///
    /// assert_eq!(Connection::unknown().without_sni().server_name(), Fact::Absent);
    /// ```
    #[inline]
    pub fn without_sni(mut self) -> Self {
        self.note(FactSet::SNI, true);
        self.sni = None;
        self
    }

    /// States the metadata that `experimental.envoy.filters.*` conditions compare, all of it.
    ///
    /// ```
    /// use authz_core::{Connection, Fact, MetadataEntry, MetadataValue};
    ///
    /// let entries = [MetadataEntry { filter: "envoy.filters.a", key: "k", value: MetadataValue::Text("v") }];
    /// let connection = Connection::unknown().metadata(&entries);
    /// # let _ = connection;
    /// ```
    #[inline]
    pub fn metadata(mut self, entries: &'a [MetadataEntry<'a>]) -> Self {
        self.note(FactSet::METADATA, true);
        self.metadata = Some(entries);
        self
    }

    /// States that there is no metadata.
    ///
    /// ```
    /// use authz_core::Connection;
    ///
    /// let connection = Connection::unknown().without_metadata();
    /// # let _ = connection;
    /// ```
    #[inline]
    pub fn without_metadata(mut self) -> Self {
        self.note(FactSet::METADATA, true);
        self.metadata = None;
        self
    }

    /// Notes whether a fact is known.
    #[inline(always)]
    fn note(&mut self, fact: FactSet, is_known: bool) {
        self.unknown = if is_known { self.unknown.without(fact) } else { self.unknown | fact };
    }

    /// Always in the caller's code, which mostly knows of what kind the address is.
    #[inline(always)]
    fn address(&mut self, fact: FactSet, address: Fact<IpAddr>) -> IpAddr {
        self.note(fact, address.known().is_some());
        address.known().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), canonical)
    }

    #[inline]
    fn mesh_peer(mut self, peer: Option<Principals<'a>>) -> Self {
        self.note(FactSet::TRANSPORT | FactSet::PEER, true);
        self.transport = Transport::MeshMtls;
        self.peer = peer;
        self
    }

    fn fact<T>(&self, fact: FactSet, value: Option<T>) -> Fact<T> {
        match value {
            _ if self.unknown.contains(fact) => Fact::Unknown,
            Some(value) => Fact::Known(value),
            None => Fact::Absent,
        }
    }

    /// The facts that are not known.
    ///
    /// ```
    /// use authz_core::{Connection, FactSet};
    ///
    /// let connection = Connection::new("10.0.0.7".parse().unwrap(), "10.0.0.9:9000".parse().unwrap()).plaintext();
    /// assert_eq!(connection.unknown_facts(), FactSet::METADATA);
    /// ```
    #[inline]
    pub fn unknown_facts(&self) -> FactSet {
        self.unknown
    }

    /// The direct peer's address.
    pub fn source(&self) -> Fact<IpAddr> {
        self.fact(FactSet::SOURCE_IP, Some(self.source))
    }

    /// The original client's address.
    pub fn remote(&self) -> Fact<IpAddr> {
        self.fact(FactSet::REMOTE_IP, Some(self.remote))
    }

    /// The workload's address.
    pub fn destination(&self) -> Fact<IpAddr> {
        self.fact(FactSet::DESTINATION_IP, Some(self.destination))
    }

    /// The workload's port.
    pub fn port(&self) -> Fact<u16> {
        self.fact(FactSet::DESTINATION_PORT, Some(self.port))
    }

    /// How the connection is protected.
    pub fn transport_fact(&self) -> Fact<Transport> {
        self.fact(FactSet::TRANSPORT, Some(self.transport))
    }

    /// The direct peer's address, if it is known.
    #[inline]
    pub(crate) fn known_source(&self) -> &IpAddr {
        &self.source
    }

    /// The original client's address, if it is known.
    #[inline]
    pub(crate) fn known_remote(&self) -> &IpAddr {
        &self.remote
    }

    /// The workload's address, if it is known.
    #[inline]
    pub(crate) fn known_destination(&self) -> &IpAddr {
        &self.destination
    }

    /// The workload's port, if it is known.
    #[inline]
    pub(crate) fn known_port(&self) -> u16 {
        self.port
    }

    /// What the peer presented, if that is known.
    #[inline]
    pub(crate) fn known_peer(&self) -> Option<Principals<'a>> {
        self.peer
    }

    /// The server name, if it is known.
    #[inline]
    pub(crate) fn known_sni(&self) -> Option<&'a str> {
        self.sni
    }

    /// The URI SANs that the peer presented; none where they are unknown or absent.
    ///
    /// ```
    /// use authz_core::Connection;
    ///
    /// assert_eq!(Connection::unknown().identities().next(), None);
    /// ```
    pub fn identities(&self) -> impl Iterator<Item = &'a str> + Clone + use<'a> {
        self.peer.into_iter().flat_map(Principals::iter)
    }

    /// What is known of them.
    pub(crate) fn principals_fact(&self) -> Fact<Principals<'a>> {
        self.fact(FactSet::PEER, self.peer)
    }

    /// Whether the peer's identity is not known yet.
    pub fn peer_is_unknown(&self) -> bool {
        self.unknown.contains(FactSet::PEER)
    }

    /// The server name that the client asked for.
    pub fn server_name(&self) -> Fact<&'a str> {
        self.fact(FactSet::SNI, self.sni)
    }

    /// One piece of metadata.
    pub(crate) fn metadata_value(&self, key: &MetadataKey) -> Fact<MetadataValue<'a>> {
        let entry = |entries: &'a [MetadataEntry<'a>]| {
            entries.iter().find(|entry| entry.filter == key.filter() && entry.key == key.key()).map(|entry| entry.value)
        };
        self.fact(FactSet::METADATA, self.metadata.and_then(entry))
    }
}

/// What `IpAddr::to_canonical` answers, found out in a few instructions instead of byte by byte.
#[inline(always)]
fn canonical(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    match u32::try_from(v6.to_bits() ^ MAPPED) {
        Ok(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4)),
        Err(_) => address,
    }
}

/// `::ffff:0:0`, before which an IPv4 address is mapped.
const MAPPED: u128 = 0xffff_0000_0000;
