//! What clients, services and logs see of Debian's nginx with the module.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed, as it should")]

use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use authz_e2e::config::policy;
use authz_e2e::nginx::configuration;
use authz_e2e::scenario::root;
use authz_e2e::walkthrough::{Group, Outcome, groups};
use authz_e2e::{Authority, Client, Network, Nginx, Seen, Service, Upstream, artifact};

const SLEEP: &str = "spiffe://cluster.local/ns/foo/sa/sleep";
const OTHER: &str = "spiffe://cluster.local/ns/foo/sa/notsleep";
const WORKLOAD: &str = "authz_workload namespace=foo label=app=tcp-echo;";

fn to(port: u16) -> Client {
    Client::to(SocketAddr::from(([127, 0, 0, 1], port)))
}

fn is_let_through(client: &Client) -> bool {
    match client.ask("world").unwrap() {
        Seen::Answer(line) => {
            assert_eq!(line, "hello world");
            true
        }
        Seen::Closed => false,
    }
}

/// The files that a server with TLS names.
fn certificates(authority: &Authority) -> Vec<(&'static str, String)> {
    let server = authority.issue(&["spiffe://cluster.local/ns/foo/sa/server"]).unwrap();
    vec![
        ("certs/ca.crt", authority.pem().into()),
        ("certs/server.crt", server.certificate_pem),
        ("certs/server.key", server.key_pem),
    ]
}

const TLS: &str = "ssl_certificate certs/server.crt; ssl_certificate_key certs/server.key; ssl_client_certificate certs/ca.crt;";

/// Starts one whose `stream` block decides by these policies.
fn start(stream: &str, policies: &str, authority: &Authority) -> Nginx {
    let mut files = certificates(authority);
    files.push(("policies.yaml", policies.into()));
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    Nginx::start(&configuration(&format!("authz_policy policies.yaml; {WORKLOAD} {stream}")), &files)
}

#[test]
#[ignore = "needs nginx: cargo xtask test --only proxies"]
fn the_example_does_what_it_says() {
    Network::run(|_| {
        let authority = Authority::new();
        let _upstream = Upstream::echo_at(([127, 0, 0, 2], 9000).into());
        let example = |name: &str| fs::read_to_string(root().join("examples/nginx").join(name)).unwrap();
        let mut files = certificates(&authority);
        files.push(("policies.yaml", example("policies.yaml")));
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let nginx = Nginx::start(&example("nginx.conf"), &files);
        let peer = |identity: &str| to(9443).over_tls(authority.issue(&[identity]).as_ref());
        let office = [203, 0, 113, 7];
        let clients = [
            ("an open port", to(9000), true, "200 12 allow allow-policy foo/tcp-policy 0 not-configured"),
            ("another", to(9001), true, "200 12 allow allow-policy foo/tcp-policy 0 not-configured"),
            ("a third", to(9002), false, "403 0 deny no-allow-match - - not-configured"),
            (
                "the legacy network",
                to(9000).from([127, 66, 0, 1]),
                false,
                "403 0 deny deny-policy foo/no-legacy 0 not-configured",
            ),
            ("sleep", peer(SLEEP), true, "200 12 allow allow-policy foo/tcp-policy 1 not-configured"),
            ("notsleep", peer(OTHER), false, "403 0 deny no-allow-match - - not-configured"),
            ("the office", to(9444).on_behalf_of(office), true, "200 12 allow allow-policy foo/tcp-policy 2 not-configured"),
            ("elsewhere", to(9444).on_behalf_of([198, 51, 100, 7]), false, "403 0 deny no-allow-match - - not-configured"),
            (
                "who is no balancer",
                to(9444).from([127, 0, 0, 9]).on_behalf_of(office),
                false,
                "403 0 deny no-allow-match - - not-configured",
            ),
            ("a trial", to(9003), true, "200 12 deny no-allow-match - - not-configured"),
        ];
        for (at, (name, client, expected, line)) in clients.iter().enumerate() {
            assert_eq!(is_let_through(client), *expected, "{name}\n{}", nginx.error_log());
            let log = nginx.access_log(at + 1);
            assert!(log[at].ends_with(line), "{name}: {}", log[at]);
        }
        let log = nginx.error_log();
        assert!(log.contains("authz: denied (deny-policy) by foo/no-legacy while"), "{log}");
    });
}

