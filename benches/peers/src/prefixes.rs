//! Sets of prefixes, for block lists: one DENY rule with all of them.
//!
//! Each is asked in the cheapest way it has whether an address is in any prefix, not in which. All are built from
//! prefixes that are parsed already, in the order of the list.

use std::net::IpAddr;

use authz_benches::{Action, BenchError, Input, Query, workload};
use authz_core::{Authorizer, Connection, PolicySet};
use ip_network::IpNetwork;
use ip_network_table::IpNetworkTable;
use ipnet::IpNet;
use iptrie::{IpPrefix, IpRTrieSet, Ipv4LCTrieSet, Ipv6LCTrieSet};
use poptrie::Poptrie;
use prefix_trie::PrefixSet;
use ts_bart::RoutingTable;

use crate::engine::Engine;

/// The subject: an authorizer with one policy.
pub(crate) struct Policy(Authorizer);

impl Engine for Policy {
    type Source = PolicySet;
    type Request<'q> = Connection<'q>;

    fn source(input: &Input) -> Result<Self::Source, BenchError> {
        Ok(input.policies.clone())
    }

    fn build(source: &Self::Source) -> Result<Self, BenchError> {
        Ok(Self(source.authorizer_for(&workload())))
    }

    fn request<'q>(&self, query: &'q Query) -> Result<Self::Request<'q>, BenchError> {
        Ok(query.connection())
    }

    fn allows(&mut self, request: &Self::Request<'_>) -> bool {
        self.0.allows(request)
    }
}

/// A set of prefixes.
pub(crate) trait Blocks: Sized {
    fn build(blocks: &[IpNet]) -> Result<Self, BenchError>;

    fn contains(&self, address: IpAddr) -> bool;
}

/// Refuses sources in a set of prefixes.
pub(crate) struct Refuse<B>(B);

impl<B: Blocks> Engine for Refuse<B> {
    type Source = Vec<IpNet>;
    type Request<'q> = IpAddr;

    fn source(input: &Input) -> Result<Self::Source, BenchError> {
        let set = input.set.as_ref().ok_or_else(|| BenchError::new("the input is text alone"))?;
        let denied = set.policies.iter().filter(|policy| policy.action == Action::Deny);
        let sources = denied.flat_map(|policy| &policy.rules).flat_map(|rule| &rule.from);
        Ok(sources.flat_map(|source| source.ip_blocks.iter().copied()).collect())
    }

    fn build(source: &Self::Source) -> Result<Self, BenchError> {
        B::build(source).map(Self)
    }

    fn request<'q>(&self, query: &'q Query) -> Result<Self::Request<'q>, BenchError> {
        Ok(query.source.to_canonical())
    }

    fn allows(&mut self, request: &Self::Request<'_>) -> bool {
        !self.0.contains(*request)
    }
}

/// `prefix-trie`, with numbers for keys, which it handles faster than networks.
#[derive(Default)]
pub(crate) struct PrefixTrie {
    v4: PrefixSet<(u32, u8)>,
    v6: PrefixSet<(u128, u8)>,
}

impl Blocks for PrefixTrie {
    fn build(blocks: &[IpNet]) -> Result<Self, BenchError> {
        let mut sets = Self::default();
        for block in blocks {
            match block {
                IpNet::V4(block) => sets.v4.insert((block.network().to_bits(), block.prefix_len())),
                IpNet::V6(block) => sets.v6.insert((block.network().to_bits(), block.prefix_len())),
            };
        }
        Ok(sets)
    }

    fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.v4.is_covered(&(address.to_bits(), 32)),
            IpAddr::V6(address) => self.v6.is_covered(&(address.to_bits(), 128)),
        }
    }
}

/// `poptrie`
pub(crate) struct Pop {
    v4: Poptrie<(u32, u8), ()>,
    v6: Poptrie<(u128, u8), ()>,
}

impl Blocks for Pop {
    fn build(blocks: &[IpNet]) -> Result<Self, BenchError> {
        // One by one in any order, each insertion moves much of what is there: a list of 100,000 takes half a minute.
        let v4 = blocks.iter().filter_map(|block| match block {
            IpNet::V4(block) => Some(((block.network().to_bits(), block.prefix_len()), ())),
            IpNet::V6(_) => None,
        });
        let v6 = blocks.iter().filter_map(|block| match block {
            IpNet::V4(_) => None,
            IpNet::V6(block) => Some(((block.network().to_bits(), block.prefix_len()), ())),
        });
        let (v4, v6) = (v4.collect(), v6.collect());
        Ok(Self { v4, v6 })
    }

    fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.v4.lookup(address.to_bits()).is_some(),
            IpAddr::V6(address) => self.v6.lookup(address.to_bits()).is_some(),
        }
    }
}

/// `ip_network_table`
pub(crate) struct Table(IpNetworkTable<()>);

impl Blocks for Table {
    fn build(blocks: &[IpNet]) -> Result<Self, BenchError> {
        let mut table = IpNetworkTable::new();
        for block in blocks {
            let network = IpNetwork::new(block.network(), block.prefix_len());
            table.insert(network.map_err(|error| BenchError::new(format!("ip_network: {block}: {error}")))?, ());
        }
        Ok(Self(table))
    }

    fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.0.longest_match_ipv4(address).is_some(),
            IpAddr::V6(address) => self.0.longest_match_ipv6(address).is_some(),
        }
    }
}

/// `iptrie`, compressed. Its sets always hold the prefix of length 0, and give it for want of another.
pub(crate) struct LevelCompressed {
    v4: Ipv4LCTrieSet,
    v6: Ipv6LCTrieSet,
}

impl Blocks for LevelCompressed {
    fn build(blocks: &[IpNet]) -> Result<Self, BenchError> {
        let mut tries = IpRTrieSet::new();
        for block in blocks {
            if block.prefix_len() == 0 {
                return Err(BenchError::new("iptrie: its sets hold the prefix of length 0 anyway"));
            }
            tries.insert(*block);
        }
        Ok(Self { v4: tries.ipv4.compress(), v6: tries.ipv6.compress() })
    }

    fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => IpPrefix::len(self.v4.lookup(&address)) > 0,
            IpAddr::V6(address) => IpPrefix::len(self.v6.lookup(&address)) > 0,
        }
    }
}

/// `ts_bart`
pub(crate) struct Bart(ts_bart::Table<()>);

impl Blocks for Bart {
    fn build(blocks: &[IpNet]) -> Result<Self, BenchError> {
        let mut table = ts_bart::Table::default();
        for block in blocks {
            table.insert(*block, ());
        }
        Ok(Self(table))
    }

    fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(address)
    }
}
