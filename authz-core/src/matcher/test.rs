//! One conjunction in a cache line: what it asks of addresses and port.

use std::net::IpAddr;
use std::sync::Arc;

use super::DENYING;
use super::address_set::AddressSet;
use super::key::Key;
use super::keyed::Entry;
use super::large_sets::LargeSets;
use super::lookup::place;
use super::query::{Dimension, Query};
use super::ranges::{AddressRanges, Ranges};
use crate::IS_SMALL;

/// What an atom asks of numbers; its texts are compared elsewhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Test {
    port: PortTest,
    source: AddressTest,
    destination: AddressTest,
    remote: AddressTest,
    /// What it says where a set is not to be found, though all are kept: of a rule that denies, that it holds.
    if_lost: bool,
}

/// How much there is to a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Nothing: it holds for whoever is found by the key.
    Sure,
    /// One of these ports, and nothing else.
    Ported([u16; 4]),
    Tested,
}

#[derive(Clone, Copy, Debug)]
enum PortTest {
    Any,
    Few([u16; 4]),
    Set(u32),
}

#[derive(Clone, Copy, Debug)]
enum AddressTest {
    Any,
    /// One range of IPv4 addresses.
    Range(u32, u32),
    Set(u32),
}

impl Test {
    /// Its form; with the feature `small` all tests are of one.
    #[inline]
    pub(super) fn form(&self) -> Form {
        match self {
            Self { port, source: AddressTest::Any, destination: AddressTest::Any, remote: AddressTest::Any, .. } if !IS_SMALL => {
                match port {
                    PortTest::Any => Form::Sure,
                    PortTest::Few(ports) => Form::Ported(*ports),
                    PortTest::Set(_) => Form::Tested,
                }
            }
            _ => Form::Tested,
        }
    }
}

/// The sets that do not fit into tests.
#[derive(Clone, Debug, Default)]
pub(super) struct TestSets {
    ports: Vec<Arc<Ranges<u16>>>,
    addresses: Vec<Set>,
}

#[derive(Clone, Debug)]
enum Set {
    Ranges(Arc<AddressRanges>),
    Large(Arc<AddressSet>),
}

impl TestSets {
    /// The test of an atom, which need not ask again about what the atom is looked up by.
    pub(super) fn test(&mut self, entry: &Entry<'_>, large: &LargeSets) -> Test {
        let Entry { segment, atom, key, .. } = *entry;
        let mut address = |dimension: Dimension| match atom.addresses(dimension) {
            Some(set) if key != Key::Address(dimension) => self.address(set, large),
            Some(_) | None => AddressTest::Any,
        };
        let [source, destination, remote] = Dimension::ALL.map(&mut address);
        let port = match &atom.port {
            Some(set) if key != Key::Port => self.port(set),
            Some(_) | None => PortTest::Any,
        };
        Test { port, source, destination, remote, if_lost: usize::from(segment) == DENYING }
    }

    fn port(&mut self, set: &Arc<Ranges<u16>>) -> PortTest {
        let mut ports = set.as_slice().iter().flat_map(|(first, last)| *first..=*last).take(5);
        if let Some(first) = ports.next() {
            let mut few = [first; 4];
            few.iter_mut().skip(1).for_each(|place| *place = ports.next().unwrap_or(first));
            if ports.next().is_none() {
                return PortTest::Few(few);
            }
        }
        self.ports.push(Arc::clone(set));
        PortTest::Set(u32::try_from(self.ports.len() - 1).unwrap_or(u32::MAX))
    }

    fn address(&mut self, set: &Arc<AddressRanges>, large: &LargeSets) -> AddressTest {
        if let ([(first, last)], []) = (set.v4.as_slice(), set.v6.as_slice()) {
            return AddressTest::Range(*first, *last);
        }
        self.addresses.push(match large.get(set) {
            Some(large) => Set::Large(Arc::clone(large)),
            None => Set::Ranges(Arc::clone(set)),
        });
        AddressTest::Set(u32::try_from(self.addresses.len() - 1).unwrap_or(u32::MAX))
    }

    /// Whether no known fact fails a test.
    #[inline]
    pub(super) fn hold<const OPEN: bool>(&self, test: &Test, query: &Query<'_, OPEN>) -> bool {
        let port = match (test.port, query.port()) {
            (PortTest::Any, _) | (_, None) => true,
            (PortTest::Few(few), Some(port)) => few.iter().fold(false, |any, one| any | (*one == port)),
            (PortTest::Set(set), Some(port)) => self.ports.get(place(set)).map_or(test.if_lost, |set| set.contains(port)),
        };
        let holds = |asked, dimension| self.address_holds(asked, query.address(dimension)).unwrap_or(test.if_lost);
        port && holds(test.source, Dimension::Source)
            && holds(test.destination, Dimension::Destination)
            && holds(test.remote, Dimension::Remote)
    }

    #[inline]
    fn address_holds(&self, test: AddressTest, address: Option<&IpAddr>) -> Option<bool> {
        Some(match (test, address) {
            (AddressTest::Any, _) | (_, None) => true,
            (AddressTest::Range(first, last), Some(IpAddr::V4(address))) => (first..=last).contains(&address.to_bits()),
            (AddressTest::Range(..), Some(IpAddr::V6(_))) => false,
            (AddressTest::Set(set), Some(address)) => match self.addresses.get(place(set))? {
                Set::Ranges(set) => set.contains(*address),
                Set::Large(set) => set.contains(address)?,
            },
        })
    }

    pub(super) fn bytes(&self) -> usize {
        let ports: usize = self.ports.iter().map(|set| 24 + size_of_val(set.as_slice())).sum();
        let addresses: usize = self
            .addresses
            .iter()
            .map(|set| match set {
                Set::Ranges(set) => 64 + size_of_val(set.v4.as_slice()) + size_of_val(set.v6.as_slice()),
                // Large sets are counted once, by themselves.
                Set::Large(_) => 0,
            })
            .sum();
        ports + addresses + size_of_val(self.ports.as_slice()) + size_of_val(self.addresses.as_slice())
    }
}
