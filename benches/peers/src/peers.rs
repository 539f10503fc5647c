//! The peers, and whether they agree.

use std::collections::HashSet;
use std::fmt;

use authz_benches::{BenchError, Input, Kind, Query, Stream};
use authz_core::Verdict;

use crate::engine::{Built, Staged, stage};
use crate::prefixes::{Bart, LevelCompressed, Policy, Pop, PrefixTrie, Refuse, Table};
use crate::rules::{Allows, Casbin, Cedar, Decide, Linear, Rego};

/// An engine to measure.
#[derive(Clone, Copy)]
pub struct Peer {
    /// What tables call it.
    pub name: &'static str,
    /// The package it comes from.
    pub package: &'static str,
    /// What it is, for the reader of a table.
    pub about: &'static str,
    /// Translates the policies of an input for it.
    pub stage: fn(&Input) -> Result<Box<dyn Staged>, BenchError>,
    /// Whether it knows block lists alone, or anything but these.
    for_blocks: bool,
    /// The most rules or prefixes that it decides in reasonable time.
    most: usize,
}

/// All of them; those that `authz-core` is measured by come first.
pub const PEERS: &[Peer] = &[
    Peer {
        name: "authz",
        package: "authz-core",
        about: "`allows`: the verdict alone; identity and server name come as strings",
        stage: stage::<Allows>,
        for_blocks: false,
        most: usize::MAX,
    },
    Peer {
        name: "authz, decide",
        package: "authz-core",
        about: "`decide`: the verdict with its reason and the rule",
        stage: stage::<Decide>,
        for_blocks: false,
        most: usize::MAX,
    },
    Peer {
        name: "linear",
        package: "authz-bench-peers",
        about: "a scan through all rules by the algorithm of ztunnel, without its allocations",
        stage: stage::<Linear>,
        for_blocks: false,
        most: 10_000,
    },
    Peer {
        name: "cedar",
        package: "cedar-policy",
        about: "a `permit` or `forbid` for every rule; requests are made beforehand",
        stage: stage::<Cedar>,
        for_blocks: false,
        most: 1000,
    },
    Peer {
        name: "casbin",
        package: "casbin",
        about: "a line for every source and operation of a rule; requests are made beforehand",
        stage: stage::<Casbin>,
        for_blocks: false,
        most: 1000,
    },
    Peer {
        name: "regorus",
        package: "regorus",
        about: "Rego in its virtual machine, a body for every source and operation of a rule; inputs are made beforehand",
        stage: stage::<Rego>,
        for_blocks: false,
        most: 1000,
    },
    Peer {
        name: "authz",
        package: "authz-core",
        about: "`allows` with one policy that lists all prefixes",
        stage: stage::<Policy>,
        for_blocks: true,
        most: usize::MAX,
    },
    Peer {
        name: "prefix-trie",
        package: "prefix-trie",
        about: "`is_covered`, with numbers for keys",
        stage: stage::<Refuse<PrefixTrie>>,
        for_blocks: true,
        most: usize::MAX,
    },
    Peer {
        name: "poptrie",
        package: "poptrie",
        about: "`lookup`, with numbers for keys",
        stage: stage::<Refuse<Pop>>,
        for_blocks: true,
        most: usize::MAX,
    },
    Peer {
        name: "ip_network_table",
        package: "ip_network_table",
        about: "`longest_match_ipv4` and `longest_match_ipv6`",
        stage: stage::<Refuse<Table>>,
        for_blocks: true,
        most: usize::MAX,
    },
    Peer {
        name: "iptrie",
        package: "iptrie",
        about: "`lookup` in level-compressed tries",
        stage: stage::<Refuse<LevelCompressed>>,
        for_blocks: true,
        most: usize::MAX,
    },
    Peer {
        name: "ts_bart",
        package: "ts_bart",
        about: "`contains`",
        stage: stage::<Refuse<Bart>>,
        for_blocks: true,
        most: usize::MAX,
    },
];

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Peer {
    /// Whether it is for inputs of this kind.
    pub fn is_for(&self, input: &Input) -> bool {
        let kind = input.set.as_ref().map(|set| set.kind);
        kind.is_some_and(|kind| self.for_blocks == (kind == Kind::BlockList))
    }

    /// Whether it is measured on an input.
    ///
    /// # Errors
    ///
    /// Why it is not.
    pub fn takes(&self, input: &Input) -> Result<(), String> {
        if !self.is_for(input) {
            return Err("it is for other inputs".into());
        }
        let rules = input.set.as_ref().map_or(0, authz_benches::Set::rules);
        match rules > self.most {
            true => Err(format!("{rules} rules would take it too long; {} is the most", self.most)),
            false => Ok(()),
        }
    }

    /// Its engine for an input.
    ///
    /// # Errors
    ///
    /// A policy that it cannot express.
    pub fn build(&self, input: &Input) -> Result<Box<dyn Built>, BenchError> {
        (self.stage)(input)?.build()
    }
}

/// Asks a peer about connections of an input and compares what it says with what `authz-core` says: about
/// every one, or about so many of each stream that are different. Answers how many they were.
///
/// # Errors
///
/// The first connection on which they differ, with what the plain evaluator, `explain`, says about it, and with
/// which rule.
pub fn check(peer: &Peer, input: &Input, most: usize) -> Result<usize, BenchError> {
    let mut engine = peer.build(input)?;
    input.streams.iter().map(|stream| check_stream(peer, engine.as_mut(), input, stream, most)).sum()
}

fn check_stream(peer: &Peer, engine: &mut dyn Built, input: &Input, stream: &Stream, most: usize) -> Result<usize, BenchError> {
    let mut seen = HashSet::new();
    let cases = stream.queries.iter().zip(&stream.allowed).filter(|(query, _)| seen.insert(*query));
    let (queries, expected): (Vec<Query>, Vec<bool>) = cases.take(most).map(|(query, allowed)| (query.clone(), *allowed)).unzip();
    let verdicts = engine.verdicts(&queries)?;
    for ((query, allowed), verdict) in queries.iter().zip(&expected).zip(&verdicts) {
        if verdict != allowed {
            let decision = input.authorizer.explain(&query.connection()).decision;
            let plain = decision.verdict() == Verdict::Allow;
            let (Peer { name, .. }, on, stream) = (peer, &input.name, &stream.name);
            return Err(BenchError::new(format!(
                "{on} {stream}: {name} says {verdict}, authz {allowed}, its plain evaluator {plain}: {decision:?}: {query:?}"
            )));
        }
    }
    Ok(queries.len())
}

/// The packages of the peers, each with its version as `Cargo.lock` has it.
///
/// ```
/// assert!(authz_bench_peers::versions().iter().any(|(name, version)| *name == "poptrie" && version.starts_with("0.2.")));
/// ```
pub fn versions() -> Vec<(&'static str, &'static str)> {
    let lock = include_str!("../Cargo.lock");
    let packages = lock.split("[[package]]").filter_map(|entry| {
        let value =
            |key: &str| entry.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = ")).map(|v| v.trim_matches('"'));
        value("name").zip(value("version"))
    });
    let is_peer = |name: &str| PEERS.iter().any(|peer| peer.package == name && !name.starts_with("authz"));
    packages.filter(|(name, _)| is_peer(name)).collect()
}
