//! What clients and services see of Debian's HAProxy with the module.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed, as it should")]

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;

use authz_e2e::config::policy;
use authz_e2e::scenario::root;
use authz_e2e::walkthrough::{Group, Outcome, groups};
use authz_e2e::{Authority, Client, HaProxy, Network, Seen, Service, Upstream, artifact, wait_for};

const SLEEP: &str = "spiffe://cluster.local/ns/foo/sa/sleep";
const OTHER: &str = "spiffe://cluster.local/ns/foo/sa/notsleep";
const DECIDED: &str = "tcp-request content lua.authz\ntcp-request content reject unless { var(txn.authz) -m int 1 }\n";

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

fn example(name: &str) -> String {
    fs::read_to_string(root().join("examples/haproxy").join(name)).unwrap()
}

/// A configuration with these frontends, as the example has its own.
fn configuration(frontends: &str, upstream: &Upstream) -> String {
    let example = example("haproxy.cfg");
    let (head, _) = example.split_once("# Plaintext").unwrap();
    format!("{head}\n{frontends}\nbackend tcp_echo\n    server tcp_echo {}\n", upstream.address())
}

/// Starts one by files of its own and those of the example that it does not bring.
fn start(own: &[(&str, &str)], authority: &Authority) -> HaProxy {
    HaProxy::start(&complete(own, authority).iter().map(|(name, text)| (*name, text.as_str())).collect::<Vec<_>>())
}

fn complete<'a>(own: &[(&'a str, &str)], authority: &Authority) -> Vec<(&'a str, String)> {
    let server = authority.issue(&["spiffe://cluster.local/ns/foo/sa/server"]).unwrap();
    let mut files: Vec<(&str, String)> = own.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
    files.push(("certs/ca.crt", authority.pem().into()));
    files.push(("certs/server.pem", server.certificate_pem + &server.key_pem));
    for name in ["haproxy.cfg", "tcp_authz.lua", "tcp-echo.lua", "policies.yaml"] {
        if own.iter().all(|(own, _)| *own != name) {
            files.push((name, example(name)));
        }
    }
    files
}

const TLS: &str = "ssl crt certs/server.pem ca-file certs/ca.crt";

#[test]
#[ignore = "needs HAProxy: cargo xtask test --only proxies"]
fn the_example_does_what_it_says() {
    Network::run(|_| {
        let authority = Authority::new();
        let upstream = Upstream::echo_at(([127, 0, 0, 2], 9000).into());
        let haproxy = start(&[], &authority);
        let peer = |identity: &str| to(9443).over_tls(authority.issue(&[identity]).as_ref());
        let office = [203, 0, 113, 7];
        let clients = [
            ("an open port", to(9000), true, "9000 -- 12 allow allow-policy foo/tcp-policy 0"),
            ("another", to(9001), true, "9001 -- 12 allow allow-policy foo/tcp-policy 0"),
            ("a third", to(9002), false, "9002 PR 0 deny no-allow-match - -"),
            ("the legacy network", to(9000).from([127, 66, 0, 1]), false, "9000 PR 0 deny deny-policy foo/no-legacy 0"),
            ("sleep", peer(SLEEP), true, "9443 -- 12 allow allow-policy foo/tcp-policy 1"),
            ("notsleep", peer(OTHER), false, "9443 PR 0 deny no-allow-match - -"),
            ("the office", to(9444).on_behalf_of(office), true, "203.0.113.7 9444 -- 12 allow allow-policy foo/tcp-policy 2"),
            ("elsewhere", to(9444).on_behalf_of([198, 51, 100, 7]), false, "198.51.100.7 9444 PR 0 deny no-allow-match - -"),
        ];
        for (name, client, expected, line) in &clients {
            assert_eq!(is_let_through(client), *expected, "{name}\n{}", haproxy.log());
            wait_for(&format!("the line of {name}"), || if haproxy.log().contains(line) { Ok(()) } else { Err(haproxy.log()) });
        }
        assert!(!is_let_through(&to(9444).from([127, 0, 0, 9]).on_behalf_of(office)), "who is no balancer");
        assert_eq!(upstream.connections(), 4);
    });
}

