//! Access lists in the shape of ClassBench's three families: source, destination and port.

use ipnet::IpNet;

use crate::block::v4;
use crate::model::{Action, Condition, Kind, Operation, Policy, Rule, Set, Source};
use crate::random::{Random, Zipf};

const PORTS: [u16; 20] = [21, 22, 23, 25, 53, 80, 110, 123, 161, 179, 389, 443, 636, 1433, 1521, 2049, 3306, 5060, 8080, 8443];

/// How many rules a policy has at most.
const RULES: usize = 512;

/// A family of access lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Access control lists: nearly every rule has both ends, two in three a port.
    Acl,
    /// Firewalls: a rule has two of the three, one end often open.
    Fw,
    /// IP chains: both ends, half of them without a port.
    Ipc,
}

impl Family {
    /// `acl`, `fw` or `ipc`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Acl => "acl",
            Self::Fw => "fw",
            Self::Ipc => "ipc",
        }
    }

    /// How many rules in a hundred ask for source, destination and port.
    fn asks(self) -> (u32, u32, u32) {
        match self {
            Self::Acl => (88, 99, 71),
            Self::Fw => (61, 66, 50),
            Self::Ipc => (85, 90, 46),
        }
    }

    fn source_lengths(self) -> &'static [(u32, u8)] {
        match self {
            Self::Acl => &[(2, 8), (7, 16), (7, 20), (5, 22), (28, 24), (5, 28), (46, 32)],
            Self::Fw => &[(3, 8), (6, 16), (34, 24), (57, 32)],
            Self::Ipc => &[(4, 8), (10, 16), (33, 24), (6, 28), (47, 32)],
        }
    }

    fn destination_lengths(self) -> &'static [(u32, u8)] {
        match self {
            Self::Acl => &[(2, 16), (24, 24), (4, 27), (7, 28), (63, 32)],
            Self::Fw => &[(4, 16), (25, 24), (71, 32)],
            Self::Ipc => &[(8, 16), (32, 24), (5, 30), (55, 32)],
        }
    }
}

/// An access list: a quarter of its rules DENY, the rest ALLOW.
pub fn access_list(family: Family, rules: u32, seed: u64) -> Set {
    let mut random = Random::new(seed).fork(family.name());
    let (sources, destinations) = (Network::new(rules, &mut random), Network::new(rules, &mut random));
    let (mut allow, mut deny) = (Vec::new(), Vec::new());
    for _ in 0..rules {
        let rule = rule(family, &sources, &destinations, &mut random);
        if random.chance(25) { &mut deny } else { &mut allow }.push(rule);
    }
    let name = family.name();
    let mut policies = Vec::new();
    for (word, action, rules) in [("deny", Action::Deny, deny), ("allow", Action::Allow, allow)] {
        for (n, rules) in rules.chunks(RULES).enumerate() {
            policies.push(Policy { name: format!("{name}-{word}-{n}"), action, rules: rules.to_vec() });
        }
    }
    Set { name: format!("{name}-{rules}"), kind: Kind::AccessList, policies }
}

fn rule(family: Family, sources: &Network, destinations: &Network, random: &mut Random) -> Rule {
    let (source, destination, port) = family.asks();
    let mut rule = Rule::default();
    // One that asks nothing would decide everything, and so nearly would one of a port alone.
    while rule.from.is_empty() && rule.when.is_empty() {
        if random.chance(source) {
            let block = sources.block(family.source_lengths(), random);
            rule.from = vec![Source { ip_blocks: vec![block], ..Source::default() }];
        }
        if random.chance(destination) {
            rule.when = vec![Condition::DestinationIp(vec![destinations.block(family.destination_lengths(), random)])];
        }
    }
    if random.chance(port) {
        rule.to = vec![Operation { ports: ports(random), not_ports: Vec::new() }];
    }
    rule
}

/// One port, known or not, or a short range, which policies have to spell out.
fn ports(random: &mut Random) -> Vec<u16> {
    let count = random.weighted(&[(84, 1), (4, 2), (6, 4), (3, 6), (3, 8)]);
    match count {
        1 if random.chance(75) => vec![random.pick(&PORTS)],
        count => {
            let first = random.within(1024, 60_000);
            (first..first + count).collect()
        }
    }
}

/// Where the addresses of one column come from: few networks, some much busier than others.
struct Network {
    octets: [Vec<u32>; 3],
    zipf: [Zipf; 3],
}

impl Network {
    fn new(rules: u32, random: &mut Random) -> Self {
        let counts = [12, 16 + rules / 500, 24 + rules / 100];
        let zipf = counts.map(|count| Zipf::new(count, 0.9));
        let octets = counts.map(|count| (0..count).map(|_| 1 + random.below(223)).collect());
        Self { octets, zipf }
    }

    fn block(&self, lengths: &[(u32, u8)], random: &mut Random) -> IpNet {
        let mut bits = 0;
        for (octets, zipf) in self.octets.iter().zip(&self.zipf) {
            bits = bits << 8 | octets.get(zipf.draw(random)).copied().unwrap_or(1);
        }
        v4(bits << 8 | random.below(256), random.weighted(lengths))
    }
}
