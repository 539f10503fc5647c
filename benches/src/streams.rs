//! Streams of connections for a set of policies.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use authz_core::{Authorizer, Reason};
use ipnet::IpNet;

use crate::block::{below_v4, below_v6, beside, inside};
use crate::model::{Action, Condition, Kind, Rule, Set, Source};
use crate::query::{Query, Stream};
use crate::random::{Random, Zipf};

/// How many connections a stream has.
pub const LENGTH: usize = 4096;

/// How many flows share a `zipf` stream.
const FLOWS: u32 = 512;

/// How often a connection is made anew that does not hit, or miss, as it should.
const TRIES: usize = 200;

/// The streams of a set.
///
/// | name | what it is |
/// |---|---|
/// | `uniform` | facts drawn at random from those that the policies name, and from others |
/// | `zipf` | 512 flows, the nth with a weight of n^-1.1; half of them hits |
/// | `hit` | each made for one rule, and matching some rule |
/// | `miss` | matching no rule; half of them one fact away from a match |
/// | `worst` | as many different identities, addresses and ports as there are, in random order |
///
/// A list of blocks alone has no `worst`: its `hit` goes through the blocks in random order already.
/// Whether a connection hits is asked of the authorizer; [`Input::check`](crate::Input::check) compares
/// its verdicts with those of the plain evaluator.
pub fn streams(set: &Set, authorizer: &Authorizer, seed: u64) -> Vec<Stream> {
    let random = Random::new(seed).fork(&set.name);
    let ignores_allow = set.allows_all();
    let is_wanted = |action| !ignores_allow || action == Action::Deny;
    let rules = set.policies.iter().filter(|policy| is_wanted(policy.action)).flat_map(|policy| &policy.rules).collect();
    let maker = Maker { pool: Pool::new(set), rules, authorizer, ignores_allow };
    let stream = |name: &str, make: fn(&Maker<'_>, &mut Random) -> Vec<Query>| {
        let queries = make(&maker, &mut random.fork(name));
        let allowed = queries.iter().map(|query| authorizer.allows(&query.connection())).collect();
        Stream { name: name.into(), queries, allowed }
    };
    let mut streams = vec![
        stream("uniform", |maker, random| (0..LENGTH).map(|_| maker.pool.uniform(random)).collect()),
        stream("zipf", |maker, random| maker.zipf(random)),
        stream("hit", |maker, random| (0..LENGTH).map(|_| maker.hit(random)).collect()),
        stream("miss", |maker, random| (0..LENGTH).map(|n| maker.miss(n.is_multiple_of(2), random)).collect()),
    ];
    if set.kind != Kind::BlockList {
        streams.push(stream("worst", |maker, random| maker.pool.worst(random)));
    }
    streams
}

struct Maker<'a> {
    pool: Pool,
    /// Those that a hit can be made for.
    rules: Vec<&'a Rule>,
    authorizer: &'a Authorizer,
    /// Where a policy allows everything, only a DENY rule is worth a hit.
    ignores_allow: bool,
}