/// The frontend of a walkthrough.
fn serve(group: &Group) -> String {
    let tls = if group.is_tls { format!(" {TLS} verify optional") } else { String::new() };
    let (header, keep) =
        if group.takes_header { (" accept-proxy", "tcp-request connection set-var(sess.authz_source) src\n") } else { ("", "") };
    let binds: String = group.ports.iter().map(|port| format!("bind 0.0.0.0:{port}{tls}{header}\n")).collect();
    format!("frontend walkthrough\n{binds}{keep}{DECIDED}")
}

#[test]
#[ignore = "needs HAProxy: cargo xtask test --only proxies"]
fn every_connection_of_the_walkthroughs_is_decided_as_their_documents_say() {
    let mut table = String::from(
        "Walkthroughs in HAProxy: Istio's TCP task, ASM, Kmesh, Istio's mutual TLS task\n\n\
         | service | configurations | let through | closed without a byte or a connection upstream | wrong |\n|---|---:|---:|---:|---:|\n",
    );
    for service in Service::ALL {
        let (authority, groups) = (Authority::new(), groups());
        let mut outcome = Outcome::default();
        for group in &groups {
            let labels: String = group.labels.iter().map(|(key, value)| format!("['{key}'] = '{value}', ")).collect();
            let workload = format!(
                "require('tcp_authz')('authz', {{ policies = {{ 'policies.yaml' }}, namespace = '{}', labels = {{ {labels} }} }})\n",
                group.namespace
            );
            Network::run(|network| {
                group.settle(network);
                let upstream = service.start();
                let text = configuration(&serve(group), &upstream);
                let files = [("haproxy.cfg", text.as_str()), ("policies.yaml", &group.policies), ("tcp-echo.lua", &workload)];
                let _haproxy = start(&files, &authority);
                group.connect(&authority, service, &upstream, &mut outcome);
            });
        }
        let (let_through, closed, wrong) = (outcome.allowed, outcome.denied, outcome.wrong.len());
        let _ = writeln!(table, "| {} | {} | {let_through} | {closed} | {wrong} |", service.name(), groups.len());
        assert!(outcome.wrong.is_empty(), "{}", outcome.wrong.join("\n"));
        assert!(let_through >= 30 && closed >= 20, "{let_through} and {closed}");
    }
    fs::write(artifact::path(artifact::OUT).join("walkthroughs-haproxy.md"), &table).unwrap();
    println!("{table}");
}

