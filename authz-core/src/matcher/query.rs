//! One connection as the index asks about it.

use std::net::IpAddr;
use std::sync::Arc;

use super::identities::Identities;
use crate::connection::Connection;
use crate::fact_set::FactSet;
use crate::peer::{Peer, Principals, Resolved};

/// A connection with its peer looked up; of one that is not `OPEN` everything that rules read is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Query<'q, const OPEN: bool> {
    pub(super) connection: &'q Connection<'q>,
    pub(super) peer: PeerQuery<'q>,
}

/// What is known of the peer.
#[derive(Clone, Copy, Debug)]
pub(super) enum PeerQuery<'q> {
    Unknown,
    Absent,
    /// Its one identity is of this class.
    Class(u32),
    /// Identities that are compared with patterns.
    Texts(Principals<'q>),
    /// What this index worked out for it before.
    Resolved(&'q Resolved),
}

impl<'q, const OPEN: bool> Query<'q, OPEN> {
    /// A connection; the peer is looked up where rules read it.
    #[inline]
    pub(super) fn new(connection: &'q Connection<'q>, reads: FactSet, identities: &Identities, owner: &Arc<()>) -> Self {
        let peer = if !reads.contains(FactSet::PEER) || OPEN && connection.peer_is_unknown() {
            PeerQuery::Unknown
        } else {
            match connection.known_peer() {
                None => PeerQuery::Absent,
                Some(Principals::Resolved(peer)) => resolved(peer, owner),
                Some(Principals::One(identity)) => match identities.class_of(identity) {
                    Some(class) => PeerQuery::Class(class),
                    None => PeerQuery::Texts(Principals::One(identity)),
                },
                Some(several) => PeerQuery::Texts(several),
            }
        };
        Self { connection, peer }
    }

    #[inline]
    fn knows(&self, fact: FactSet) -> bool {
        !OPEN || !self.connection.unknown_facts().meets(fact)
    }

    #[inline]
    pub(super) fn port(&self) -> Option<u16> {
        self.knows(FactSet::DESTINATION_PORT).then(|| self.connection.known_port())
    }

    #[inline]
    pub(super) fn address(&self, dimension: Dimension) -> Option<&'q IpAddr> {
        let fact = match dimension {
            Dimension::Source => FactSet::SOURCE_IP,
            Dimension::Destination => FactSet::DESTINATION_IP,
            Dimension::Remote => FactSet::REMOTE_IP,
        };
        self.knows(fact).then_some(dimension.known_of(self.connection))
    }

    /// The server name: not known, known to be absent, or there.
    #[inline]
    pub(super) fn sni(&self) -> Option<Option<&'q str>> {
        self.knows(FactSet::SNI).then(|| self.connection.known_sni())
    }
}

#[inline]
fn resolved<'q>(peer: &'q Peer, owner: &Arc<()>) -> PeerQuery<'q> {
    if Arc::ptr_eq(peer.owner(), owner) {
        PeerQuery::Resolved(peer.resolved())
    } else {
        PeerQuery::Texts(Principals::Resolved(peer))
    }
}

/// Which address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Dimension {
    Source,
    Destination,
    Remote,
}

impl Dimension {
    pub(super) const ALL: [Self; 3] = [Self::Source, Self::Destination, Self::Remote];

    /// This address of a connection, if it is known.
    #[inline(always)]
    pub(super) fn known_of<'c>(self, connection: &'c Connection<'_>) -> &'c IpAddr {
        match self {
            Self::Source => connection.known_source(),
            Self::Destination => connection.known_destination(),
            Self::Remote => connection.known_remote(),
        }
    }
}

impl Identities {
    /// Calls `found` with the number of each pattern that matches one of a peer's identities, perhaps
    /// more than once.
    pub(super) fn matching_identities(&self, identities: Principals<'_>, found: &mut dyn FnMut(u32)) {
        identities.iter().for_each(|identity| self.matching_identity(identity, found));
    }
}
