//! Scenarios on real sockets: every address is the network's, every policy comes by an update.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::scenario::{NotCarried, Scenario};
use crate::{Authority, Chain, Door, Envoy, Filter, Listener, Network, Upstream, artifact, config};

const NOBODY: NotCarried = "an address that the kernel gives nobody";

/// What came of a replay.
#[derive(Clone, Debug, Default)]
pub struct Replayed {
    /// How many connections were as their suites say.
    pub agreed: usize,
    /// How many of them were let through.
    pub allowed: usize,
    /// How many updates that took.
    pub updates: usize,
    /// What was not as its suite says, a line each.
    pub disagreed: Vec<String>,
    /// What could not be done after all, and why.
    pub not_carried: Vec<(String, NotCarried)>,
}

/// Replays scenarios, all through one Envoy.
pub fn replay(network: &Network, door: Door, scenarios: &[&Scenario]) -> Replayed {
    let mut replayed = Replayed::default();
    let ends = |scenario: &&Scenario| [scenario.source, scenario.destination];
    let refused: BTreeSet<IpAddr> = network.add(scenarios.iter().flat_map(ends)).into_iter().collect();
    let ports: BTreeSet<(u16, bool)> = scenarios.iter().map(|scenario| (scenario.port, scenario.destination.is_ipv4())).collect();
    let upstream = Upstream::echo();
    let authority = Authority::new();
    let folder = artifact::folder("discovered");
    let at = |(port, is_ipv4): (u16, bool)| {
        let any: IpAddr = if is_ipv4 { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        SocketAddr::new(any, port)
    };
    let mut addresses = ports.into_iter().map(at);
    let first = addresses.next().expect("a scenario");
    let mut listener = Listener::new(first, Chain::Either, Filter::Discovered(door, folder.clone()), upstream.address());
    listener.more_addresses = addresses.collect();
    listener.takes_proxy_header = true;
    let mut current = config::ours("", serde_json::json!({})).to_string();
    config::put_discovered(&folder, door, 0, &current);
    let mut envoy = Envoy::start(&[listener], &authority);
    let mut sorted = scenarios.to_vec();
    sorted.sort_by(|a, b| a.config.cmp(&b.config));
    for scenario in sorted {
        if refused.contains(&scenario.source) || refused.contains(&scenario.destination) {
            replayed.not_carried.push((scenario.name.clone(), NOBODY));
            continue;
        }
        let client = match scenario.carried_by(door).and_then(|()| scenario.client(&authority)) {
            Ok(client) => client,
            Err(why) => {
                replayed.not_carried.push((scenario.name.clone(), why));
                continue;
            }
        };
        if current != scenario.config {
            replayed.updates += 1;
            if let Err(why) = envoy.update(&folder, door, replayed.updates, &scenario.config) {
                replayed.disagreed.push(format!("{}: the configuration: {why}\n{}", scenario.name, scenario.config));
                continue;
            }
            current.clone_from(&scenario.config);
        }
        match client.ask("world") {
            Ok(seen) if seen == scenario.expected() => {
                replayed.agreed += 1;
                replayed.allowed += usize::from(scenario.is_allowed);
            }
            Err(error) if error.kind() == std::io::ErrorKind::NetworkUnreachable => {
                replayed.not_carried.push((scenario.name.clone(), NOBODY));
            }
            seen => {
                let scenario_text = format!("{scenario:?}");
                replayed.disagreed.push(format!(
                    "{}: {seen:?} instead of {:?}: {scenario_text}",
                    scenario.name,
                    scenario.expected()
                ));
            }
        }
    }
    assert!(envoy.is_alive(), "Envoy has ended:\n{}", envoy.log());
    replayed
}