/// The server blocks of a walkthrough.
fn serve(group: &Group, upstream: &Upstream) -> String {
    let options = [(group.is_tls, " ssl"), (group.takes_header, " proxy_protocol")];
    let options: String = options.iter().filter(|(is_set, _)| *is_set).map(|(_, option)| *option).collect();
    let labels: String = group.labels.iter().map(|(key, value)| format!(" label={key}={value}")).collect();
    let ports: String = group.ports.iter().map(|port| format!("listen 0.0.0.0:{port}{options};")).collect();
    let tls = if group.is_tls { format!("{TLS} ssl_verify_client optional;") } else { String::new() };
    let real = if group.takes_header { "set_real_ip_from 0.0.0.0/0;" } else { "" };
    format!(
        "authz_policy policies.yaml; authz_workload namespace={}{labels}; server {{ {ports} {tls} {real} proxy_pass {}; }}",
        group.namespace,
        upstream.address()
    )
}

#[test]
#[ignore = "needs nginx: cargo xtask test --only proxies"]
fn every_connection_of_the_walkthroughs_is_decided_as_their_documents_say() {
    let mut table = String::from(
        "Walkthroughs in nginx: Istio's TCP task, ASM, Kmesh, Istio's mutual TLS task\n\n\
         | service | configurations | let through | closed without a byte or a connection upstream | wrong |\n|---|---:|---:|---:|---:|\n",
    );
    for service in Service::ALL {
        let outcome = Network::run(|network| {
            let (authority, upstream, groups) = (Authority::new(), service.start(), groups());
            let mut outcome = Outcome::default();
            let mut nginx: Option<Nginx> = None;
            for group in &groups {
                group.settle(network);
                let text = configuration(&serve(group, &upstream));
                if let Some(nginx) = &nginx {
                    nginx.put("nginx.conf", &text);
                    nginx.put("policies.yaml", &group.policies);
                    nginx.reload();
                } else {
                    let mut files = certificates(&authority);
                    files.push(("policies.yaml", group.policies.clone()));
                    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
                    nginx = Some(Nginx::start(&text, &files));
                }
                group.connect(&authority, service, &upstream, &mut outcome);
            }
            let _ = writeln!(
                table,
                "| {} | {} | {} | {} | {} |",
                service.name(),
                groups.len(),
                outcome.allowed,
                outcome.denied,
                outcome.wrong.len()
            );
            outcome
        });
        assert_eq!(outcome.wrong, [""; 0], "{}", outcome.wrong.join("\n"));
        assert!(outcome.allowed >= 30 && outcome.denied >= 20, "{} and {}", outcome.allowed, outcome.denied);
    }
    fs::write(artifact::path(artifact::OUT).join("walkthroughs-nginx.md"), &table).unwrap();
    println!("{table}");
}

