//! From an address or a port to what was kept for it.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use super::ipv4_line::{Ipv4Line, SLACK};
use super::ipv6_line::Ipv6Line;

/// A value for every address.
#[derive(Clone, Debug)]
pub(super) struct AddressMap<V> {
    v4: Ipv4Line,
    v4_values: Box<[V]>,
    v6: Ipv6Line,
    v6_values: Box<[V]>,
}

impl<V: Copy> AddressMap<V> {
    /// Keeps the value of each stretch of both families, by where it starts; the first of each starts
    /// with the smallest address.
    #[inline(never)]
    pub(super) fn new(v4: &[u32], mut v4_values: Vec<V>, v6: &[u128], v6_values: Vec<V>) -> Self {
        v4_values.extend(v4_values.last().copied().into_iter().cycle().take(SLACK));
        Self {
            v4: Ipv4Line::new(v4.get(1..).unwrap_or_default()),
            v4_values: v4_values.into(),
            v6: Ipv6Line::new(v6.get(1..).unwrap_or_default()),
            v6_values: v6_values.into(),
        }
    }

    /// The value of an address; every one has one.
    #[inline(always)]
    pub(super) fn get(&self, address: &IpAddr) -> Option<&V> {
        match address {
            IpAddr::V4(address) => self.v4_values.get(self.v4.roughly(address.to_bits())?),
            IpAddr::V6(address) => self.v6_values.get(self.v6.position(address.to_bits())),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.v4.bytes() + self.v6.bytes() + size_of_val(&*self.v4_values) + size_of_val(&*self.v6_values)
    }
}

/// A value for every port: pages of 256, of which those that hold one class are kept once.
#[derive(Clone, Debug)]
pub(super) struct PortMap<V> {
    pages: Box<[u8; 256]>,
    classes: Box<[u16]>,
    values: Box<[V]>,
}

impl<V: Copy + Eq + Hash> PortMap<V> {
    /// Keeps the value of each stretch of ports, by where it starts; the first starts with port 0.
    #[inline(never)]
    pub(super) fn new(starts: &[u16], values_of: &[V]) -> Self {
        // There are no more values than ports.
        let mut known: HashMap<V, u16, foldhash::fast::RandomState> = HashMap::default();
        let mut values = Vec::new();
        let class = |value: &V| {
            *known.entry(*value).or_insert_with(|| {
                values.push(*value);
                u16::try_from(values.len() - 1).unwrap_or(u16::MAX)
            })
        };
        let class_of: Vec<u16> = values_of.iter().map(class).collect();
        let (pages, classes) = pages_of(starts, &class_of);
        Self { pages, classes: classes.into(), values: values.into() }
    }

    /// The value of a port; every one has one.
    #[inline(always)]
    pub(super) fn get(&self, port: u16) -> Option<&V> {
        let [high, low] = port.to_be_bytes();
        let page = self.pages.get(usize::from(high))?;
        let class = self.classes.get(usize::from(*page) << 8 | usize::from(low))?;
        self.values.get(usize::from(*class))
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.pages) + size_of_val(&*self.classes) + size_of_val(&*self.values)
    }
}

/// Of the classes of stretches, by where these start: the page of each 256 ports, and the classes of all pages.
#[inline(never)]
fn pages_of(starts: &[u16], class_of: &[u16]) -> (Box<[u8; 256]>, Vec<u16>) {
    let (mut pages, mut classes): (Box<[u8; 256]>, Vec<u16>) = (Box::new([0; 256]), Vec::new());
    let mut whole: Vec<(u16, u8)> = Vec::new();
    for (high, own) in (0..=255_u8).zip(&mut *pages) {
        let (first, last) = (u16::from_be_bytes([high, 0]), u16::from_be_bytes([high, 255]));
        let next = u8::try_from(classes.len() / 256).unwrap_or(u8::MAX);
        // The stretch of a port, from that of the first.
        let mut at = starts.partition_point(|start| *start <= first).saturating_sub(1);
        let is_cut = starts.get(at + 1).is_some_and(|next| *next <= last);
        let mut class = |port: u16| {
            at += usize::from(starts.get(at + 1).is_some_and(|next| *next <= port));
            class_of.get(at).copied().unwrap_or(u16::MAX)
        };
        if is_cut {
            classes.extend((first..=last).map(class));
            *own = next;
            continue;
        }
        // A page of one class; most are, and most of one.
        let class = class(first);
        match whole.iter().find(|(known, _)| *known == class) {
            Some((_, page)) => *own = *page,
            None => {
                classes.extend([class; 256]);
                whole.push((class, next));
                *own = next;
            }
        }
    }
    (pages, classes)
}

/// Boundaries for tests: so many over a part of the line, and some at its ends.
#[cfg(test)]
pub(super) fn spread(count: u32, over: u32) -> Vec<u32> {
    let mut all: Vec<u32> = (1..=count).map(|n| 0x0a00_0000 + n.wrapping_mul(0x9e37_79b1) % over).collect();
    all.extend([1, 0xff, 0xffff_ff00, u32::MAX]);
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_has_the_value_of_its_stretch_and_equal_pages_are_kept_once() {
        let (starts, values) = ([0, 80, 81, 9000, 65535], [7, 1, 7, 2, 3]);
        let map = PortMap::new(&starts, &values);
        for port in 0..=u16::MAX {
            let at = starts.partition_point(|start| *start <= port) - 1;
            assert_eq!(map.get(port), Some(&values[at]), "{port}");
        }
        assert!(map.bytes() < 5_000, "{}", map.bytes());
    }
}
