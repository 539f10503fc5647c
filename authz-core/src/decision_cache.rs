//! Verdicts of connections seen before, kept by the caller.

use std::net::IpAddr;
use std::sync::Arc;

use crate::connection::Connection;
use crate::fact::{Fact, Transport};
use crate::fact_set::FactSet;
use crate::peer::Principals;

/// Remembers verdicts for a caller that sees the same connections again and again.
///
/// It belongs to one thread, is never shared or hidden, and never answers for another set of policies: an
/// authorizer that replaces another starts it anew. What it remembers is compared in full, never by a
/// hash alone. It pays where policies are many, and costs where they are few.
///
/// Connections with a server name or metadata, of which facts are unknown, or whose peer is stated by its
/// identities and not as a [`Peer`](crate::Peer), are decided without it.
///
/// ```
/// use authz_core::{Connection, DecisionCache, Mesh, PolicySet, Workload};
///
/// let authorizer = PolicySet::from_yaml("", &Mesh::default())?.authorizer_for(&Workload::new("foo"));
/// let mut cache = DecisionCache::new(1024);
/// assert_eq!(cache.capacity(), 1024);
/// let connection = Connection::new("10.0.0.7".parse()?, "10.0.0.9:9000".parse()?).plaintext();
/// assert!(authorizer.allows_cached(&connection, &mut cache));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct DecisionCache {
    slots: Box<[Option<Slot>]>,
    /// Whose verdicts they are.
    owner: Option<Arc<()>>,
}

#[derive(Clone, Debug)]
struct Slot {
    flow: Flow,
    /// The peer, which cannot be mistaken for a later one as long as this lives.
    peer: Option<Arc<()>>,
    allows: bool,
}

/// The facts of a connection that a slot is for; the peer aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flow {
    source: IpAddr,
    remote: IpAddr,
    destination: IpAddr,
    port: u16,
    is_mesh: bool,
}

impl Flow {
    /// The facts of a connection, and its peer; nothing where they do not tell all of it.
    #[inline]
    fn of<'c>(connection: &Connection<'c>) -> Option<(Self, Option<&'c Arc<()>>)> {
        if connection.unknown_facts().without(FactSet::METADATA) != FactSet::EMPTY || connection.known_sni().is_some() {
            return None;
        }
        let peer = match connection.known_peer() {
            None => None,
            Some(Principals::Resolved(peer)) => Some(peer.token()),
            Some(Principals::One(_) | Principals::Many(_)) => return None,
        };
        let flow = Self {
            source: *connection.known_source(),
            remote: *connection.known_remote(),
            destination: *connection.known_destination(),
            port: connection.known_port(),
            is_mesh: connection.transport_fact() == Fact::Known(Transport::MeshMtls),
        };
        Some((flow, peer))
    }

    /// A number that mostly differs for different flows. Who makes two collide makes both be decided, no
    /// more: slots are compared in full.
    #[inline]
    fn spread(&self, peer: Option<&Arc<()>>) -> usize {
        let peer = peer.map_or(0, |peer| u64::try_from(Arc::as_ptr(peer).addr()).unwrap_or_default());
        let mixed = bits(self.source).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ^ bits(self.destination).wrapping_mul(0xc2b2_ae3d_27d4_eb4f)
            ^ ((peer >> 4) ^ (u64::from(self.port) << 40)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        usize::try_from(mixed >> 40).unwrap_or_default()
    }
}

/// The bits of an address that tell it best.
#[inline]
fn bits(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            u64::try_from((bits >> 64) ^ (bits & u128::from(u64::MAX))).unwrap_or_default()
        }
    }
}

impl DecisionCache {
    /// A cache of at least `connections` connections: the next power of two, from 1 to 2²⁰. An entry takes
    /// less than 100 bytes.
    pub fn new(connections: usize) -> Self {
        let slots = connections.clamp(1, 1 << 20).next_power_of_two();
        Self { slots: vec![None; slots].into(), owner: None }
    }

    /// How many connections it remembers at most.
    pub fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// The verdict of a connection, remembered or decided and then remembered.
    ///
    /// What metadata rules read is not in it, so `decide` must not depend on that.
    pub(crate) fn allows(&mut self, owner: &Arc<()>, connection: &Connection<'_>, decide: impl FnOnce() -> bool) -> bool {
        let Some((flow, peer)) = Flow::of(connection) else { return decide() };
        if !self.owner.as_ref().is_some_and(|own| Arc::ptr_eq(own, owner)) {
            self.slots.fill(None);
            self.owner = Some(Arc::clone(owner));
        }
        let at = flow.spread(peer) & (self.slots.len() - 1);
        let Some(slot) = self.slots.get_mut(at) else { return decide() };
        match slot {
            Some(Slot { flow: known, peer: known_peer, allows })
                if *known == flow && known_peer.as_ref().map(Arc::as_ptr) == peer.map(Arc::as_ptr) =>
            {
                *allows
            }
            _ => {
                let allows = decide();
                *slot = Some(Slot { flow, peer: peer.cloned(), allows });
                allows
            }
        }
    }
}