#[test]
#[ignore = "needs nginx: cargo xtask test --only proxies"]
fn a_denied_peer_gets_no_byte_and_the_service_no_connection() {
    let policies = policy(
        "good",
        "{rules: [{from: [{source: {ipBlocks: [127.0.0.2], remoteIpBlocks: [127.0.0.2]}}], to: [{operation: {ports: ['9000']}}]}, \
          {from: [{source: {principals: [cluster.local/ns/foo/sa/sleep]}}], to: [{operation: {ports: ['9443']}}]}, \
          {from: [{source: {remoteIpBlocks: [203.0.113.0/24]}}], to: [{operation: {ports: ['9444']}}]}]}",
    );
    let mut table = String::from(
        "What a denied peer of nginx gets\n\n| decided by | service | bytes to the peer | connections upstream |\n|---|---|---:|---:|\n",
    );
    for service in Service::ALL {
        Network::run(|_| {
            let (authority, upstream) = (Authority::new(), service.start());
            let servers = format!(
                "proxy_connect_timeout 5s; server {{ listen 127.0.0.1:9000; proxy_pass {0}; }} \
                 server {{ listen 127.0.0.1:9443 ssl; {TLS} ssl_verify_client on; proxy_pass {0}; }} \
                 server {{ listen 127.0.0.1:9444 proxy_protocol; set_real_ip_from 127.0.0.1; proxy_pass {0}; }}",
                upstream.address()
            );
            let _nginx = start(&servers, &policies, &authority);
            let peer = |identity: &str| to(9443).over_tls(authority.issue(&[identity]).as_ref());
            let pairs = [
                ("address", to(9000).from([127, 0, 0, 2]), to(9000).from([127, 0, 0, 3])),
                ("identity", peer(SLEEP), peer(OTHER)),
                ("PROXY header", to(9444).on_behalf_of([203, 0, 113, 7]), to(9444).on_behalf_of([198, 51, 100, 7])),
            ];
            for (name, good, bad) in pairs {
                let (bytes, dialled) = service.ask_between(name, &upstream, &good, &bad);
                let _ = writeln!(table, "| {name} | {} | {bytes} | {dialled} |", service.name());
                assert_eq!((bytes, dialled), (0, 0), "{name}, {}", service.name());
            }
        });
    }
    fs::write(artifact::path(artifact::OUT).join("denied-nginx.md"), &table).unwrap();
    println!("{table}");
}

#[test]
#[ignore = "needs nginx: cargo xtask test --only proxies"]
fn an_address_that_is_denied_costs_no_handshake() {
    Network::run(|_| {
        let (authority, upstream) = (Authority::new(), Upstream::echo());
        let policies = policy("blocked", "{action: DENY, rules: [{from: [{source: {ipBlocks: [127.0.0.3]}}]}]}");
        let server = format!("server {{ listen 127.0.0.1:9443 ssl; {TLS} proxy_pass {}; }}", upstream.address());
        let nginx = start(&server, &policies, &authority);
        // One that says nothing, not even hello, is closed at once, where others would be waited for.
        assert_eq!(to(9443).from([127, 0, 0, 3]).listen().unwrap(), Seen::Closed);
        assert!(nginx.access_log(1)[0].ends_with("403 0 deny deny-policy foo/blocked 0 not-configured"));
        assert!(is_let_through(&to(9443).over_tls(None)));
        assert_eq!(upstream.connections(), 1);
    });
}

#[test]
#[ignore = "needs nginx: cargo xtask test --only proxies"]
fn an_identity_that_is_denied_is_not_waited_for() {
    Network::run(|_| {
        let (authority, upstream) = (Authority::new(), Upstream::echo());
        let policies = policy("known", "{rules: [{from: [{source: {principals: [cluster.local/ns/foo/sa/sleep]}}]}]}");
        // Whoever may go on is waited for, until he has greeted once more.
        let server = format!(
            "server {{ listen 127.0.0.1:9443 ssl; {TLS} ssl_verify_client on; ssl_preread on; preread_timeout 1h; proxy_pass {}; }}",
            upstream.address()
        );
        let _nginx = start(&server, &policies, &authority);
        assert_eq!(to(9443).over_tls(authority.issue(&[OTHER]).as_ref()).listen().unwrap(), Seen::Closed);
    });
}

