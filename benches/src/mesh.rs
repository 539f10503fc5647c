//! Policies as service meshes have them, in the proportions of the sets that earlier figures are about.

use std::sync::Arc;

use ipnet::IpNet;

use crate::block::{below_v4, below_v6, distinct, hole, v4, v6};
use crate::model::{Action, Condition, Kind, Operation, Policy, Rule, Set, Source};
use crate::random::Random;

const APPS: [&str; 16] = [
    "billing",
    "catalog",
    "checkout",
    "fraud",
    "gateway",
    "identity",
    "inventory",
    "ledger",
    "media",
    "orders",
    "payments",
    "pricing",
    "reports",
    "search",
    "session",
    "shipping",
];
const STAGES: [&str; 8] = ["batch", "core", "edge", "eu-west", "prod", "shared", "staging", "us-east"];
const ROLES: [&str; 12] =
    ["admin", "api", "backend", "cache", "consumer", "cron", "default", "frontend", "migrator", "producer", "proxy", "worker"];
const KNOWN_PORTS: [u16; 24] = [
    80, 443, 2379, 2380, 3000, 3306, 4317, 5000, 5432, 5672, 6379, 7000, 8000, 8080, 8081, 8443, 9000, 9042, 9090, 9092, 9200,
    11211, 15021, 27017,
];

/// A mesh: policies of one to ten rules, a quarter of them DENY.
///
/// Sources are identities (exact, by prefix, by suffix), namespaces and address blocks with holes;
/// operations are ports; one rule in seven asks for the destination, the server name or the like.
pub fn mesh(rules: u32, seed: u64) -> Set {
    let mut random = Random::new(seed).fork("mesh");
    let pool = Pool::new(rules, &mut random);
    let mut policies = Vec::new();
    let mut left = rules;
    while left > 0 {
        let count = (1 + random.below(10)).min(left);
        left -= count;
        let action = if random.chance(25) { Action::Deny } else { Action::Allow };
        let mut rules: Vec<Rule> = (0..count).map(|_| pool.rule(&mut random)).collect();
        // A single rule had better be a typical one.
        while policies.is_empty() && !rules.first().is_some_and(is_typical) {
            rules = (0..count).map(|_| pool.rule(&mut random)).collect();
        }
        policies.push(Policy { name: format!("p-{:05}", policies.len()), action, rules });
    }
    Set { name: format!("mesh-{rules}"), kind: Kind::Mesh, policies }
}

/// Whether a rule asks for an identity and a port.
fn is_typical(rule: &Rule) -> bool {
    let [source] = rule.from.as_slice() else { return false };
    let [operation] = rule.to.as_slice() else { return false };
    !source.principals.is_empty() && !operation.ports.is_empty()
}

/// What the policies of one mesh have in common.
struct Pool {
    namespaces: Vec<Arc<str>>,
    principals: Vec<Arc<str>>,
    blocks: Vec<IpNet>,
    ports: Vec<u16>,
    names: Vec<Arc<str>>,
}

impl Pool {
    fn new(rules: u32, random: &mut Random) -> Self {
        let namespaces: Vec<Arc<str>> =
            (0..40 + rules / 8).map(|n| format!("{}-{}-{n}", random.pick(&APPS), random.pick(&STAGES)).into()).collect();
        let mut principals = Vec::new();
        for namespace in &namespaces {
            for n in 0..random.within(3, 13) {
                let account = format!("{}-{}-{n}", random.pick(&APPS), random.pick(&ROLES));
                principals.push(format!("cluster.local/ns/{namespace}/sa/{account}").into());
            }
        }
        let blocks = distinct(usize::try_from(60 + rules * 2 / 5).unwrap_or(60), random, block);
        let ports = KNOWN_PORTS.into_iter().chain((0..96).map(|_| random.within(1024, 49_151))).collect();
        let names = (0..20 + rules / 10)
            .map(|n| format!("{}.{}-{n}.example.com", random.pick(&ROLES), random.pick(&APPS)).into())
            .collect();
        Self { namespaces, principals, blocks, ports, names }
    }

    fn rule(&self, random: &mut Random) -> Rule {
        let count = random.weighted(&[(81, 1), (14, 2), (5, 3)]);
        let mut rule = Rule { from: (0..count).map(|_| self.source(random)).collect(), ..Rule::default() };
        // A source that only excludes is nearly everyone: without a port of its own, one such rule would
        // decide everything.
        let is_broad = rule.from.iter().any(Source::only_excludes);
        let count = if is_broad { 1 } else { random.weighted(&[(24, 0), (70, 1), (6, 2)]) };
        rule.to = (0..count).map(|_| self.operation(is_broad, random)).collect();
        if random.chance(14) {
            rule.when.push(self.condition(rule.to.is_empty(), random));
        }
        rule
    }

    fn source(&self, random: &mut Random) -> Source {
        let mut source = Source::default();
        match random.weighted(&[(45, 1), (20, 2), (21, 3), (9, 4), (3, 5), (2, 6)]) {
            1 => self.identities(&mut source, random),
            2 => {
                source.namespaces = several(&NAMESPACES, random, |random| self.namespace(random));
                if random.chance(13) {
                    source.not_principals = several(&EXCLUDED, random, |random| random.pick(&self.principals));
                }
            }
            3 => self.addresses(&mut source, random),
            4 => {
                self.identities(&mut source, random);
                self.addresses(&mut source, random);
            }
            5 => source.not_ip_blocks = several(&HOLES, random, |random| hole(random.pick(&self.blocks), random)),
            _ => source.not_namespaces = several(&NAMESPACES, random, |random| self.namespace(random)),
        }
        source
    }

