//! From an address or a port to its class: a table over the leading bytes, then a short search.

use super::classes::Stretches;

/// A class number as a place in a list.
pub(super) fn place(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The bit that tells a class from a reference to a next table.
const LEAF: u32 = 1 << 31;

/// The class of every IPv4 address.
///
/// A table over the first byte leads to a class, or to a table over the second, and that to a class or
/// to the few stretches that start below these two bytes.
#[derive(Clone, Debug)]
pub(super) struct Ipv4Lookup {
    first: Box<[u32]>,
    second: Box<[u32]>,
    buckets: Box<[(u32, u32)]>,
    starts: Box<[u32]>,
    classes: Box<[u32]>,
}

impl Ipv4Lookup {
    /// Nothing where there are more classes than can be numbered.
    pub(super) fn new(stretches: Stretches<u32>) -> Option<Self> {
        let Stretches { starts, classes } = stretches;
        if classes.iter().any(|class| class & LEAF != 0) {
            return None;
        }
        let at = |value: u32| starts.partition_point(|start| *start <= value).checked_sub(1);
        let (mut first, mut second, mut buckets) = (Vec::with_capacity(256), Vec::new(), Vec::new());
        for one in 0..=255_u8 {
            let (from, to) = (u32::from_be_bytes([one, 0, 0, 0]), u32::from_be_bytes([one, 255, 255, 255]));
            let (begin, end) = (at(from)?, at(to)?);
            if begin == end {
                first.push(LEAF | classes.get(begin)?);
                continue;
            }
            first.push(u32::try_from(second.len()).ok()?);
            for two in 0..=255_u8 {
                let (from, to) = (u32::from_be_bytes([one, two, 0, 0]), u32::from_be_bytes([one, two, 255, 255]));
                let (begin, end) = (at(from)?, at(to)?);
                if begin == end {
                    second.push(LEAF | classes.get(begin)?);
                } else {
                    second.push(u32::try_from(buckets.len()).ok()?);
                    buckets.push((u32::try_from(begin).ok()?, u32::try_from(end).ok()?));
                }
            }
        }
        Some(Self {
            first: first.into(),
            second: second.into(),
            buckets: buckets.into(),
            starts: starts.into(),
            classes: classes.into(),
        })
    }

    /// The class of an address.
    pub(super) fn class(&self, address: u32) -> u32 {
        self.find(address).unwrap_or_default()
    }

    fn find(&self, address: u32) -> Option<u32> {
        let [one, two, ..] = address.to_be_bytes();
        let entry = *self.first.get(usize::from(one))?;
        if entry & LEAF != 0 {
            return Some(entry & !LEAF);
        }
        let entry = *self.second.get(place(entry) + usize::from(two))?;
        if entry & LEAF != 0 {
            return Some(entry & !LEAF);
        }
        let (begin, end) = *self.buckets.get(place(entry))?;
        // The first of the stretches starts at or before the two bytes.
        let begin = place(begin);
        let inner = self.starts.get(begin + 1..=place(end))?;
        let behind = if inner.len() <= 16 {
            inner.iter().map(|start| usize::from(*start <= address)).sum()
        } else {
            inner.partition_point(|start| *start <= address)
        };
        self.classes.get(begin + behind).copied()
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.first)
            + size_of_val(&*self.second)
            + size_of_val(&*self.buckets)
            + size_of_val(&*self.starts)
            + size_of_val(&*self.classes)
    }
}

/// The class of every IPv6 address: a binary search.
#[derive(Clone, Debug)]
pub(super) struct Ipv6Lookup {
    starts: Box<[u128]>,
    classes: Box<[u32]>,
}

impl Ipv6Lookup {
    pub(super) fn new(stretches: Stretches<u128>) -> Self {
        Self { starts: stretches.starts.into(), classes: stretches.classes.into() }
    }

    /// The class of an address.
    pub(super) fn class(&self, address: u128) -> u32 {
        let behind = self.starts.partition_point(|start| *start <= address);
        behind.checked_sub(1).and_then(|at| self.classes.get(at)).copied().unwrap_or_default()
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.starts) + size_of_val(&*self.classes)
    }
}

/// The class of every port: pages of 256, of which those of one class are kept once.
#[derive(Clone, Debug)]
pub(super) struct PortLookup {
    pages: Box<[u16]>,
    classes: Box<[u32]>,
}

impl PortLookup {
    pub(super) fn new(stretches: &Stretches<u16>) -> Self {
        let at = |port: u16| {
            let behind = stretches.starts.partition_point(|start| *start <= port);
            behind.checked_sub(1).and_then(|at| stretches.classes.get(at)).copied().unwrap_or_default()
        };
        let (mut pages, mut classes): (Vec<u16>, Vec<u32>) = (Vec::with_capacity(256), Vec::new());
        let mut whole: Vec<(u32, u16)> = Vec::new();
        for high in 0..=255_u8 {
            let (first, last) = (u16::from_be_bytes([high, 0]), u16::from_be_bytes([high, 255]));
            let inside = |start: &u16| (first + 1..=last).contains(start);
            let next = u16::try_from(classes.len() / 256).unwrap_or(u16::MAX);
            let from = stretches.starts.partition_point(|start| *start <= first);
            if stretches.starts.get(from).is_some_and(inside) {
                classes.extend((0..=255_u8).map(|low| at(u16::from_be_bytes([high, low]))));
                pages.push(next);
                continue;
            }
            // A page of one class; most are, and most of one.
            let class = at(first);
            match whole.iter().find(|(known, _)| *known == class) {
                Some((_, page)) => pages.push(*page),
                None => {
                    classes.extend([class; 256]);
                    whole.push((class, next));
                    pages.push(next);
                }
            }
        }
        Self { pages: pages.into(), classes: classes.into() }
    }

    /// The class of a port.
    pub(super) fn class(&self, port: u16) -> u32 {
        let [high, low] = port.to_be_bytes();
        let page = self.pages.get(usize::from(high)).copied().unwrap_or_default();
        self.classes.get(usize::from(page) * 256 + usize::from(low)).copied().unwrap_or_default()
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.pages) + size_of_val(&*self.classes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretches<T>(starts: Vec<T>) -> Stretches<T> {
        let classes = (0..).take(starts.len()).map(|n: u32| n * 7 % 5).collect();
        Stretches { starts, classes }
    }

    #[test]
    fn an_address_has_the_class_of_its_stretch() {
        let mut starts: Vec<u32> = vec![0, 1, 255, 0x0a00_0000, 0x0a00_0001, 0x0a01_0000, 0x0aff_ffff, 0x0b00_0000, u32::MAX];
        starts.extend((0..100).map(|n| 0x0a02_0000 + n * 3));
        starts.sort_unstable();
        let line = stretches(starts.clone());
        let lookup = Ipv4Lookup::new(line.clone()).unwrap();
        for start in &starts {
            for address in [start.wrapping_sub(1), *start, start.wrapping_add(1)] {
                let at = starts.partition_point(|start| *start <= address) - 1;
                assert_eq!(lookup.class(address), line.classes[at], "{address:x}");
            }
        }
    }

    #[test]
    fn a_port_has_the_class_of_its_stretch_and_equal_pages_are_kept_once() {
        let line = stretches(vec![0, 80, 81, 9000, 65535]);
        let lookup = PortLookup::new(&line);
        for port in 0..=u16::MAX {
            let at = line.starts.partition_point(|start| *start <= port) - 1;
            assert_eq!(lookup.class(port), line.classes[at], "{port}");
        }
        assert!(lookup.bytes() < 10_000, "{}", lookup.bytes());
    }
}