#[test]
#[ignore = "needs nginx: cargo xtask test --only proxies"]
fn an_address_counts_however_the_socket_spells_it() {
    Network::run(|network| {
        let (authority, upstream) = (Authority::new(), Upstream::echo());
        let (good, bad): (IpAddr, IpAddr) = ("2001:db8::2".parse().unwrap(), "2001:db8::3".parse().unwrap());
        assert!(network.add([good, bad]).is_empty());
        let sources = "[{source: {ipBlocks: [127.0.0.3, '2001:db8::3']}}]";
        let policies = policy("blocked", &format!("{{action: DENY, rules: [{{from: {sources}}}]}}"));
        let server = format!("server {{ listen '[::]:9000' ipv6only=off; proxy_pass {}; }}", upstream.address());
        let _nginx = start(&server, &policies, &authority);
        // The socket has clients of both families, and spells those of IPv4 as `::ffff:127.0.0.2`.
        assert_eq!([2, 3].map(|last| is_let_through(&to(9000).from([127, 0, 0, last]))), [true, false]);
        let over_ipv6 = |from: IpAddr| Client::to((good, 9000)).from(from);
        assert_eq!([good, bad].map(|from| is_let_through(&over_ipv6(from))), [true, false]);
    });
}

#[test]
#[ignore = "needs nginx: cargo xtask test --only proxies"]
fn only_a_certificate_that_was_verified_is_an_identity() {
    Network::run(|_| {
        let (authority, foreign, upstream) = (Authority::new(), Authority::called("somebody else"), Upstream::echo());
        let policies = policy(
            "known",
            "{rules: [{from: [{source: {principals: [cluster.local/ns/foo/sa/sleep]}}], to: [{operation: {ports: ['9443']}}]}, \
             {from: [{source: {notPrincipals: [cluster.local/ns/foo/sa/bad]}}], to: [{operation: {ports: ['9444']}}]}]}",
        );
        let server = |port: u16| {
            format!(
                "server {{ listen 127.0.0.1:{port} ssl; {TLS} ssl_verify_client optional_no_ca; proxy_pass {}; }}",
                upstream.address()
            )
        };
        let nginx = start(&[server(9443), server(9444)].concat(), &policies, &authority);
        let with =
            |port: u16, authority: &Authority, uris: &[&str]| is_let_through(&to(port).over_tls(authority.issue(uris).as_ref()));
        assert!(with(9443, &authority, &[SLEEP]));
        assert!(with(9443, &authority, &["https://example.com/", OTHER, SLEEP]), "any URI SAN is enough");
        assert!(!with(9443, &foreign, &[SLEEP]), "of another authority");
        assert!(!with(9443, &authority, &[]), "without any name");
        assert!(!is_let_through(&to(9443).over_tls(None)), "without a certificate");
        // Of whom nothing is known, nobody can say that it is not the one.
        assert!(with(9444, &authority, &[SLEEP]));
        assert!(!with(9444, &foreign, &[SLEEP]), "of another authority");
        assert!(!with(9444, &authority, &[]), "without any name");
        assert!(is_let_through(&to(9444).over_tls(None)), "without a certificate");
        let log = nginx.access_log(9);
        assert_eq!(log.iter().filter(|line| line.contains(" 9444 403 0 deny unknown-fact ")).count(), 2, "{log:?}");
    });
}

#[test]
#[ignore = "needs nginx: cargo xtask test --only proxies"]
fn a_resumed_session_has_the_identity_with_which_it_began() {
    Network::run(|_| {
        let (authority, upstream) = (Authority::new(), Upstream::echo());
        let policies = policy("known", "{rules: [{from: [{source: {principals: [cluster.local/ns/foo/sa/sleep]}}]}]}");
        let server = format!(
            "server {{ listen 127.0.0.1:9443 ssl; {TLS} ssl_verify_client on; ssl_session_cache shared:s:1m; proxy_pass {}; }}",
            upstream.address()
        );
        let _nginx = start(&server, &policies, &authority);
        for (identity, expected) in [(SLEEP, true), (OTHER, false)] {
            let identity = authority.issue(&[identity]);
            for client in [to(9443).over_tls(identity.as_ref()), to(9443).over_tls_1_2(identity.as_ref())] {
                assert_eq!(is_let_through(&client), expected);
                let mut again = client.connect().unwrap();
                let seen = again.ask("world").unwrap();
                assert_eq!(seen == Service::ClientFirst.answer(), expected, "{seen:?}");
                assert!(again.is_resumed() || !expected, "the session was not resumed");
            }
        }
    });
}

