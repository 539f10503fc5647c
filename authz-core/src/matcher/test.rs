//! One conjunction in a cache line: what it asks of addresses and port.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::DENYING;
use super::address_ranges::AddressRanges;
use super::address_set::AddressSet;
use super::key::{Entry, Key};
use super::large_sets::LargeSets;
use super::numbers::place;
use super::query::{Dimension, Query};
use super::ranges::{Line, Ranges, hold};
use super::sieve::Sieve;
use crate::IS_SMALL;

/// What an atom asks of numbers; its texts are compared elsewhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Test {
    port: Ports,
    source: Addresses,
    destination: Addresses,
    remote: Addresses,
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

impl Form {
    /// What an atom takes of which it is known to be of this form.
    pub(super) fn takes(self) -> Sieve {
        match self {
            Self::Ported(ports) => Sieve::of_ports(ports),
            Self::Sure | Self::Tested => Sieve(u64::MAX),
        }
    }
}

/// What is asked of a port, in eight bytes: there are as many of these as of atoms.
///
/// Of a few ports the first is the least, and they are filled up with it; what falls behind the first stands for
/// something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ports([u16; 4]);

impl Ports {
    pub(super) const ANY: Self = Self([1, 0, 0, 0]);

    #[inline]
    pub(super) fn few(few: [u16; 4]) -> Self {
        Self(few)
    }

    fn of(test: PortTest) -> Self {
        match test {
            PortTest::Any => Self::ANY,
            PortTest::Few(few) => Self::few(few),
            PortTest::Set(set) => {
                let [a, b, c, d] = set.to_be_bytes();
                Self([2, 0, u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])])
            }
        }
    }

    #[inline]
    fn test(self) -> PortTest {
        let Self(few @ [first, second, high, low]) = self;
        if first <= second {
            PortTest::Few(few)
        } else if first == 1 {
            PortTest::Any
        } else {
            PortTest::Set(u32::from(high) << 16 | u32::from(low))
        }
    }

    /// The form of what asks for these ports and for nothing else.
    #[inline]
    pub(super) fn form(self) -> Form {
        match self.test() {
            PortTest::Any => Form::Sure,
            PortTest::Few(ports) => Form::Ported(ports),
            PortTest::Set(_) => Form::Tested,
        }
    }
}

/// What is asked of an address, in eight bytes: the first and the last of a range, or what is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Addresses(u32, u32);

impl Addresses {
    const ANY: Self = Self(1, 0);

    fn of(test: AddressTest) -> Self {
        match test {
            AddressTest::Any => Self::ANY,
            AddressTest::Range(first, last) => Self(first, last),
            // Two sets more than that do not fit into memory.
            AddressTest::Set(set) => Self(set.saturating_add(2), 0),
        }
    }

    #[inline]
    fn test(self) -> AddressTest {
        let Self(first, last) = self;
        if first <= last {
            AddressTest::Range(first, last)
        } else {
            first.checked_sub(2).map_or(AddressTest::Any, AddressTest::Set)
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PortTest {
    Any,
    Few([u16; 4]),
    Set(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
            Self { port, source: Addresses::ANY, destination: Addresses::ANY, remote: Addresses::ANY, .. } if !IS_SMALL => {
                port.form()
            }
            _ => Form::Tested,
        }
    }
}

/// The sets that do not fit into tests, and their ranges one behind the other.
#[derive(Clone, Debug, Default)]
pub(super) struct TestSets {
    ports: Vec<Part>,
    addresses: Vec<Set>,
    of_ports: Vec<(u16, u16)>,
    of_v4: Vec<(u32, u32)>,
    of_v6: Vec<(u128, u128)>,
    /// All IPv6 addresses, which each set has that is there to keep IPv4 blocks out.
    all_v6: Option<Part>,
    /// While tests are made: by where a set of the atoms is, its place here. A rule may have one large set in
    /// many conjunctions.
    known: HashMap<usize, u32, foldhash::fast::RandomState>,
}

/// Sets of more ranges than this are kept once.
const FEW: usize = 4;

#[derive(Clone, Debug)]
enum Set {
    Ranges { v4: Part, v6: Part },
    Large(Arc<AddressSet>),
}

/// Where the ranges of a set stand.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    start: u32,
    end: u32,
}

impl Part {
    /// Puts ranges behind others.
    fn add<T: Line>(all: &mut Vec<(T, T)>, ranges: &[(T, T)]) -> Self {
        let end = |all: &Vec<(T, T)>| u32::try_from(all.len()).unwrap_or(u32::MAX);
        let start = end(all);
        all.extend_from_slice(ranges);
        Self { start, end: end(all) }
    }