impl Maker<'_> {
    fn is_hit(&self, query: &Query) -> bool {
        match self.authorizer.decide(&query.connection()).reason() {
            Reason::DenyPolicy(_) => true,
            Reason::AllowPolicy(_) => !self.ignores_allow,
            _ => false,
        }
    }

    fn hit(&self, random: &mut Random) -> Query {
        let mut query = self.meeting(random);
        for _ in 0..TRIES {
            if self.is_hit(&query) {
                break;
            }
            query = self.meeting(random);
        }
        query
    }

    fn miss(&self, is_near: bool, random: &mut Random) -> Query {
        for _ in 0..TRIES {
            let query = if is_near { self.near(random) } else { self.pool.stranger(random) };
            if !self.is_hit(&query) {
                return query;
            }
        }
        self.pool.stranger(random)
    }

    fn zipf(&self, random: &mut Random) -> Vec<Query> {
        // Hits and misses take turns in the order of Thue and Morse, so that each gets half of the stream
        // too, although the first flow alone is a fifth of it.
        let make = |n: u32| match n.count_ones() % 2 {
            0 => self.allowed_hit(random),
            _ => self.miss(n.is_multiple_of(2), random),
        };
        let flows: Vec<Query> = (0..FLOWS).map(make).collect();
        let zipf = Zipf::new(FLOWS, 1.1);
        (0..LENGTH).filter_map(|_| flows.get(zipf.draw(random)).cloned()).collect()
    }

    /// A hit that is allowed if that can be: busy flows are those that may pass.
    fn allowed_hit(&self, random: &mut Random) -> Query {
        let mut query = self.hit(random);
        for _ in 0..16 {
            if self.authorizer.allows(&query.connection()) {
                break;
            }
            query = self.hit(random);
        }
        query
    }

    /// A connection that has all that one rule asks for; what it excludes may exclude it.
    fn meeting(&self, random: &mut Random) -> Query {
        let mut query = self.pool.uniform(random);
        if let Some(rule) = self.rules.get(random.place(self.rules.len())) {
            self.meet(rule, &mut query, random);
        }
        query
    }

    fn meet(&self, rule: &Rule, query: &mut Query, random: &mut Random) {
        if let Some(source) = rule.from.get(random.place(rule.from.len())) {
            self.meet_source(source, query, random);
        }
        if let Some(operation) = rule.to.get(random.place(rule.to.len()))
            && !operation.ports.is_empty()
        {
            query.destination.set_port(random.pick(&operation.ports));
        }
        for condition in &rule.when {
            match condition {
                Condition::DestinationIp(blocks) => query.destination.set_ip(inside(random.pick(blocks), random)),
                Condition::DestinationPort(ports) => query.destination.set_port(random.pick(ports)),
                Condition::Sni(names) => query.sni = Some(instance(&random.pick(names), "api")),
                Condition::NotSourceIp(_) | Condition::NotSourceNamespace(_) | Condition::NotDestinationIp(_) => {}
            }
        }
    }

    fn meet_source(&self, source: &Source, query: &mut Query, random: &mut Random) {
        if !source.ip_blocks.is_empty() {
            query.source = inside(random.pick(&source.ip_blocks), random);
        }
        if !source.principals.is_empty() {
            query.principal = Some(identity(&random.pick(&source.principals)));
        } else if !source.namespaces.is_empty() {
            query.principal = Some(member(&random.pick(&source.namespaces), random));
        } else if !source.not_namespaces.is_empty() || !source.not_principals.is_empty() {
            query.principal = Some(self.pool.principal(random));
        }
    }

    /// A connection that has all that one rule asks for but one.
    fn near(&self, random: &mut Random) -> Query {
        let mut query = self.pool.uniform(random);
        let Some(rule) = self.rules.get(random.place(self.rules.len())) else { return query };
        self.meet(rule, &mut query, random);
        let source = rule.from.first();
        match random.below(3) {
            0 if !rule.to.is_empty() => query.destination.set_port(query.destination.port() ^ 1),
            1 if source.is_some_and(|source| !source.principals.is_empty() || !source.namespaces.is_empty()) => {
                query.principal = Some(stranger(random));
            }
            _ => {
                let blocks = source.map_or(&[][..], |source| &source.ip_blocks);
                query.source = if blocks.is_empty() { benchmark(random) } else { beside(random.pick(blocks), random) };
            }
        }
        query
    }
}

/// All values that the policies of a set name.
struct Pool {
    kind: Kind,
    principals: Vec<Arc<str>>,
    sources: Vec<IpNet>,
    destinations: Vec<IpNet>,
    ports: Vec<u16>,
    names: Vec<Arc<str>>,
}

impl Pool {
    fn new(set: &Set) -> Self {
        let mut pool = Self {
            kind: set.kind,
            principals: Vec::new(),
            sources: Vec::new(),
            destinations: Vec::new(),
            ports: Vec::new(),
            names: Vec::new(),
        };
        let mut namespaces = Vec::new();
        for policy in &set.policies {
            for rule in &policy.rules {
                for source in &rule.from {
                    pool.principals.extend(source.principals.iter().map(|pattern| identity(pattern)));
                    namespaces.extend(source.namespaces.iter().cloned());
                    pool.sources.extend(&source.ip_blocks);
                }
                pool.ports.extend(rule.to.iter().flat_map(|operation| operation.ports.iter().chain(&operation.not_ports)));
                for condition in &rule.when {
                    match condition {
                        Condition::DestinationIp(blocks) | Condition::NotDestinationIp(blocks) => {
                            pool.destinations.extend(blocks);
                        }
                        Condition::NotSourceIp(blocks) => pool.sources.extend(blocks),
                        Condition::DestinationPort(ports) => pool.ports.extend(ports),
                        Condition::Sni(names) => pool.names.extend(names.iter().map(|name| instance(name, "api"))),
                        Condition::NotSourceNamespace(names) => namespaces.extend(names.iter().cloned()),
                    }
                }
            }
        }
        let mut random = Random::new(0).fork("members");
        pool.principals.extend(namespaces.iter().map(|namespace| member(namespace, &mut random)));
        unique(&mut pool.principals);
        unique(&mut pool.sources);
        unique(&mut pool.destinations);
        unique(&mut pool.ports);
        unique(&mut pool.names);
        pool
    }