    fn identities(&self, source: &mut Source, random: &mut Random) {
        source.principals = several(&PRINCIPALS, random, |random| self.principal(random));
        if random.chance(9) {
            source.not_principals = several(&EXCLUDED, random, |random| random.pick(&self.principals));
        }
        if random.chance(4) {
            source.not_namespaces = several(&EXCLUDED, random, |random| self.namespace(random));
        }
    }

    fn addresses(&self, source: &mut Source, random: &mut Random) {
        source.ip_blocks = several(&BLOCKS, random, |random| random.pick(&self.blocks));
        if random.chance(25) {
            source.not_ip_blocks = several(&HOLES, random, |random| hole(random.pick(&source.ip_blocks), random));
        }
    }

    fn principal(&self, random: &mut Random) -> Arc<str> {
        match random.below(100) {
            0..86 => random.pick(&self.principals),
            86..94 => format!("cluster.local/ns/{}/*", random.pick(&self.namespaces)).into(),
            94..99 => {
                let exact = random.pick(&self.principals);
                exact.strip_prefix("cluster.local").map_or_else(|| Arc::clone(&exact), |rest| format!("*{rest}").into())
            }
            _ => format!("spoke-{}.example/*", random.below(8)).into(),
        }
    }

    fn namespace(&self, random: &mut Random) -> Arc<str> {
        let exact = random.pick(&self.namespaces);
        match random.below(100) {
            0..92 => exact,
            // As people mean it: `orders-edge-1*`, `*-batch-9`.
            92..97 => {
                let cut = exact.trim_end_matches(|c: char| c.is_ascii_digit());
                format!("{cut}{}*", random.within(1, 9)).into()
            }
            _ => exact.split_once('-').map_or_else(|| Arc::clone(&exact), |(_, rest)| format!("*-{rest}").into()),
        }
    }

    fn operation(&self, is_own: bool, random: &mut Random) -> Operation {
        let mut operation = Operation::default();
        if is_own {
            operation.ports = several(&PORTS, random, |random| random.within(49_152, 65_535));
        } else if random.chance(9) {
            operation.not_ports = several(&PORTS, random, |random| random.pick(&self.ports));
        } else {
            operation.ports = several(&PORTS, random, |random| random.pick(&self.ports));
        }
        operation
    }

    fn condition(&self, may_ask_port: bool, random: &mut Random) -> Condition {
        match random.below(6) {
            0 => Condition::NotSourceIp(vec![random.pick(&self.blocks)]),
            1 => Condition::NotSourceNamespace(vec![self.namespace(random)]),
            2 => Condition::NotDestinationIp(vec![random.pick(&self.blocks)]),
            3 if may_ask_port => Condition::DestinationPort(several(&PORTS, random, |random| random.pick(&self.ports))),
            3 | 4 => Condition::DestinationIp(vec![random.pick(&self.blocks), random.pick(&self.blocks)]),
            _ => Condition::Sni(several(&HOLES, random, |random| {
                let exact = random.pick(&self.names);
                let wildcard = exact.split_once('.').map(|(_, rest)| format!("*.{rest}").into());
                if random.chance(20) { wildcard.unwrap_or(exact) } else { exact }
            })),
        }
    }
}

impl Source {
    /// Whether it names nobody and only leaves some out.
    pub fn only_excludes(&self) -> bool {
        self.principals.is_empty() && self.namespaces.is_empty() && self.ip_blocks.is_empty()
    }
}

// How often lists have how many values.
const PRINCIPALS: [(u32, usize); 6] = [(50, 1), (19, 2), (12, 3), (10, 5), (6, 8), (3, 16)];
const NAMESPACES: [(u32, usize); 4] = [(60, 1), (22, 2), (13, 4), (5, 8)];
const BLOCKS: [(u32, usize); 4] = [(47, 1), (22, 2), (20, 4), (11, 8)];
const PORTS: [(u32, usize); 4] = [(47, 1), (26, 2), (17, 3), (10, 4)];
const HOLES: [(u32, usize); 3] = [(40, 1), (34, 2), (26, 3)];
const EXCLUDED: [(u32, usize); 3] = [(45, 1), (45, 2), (10, 3)];

fn several<T>(counts: &[(u32, usize)], random: &mut Random, mut make: impl FnMut(&mut Random) -> T) -> Vec<T> {
    (0..random.weighted(counts)).map(|_| make(random)).collect()
}

/// A block of a private network, of a carrier's or of a partner's.
fn block(random: &mut Random) -> IpNet {
    if random.chance(10) {
        let len = random.weighted(&[(7, 32), (20, 48), (16, 56), (33, 64), (24, 128)]);
        return v6(below_v6(0xfd << 120, 8, random), len);
    }
    let network = random.weighted(&[
        (66, (0x0a00_0000, 8)),
        (10, (0xac10_0000, 12)),
        (8, (0xc0a8_0000, 16)),
        (6, (0x6440_0000, 10)),
        (5, (0x2d00_0000, 8)),
    ]);
    let (bits, start) = network;
    let len = random.weighted(&[(1, 12), (13, 16), (10, 20), (6, 22), (43, 24), (4, 26), (3, 28), (20, 32)]).max(start);
    v4(below_v4(bits, start, random), len)
}