    /// Whether a range holds a value; nothing where the ranges are not there.
    #[inline]
    fn holds<T: Line>(self, all: &[(T, T)], value: T) -> Option<bool> {
        all.get(place(self.start)..place(self.end)).map(|ranges| hold(ranges, value))
    }
}

impl TestSets {
    /// The test of an atom, which need not ask again about what the atom is looked up by.
    pub(super) fn test(&mut self, entry: &Entry<'_>, large: &LargeSets) -> Test {
        let Entry { segment, atom, key, .. } = *entry;
        let mut address = |dimension: Dimension| match atom.addresses(dimension) {
            Some(set) if key != Key::Address(dimension) => self.address(set, large),
            Some(_) | None => AddressTest::Any,
        };
        let [source, destination, remote] = Dimension::ALL.map(&mut address).map(Addresses::of);
        let port = match &atom.port {
            Some(set) if key != Key::Port => self.port(set),
            Some(_) | None => PortTest::Any,
        };
        Test { port: Ports::of(port), source, destination, remote, if_lost: usize::from(segment) == DENYING }
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
        let mut add = || {
            self.ports.push(Part::add(&mut self.of_ports, set.as_slice()));
            u32::try_from(self.ports.len() - 1).unwrap_or(u32::MAX)
        };
        let is_large = set.as_slice().len() > FEW;
        PortTest::Set(if is_large { *self.known.entry(Arc::as_ptr(set).addr()).or_insert_with(add) } else { add() })
    }

    fn address(&mut self, set: &Arc<AddressRanges>, large: &LargeSets) -> AddressTest {
        if let ([(first, last)], 0) = (set.v4.as_slice(), set.v6.at_most()) {
            return AddressTest::Range(*first, *last);
        }
        let (is_large, shared) = (set.at_most() > FEW, Arc::as_ptr(set).addr());
        if let Some(known) = self.known.get(&shared).filter(|_| is_large) {
            return AddressTest::Set(*known);
        }
        let set = match large.get(set) {
            Some(large) => Set::Large(Arc::clone(large)),
            None => Set::Ranges { v4: Part::add(&mut self.of_v4, set.v4.as_slice()), v6: self.v6(set.v6.as_slice()) },
        };
        self.addresses.push(set);
        let at = u32::try_from(self.addresses.len() - 1).unwrap_or(u32::MAX);
        if is_large {
            self.known.insert(shared, at);
        }
        AddressTest::Set(at)
    }

    fn v6(&mut self, ranges: &[(u128, u128)]) -> Part {
        match (ranges, self.all_v6) {
            ([], _) => Part::default(),
            ([(u128::MIN, u128::MAX)], Some(all)) => all,
            ([(u128::MIN, u128::MAX)], None) => *self.all_v6.insert(Part::add(&mut self.of_v6, ranges)),
            _ => Part::add(&mut self.of_v6, ranges),
        }
    }

    /// No more tests.
    pub(super) fn finish(&mut self) {
        self.known = HashMap::default();
        self.ports.shrink_to_fit();
        self.addresses.shrink_to_fit();
        self.of_ports.shrink_to_fit();
        self.of_v4.shrink_to_fit();
        self.of_v6.shrink_to_fit();
    }

    /// Whether no known fact fails a test.
    #[inline]
    pub(super) fn hold<const OPEN: bool>(&self, test: &Test, query: &Query<'_, OPEN>) -> bool {
        let port = match (test.port.test(), query.port()) {
            (PortTest::Any, _) | (_, None) => true,
            (PortTest::Few(few), Some(port)) => few.iter().fold(false, |any, one| any | (*one == port)),
            (PortTest::Set(set), Some(port)) => {
                let set = self.ports.get(place(set));
                set.and_then(|set| set.holds(&self.of_ports, port)).unwrap_or(test.if_lost)
            }
        };
        let holds =
            |asked: Addresses, dimension| self.address_holds(asked.test(), query.address(dimension)).unwrap_or(test.if_lost);
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
            (AddressTest::Set(set), Some(address)) => match (self.addresses.get(place(set))?, address) {
                (Set::Ranges { v4, .. }, IpAddr::V4(address)) => v4.holds(&self.of_v4, address.to_bits())?,
                (Set::Ranges { v6, .. }, IpAddr::V6(address)) => v6.holds(&self.of_v6, address.to_bits())?,
                (Set::Large(set), address) => set.contains(address)?,
            },
        })
    }

    pub(super) fn bytes(&self) -> usize {
        // Large sets are counted once, by themselves.
        size_of_val(self.ports.as_slice())
            + size_of_val(self.addresses.as_slice())
            + size_of_val(self.of_ports.as_slice())
            + size_of_val(self.of_v4.as_slice())
            + size_of_val(self.of_v6.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_kept_in_eight_bytes() {
        let ports = [[0; 4], [1; 4], [1, 2, 1, 1], [2; 4], [2, 3, 2, 2], [0, 1, u16::MAX, 0], [u16::MAX; 4]].map(PortTest::Few);
        let sets = [0, 1, 2, 0x0001_0000, 0x1234_5678, u32::MAX - 2];
        for test in ports.into_iter().chain(sets.map(PortTest::Set)).chain([PortTest::Any]) {
            assert_eq!(Ports::of(test).test(), test);
        }
        let ranges = [(0, 0), (0, 1), (1, 1), (1, 2), (7, u32::MAX), (u32::MAX, u32::MAX)];
        let ranges = ranges.map(|(first, last)| AddressTest::Range(first, last));
        for test in ranges.into_iter().chain(sets.map(AddressTest::Set)).chain([AddressTest::Any]) {
            assert_eq!(Addresses::of(test).test(), test);
        }
    }
}
