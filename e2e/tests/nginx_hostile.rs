//! What becomes of nginx, and of the service behind it, when peers are silent, many, or talk nonsense.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed, as it should")]

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use authz_benches::Random;
use authz_e2e::config::policy;
use authz_e2e::nginx::configuration;
use authz_e2e::{Authority, Client, Conversation, Network, Nginx, Seen, Service, Upstream, artifact, wait_for};

const SLEEP: &str = "spiffe://cluster.local/ns/foo/sa/sleep";
const OTHER: &str = "spiffe://cluster.local/ns/foo/sa/notsleep";

fn to(port: u16) -> Client {
    Client::to(SocketAddr::from(([127, 0, 0, 1], port)))
}

/// One address and one identity may connect, and one server name may not be asked for.
fn policies() -> String {
    let sources = "[{source: {ipBlocks: [127.0.0.2]}}, {source: {principals: [cluster.local/ns/foo/sa/sleep]}}]";
    policy("good", &format!("{{rules: [{{from: {sources}}}]}}"))
        + &policy("bad", "{action: DENY, rules: [{when: [{key: connection.sni, values: [bad.example.com]}]}]}")
}

/// Plaintext at 9000, TLS at 9443, PROXY headers at 9444, and TLS that passes through at 9445; whoever is silent there is
/// waited for a second.
fn start(authority: &Authority, service: &Upstream, below: &[&str]) -> Nginx {
    let server = authority.issue(&["spiffe://cluster.local/ns/foo/sa/server"]).unwrap();
    let stream = format!(
        "authz_policy policies.yaml; authz_workload namespace=foo label=app=tcp-echo; \
         ssl_handshake_timeout 1s; proxy_protocol_timeout 1s; preread_timeout 1s; \
         server {{ listen 127.0.0.1:9000; proxy_pass {0}; }} \
         server {{ listen 127.0.0.1:9443 ssl; ssl_certificate server.crt; ssl_certificate_key server.key; \
         ssl_client_certificate ca.crt; ssl_verify_client on; proxy_pass {0}; }} \
         server {{ listen 127.0.0.1:9444 proxy_protocol; set_real_ip_from 127.0.0.0/8; proxy_pass {0}; }} \
         server {{ listen 127.0.0.1:9445; ssl_preread on; proxy_pass {0}; }}",
        service.address()
    );
    let policies = policies();
    let files = [
        ("policies.yaml", policies.as_str()),
        ("ca.crt", authority.pem()),
        ("server.crt", &server.certificate_pem),
        ("server.key", &server.key_pem),
    ];
    Nginx::start_below(below, &configuration(&stream), &files)
}

fn wait_for_no_connections(nginx: &Nginx) {
    wait_for("that nginx has no connection open", || match nginx.connections() {
        0 => Ok(()),
        open => Err(format!("{open}\n{}", nginx.error_log())),
    });
}

fn is_at_work(nginx: &Nginx, authority: &Authority) {
    let good = to(9443).over_tls(authority.issue(&[SLEEP]).as_ref());
    assert_eq!(good.listen().unwrap(), Service::ServerFirst.answer());
    let log = nginx.error_log();
    assert!(!log.contains("exited on signal") && !log.contains("[alert]") && !log.contains("panicked"), "{log}");
}

#[test]
#[ignore = "needs nginx: cargo xtask test --only proxies"]
fn whoever_says_nothing_gets_nothing_and_is_closed_in_time() {
    Network::run(|_| {
        let (authority, service) = (Authority::new(), Upstream::server_first());
        let nginx = start(&authority, &service, &[]);
        // The start of a greeting is as good as silence.
        for (port, start) in
            [(9443, ""), (9443, "\u{16}\u{3}\u{1}"), (9444, ""), (9444, "PROXY TC"), (9445, ""), (9445, "\u{16}\u{3}\u{1}")]
        {
            let begin = Instant::now();
            let mut silent: Vec<Conversation> = (0..20).map(|_| to(port).from([127, 0, 0, 2]).connect().unwrap()).collect();
            for conversation in &mut silent {
                if !start.is_empty() {
                    conversation.say(start).unwrap();
                }
            }
            for conversation in &mut silent {
                assert_eq!(conversation.listen().unwrap(), Seen::Closed, "{port} {start:?}");
            }
            assert!(begin.elapsed() < Duration::from_secs(10), "{port} {start:?}: closed after {:?}", begin.elapsed());
            wait_for_no_connections(&nginx);
        }
        assert_eq!((service.connections(), service.bytes()), (0, 0));
        is_at_work(&nginx, &authority);
    });
}

