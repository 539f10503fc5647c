//! Lists of address blocks: threat feeds, routing tables and IPv6.

use ipnet::IpNet;

use crate::block::{below_v4, below_v6, distinct, v4, v6};
use crate::model::{Action, Kind, Policy, Rule, Set, Source};
use crate::random::Random;

/// A kind of block list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// IPv4 as threat feeds have it: 55 % /32, 24 % /24, the rest from /8 to /31, mostly long.
    Threats,
    /// IPv4 as routing tables have it: 60 % /24, the rest mostly from /20 to /23.
    Routes,
    /// IPv6: /32, /48, /56, /64 and /128, most of them under allocated /32s.
    V6,
}

impl Feed {
    /// `block4`, `route4` or `block6`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Threats => "block4",
            Self::Routes => "route4",
            Self::V6 => "block6",
        }
    }
}

/// One DENY rule with so many different prefixes; beside it, if asked for, an ALLOW policy for everyone.
///
/// Without the ALLOW policy what no prefix covers is allowed because no policy speaks of it.
pub fn block_list(feed: Feed, prefixes: usize, with_allow: bool, seed: u64) -> Set {
    let mut random = Random::new(seed).fork(feed.name());
    let ip_blocks = match feed {
        Feed::Threats => threats(prefixes, &mut random),
        Feed::Routes => routes(prefixes, &mut random),
        Feed::V6 => addresses_v6(prefixes, &mut random),
    };
    let deny = Rule { from: vec![Source { ip_blocks, ..Source::default() }], ..Rule::default() };
    let mut policies = vec![Policy { name: "blocked".into(), action: Action::Deny, rules: vec![deny] }];
    if with_allow {
        policies.push(Policy { name: "everyone".into(), action: Action::Allow, rules: vec![Rule::default()] });
    }
    let allow = if with_allow { "-allow" } else { "" };
    Set { name: format!("{}{allow}-{prefixes}", feed.name()), kind: Kind::BlockList, policies }
}

fn threats(count: usize, random: &mut Random) -> Vec<IpNet> {
    let mut lengths = vec![(55_000_000, 32), (24_000_000, 24)];
    // Each length half as often again as the one before it: as many short ones would cover everything.
    let mut weight = 625;
    for len in 8..32_u8 {
        lengths.push((weight, len));
        weight += weight / 2;
    }
    // Bad neighbourhoods.
    let networks: Vec<u32> = (0..64 + count / 100).map(|_| public_v4(random)).collect();
    distinct(count, random, |random| {
        let len = random.weighted(&lengths);
        let is_clustered = len > 16 && random.chance(60);
        let bits = if is_clustered { below_v4(random.pick(&networks), 16, random) } else { public_v4(random) };
        v4(bits, len)
    })
}

fn routes(count: usize, random: &mut Random) -> Vec<IpNet> {
    let lengths: [(u32, u8); 15] = [
        (600_000, 24),
        (100_000, 23),
        (110_000, 22),
        (50_000, 21),
        (45_000, 20),
        (26_000, 19),
        (14_000, 18),
        (8_000, 17),
        (13_500, 16),
        (2_000, 15),
        (1_200, 14),
        (600, 13),
        (300, 12),
        (100, 11),
        (50, 10),
    ];
    // Who holds a /16 announces many parts of it.
    let networks: Vec<u32> = (0..64 + count / 40).map(|_| public_v4(random)).collect();
    distinct(count, random, |random| {
        let len = random.weighted(&lengths);
        let is_clustered = len > 16 && random.chance(75);
        let bits = if is_clustered { below_v4(random.pick(&networks), 16, random) } else { public_v4(random) };
        v4(bits, len)
    })
}

fn addresses_v6(count: usize, random: &mut Random) -> Vec<IpNet> {
    // What the regional registries give out of 2000::/3.
    let registries: [(u32, u128); 7] =
        [(10, 0x2001), (10, 0x2400), (15, 0x2600), (10, 0x2800), (30, 0x2a00), (5, 0x2c00), (20, 0x2a02)];
    let allocated = |random: &mut Random| below_v6(random.weighted(&registries) << 112, 16, random);
    let networks: Vec<u128> = (0..64 + count / 50).map(|_| allocated(random)).collect();
    // Sites with many subnets, under them.
    let sites: Vec<u128> = (0..64 + count / 10).map(|_| below_v6(random.pick(&networks), 32, random)).collect();
    distinct(count, random, |random| {
        let len = random.weighted(&[(6, 32), (32, 48), (16, 56), (26, 64), (20, 128)]);
        let bits = match len {
            32 => allocated(random),
            48 => below_v6(random.pick(&networks), 32, random),
            _ if random.chance(70) => below_v6(random.pick(&sites), 48, random),
            _ => below_v6(random.pick(&networks), 32, random),
        };
        v6(bits, len)
    })
}

/// An address that is routed on the internet, roughly.
fn public_v4(random: &mut Random) -> u32 {
    let first = match 1 + random.below(223) {
        10 | 127 => 45,
        first => first,
    };
    first << 24 | random.below(1 << 24)
}