#[test]
#[ignore = "needs nginx: cargo xtask test --only proxies"]
fn a_server_name_is_that_of_the_handshake_or_of_a_greeting_that_was_read() {
    Network::run(|_| {
        let (authority, upstream) = (Authority::new(), Upstream::echo());
        let policies = policy("blocked", "{action: DENY, rules: [{when: [{key: connection.sni, values: [bad.example.com]}]}]}");
        let behind = authority.issue(&["spiffe://cluster.local/ns/foo/sa/server"]).unwrap();
        let nginx = {
            // What passes through meets a server with TLS of its own, without authz.
            let servers = format!(
                "server {{ listen 127.0.0.1:9443 ssl; {TLS} proxy_pass {0}; }} \
                 server {{ listen 127.0.0.1:9444; ssl_preread on; proxy_pass 127.0.0.1:9500; }} \
                 server {{ listen 127.0.0.1:9445; proxy_pass 127.0.0.1:9500; }} \
                 server {{ listen 127.0.0.1:9500 ssl; {TLS} authz off; proxy_pass {0}; }}",
                upstream.address()
            );
            start(&servers, &policies, &authority)
        };
        let asks = |port: u16, name: Option<&str>| is_let_through(&to(port).over_tls_to(Some(&behind), name));
        for port in [9443, 9444] {
            assert!(asks(port, Some("good.example.com")), "{port}");
            assert!(!asks(port, Some("bad.example.com")), "{port}");
            assert!(!asks(port, Some("BAD.example.com")), "{port}");
            assert!(asks(port, None), "{port}");
        }
        // Nor does what a denied client says afterwards bother anyone.
        assert!(!nginx.error_log().contains("[crit]"), "{}", nginx.error_log());
        // Nobody reads the greeting there, so nobody can say that it is not the one.
        assert!(!asks(9445, Some("good.example.com")));
        // What is no greeting that can be read says nothing.
        let mut garbled = to(9444).connect().unwrap();
        assert_eq!(garbled.ask("\u{16}\u{3}\u{1}\0\u{5}garbage").unwrap(), Seen::Closed);
        assert!(nginx.error_log().contains("authz: denied (unknown-fact), client"), "{}", nginx.error_log());
    });
}

/// What a client over TLS sees of its first connection, and of one that resumes the session.
fn twice(client: &Client) -> [bool; 2] {
    let first = is_let_through(client);
    let mut again = client.connect().unwrap();
    let second = again.ask("world").unwrap() == Service::ClientFirst.answer();
    assert!(again.is_resumed(), "the session was not resumed");
    [first, second]
}

#[test]
#[ignore = "needs nginx: cargo xtask test --only proxies"]
fn a_resumed_session_has_the_server_name_with_which_it_began() {
    Network::run(|_| {
        let (authority, upstream) = (Authority::new(), Upstream::echo());
        let policies = policy("blocked", "{action: DENY, rules: [{when: [{key: connection.sni, values: [bad.example.com]}]}]}");
        let server = format!(
            "server {{ listen 127.0.0.1:9443 ssl; {TLS} ssl_session_cache shared:s:1m; proxy_pass {}; }}",
            upstream.address()
        );
        let nginx = start(&server, &policies, &authority);
        for (name, expected) in [("bad.example.com", false), ("good.example.com", true)] {
            assert_eq!(twice(&to(9443).over_tls_1_2_to(None, Some(name))), [expected; 2], "{name}: {:?}", nginx.access_log(1));
        }
        // Of version 1.3 each handshake tells it. A session is known to a client that was answered.
        let good = to(9443).over_tls_to(None, Some("good.example.com"));
        assert_eq!(twice(&good), [true; 2], "{:?}", nginx.access_log(1));
    });
}

