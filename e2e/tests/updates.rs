//! What happens to connections while their policies are replaced.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed, as it should")]

use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::thread;

use authz_e2e::artifact::folder;
use authz_e2e::config::{ours, policy, put_discovered};
use authz_e2e::turns::{TURNS, Turns};
use authz_e2e::{Authority, Chain, Client, Door, Envoy, Filter, Listener, Network, Seen, Upstream, artifact};
use serde_json::json;

const UPDATES: usize = 100;
const CONNECTIONS: usize = 10_000;
const CLIENTS: usize = 8;
const ESTABLISHED: usize = 20;
/// Memory of the first updates is what an allocator keeps, and is not looked at.
const WARM: usize = 20;
/// How much Envoy may grow between then and the end.
const MOST_KIB: u64 = 8 << 10;

/// As many policies have a counter each and a new name in each version: more than a virtual machine keeps counters.
const RENAMED: usize = 5;

/// One address is always allowed, and one more and one identity in each version; no policy has the name that one had.
fn version(version: usize) -> String {
    let number = version % TURNS;
    let (address, identity) = (turn(number), format!("td/{number}"));
    let sources = format!("[{{source: {{ipBlocks: [127.0.0.2, {address}]}}}}, {{source: {{principals: [{identity}]}}}}]");
    let mut policies = policy(&format!("p{version}"), &format!("{{rules: [{{from: {sources}}}]}}"));
    for other in 1..RENAMED {
        policies += &policy(&format!("p{version}-{other}"), "{rules: [{from: [{source: {ipBlocks: [192.0.2.1]}}]}]}");
    }
    ours(&policies, json!({"logDenialsPerSecond": 0})).to_string()
}

fn turn(number: usize) -> IpAddr {
    [127, 0, 1, u8::try_from(number).unwrap() + 1].into()
}

fn update_under_load(door: Door) -> String {
    let echo = Upstream::echo();
    let discovered = folder("discovered");
    let to: SocketAddr = (Ipv4Addr::LOCALHOST, 9000).into();
    let over_tls: SocketAddr = (Ipv4Addr::LOCALHOST, 9001).into();
    let listener = |at, chain| Listener::new(at, chain, Filter::Discovered(door, discovered.clone()), echo.address());
    put_discovered(&discovered, door, 0, &version(0));
    let authority = Authority::new();
    let listeners = [listener(to, Chain::Plain), listener(over_tls, Chain::Mutual)];
    let mut envoy = Envoy::try_start(&listeners, &authority, 2).unwrap_or_else(|log| panic!("{log}"));
    let by_address: Vec<Client> = (0..TURNS).map(|number| Client::to(to).from(turn(number))).collect();
    let by_identity: Vec<Client> = (0..TURNS)
        .map(|number| Client::to(over_tls).over_tls(authority.issue(&[&format!("spiffe://td/{number}")]).as_ref()))
        .collect();
    let mut established: Vec<_> = (0..ESTABLISHED).map(|_| Client::to(to).from([127, 0, 0, 2]).connect().unwrap()).collect();
    let progress = Turns::new(CONNECTIONS);
    let mut early_kib = 0;
    let wrong = thread::scope(|scope| {
        let clients: Vec<_> = (1..=CLIENTS)
            .map(|seed| {
                // Two of them are known by their identity, and decided once the handshake is done.
                let (progress, clients) = (&progress, if seed % 4 == 0 { &by_identity } else { &by_address });
                scope.spawn(move || progress.connect(clients, u64::try_from(seed).unwrap()))
            })
            .collect();
        for number in 1..=UPDATES {
            progress.is_written(number);
            envoy.update(&discovered, door, number, &version(number)).unwrap();
            progress.is_in_effect(number);
            for (at, conversation) in established.iter_mut().enumerate() {
                let seen = conversation.ask("world").unwrap();
                assert_eq!(seen, Seen::Answer("hello world".into()), "established connection {at} after update {number}");
            }
            progress.wait_for_connections(number * CONNECTIONS / UPDATES);
            if number == WARM {
                early_kib = envoy.resident_kib();
            }
        }
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect::<Vec<String>>()
    });
    let late_kib = envoy.resident_kib();
    assert!(wrong.is_empty(), "{}: {} of {CONNECTIONS} connections:\n{}", door.name(), wrong.len(), wrong.join("\n"));
    assert!(envoy.is_alive(), "Envoy has ended:\n{}", envoy.log());
    let allowed = progress.allowed();
    assert!((CONNECTIONS / 10..CONNECTIONS / 2).contains(&allowed), "{allowed} connections were allowed");
    if door == Door::Wasm {
        let other = envoy.counter(door, "authz_policy_other");
        assert_eq!(by_address[UPDATES % TURNS].ask("world").unwrap(), Seen::Answer("hello world".into()));
        // Envoy tries each configuration in a machine of its own, so the name is there, and nothing is counted under it.
        assert_eq!(envoy.counter(door, &format!("authz_policy.foo/p{UPDATES}")), 0, "the last policies have none of their own");
        assert_eq!(envoy.counter(door, "authz_policy_other"), other + 1, "the last policies share a counter");
    }
    drop(established);
    let tls_connections = envoy.stat("listener.at_9001.downstream_cx_total");
    for port in [9000, 9001] {
        envoy.wait_for_stat(&format!("listener.at_{port}.downstream_cx_active"), 0);
    }
    assert!(late_kib <= early_kib + MOST_KIB, "{}: Envoy grew from {early_kib} to {late_kib} KiB", door.name());
    format!(
        "| {} | {UPDATES} | {CONNECTIONS} | {tls_connections} | {allowed} | {ESTABLISHED} of {ESTABLISHED} | {:.1} | {:.1} |",
        door.name(),
        mib(early_kib),
        mib(late_kib)
    )
}

fn mib(kib: u64) -> f64 {
    f64::from(u32::try_from(kib).unwrap()) / 1024.0
}

#[test]
#[ignore = "needs Envoy 1.40: cargo xtask test --only envoy"]
fn every_decision_during_updates_is_that_of_the_old_or_the_new_policy_and_no_connection_is_lost() {
    let mut table = format!(
        "Updates while connections come\n\n\
         | filter | updates | connections | over TLS | allowed | established that lived | MiB after {WARM} updates | MiB at the end |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|\n"
    );
    for door in Door::ALL {
        let _ = writeln!(table, "{}", Network::run(|_| update_under_load(door)));
    }
    fs::write(artifact::path(artifact::OUT).join("updates.md"), &table).unwrap();
    println!("{table}");
}