#[test]
#[ignore = "needs HAProxy: cargo xtask test --only proxies"]
fn a_denied_peer_gets_no_byte_and_the_service_no_connection() {
    let mut table = String::from(
        "What a denied peer of HAProxy gets\n\n| decided by | service | bytes to the peer | connections upstream |\n|---|---|---:|---:|\n",
    );
    for service in Service::ALL {
        Network::run(|_| {
            let (authority, upstream) = (Authority::new(), service.start());
            let example = example("haproxy.cfg").replace("127.0.0.2:9000", &upstream.address().to_string());
            let _haproxy = start(&[("haproxy.cfg", &example)], &authority);
            let peer = |identity: &str| to(9443).over_tls(authority.issue(&[identity]).as_ref());
            let pairs = [
                ("address", to(9000), to(9000).from([127, 66, 0, 1])),
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
    fs::write(artifact::path(artifact::OUT).join("denied-haproxy.md"), &table).unwrap();
    println!("{table}");
}

#[test]
#[ignore = "needs HAProxy: cargo xtask test --only proxies"]
fn only_a_certificate_that_was_verified_is_an_identity() {
    Network::run(|_| {
        let (authority, foreign, upstream) = (Authority::new(), Authority::called("somebody else"), Upstream::echo());
        let policies = policy(
            "known",
            "{rules: [{from: [{source: {principals: [cluster.local/ns/foo/sa/sleep]}}], to: [{operation: {ports: ['9443']}}]}, \
             {from: [{source: {notPrincipals: [cluster.local/ns/foo/sa/bad]}}], to: [{operation: {ports: ['9444']}}]}]}",
        );
        let lenient = format!("{TLS} verify optional crt-ignore-err all ca-ignore-err all");
        let frontend = format!("frontend lenient\nbind 127.0.0.1:9443 {lenient}\nbind 127.0.0.1:9444 {lenient}\n{DECIDED}");
        let _haproxy = start(&[("haproxy.cfg", &configuration(&frontend, &upstream)), ("policies.yaml", &policies)], &authority);
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
    });
}

#[test]
#[ignore = "needs HAProxy: cargo xtask test --only proxies"]
fn a_resumed_session_has_the_identity_with_which_it_began() {
    Network::run(|_| {
        let (authority, upstream) = (Authority::new(), Upstream::echo());
        let policies = policy("known", "{rules: [{from: [{source: {principals: [cluster.local/ns/foo/sa/sleep]}}]}]}");
        let frontend = format!("frontend mtls\nbind 127.0.0.1:9443 {TLS} verify required\n{DECIDED}");
        let haproxy = start(&[("haproxy.cfg", &configuration(&frontend, &upstream)), ("policies.yaml", &policies)], &authority);
        for (identity, expected) in [(SLEEP, true), (OTHER, false)] {
            let identity = authority.issue(&[identity]);
            for client in [to(9443).over_tls(identity.as_ref()), to(9443).over_tls_1_2(identity.as_ref())] {
                assert_eq!(is_let_through(&client), expected, "{}", haproxy.log());
                let mut again = client.connect().unwrap();
                let seen = again.ask("world").unwrap();
                assert_eq!(seen == Service::ClientFirst.answer(), expected, "{seen:?}\n{}", haproxy.log());
                assert!(again.is_resumed() || !expected, "the session was not resumed");
            }
        }
    });
}

#[test]
#[ignore = "needs HAProxy: cargo xtask test --only proxies"]
fn a_server_name_is_that_of_the_handshake_and_unknown_where_tls_passes_through() {
    Network::run(|_| {
        let (authority, upstream) = (Authority::new(), Upstream::echo());
        let policies = policy("blocked", "{action: DENY, rules: [{when: [{key: connection.sni, values: [bad.example.com]}]}]}");
        let frontend = format!("frontend tls\nbind 127.0.0.1:9443 {TLS}\nbind 127.0.0.1:9000\n{DECIDED}");
        let _haproxy = start(&[("haproxy.cfg", &configuration(&frontend, &upstream)), ("policies.yaml", &policies)], &authority);
        let asks = |name: Option<&str>| is_let_through(&to(9443).over_tls_to(None, name));
        assert_eq!(
            [Some("good.example.com"), Some("bad.example.com"), Some("BAD.example.com"), None].map(asks),
            [true, false, false, true]
        );
        assert!(!is_let_through(&to(9000)), "nobody has read what the client says");
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
#[ignore = "needs HAProxy: cargo xtask test --only proxies"]
fn a_resumed_session_has_the_server_name_with_which_it_began() {
    Network::run(|_| {
        let (authority, upstream) = (Authority::new(), Upstream::echo());
        let policies = policy("blocked", "{action: DENY, rules: [{when: [{key: connection.sni, values: [bad.example.com]}]}]}");
        let frontend = format!("frontend tls\nbind 127.0.0.1:9443 {TLS}\n{DECIDED}");
        let haproxy = start(&[("haproxy.cfg", &configuration(&frontend, &upstream)), ("policies.yaml", &policies)], &authority);
        for (name, expected) in [("bad.example.com", false), ("good.example.com", true)] {
            assert_eq!(twice(&to(9443).over_tls_1_2_to(None, Some(name))), [expected; 2], "{name}: {}", haproxy.log());
        }
        // Of version 1.3 each handshake tells it. A session is known to a client that was answered.
        let good = to(9443).over_tls_to(None, Some("good.example.com"));
        assert_eq!(twice(&good), [true; 2], "{}", haproxy.log());
    });
}

#[test]
#[ignore = "needs HAProxy: cargo xtask test --only proxies"]
fn a_certificate_without_a_uri_san_is_known_by_its_other_names() {
    Network::run(|_| {
        let (authority, upstream) = (Authority::new(), Upstream::echo());
        let policies = policy("nobody", "{action: DENY, rules: [{from: [{source: {principals: ['*']}}]}]}");
        let frontend = format!("frontend tls\nbind 127.0.0.1:9443 {TLS} verify optional\n{DECIDED}");
        let haproxy = start(&[("haproxy.cfg", &configuration(&frontend, &upstream)), ("policies.yaml", &policies)], &authority);
        let named = |dns_names: &[&str], name: Option<&str>| {
            is_let_through(&to(9443).over_tls(authority.issue_named(&[], dns_names, name).as_ref()))
        };
        assert!(!named(&["a.example"], None) && !named(&[], Some("client")));
        wait_for("two lines", || {
            let log = haproxy.log();
            if log.matches("PR 0 deny deny-policy foo/nobody").count() == 2 { Ok(()) } else { Err(log) }
        });
        assert!(!named(&[], None) && !named(&[], Some("/ns/foo/sa/x")), "nobody knows");
        assert!(is_let_through(&to(9443).over_tls(None)), "no certificate");
    });
}

#[test]
#[ignore = "needs HAProxy: cargo xtask test --only proxies"]
fn a_sample_that_is_missing_or_no_address_is_unknown() {
    Network::run(|_| {
        let (authority, upstream) = (Authority::new(), Upstream::echo());
        let policies = policy("blocked", "{action: DENY, rules: [{from: [{source: {ipBlocks: [127.0.0.5]}}]}]}");
        let frontend =
            |port: u16, keep: &str| format!("frontend balanced{port}\nbind 127.0.0.1:{port} accept-proxy\n{keep}\n{DECIDED}");
        let frontends = [
            frontend(9000, "tcp-request connection set-var(sess.authz_source) src"),
            frontend(9001, ""),
            frontend(9002, "tcp-request connection set-var(sess.authz_source) str(localhost)"),
            frontend(9003, "tcp-request connection set-var(sess.authz_source) int(1)"),
        ];
        let text = configuration(&frontends.concat(), &upstream);
        let haproxy = start(&[("haproxy.cfg", &text), ("policies.yaml", &policies)], &authority);
        let asks = |port: u16| is_let_through(&to(port).on_behalf_of([203, 0, 113, 7]));
        assert_eq!([9000, 9001, 9002, 9003].map(asks), [true, false, false, false], "{}", haproxy.log());
        wait_for("three lines", || {
            let log = haproxy.log();
            if log.matches("PR 0 deny unknown-fact").count() == 3 { Ok(()) } else { Err(log) }
        });
    });
}

#[test]
#[ignore = "needs HAProxy: cargo xtask test --only proxies"]
fn whatever_goes_wrong_in_lua_rejects() {
    Network::run(|_| {
        let (authority, upstream) = (Authority::new(), Upstream::echo());
        let frontend = format!("frontend plaintext\nbind 127.0.0.1:9000\n{DECIDED}");
        let text = configuration(&frontend, &upstream);
        let action = |body: &str| format!("core.register_action('authz', {{ 'tcp-req' }}, function(txn) {body} end)\n");
        let bodies = [
            "",
            "error('no')",
            "txn:set_var('txn.authz', 0)",
            "txn:set_var('txn.authz', 'allow')",
            "txn:set_var('txn.authz', 2)",
            "while true do end",
        ];
        for body in bodies {
            // The last one goes on until HAProxy loses patience.
            let text = text.replace("lua-load-per-thread", "tune.lua.session-timeout 200ms\n    lua-load-per-thread");
            let _haproxy = start(&[("haproxy.cfg", &text), ("tcp-echo.lua", &action(body))], &authority);
            assert!(!is_let_through(&to(9000)), "{body}");
        }
        let _haproxy = start(&[("haproxy.cfg", &text), ("tcp-echo.lua", &action("txn:set_var('txn.authz', 1)"))], &authority);
        assert!(is_let_through(&to(9000)));
        assert_eq!(upstream.connections(), 1);
    });
}

#[test]
#[ignore = "needs HAProxy: cargo xtask test --only proxies"]
fn a_bad_policy_is_refused_with_its_place_and_the_old_one_stays() {
    Network::run(|_| {
        let (authority, upstream) = (Authority::new(), Upstream::echo());
        let frontend = format!("frontend plaintext\nbind 127.0.0.1:9000\nbind 127.0.0.1:9001\n{DECIDED}");
        let text = configuration(&frontend, &upstream);
        let with_ports = |ports: &str| policy("ports", &format!("{{rules: [{{to: [{{operation: {{ports: [{ports}]}}}}]}}]}}"));
        let mut haproxy = start(&[("haproxy.cfg", &text), ("policies.yaml", &with_ports("'9000'"))], &authority);
        let open = || [9000, 9001].map(|port| is_let_through(&to(port)));
        assert_eq!(open(), [true, false]);
        for bad in ["", "rules: [", &with_ports("'9001', '90010'")] {
            haproxy.put("policies.yaml", bad);
            let (is_taken, said) = haproxy.check_again();
            assert!(!is_taken && said.contains("the policies are not used"), "{said}");
            haproxy.reload();
            assert_eq!(open(), [true, false], "{bad}");
        }
        let log = haproxy.log();
        assert!(
            log.contains("policies.yaml:5:51: error[bad-port]: foo/ports: spec.rules[0].to[0].operation.ports[1]: `90010`"),
            "{log}"
        );
        haproxy.put("policies.yaml", &with_ports("'9001'"));
        haproxy.reload();
        wait_for("the new policy", || if open() == [false, true] { Ok(()) } else { Err(haproxy.log()) });
    });
}

#[test]
#[ignore = "needs HAProxy: cargo xtask test --only proxies"]
fn a_workload_that_could_be_meant_otherwise_is_refused() {
    let rows = [
        ("policies = { 'policies.yaml' }, labels = { app = 'x' }", "the policies are not used: empty"),
        ("policies = { 'nowhere.yaml' }, namespace = 'foo'", "nowhere.yaml: No such file or directory"),
        ("policies = { 'policies.yaml', nil, 'others.yaml' }, namespace = 'foo'", "`policies` is a list of paths, and has a gap"),
        ("policies = { 'policies.yaml' }, namespace = 'foo', label = { app = 'x' }", "a workload has no `label`"),
        ("policies = { 'policies.yaml' }, namespace = 'foo', 'app'", "a workload has no `1`"),
        ("policies = {}, namespace = 'foo'", "the policies are not used: no-policies"),
        ("policies = { 'policies.yaml' }, namespace = 'foo', labels = { 'app' }", "the key of a label is no string"),
        ("policies = { 'policies.yaml' }, namespace = 'foo', labels = 'app'", "table expected"),
        ("policies = { 'policies.yaml' }, namespace = {}", "string expected"),
        ("policies = { 'policies.yaml' }, namespace = 'foo', trust_domain_aliases = 'x'", "table expected"),
    ];
    let authority = Authority::new();
    let check = |workload: &str| {
        let lua = format!("require('tcp_authz')('authz', {{ {workload} }})\n");
        let files = complete(&[("tcp-echo.lua", &lua)], &authority);
        let folder = HaProxy::folder(&files.iter().map(|(name, text)| (*name, text.as_str())).collect::<Vec<_>>());
        let outcome = HaProxy::check(&folder);
        fs::remove_dir_all(folder).unwrap();
        outcome
    };
    for (workload, message) in rows {
        let (is_taken, said) = check(workload);
        assert!(!is_taken && said.contains(message), "{workload}\n{said}");
    }
    for (namespace, warns) in [("foo", false), ("fo", true)] {
        let labels = "labels = { app = 'tcp-echo' }";
        let (is_taken, said) = check(&format!("policies = {{ 'policies.yaml' }}, namespace = '{namespace}', {labels}"));
        assert!(is_taken, "{said}");
        assert_eq!(said.contains("lua.authz: no policy denies anybody at namespace `fo` with these labels"), warns, "{said}");
    }
}