#[test]
#[ignore = "needs nginx: cargo xtask test --only proxies"]
fn a_certificate_without_a_uri_san_is_known_by_its_other_names() {
    Network::run(|_| {
        let (authority, upstream) = (Authority::new(), Upstream::echo());
        let policies = policy("nobody", "{action: DENY, rules: [{from: [{source: {principals: ['*']}}]}]}")
            + &policy(
                "not-sleep",
                "{rules: [{from: [{source: {notPrincipals: [cluster.local/ns/foo/sa/sleep]}}], to: [{operation: {ports: ['9444']}}]}]}",
            )
            .replace("namespace: foo", "namespace: bar");
        let server = |port: u16, namespace: &str| {
            format!(
                "server {{ listen 127.0.0.1:{port} ssl; authz_workload namespace={namespace}; {TLS} ssl_verify_client optional; \
                 proxy_pass {}; }}",
                upstream.address()
            )
        };
        let nginx = start(&[server(9443, "foo"), server(9444, "bar")].concat(), &policies, &authority);
        let named = |uris: &[&str], dns_names: &[&str], name: Option<&str>| {
            let identity = authority.issue_named(uris, dns_names, name);
            [9443, 9444].map(|port| is_let_through(&to(port).over_tls(identity.as_ref())))
        };
        assert_eq!(named(&[SLEEP], &[], None), [false, false], "a URI SAN");
        assert_eq!(named(&[OTHER], &["a.example"], Some("x")), [false, true], "another");
        assert_eq!(named(&[], &["a.example"], None), [false, true], "a DNS SAN");
        assert_eq!(named(&[], &[], Some("client")), [false, true], "a subject");
        assert_eq!(named(&[], &[], None), [false, false], "no name whatever: nobody knows");
        assert_eq!(
            named(&[], &["a.example"], Some("/ns/foo/sa/x")),
            [false, false],
            "what could pass for an identity: nobody knows"
        );
        assert_eq!([9443, 9444].map(|port| is_let_through(&to(port).over_tls(None))), [true, true], "no certificate");
        let log = nginx.access_log(14);
        let unknown = log.iter().filter(|line| line.contains("403 0 deny unknown-fact")).count();
        let by_name = log.iter().filter(|line| line.contains("403 0 deny deny-policy foo/nobody")).count();
        assert_eq!((by_name, unknown), (4, 4), "{log:?}");
    });
}

#[test]
#[ignore = "needs nginx: cargo xtask test --only proxies"]
fn a_header_counts_if_its_sender_is_trusted_and_nobody_else_s_says_anything() {
    Network::run(|_| {
        let (authority, upstream) = (Authority::new(), Upstream::echo());
        let policies = policy(
            "blocked",
            "{action: DENY, rules: [{from: [{source: {remoteIpBlocks: [203.0.113.0/24]}}]}, {from: [{source: {ipBlocks: [127.0.0.5]}}]}]}",
        );
        let server = format!(
            "server {{ listen 127.0.0.1:9444 proxy_protocol; set_real_ip_from 127.0.0.1; set_real_ip_from 127.0.0.5; proxy_pass {}; }}",
            upstream.address()
        );
        let over_tls = format!(
            "server {{ listen 127.0.0.1:9446 ssl proxy_protocol; set_real_ip_from 127.0.0.1; {TLS} ssl_verify_client on; proxy_pass {}; }}",
            upstream.address()
        );
        let nginx = start(&[server, over_tls].concat(), &policies, &authority);
        let (bad, good) = ([203, 0, 113, 7], [198, 51, 100, 7]);
        assert!(is_let_through(&to(9444).on_behalf_of(good)));
        assert!(!is_let_through(&to(9444).on_behalf_of(bad)));
        assert!(!is_let_through(&to(9444).from([127, 0, 0, 5]).on_behalf_of(good)), "the direct peer's address counts as well");
        assert!(!is_let_through(&to(9444).from([127, 0, 0, 9]).on_behalf_of(good)), "whom nobody trusts");
        assert!(is_let_through(&to(9444).from([127, 0, 0, 9]).on_behalf_of([127, 0, 0, 9])), "who speaks for itself");
        // An address of IPv4 as headers of IPv6 have it.
        let mapped = |client: [u8; 4]| to(9444).on_behalf_of(Ipv4Addr::from(client).to_ipv6_mapped());
        assert_eq!([good, bad].map(|client| is_let_through(&mapped(client))), [true, false], "mapped");
        let peer = |client: [u8; 4]| to(9446).over_tls(authority.issue(&[SLEEP]).as_ref()).on_behalf_of(client);
        assert_eq!([good, bad].map(|client| is_let_through(&peer(client))), [true, false], "over TLS");
        let log = nginx.access_log(9);
        assert_eq!(log.iter().filter(|line| line.contains("deny unknown-fact")).count(), 1, "{log:?}");
    });
}

