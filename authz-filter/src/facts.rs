//! What has been found out about a connection: each fact asked for once, and only when it is wanted.

use std::net::{IpAddr, SocketAddr};

use authz_core::{Connection, Fact, FactSet, Transport};

use crate::config::Trust;
use crate::host::{Host, Reading};

/// A fact of the host's, once it has been asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Slot<T> {
    /// Nobody asked, or the answer was that it is too early.
    #[default]
    Open,
    /// It cannot be read, and never will.
    Lost,
    Absent,
    Present(T),
}

impl<T> Slot<T> {
    /// Asks, unless that was done; answers whether a later stage may tell.
    fn ask(&mut self, read: impl FnOnce() -> Reading<T>) -> bool {
        if !matches!(self, Self::Open) {
            return false;
        }
        *self = match read() {
            Reading::Present(value) => Self::Present(value),
            Reading::Absent => Self::Absent,
            Reading::Malformed => Self::Lost,
            Reading::NotYet => return true,
        };
        false
    }

    fn known(&self) -> Option<&T> {
        match self {
            Self::Present(value) => Some(value),
            Self::Open | Self::Lost | Self::Absent => None,
        }
    }
}

/// What is known of one connection.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    remote: Slot<IpAddr>,
    /// The direct peer's address; nothing where it is the remote one.
    direct: Option<Slot<IpAddr>>,
    destination: Slot<SocketAddr>,
    is_tls: Slot<bool>,
    is_mutual: Slot<bool>,
    /// The URI SANs of the peer; where it has none, its other names.
    names: Slot<Vec<String>>,
    server_name: Slot<String>,
    /// Whether the direct peer's address was asked for.
    asked_direct: bool,
    trust: Trust,
}

const ADDRESSES: [FactSet; 4] = [FactSet::SOURCE_IP, FactSet::REMOTE_IP, FactSet::DESTINATION_IP, FactSet::DESTINATION_PORT];

/// The facts that are there from the first moment.
pub(crate) fn addresses() -> FactSet {
    ADDRESSES.into_iter().fold(FactSet::EMPTY, |all, fact| all | fact)
}

/// Whether two sets share a fact.
pub(crate) fn meets(a: FactSet, b: FactSet) -> bool {
    !(a & b).is_empty()
}

impl Facts {
    /// Nothing yet; what a proxy does not tell is believed not to be as far as the configuration vouches for that.
    pub(crate) fn new(trust: Trust) -> Self {
        Self { trust, ..Self::default() }
    }

    /// Asks for those of the `wanted` facts that were not asked for yet; answers which of them the end of the
    /// handshake may tell. Before it (`secured` says) nothing is asked that only it can answer.
    pub(crate) fn read(&mut self, host: &mut dyn Host, wanted: FactSet, secured: bool) -> FactSet {
        let mut later = FactSet::EMPTY;
        let mut note = |fact: FactSet, is_later: bool| {
            if is_later {
                later |= fact;
            }
        };
        if meets(wanted, FactSet::SOURCE_IP | FactSet::REMOTE_IP) {
            if wanted.contains(FactSet::SOURCE_IP) && !self.asked_direct {
                self.asked_direct = true;
                self.direct = host.direct_address().map(|reading| {
                    let mut slot = Slot::Open;
                    slot.ask(|| reading);
                    slot
                });
            }
            if wanted.contains(FactSet::REMOTE_IP) || self.direct.is_none() {
                note(FactSet::REMOTE_IP, self.remote.ask(|| host.remote_address()));
            }
        }
        if meets(wanted, FactSet::DESTINATION_IP | FactSet::DESTINATION_PORT) {
            note(FactSet::DESTINATION_PORT, self.destination.ask(|| host.destination()));
        }
        if meets(wanted, FactSet::TRANSPORT | FactSet::PEER | FactSet::SNI) {
            note(FactSet::TRANSPORT, self.is_tls.ask(|| host.is_tls()));
        }
        let is_tls = self.is_tls.known().copied();
        if meets(wanted, FactSet::TRANSPORT | FactSet::PEER) && is_tls == Some(true) {
            if secured {
                self.is_mutual.ask(|| host.is_mutual());
                if wanted.contains(FactSet::PEER) && self.is_mutual.known() == Some(&true) {
                    self.names.ask(|| names(host));
                }
            } else {
                note(FactSet::TRANSPORT | FactSet::PEER, self.is_mutual == Slot::Open);
            }
        }
        if wanted.contains(FactSet::SNI) {
            let is_final = self.trust.server_name;
            let ask = || match host.server_name() {
                // The client's greeting has been read, whoever terminates TLS, and has none.
                Reading::Absent if is_final => Reading::Absent,
                Reading::Absent if is_tls != Some(false) && !secured => Reading::NotYet,
                // A proxy that does not read greetings has no name of any client's.
                Reading::Absent => Reading::Malformed,
                reading => reading,
            };
            note(FactSet::SNI, self.server_name.ask(ask));
        }
        if secured { FactSet::EMPTY } else { later }
    }

