//! What a panic in a hook of the native module does to its connection, to others, and to Envoy.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that panics has failed, as it should")]

use std::net::Ipv4Addr;

use authz_e2e::config::ours;
use authz_e2e::{Authority, Chain, Client, Door, Envoy, Filter, Listener, Network, Seen, Upstream, wait_for};
use serde_json::json;

/// What the module says when it panics.
const WORDS: &str = "a panic that a test asked for";

/// A listener of which the module allows everything and panics where it is told to.
fn listener(port: u16, chain: Chain, place: &str, upstream: &Upstream) -> Listener {
    let config = ours("", json!({"name": format!("panic_in_{place}")}));
    Listener::new((Ipv4Addr::LOCALHOST, port), chain, Filter::Panicking(config), upstream.address())
}

#[test]
#[ignore = "needs Envoy 1.40: cargo xtask test --only envoy"]
fn a_panic_in_a_hook_closes_its_connection_and_no_other_and_envoy_lives() {
    Network::run(|_| {
        let authority = Authority::new();
        let identity = authority.issue(&["spiffe://cluster.local/ns/foo/sa/good"]);
        let (echo, banner) = (Upstream::echo(), Upstream::server_first());
        let said = Seen::Answer("hello world".into());
        let to = |port: u16| Client::to((Ipv4Addr::LOCALHOST, port));
        // The place, its listener and a client of that, whether it is the one who speaks first, and what it sees.
        let table = [
            ("new", listener(9001, Chain::Plain, "new", &echo), to(9001), true, Seen::Closed),
            (
                "handshakedone",
                listener(9002, Chain::Mutual, "handshakedone", &echo),
                to(9002).over_tls(identity.as_ref()),
                true,
                Seen::Closed,
            ),
            ("downstreamdata", listener(9003, Chain::Plain, "downstreamdata", &echo), to(9003), true, Seen::Closed),
            ("upstreamdata", listener(9004, Chain::Plain, "upstreamdata", &banner), to(9004), false, Seen::Closed),
            ("closed", listener(9005, Chain::Plain, "closed", &echo), to(9005), true, said.clone()),
        ];
        let mut listeners: Vec<Listener> = table.iter().map(|(_, listener, ..)| listener.clone()).collect();
        listeners.push(listener(9000, Chain::Plain, "nothing", &echo));
        let mut envoy = Envoy::start(&listeners, &authority);
        let mut other = to(9000).connect().unwrap();
        assert_eq!(other.ask("world").unwrap(), said);
        for (place, _, client, speaks, expected) in table {
            for time in 1..=2 {
                let mut conversation = client.connect().unwrap();
                let seen = if speaks { conversation.ask("world") } else { conversation.listen() }.unwrap();
                assert_eq!(seen, expected, "{place}:\n{}", envoy.log());
                drop(conversation);
                envoy.wait_for_stat(&format!("dynamicmodulescustom.panic_in_{place}_internal_error"), time);
                assert_eq!(other.ask("world").unwrap(), said, "{place}: a connection beside it");
            }
            if expected == Seen::Closed {
                let details = format!("details=panic_in_{place}_denied[internal-error]");
                wait_for(&details, || {
                    let lines = envoy.access_log(1);
                    if lines.iter().any(|line| line.contains(&details)) { Ok(()) } else { Err(lines.join("\n")) }
                });
            }
        }
        assert_eq!(envoy.counter(Door::Module, "panic_in_nothing_internal_error"), 0);
        assert_eq!(envoy.log().matches(WORDS).count(), 10, "{}", envoy.log());
        assert_eq!(to(9000).ask("world").unwrap(), said, "a connection that comes later");
        assert!(envoy.is_alive(), "{}", envoy.log());
    });
}

#[test]
#[ignore = "needs Envoy 1.40: cargo xtask test --only envoy"]
fn a_panic_while_a_configuration_is_made_refuses_it() {
    Network::run(|_| {
        let echo = Upstream::echo();
        match Envoy::try_start(&[listener(9000, Chain::Plain, "config", &echo)], &Authority::new(), 1) {
            Ok(_) => panic!("Envoy serves"),
            // As for a configuration that is malformed, and not by a signal.
            Err(log) => assert!(log.starts_with("exit status: 1\n") && log.contains(WORDS), "{log}"),
        }
    });
}