#[test]
#[ignore = "needs nginx: cargo xtask test --only proxies"]
fn a_thousand_that_are_denied_and_stay_cost_nginx_nothing() {
    const PEERS: usize = 1_000;
    let mut table = format!(
        "{PEERS} denied peers that say nothing and do not go\n\n\
         | decided by | bytes to them | connections upstream | connections of nginx that are left | KiB of its workers before | after |\n\
         |---|---:|---:|---:|---:|---:|\n"
    );
    Network::run(|_| {
        let (authority, service) = (Authority::new(), Upstream::server_first());
        let nginx = start(&authority, &service, &[]);
        is_at_work(&nginx, &authority);
        let by_identity = to(9443).over_tls(authority.issue(&[OTHER]).as_ref());
        for (name, client) in [("address", to(9000).from([127, 0, 0, 3])), ("identity", by_identity)] {
            let before = (nginx.resident_kib(), service.connections());
            // They take part in handshakes, as they must, and are silent then.
            let connect = |_| {
                let mut conversation = client.connect().unwrap();
                conversation.handshake().unwrap();
                conversation
            };
            let mut peers: Vec<Conversation> = (0..PEERS).map(connect).collect();
            wait_for_no_connections(&nginx);
            let bytes: usize = peers
                .iter_mut()
                .map(|peer| match peer.listen().unwrap() {
                    Seen::Closed => 0,
                    Seen::Answer(line) => line.len() + 1,
                })
                .sum();
            let (after, upstream) = (nginx.resident_kib(), service.connections() - before.1);
            let _ = writeln!(table, "| {name} | {bytes} | {upstream} | 0 | {} | {after} |", before.0);
            assert_eq!((bytes, upstream), (0, 0), "{name}");
            assert!(after < before.0 + (8 << 10), "{name}: the workers grew from {} to {after} KiB", before.0);
        }
        is_at_work(&nginx, &authority);
    });
    fs::write(artifact::path(artifact::OUT).join("silent-nginx.md"), &table).unwrap();
    println!("{table}");
}

/// Nonsense, and the beginnings of what the ports expect.
fn nonsense(random: &mut Random) -> String {
    const STARTS: [&str; 6] = [
        "",
        "\u{16}\u{3}\u{1}\0\u{30}\u{1}",
        "PROXY TCP4 127.0.0.2 ",
        "PROXY UNKNOWN\r\n",
        "\r\n\r\n\0\r\nQUIT\n",
        "\u{16}\u{3}\u{1}\u{1}\0",
    ];
    let start = STARTS[random.place(STARTS.len())];
    let rest = (0..random.place(200)).map(|_| char::from(u8::try_from(random.place(128)).unwrap()));
    start.chars().chain(rest).collect()
}

fn talk_nonsense(count: usize, seed: u64) {
    let mut random = Random::new(seed);
    for _ in 0..count {
        let port = [9000, 9443, 9444, 9445][random.place(4)];
        let mut conversation = to(port).from([127, 0, 0, 3]).connect().unwrap();
        // Its end may come before its words do.
        let _ = conversation.say(&nonsense(&mut random));
        if random.place(2) == 0 {
            let _ = conversation.half_close();
            let seen = conversation.listen().unwrap_or(Seen::Closed);
            assert!(!matches!(&seen, Seen::Answer(line) if line.contains("220")), "{seen:?}");
        }
    }
}

#[test]
#[ignore = "needs nginx: cargo xtask test --only proxies"]
fn nonsense_reaches_nobody() {
    Network::run(|_| {
        let (authority, service) = (Authority::new(), Upstream::server_first());
        let nginx = start(&authority, &service, &[]);
        talk_nonsense(500, 1);
        wait_for_no_connections(&nginx);
        assert_eq!((service.connections(), service.bytes()), (0, 0));
        is_at_work(&nginx, &authority);
    });
}

#[test]
#[ignore = "needs nginx: cargo xtask test --only proxies"]
fn nothing_reads_or_loses_memory_that_is_not_its_own() {
    Network::run(|_| {
        let (authority, service) = (Authority::new(), Upstream::server_first());
        let valgrind = [
            "valgrind",
            "--trace-children=yes",
            "--leak-check=full",
            "--errors-for-leak-kinds=none",
            // The module is unloaded before leaks are looked for.
            "--keep-debuginfo=yes",
            "--log-file=valgrind.%p",
        ];
        let mut nginx = start(&authority, &service, &valgrind);
        let peer = |identity: &str| to(9443).over_tls(authority.issue(&[identity]).as_ref());
        for round in 0..2 {
            is_at_work(&nginx, &authority);
            assert_eq!(peer(OTHER).listen().unwrap(), Seen::Closed);
            assert_eq!(to(9000).from([127, 0, 0, 3]).listen().unwrap(), Seen::Closed);
            assert_eq!(to(9444).on_behalf_of([127, 0, 0, 3]).listen().unwrap(), Seen::Closed);
            assert_eq!(to(9445).from([127, 0, 0, 3]).over_tls_to(None, Some("bad.example.com")).listen().unwrap(), Seen::Closed);
            talk_nonsense(20, round);
            nginx.put("policies.yaml", "rules: [");
            nginx.reload_in_vain();
            nginx.put("policies.yaml", &policies());
            nginx.reload();
        }
        nginx.quit();
        let reports = nginx.files("valgrind.");
        // A master, and two workers at first and after each of two reloads.
        assert_eq!(reports.len(), 7, "{reports:?}");
        for (name, report) in reports {
            assert!(report.contains("ERROR SUMMARY: 0 errors"), "{name}\n{report}");
            // nginx itself leaves what it had for its events to the end of the process.
            let is_ours = |record: &&str| record.contains("definitely lost") && record.contains("authz");
            let lost: Vec<&str> = report.split("== \n").filter(is_ours).collect();
            assert!(lost.is_empty(), "{name}\n{}", lost.join("\n"));
        }
    });
}