    /// The peer's names, to build a connection from.
    pub(crate) fn identities(&self) -> Vec<&str> {
        self.names.known().into_iter().flatten().map(String::as_str).collect()
    }

    /// The connection as far as it is known.
    pub(crate) fn connection<'a>(&'a self, identities: &'a [&'a str]) -> Connection<'a> {
        let destination = fact(&self.destination);
        let remote = fact(&self.remote);
        let direct = self.direct.as_ref().map_or(remote, fact);
        let mut connection = Connection::unknown()
            .source_ip(if self.asked_direct { direct } else { Fact::Unknown })
            .remote_ip(remote)
            .destination_ip(map(destination, |address| address.ip()))
            .destination_port(map(destination, |address| address.port()));
        connection = match (&self.is_tls, &self.is_mutual, &self.names) {
            (Slot::Present(false), ..) => connection.transport(Fact::Known(Transport::Plaintext)),
            (Slot::Present(true), Slot::Present(false), _) => connection.transport(Fact::Known(Transport::Tls)),
            (Slot::Present(true), Slot::Present(true), Slot::Present(_) | Slot::Absent) => connection.principals(identities),
            (Slot::Present(true), Slot::Present(true), Slot::Open | Slot::Lost) => {
                connection.transport(Fact::Known(Transport::MeshMtls))
            }
            (Slot::Present(true), Slot::Open | Slot::Lost | Slot::Absent, _) | (Slot::Open | Slot::Lost | Slot::Absent, ..) => {
                connection.transport(Fact::Unknown)
            }
        };
        match &self.server_name {
            Slot::Present(name) => connection.sni(name),
            Slot::Absent => connection.without_sni(),
            Slot::Open | Slot::Lost => connection,
        }
    }
}

/// The names by which policies know a peer.
///
/// One without a URI SAN has other names, and meets what any name meets. None of them is a SPIFFE identity, whatever
/// it looks like: one that a pattern could take for such an identity says nothing reliable in either direction, so
/// the peer is unknown then.
fn names(host: &mut dyn Host) -> Reading<Vec<String>> {
    let is_there = |sans: &Vec<String>| sans.iter().any(|san| !san.is_empty());
    match host.uri_sans() {
        Reading::Present(sans) if is_there(&sans) => Reading::Present(sans),
        Reading::Present(_) | Reading::Absent => match host.other_names() {
            Reading::Present(names) if names.iter().any(|name| passes_for_spiffe(name)) => Reading::Malformed,
            reading => reading,
        },
        reading @ (Reading::Malformed | Reading::NotYet) => reading,
    }
}

/// Whether a pattern for principals, namespaces, service accounts or trust domains could match, beside `*`.
fn passes_for_spiffe(name: &str) -> bool {
    name.starts_with("spiffe://") || name.contains("/ns/")
}

fn fact<T: Copy>(slot: &Slot<T>) -> Fact<T> {
    slot.known().map_or(Fact::Unknown, |value| Fact::Known(*value))
}

fn map<T, U>(fact: Fact<T>, with: impl FnOnce(T) -> U) -> Fact<U> {
    fact.known().map_or(Fact::Unknown, |value| Fact::Known(with(value)))
}