    fn uniform(&self, random: &mut Random) -> Query {
        let source = match self.sources.first() {
            Some(IpNet::V4(_)) if self.kind == Kind::BlockList => {
                Ipv4Addr::from_bits((1 + random.below(223)) << 24 | random.below(1 << 24)).into()
            }
            Some(IpNet::V6(_)) if self.kind == Kind::BlockList => Ipv6Addr::from_bits(below_v6(0x2000 << 112, 3, random)).into(),
            Some(_) if random.chance(75) => inside(random.pick(&self.sources), random),
            Some(_) | None => Ipv4Addr::from_bits(below_v4(0x0a00_0000, 8, random)).into(),
        };
        let destination = match self.destinations.as_slice() {
            [] => Ipv4Addr::new(10, 96, 0, 10).into(),
            blocks if random.chance(75) => inside(random.pick(blocks), random),
            _ => documentation(random),
        };
        let port = match self.ports.as_slice() {
            [] => 443,
            ports if random.chance(80) => random.pick(ports),
            _ => random.within(1, 65_535),
        };
        let (mut principal, mut sni) = (None, None);
        if self.kind == Kind::Mesh && random.chance(92) {
            let is_known = !self.principals.is_empty() && random.chance(82);
            principal = Some(if is_known { self.principal(random) } else { stranger(random) });
            if !self.names.is_empty() && random.chance(30) {
                sni = Some(random.pick(&self.names));
            }
        }
        Query { source, destination: SocketAddr::new(destination, port), principal, sni }
    }

    /// One of those that policies name, or another of its namespace.
    fn principal(&self, random: &mut Random) -> Arc<str> {
        let known = random.pick(&self.principals);
        match known.rsplit_once('/') {
            Some((account, _)) if random.chance(20) => format!("{account}/other-{}", random.below(64)).into(),
            _ => known,
        }
    }

    /// Somebody of whom no policy has heard.
    fn stranger(&self, random: &mut Random) -> Query {
        if self.kind == Kind::BlockList {
            return self.uniform(random);
        }
        let mut query = self.uniform(random);
        query.source = benchmark(random);
        query.principal = query.principal.map(|_| stranger(random));
        if random.chance(50) {
            query.destination.set_ip(documentation(random));
        }
        query
    }

    /// Everything that policies name, each once before any twice.
    fn worst(&self, random: &mut Random) -> Vec<Query> {
        let (mut sources, mut destinations) = (Deck::new(&self.sources), Deck::new(&self.destinations));
        let (mut principals, mut names) = (Deck::new(&self.principals), Deck::new(&self.names));
        let mut ports = Deck::new(&self.ports);
        let make = |_| {
            let mut query = self.uniform(random);
            if let Some(block) = sources.deal(random) {
                query.source = inside(block, random);
            }
            if let Some(block) = destinations.deal(random) {
                query.destination.set_ip(inside(block, random));
            }
            if let Some(port) = ports.deal(random) {
                query.destination.set_port(port);
            }
            query.principal = principals.deal(random);
            query.sni = query.principal.as_ref().and_then(|_| names.deal(random));
            query
        };
        (0..LENGTH).map(make).collect()
    }
}

/// Cards that are dealt to the last one before they are shuffled again.
struct Deck<T> {
    cards: Vec<T>,
    dealt: usize,
}

impl<T: Clone> Deck<T> {
    fn new(cards: &[T]) -> Self {
        Self { cards: cards.to_vec(), dealt: 0 }
    }

    fn deal(&mut self, random: &mut Random) -> Option<T> {
        if self.dealt.is_multiple_of(self.cards.len().max(1)) {
            random.shuffle(&mut self.cards);
            self.dealt = 0;
        }
        self.dealt += 1;
        self.cards.get(self.dealt - 1).cloned()
    }
}

fn unique<T: Ord>(values: &mut Vec<T>) {
    values.sort_unstable();
    values.dedup();
}

/// Something that a pattern matches.
fn instance(pattern: &str, filling: &str) -> Arc<str> {
    pattern.replacen('*', filling, 1).into()
}

/// A URI SAN that a principal pattern matches.
fn identity(pattern: &str) -> Arc<str> {
    let name = match (pattern.strip_prefix('*'), pattern.strip_suffix("/*")) {
        (Some(rest), _) => format!("cluster.local{rest}"),
        (None, Some(domain)) if !domain.contains("/ns/") => format!("{domain}/ns/default/sa/worker"),
        (None, Some(namespace)) => format!("{namespace}/sa/worker"),
        (None, None) => pattern.into(),
    };
    format!("spiffe://{name}").into()
}

/// A URI SAN from a namespace that a pattern matches.
fn member(namespace: &str, random: &mut Random) -> Arc<str> {
    let filling = if namespace.starts_with('*') { "media" } else { "7" };
    format!("spiffe://cluster.local/ns/{}/sa/account-{}", instance(namespace, filling), random.below(32)).into()
}

/// A URI SAN that no policy names.
fn stranger(random: &mut Random) -> Arc<str> {
    format!("spiffe://cluster.local/ns/unlisted-{}/sa/worker", random.below(4096)).into()
}

/// An address of the block for benchmarks, 198.18.0.0/15.
fn benchmark(random: &mut Random) -> IpAddr {
    Ipv4Addr::from_bits(below_v4(0xc612_0000, 15, random)).into()
}

/// An address of a block for documentation, 203.0.113.0/24.
fn documentation(random: &mut Random) -> IpAddr {
    Ipv4Addr::from_bits(below_v4(0xcb00_7100, 24, random)).into()
}