#[test]
#[ignore = "needs nginx: cargo xtask test --only proxies"]
fn shadow_closes_nothing_and_dry_run_policies_are_reported() {
    Network::run(|_| {
        let (authority, upstream) = (Authority::new(), Upstream::echo());
        let next = "metadata: {name: next, namespace: foo, annotations: {istio.io/dry-run: 'true'}}";
        let policies = policy("now", "{rules: [{to: [{operation: {ports: ['9000', '9001']}}]}]}")
            + &policy("next", "{action: DENY, rules: [{to: [{operation: {ports: ['9001']}}]}]}")
                .replace("metadata: {name: next, namespace: foo}", next);
        let server = |port: u16, mode: &str| {
            format!("server {{ listen 127.0.0.1:{port}; authz {mode}; proxy_pass {}; }}", upstream.address())
        };
        let servers =
            [server(9000, "on"), server(9001, "on"), server(9002, "on"), server(9003, "shadow"), server(9004, "off")].concat();
        let nginx = start(&servers, &policies, &authority);
        assert_eq!([9000, 9001, 9002, 9003, 9004].map(|port| is_let_through(&to(port))), [true, true, false, true, true]);
        let mut log = nginx.access_log(5);
        // In the order in which connections end.
        log.sort();
        let expected = [
            "9000 200 12 allow allow-policy foo/now 0 allowed",
            "9001 200 12 allow allow-policy foo/now 0 denied",
            "9002 403 0 deny no-allow-match - - denied",
            "9003 200 12 deny no-allow-match - - denied",
            "9004 200 12 - - - - -",
        ];
        assert_eq!(log, expected.map(|line| format!("127.0.0.1 {line}")));
        let log = nginx.error_log();
        assert!(log.contains("[warn]") && log.contains("authz: would be denied (no-allow-match) while"), "{log}");
    });
}

#[test]
#[ignore = "needs nginx: cargo xtask test --only proxies"]
fn a_bad_policy_is_refused_with_its_place_and_the_old_one_stays() {
    Network::run(|_| {
        let (authority, upstream) = (Authority::new(), Upstream::echo());
        let server = format!("server {{ listen 127.0.0.1:9000; listen 127.0.0.1:9001; proxy_pass {}; }}", upstream.address());
        let with_ports = |ports: &str| policy("ports", &format!("{{rules: [{{to: [{{operation: {{ports: [{ports}]}}}}]}}]}}"));
        let nginx = start(&server, &with_ports("'9000'"), &authority);
        let open = || [9000, 9001].map(|port| is_let_through(&to(port)));
        assert_eq!(open(), [true, false]);
        nginx.put("policies.yaml", &with_ports("'9001', '90010'"));
        let (is_taken, said) = nginx.check_again();
        assert!(!is_taken);
        assert!(
            said.contains("policies.yaml:5:51: error[bad-port]: foo/ports: spec.rules[0].to[0].operation.ports[1]: `90010`"),
            "{said}"
        );
        assert!(said.contains("the policies are not used (load), in ") && said.contains("nginx.conf:"), "{said}");
        nginx.reload_in_vain();
        assert_eq!(open(), [true, false]);
        for text in ["", "rules: [", "kind: AuthorizationPolicy"] {
            nginx.put("policies.yaml", text);
            assert!(!nginx.check_again().0, "{text:?} is taken");
            nginx.reload_in_vain();
            assert_eq!(open(), [true, false], "{text:?}");
        }
        nginx.put("policies.yaml", &with_ports("'9001'"));
        nginx.reload();
        assert_eq!(open(), [false, true]);
    });
}

