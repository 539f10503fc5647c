//! What happens to connections through nginx while its policies are replaced.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed, as it should")]

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::thread;

use authz_e2e::config::policy;
use authz_e2e::nginx::configuration;
use authz_e2e::turns::{TURNS, Turns};
use authz_e2e::{Authority, Client, Network, Nginx, Seen, Upstream, artifact, wait_for};

const RELOADS: usize = 100;
const CONNECTIONS: usize = 10_000;
const CLIENTS: usize = 8;
const ESTABLISHED: usize = 20;
/// Memory of the first reloads is what an allocator keeps, and is not looked at.
const WARM: usize = 20;
/// How much the workers may grow between then and the end, together.
const MOST_KIB: u64 = 8 << 10;

/// One address is always allowed, and one more and one identity in each version.
fn version(version: usize) -> String {
    let number = version % TURNS;
    let (address, identity) = (turn(number), format!("td/{number}"));
    let sources = format!("[{{source: {{ipBlocks: [127.0.0.2, {address}]}}}}, {{source: {{principals: [{identity}]}}}}]");
    policy("p", &format!("{{rules: [{{from: {sources}}}]}}"))
}

fn turn(number: usize) -> IpAddr {
    [127, 0, 1, u8::try_from(number).unwrap() + 1].into()
}

#[test]
#[ignore = "needs nginx: cargo xtask test --only proxies"]
fn every_decision_during_reloads_is_that_of_the_old_or_the_new_policy_and_no_connection_is_lost() {
    let table = Network::run(|_| {
        let (authority, echo) = (Authority::new(), Upstream::echo());
        let server = authority.issue(&["spiffe://cluster.local/ns/foo/sa/server"]).unwrap();
        let servers = format!(
            "authz_policy policies.yaml; authz_workload namespace=foo label=app=tcp-echo; \
             server {{ listen 127.0.0.1:9000; proxy_pass {0}; }} \
             server {{ listen 127.0.0.1:9001 ssl; ssl_certificate server.crt; ssl_certificate_key server.key; \
             ssl_client_certificate ca.crt; ssl_verify_client on; proxy_pass {0}; }}",
            echo.address()
        );
        let policies = version(0);
        let files = [
            ("policies.yaml", policies.as_str()),
            ("ca.crt", authority.pem()),
            ("server.crt", &server.certificate_pem),
            ("server.key", &server.key_pem),
        ];
        let nginx = Nginx::start(&configuration(&servers), &files);
        let to: SocketAddr = (Ipv4Addr::LOCALHOST, 9000).into();
        let over_tls: SocketAddr = (Ipv4Addr::LOCALHOST, 9001).into();
        let by_address: Vec<Client> = (0..TURNS).map(|number| Client::to(to).from(turn(number))).collect();
        let by_identity: Vec<Client> = (0..TURNS)
            .map(|number| Client::to(over_tls).over_tls(authority.issue(&[&format!("spiffe://td/{number}")]).as_ref()))
            .collect();
        let mut established: Vec<_> = (0..ESTABLISHED).map(|_| Client::to(to).from([127, 0, 0, 2]).connect().unwrap()).collect();
        let say = |established: &mut Vec<authz_e2e::Conversation>, number: usize| {
            for (at, conversation) in established.iter_mut().enumerate() {
                let seen = conversation.ask("world").unwrap();
                assert_eq!(seen, Seen::Answer("hello world".into()), "established connection {at} after reload {number}");
            }
        };
        say(&mut established, 0);
        let turns = Turns::new(CONNECTIONS);
        let mut early_kib = 0;
        let wrong = thread::scope(|scope| {
            let clients: Vec<_> = (1..=CLIENTS)
                .map(|seed| {
                    // Two of them are known by their identity, and decided once the handshake is done.
                    let (turns, clients) = (&turns, if seed % 4 == 0 { &by_identity } else { &by_address });
                    scope.spawn(move || turns.connect(clients, u64::try_from(seed).unwrap()))
                })
                .collect();
            for number in 1..=RELOADS {
                turns.is_written(number);
                nginx.put("policies.yaml", &version(number));
                nginx.reload();
                turns.is_in_effect(number);
                say(&mut established, number);
                turns.wait_for_connections(number * CONNECTIONS / RELOADS);
                if number == WARM {
                    early_kib = nginx.resident_kib();
                }
            }
            clients.into_iter().flat_map(|client| client.join().unwrap()).collect::<Vec<String>>()
        });
        let late_kib = nginx.resident_kib();
        assert!(wrong.is_empty(), "{} of {CONNECTIONS} connections:\n{}", wrong.len(), wrong.join("\n"));
        let allowed = turns.allowed();
        assert!((CONNECTIONS / 10..CONNECTIONS / 2).contains(&allowed), "{allowed} connections were allowed");
        let lines = nginx.access_log(CONNECTIONS);
        let over_tls = lines.iter().filter(|line| line.contains(" 9001 ")).count();
        drop(established);
        wait_for("the end of all connections", || match nginx.connections() {
            0 => Ok(()),
            open => Err(open.to_string()),
        });
        let log = nginx.error_log();
        assert!(!log.contains("[alert]") && !log.contains("exited on signal"), "{log}");
        assert!(late_kib <= early_kib + MOST_KIB, "the workers grew from {early_kib} to {late_kib} KiB");
        format!(
            "Reloads of nginx while connections come\n\n\
             | reloads | connections | over TLS | let through | wrong or lost | established that lived | KiB of the workers after {WARM} reloads | at the end |\n\
             |---:|---:|---:|---:|---:|---:|---:|---:|\n\
             | {RELOADS} | {CONNECTIONS} | {over_tls} | {allowed} | 0 | {ESTABLISHED} of {ESTABLISHED} | {early_kib} | {late_kib} |\n"
        )
    });
    fs::write(artifact::path(artifact::OUT).join("reloads-nginx.md"), &table).unwrap();
    println!("{table}");
}
