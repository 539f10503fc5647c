use std::net::{IpAddr, Ipv6Addr};

use super::super::address_ranges::AddressRanges;
use super::super::ranges::Ranges;
use super::build::Roots;
use super::*;
use crate::value::IpBlock;

/// Numbers that look random, the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn wide(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }
}

fn block(address: u128, length: u32) -> (u128, u128) {
    let host = u128::MAX.checked_shr(length).unwrap_or(0);
    (address & !host, address | host)
}

fn check(name: &str, ranges: Vec<(u128, u128)>) -> Ipv6Tree {
    let set = Ranges::union(ranges);
    let tree = Ipv6Tree::new(&set);
    let mut numbers = Numbers(1);
    let few = set.as_slice().len().div_ceil(20_000).max(1);
    let ends = set.as_slice().iter().step_by(few).flat_map(|(first, last)| [*first, *last]);
    for end in ends.chain([0, 1 << 64, u128::MAX >> 1, u128::MAX]) {
        let bit = |at: u64| 1 << (at % 128);
        let near = [end, end.wrapping_sub(1), end.wrapping_add(1), end.wrapping_sub(1 << 64), end.wrapping_add(1 << 64)];
        let far = [end ^ u128::from(u64::MAX), end ^ bit(numbers.next()), end ^ bit(numbers.next()), numbers.wide()];
        for address in near.into_iter().chain(far) {
            assert_eq!(tree.contains(address), Some(set.contains(address)), "{address:#x} in {name}");
        }
    }
    tree
}

fn many(count: usize, mut one: impl FnMut(&mut Numbers) -> (u128, u128)) -> Vec<(u128, u128)> {
    let mut numbers = Numbers(7);
    (0..count).map(|_| one(&mut numbers)).collect()
}

const SITE: u128 = 0x2001_0db8 << 96;

#[test]
fn a_tree_holds_what_its_ranges_hold() {
    check("nothing", Vec::new());
    check("everything", vec![(0, u128::MAX)]);
    check("the ends", vec![(0, 0), (u128::MAX, u128::MAX)]);
    check("all but the ends", vec![(1, u128::MAX - 1)]);
    check("a half", vec![(0, u128::MAX >> 1)]);
    check("halves in part", vec![(5 << 64 | 7, 9 << 64 | 3), (9 << 64 | 5, 9 << 64 | 6), (10 << 64 | 1, 11 << 64)]);
    check(
        "a half with two hosts between two stretches",
        vec![(5 << 64, (6 << 64) - 1), (6 << 64 | 7, 6 << 64 | 7), (6 << 64 | 9, 8 << 64)],
    );
    for count in [1, 3, 4, 5, 7, 8, 9, 31, 33, 64, 65, 95, 97, 300, 5000] {
        check(
            "networks anywhere",
            many(count, |numbers| block(numbers.wide(), 20 + u32::try_from(numbers.next() % 45).unwrap())),
        );
        check("hosts anywhere", many(count, |numbers| block(numbers.wide(), 128)));
        check(
            "networks of one site",
            many(count, |numbers| block(SITE | numbers.wide() >> 32, 48 + u32::try_from(numbers.next() % 17).unwrap())),
        );
        check("hosts of one network", many(count, |numbers| block(SITE | u128::from(numbers.next()), 128)));
        check(
            "neighbouring hosts",
            many(count, |numbers| block(SITE | u128::from(numbers.next() % (3 * u64::try_from(count).unwrap())), 128)),
        );
        check(
            "hosts of some networks",
            many(count, |numbers| block(SITE | u128::from(numbers.next() % 64) << 64 | u128::from(numbers.next() % 16), 128)),
        );
        check(
            "ranges anywhere",
            many(count, |numbers| {
                let (one, other) = (numbers.wide() >> 32, numbers.wide() >> 32);
                (SITE | one, (SITE | one).saturating_add(other >> (numbers.next() % 96)))
            }),
        );
        check(
            "parts of networks",
            many(count, |numbers| block(SITE | numbers.wide() >> 48, 60 + u32::try_from(numbers.next() % 69).unwrap())),
        );
    }
}

#[test]
fn a_tree_holds_the_complement_of_what_its_complement_holds() {
    let ranges = many(3000, |numbers| {
        block(SITE | numbers.wide() >> (numbers.next() % 64), 24 + u32::try_from(numbers.next() % 105).unwrap())
    });
    let rest = Ranges::union(ranges.clone()).complement();
    check("blocks", ranges);
    check("all but blocks", rest.as_slice().to_vec());
}

#[test]
fn lines_that_start_nearly_alike_are_told_apart() {
    // Few of many networks, and then up to so many in one of them, which the first bits of a key do not tell apart.
    for crowd in [9, 17, 25, 33, 60, 90, 97, 300] {
        let some = (0..2000_u128).map(|at| block(SITE + (at << 86) + ((at % 7) << 68), 64));
        let near = (0..crowd).map(|at| block(SITE + (77 << 86) + (at << 65), 64));
        let tree = check("a crowd in one network", some.chain(near).collect());
        let (inside, outside) = (SITE + (77 << 86) + (1 << 65), SITE + (77 << 86) + (3 << 64));
        assert_eq!((tree.contains(inside), tree.contains(outside)), (Some(true), Some(false)));
    }
}