#[test]
#[ignore = "needs nginx: cargo xtask test --only proxies"]
fn a_configuration_that_could_be_meant_otherwise_is_refused() {
    let server = "server { listen 127.0.0.1:9000; proxy_pass 127.0.0.1:9500; }";
    let both = "authz_policy policies.yaml; authz_workload namespace=foo;";
    let rows = [
        (format!("authz on; {server}"), "so write `authz_policy FILE;`, or `authz off;`"),
        (format!("{WORKLOAD} {server}"), "so write `authz_policy FILE;`"),
        (format!("authz_policy policies.yaml; {server}"), "so write `authz_workload namespace=NAME label=KEY=VALUE;`"),
        (format!("authz maybe; {both} {server}"), "invalid value \"maybe\""),
        (format!("authz_policy nowhere.yaml; {WORKLOAD} {server}"), "nowhere.yaml\" failed (2: No such file or directory)"),
        (format!("authz_policy certs; {WORKLOAD} {server}"), "certs\" is no file"),
        (format!("{both} authz_workload namespace=foo; {server}"), "\"authz_workload\" directive is duplicate"),
        (format!("authz_policy policies.yaml; authz_workload label=app=x; {server}"), "the workload's namespace is missing"),
        (format!("authz_policy policies.yaml; authz_workload namespace=foo label=app; {server}"), "write `label=KEY=VALUE`"),
        (format!("authz_policy policies.yaml; authz_workload namespace=foo ns=foo; {server}"), "a workload has no `ns=foo`"),
        (
            format!("authz_policy policies.yaml; authz_workload namespace=foo label=a=b label=a=c; {server}"),
            "a label is there twice: `label=a=c`: write each key once",
        ),
        (format!("{both} authz_mesh trust_domain=; {server}"), "a mesh has no `trust_domain=`"),
        (format!("{both} authz_mesh domain=x; {server}"), "a mesh has no `domain=x`"),
        (
            format!("{both} server {{ listen 127.0.0.1:9000 udp; proxy_pass 127.0.0.1:9500; }}"),
            "authz decides about TCP connections only",
        ),
    ];
    let policies = policy("p", "{}");
    for (stream, message) in &rows {
        let folder = Nginx::folder(&configuration(stream), &[("policies.yaml", &policies), ("certs/ca.crt", "")]);
        let (is_taken, said) = Nginx::check(&folder);
        assert!(!is_taken && said.contains(message), "{stream}\n{said}");
        fs::remove_dir_all(folder).unwrap();
    }
    let elsewhere = format!("authz_policy policies.yaml; authz_workload namespace=fo; {server}");
    for stream in [format!("{both} {server}"), format!("authz off; {WORKLOAD} {server}"), server.into(), elsewhere.clone()] {
        let folder = Nginx::folder(&configuration(&stream), &[("policies.yaml", &policies)]);
        let (is_taken, said) = Nginx::check(&folder);
        assert!(is_taken, "{stream}\n{said}");
        let warns = said.contains("[warn]") && said.contains("no policy denies anybody at namespace `fo`");
        assert_eq!(warns, stream == elsewhere, "{said}");
        fs::remove_dir_all(folder).unwrap();
    }
}
