//! The configurations of `examples/envoy`, as they stand there, do what they say.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed, as it should")]

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use authz_e2e::{Authority, Client, Envoy, Network, Seen, Upstream, artifact, wait_for};

const SLEEP: &str = "spiffe://cluster.local/ns/foo/sa/sleep";
const OTHER: &str = "spiffe://cluster.local/ns/foo/sa/notsleep";

fn examples(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/envoy").join(kind)
}

/// Starts an example of a kind of filter, with its service and all files that it names.
fn start(kind: &str, name: &str, authority: &Authority) -> (Envoy, Upstream) {
    let upstream = Upstream::echo_at(([127, 0, 0, 2], 9000).into());
    let envoy = Envoy::by_file(&examples(kind).join(name), |folder| {
        symlink(artifact::path(artifact::WASM), folder.join("authz_proxy_wasm.wasm")).unwrap();
        let server = authority.issue(&["spiffe://cluster.local/ns/foo/sa/server"]).unwrap();
        for (sub, file, text) in [
            ("certs", "ca.crt", authority.pem()),
            ("certs", "server.crt", &server.certificate_pem),
            ("certs", "server.key", &server.key_pem),
            ("ecds", "authz.yaml", &fs::read_to_string(examples(kind).join("ecds/authz.yaml")).unwrap()),
        ] {
            fs::create_dir_all(folder.join(sub)).unwrap();
            fs::write(folder.join(sub).join(file), text).unwrap();
        }
    });
    (envoy, upstream)
}

fn to(port: u16) -> Client {
    Client::to(SocketAddr::from(([127, 0, 0, 1], port)))
}

fn is_answered(client: &Client) -> bool {
    match client.ask("world").unwrap() {
        Seen::Answer(line) => {
            assert_eq!(line, "hello world");
            true
        }
        Seen::Closed => false,
    }
}

/// With both kinds of filter, each in a network in which all ports are free.
fn with_both(test: impl Fn(&str, &Authority) + Send + Sync) {
    for kind in ["native", "wasm"] {
        Network::run(|_| test(kind, &Authority::new()));
    }
}

#[test]
#[ignore = "needs Envoy 1.40: cargo xtask test --only envoy"]
fn two_ports_are_open_and_the_third_is_not() {
    with_both(|kind, authority| {
        let (_envoy, upstream) = start(kind, "plaintext.yaml", authority);
        assert_eq!([9000, 9001, 9002].map(|port| is_answered(&to(port))), [true, true, false], "{kind}");
        assert_eq!(upstream.connections(), 2, "{kind}");
    });
}

#[test]
#[ignore = "needs Envoy 1.40: cargo xtask test --only envoy"]
fn one_identity_may_connect_and_no_other() {
    with_both(|kind, authority| {
        let (_envoy, _upstream) = start(kind, "mtls.yaml", authority);
        let peer = |identity: &str| to(9000).over_tls(authority.issue(&[identity]).as_ref());
        assert_eq!([SLEEP, OTHER].map(|identity| is_answered(&peer(identity))), [true, false], "{kind}");
    });
}

#[test]
#[ignore = "needs Envoy 1.40: cargo xtask test --only envoy"]
fn a_balancer_and_its_client_are_told_apart() {
    with_both(|kind, authority| {
        let (_envoy, _upstream) = start(kind, "proxy-protocol.yaml", authority);
        let (balancer, stranger, office, elsewhere) = ([127, 0, 0, 1], [127, 0, 0, 9], [203, 0, 113, 7], [198, 51, 100, 7]);
        for (from, client, expected) in [(balancer, office, true), (balancer, elsewhere, false), (stranger, office, false)] {
            assert_eq!(is_answered(&to(9000).from(from).on_behalf_of(client)), expected, "{kind}: {from:?} for {client:?}");
        }
    });
}

#[test]
#[ignore = "needs Envoy 1.40: cargo xtask test --only envoy"]
fn the_next_policy_counts_and_closes_nothing() {
    with_both(|kind, authority| {
        let (envoy, _upstream) = start(kind, "shadow.yaml", authority);
        assert_eq!([9000, 9001, 9002].map(|port| is_answered(&to(port))), [true, true, false], "{kind}");
        let counters = if kind == "wasm" { "wasmcustom" } else { "dynamicmodulescustom" };
        // What the first closes does not come to the second.
        for name in ["authz_denied", "next_shadow_denied", "next_shadow_allowed"] {
            envoy.wait_for_stat(&format!("{counters}.{name}"), 1);
        }
    });
}

#[test]
#[ignore = "needs Envoy 1.40: cargo xtask test --only envoy"]
fn a_policy_comes_from_a_file_of_its_own() {
    with_both(|kind, authority| {
        let (envoy, _upstream) = start(kind, "ecds.yaml", authority);
        wait_for("the filter", || match envoy.stat("extension_config_discovery.network_filter.authz.config_reload") {
            0 => Err("it has not come".into()),
            _ => Ok(()),
        });
        assert_eq!([9000, 9001, 9002].map(|port| is_answered(&to(port))), [true, true, false], "{kind}");
    });
}