#[test]
fn a_range_over_many_roots_is_inside_in_all_of_them() {
    let near = many(3000, |numbers| block(numbers.wide() >> 2, 40));
    let wide = (1 << 126, (3 << 126) + (5 << 64) + 7);
    let far = many(3000, |numbers| block(3 << 126 | numbers.wide() >> 2, 64));
    let tree = check("a wide range between networks", near.into_iter().chain([wide]).chain(far).collect());
    assert!(tree.roots.len() > 4 && tree.contains(2 << 126) == Some(true));
}

#[test]
fn where_something_is_lost_no_address_has_an_answer() {
    let blocks = |ranges: &[(u128, u128)]| {
        let mut roots = Roots::new((SITE, SITE + (9 << 64)), 4);
        let _ = ranges.iter().try_for_each(|(first, last)| roots.add(*first, *last));
        roots.end()
    };
    let inside = block(SITE + (3 << 64), 64);
    assert_eq!(blocks(&[inside]).contains(inside.0), Some(true));
    for lost in [block(SITE + (70 << 64), 64), block(SITE - (1 << 64), 64), (inside.0, u128::MAX)] {
        let tree = blocks(&[inside, lost]);
        assert!([0, SITE, inside.0, lost.0, u128::MAX].iter().all(|address| tree.contains(*address).is_none()), "{lost:x?}");
    }
}

#[test]
fn a_set_of_many_blocks_is_arranged_without_writing_its_ranges_down() {
    let mut numbers = Numbers(11);
    let blocks: Vec<IpBlock> = (0..30_000)
        .map(|at| {
            let length = [19, 32, 48, 56, 64, 128, 128, 70][at % 8];
            let address = Ipv6Addr::from_bits(SITE | numbers.wide() >> (20 + numbers.next() % 60));
            IpBlock::parse(&format!("{address}/{length}")).unwrap()
        })
        .filter(|block| block.prefix().1 > 40)
        .collect();
    let set = AddressRanges::of_blocks(&blocks).v6;
    let tree = Ipv6Tree::new(&set);
    assert!(set.source().is_some() && !set.is_written());
    let ranges = blocks.iter().map(|block| match block.range() {
        (IpAddr::V6(first), IpAddr::V6(last)) => (first.to_bits(), last.to_bits()),
        range => panic!("{range:?}"),
    });
    let plain = Ranges::union(ranges.collect());
    assert!(plain.source().is_none() && plain.as_slice().len() > 4096);
    let known = check("the same as ranges", plain.as_slice().to_vec());
    for (first, last) in plain.as_slice().iter().step_by(7) {
        for address in [*first, *last, first.wrapping_sub(1), last.wrapping_add(1)] {
            assert_eq!(tree.contains(address), known.contains(address), "{address:#x}");
        }
    }
}

/// Starts that double in distance from the first crowd in the first cell, however it is cut.
fn crowding(each: usize) -> Vec<(u128, u128)> {
    let mut numbers = Numbers(3);
    let crowd = |at: u32| std::iter::repeat_n(at, each);
    (0..126).flat_map(crowd).map(|at| block((1 << at) + (numbers.wide() & ((1 << at) - 1)), 128)).collect()
}

#[test]
fn no_input_takes_much_more_memory_than_its_ranges() {
    let bit = |numbers: &mut Numbers| u32::try_from(numbers.next() % 64).unwrap();
    // The most bytes that a range may take; as ranges it takes 32.
    let table = [
        ("crowds within crowds", 80, crowding(200)),
        ("few crowds within crowds", 110, crowding(3)),
        ("hosts anywhere", 60, many(100_000, |numbers| block(numbers.wide(), 128))),
        ("hosts of one network", 60, many(100_000, |numbers| block(SITE | u128::from(numbers.next()), 128))),
        ("networks anywhere", 60, many(100_000, |numbers| block(numbers.wide(), 64))),
        ("networks of one site", 12, many(100_000, |numbers| block(SITE | numbers.wide() >> 32, 64))),
        ("neighbouring networks", 12, (0..100_000).map(|at| block(SITE | at << 65, 64)).collect()),
        ("ranges of networks", 20, (0..100_000_u128).map(|at| (SITE + (at << 74), SITE + (at << 74) + (3 << 64) - 1)).collect()),
        ("two hosts a network", 40, (0..100_000_u128).map(|at| block(SITE | ((at / 2) << 64) | (at % 2 * 7), 128)).collect()),
        ("five hosts a network", 50, (0..100_000_u128).map(|at| block(SITE | ((at / 5) << 64) | (at % 5 * 7), 128)).collect()),
        ("parts of networks", 80, (0..100_000_u128).map(|at| block(SITE | at << 64 | 7 << 40, 96)).collect()),
        ("one network and far ones", 40, {
            let far = many(1000, |numbers| block(1 << (64 + bit(numbers)), 64));
            far.into_iter().chain(many(100_000, |numbers| block(SITE | u128::from(numbers.next()) << 16, 64))).collect()
        }),
    ];
    for (name, most, ranges) in table {
        let count = Ranges::union(ranges.clone()).as_slice().len();
        let tree = check(name, ranges);
        assert!(tree.bytes() <= most * count + 4096, "{name}: {} bytes for {count} ranges", tree.bytes());
    }
}
