//! The conformance suites, with every fact of theirs read from a proxy.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use authz_core::{Connection, Fact, FactSet, Reason, Transport, Verdict};
use authz_testdata::Suite;

use crate::config::{Config, Options, Trust};
use crate::fake::Fake;
use crate::{Answer, Filter, Reading};

fn reading<T>(fact: Fact<T>) -> Reading<T> {
    match fact {
        Fact::Known(value) => Reading::Present(value),
        Fact::Absent => Reading::Absent,
        Fact::Unknown => Reading::Malformed,
    }
}

/// A proxy that has the facts of a connection; nothing if no proxy can have just these.
fn host(connection: &Connection<'_>) -> Option<Fake> {
    let destination = match (connection.destination(), connection.port()) {
        (Fact::Known(ip), Fact::Known(port)) => Reading::Present(SocketAddr::new(ip, port)),
        (Fact::Unknown, Fact::Unknown) => Reading::Malformed,
        // An address comes with its port.
        _ => return None,
    };
    let transport = connection.transport_fact();
    let sans: Vec<String> = connection.identities().map(str::to_owned).collect();
    Some(Fake {
        remote: reading(connection.remote()),
        direct: Some(reading(connection.source())),
        destination,
        is_tls: match transport {
            Fact::Known(transport) => Reading::Present(transport != Transport::Plaintext),
            Fact::Absent => Reading::Present(false),
            Fact::Unknown => Reading::Malformed,
        },
        is_mutual: Reading::Present(transport == Fact::Known(Transport::MeshMtls)),
        uri_sans: if connection.peer_is_unknown() { Reading::Malformed } else { Reading::Present(sans) },
        server_name: match connection.server_name() {
            Fact::Known(name) => Reading::Present(name.to_owned()),
            Fact::Absent => Reading::Absent,
            Fact::Unknown => Reading::Malformed,
        },
        ..Fake::default()
    })
}

/// Runs a suite; answers how many cases were decided as through Rust, and how many cannot be carried.
fn run(path: &str) -> (usize, usize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata").join(path);
    let text = fs::read_to_string(&path).unwrap();
    let folder = path.parent().unwrap();
    let read = |name: &str| fs::read_to_string(folder.join(name)).map_err(|error| error.to_string());
    let suite = Suite::read(&path.to_string_lossy(), &text, &read).unwrap();
    let (mut alike, mut left_out, mut same) = (0, 0, 0);
    for case in suite.cases() {
        // What the suite expects, `testdata` holds the engine to; here the proxy must not change it.
        let Some((authorizer, connection, _)) = case.scenario() else { continue };
        // A connection of theirs that has no server name sent none.
        let trust = Trust { server_name: true, ..Trust::default() };
        let config = Arc::new(Config::around(authorizer.clone(), Options { trust, ..Options::default() }));
        let is_carried = connection.with(|connection| {
            let decision = authorizer.decide(connection);
            let reason = decision.reason();
            // No filter has metadata at hand before data, and no stand-in answers for a provider.
            let needs_more = authorizer.reads().contains(FactSet::METADATA) || matches!(reason, Reason::CustomProvider(..));
            let Some(mut host) = host(connection).filter(|_| !needs_more) else { return false };
            let mut filter = Filter::new(Arc::clone(&config));
            let first = filter.on_new_connection(&mut host);
            let last = if first == Answer::Wait { filter.on_handshake_done(&mut host) } else { first };
            let answer = if decision.verdict() == Verdict::Allow { Answer::Continue } else { Answer::Close };
            assert_eq!(last, answer, "{}: {decision} {:?}", case.name(), host);
            // Decided before every fact was asked for, another reason with the same verdict may be reported.
            same += usize::from(host.counted(&filter).contains(&format!("authz_reason.{}", reason.code())));
            assert!(host.asked.values().all(|times| *times == 1), "{}: {:?}", case.name(), host.asked);
            true
        });
        if is_carried {
            alike += 1;
        } else {
            left_out += 1;
        }
    }
    println!("{alike} alike, {same} of them for the same reason, {left_out} left out");
    assert!(same * 10 >= alike * 9, "{same} of {alike}");
    (alike, left_out)
}

#[test]
fn every_connection_that_envoy_decided_is_decided_alike() {
    let (alike, left_out) = run("conformance/envoy.jsonl");
    assert_eq!(alike + left_out, 6018);
    assert!(left_out < 600, "{left_out}");
}

#[test]
fn every_rule_case_is_decided_alike() {
    let (alike, left_out) = run("conformance/rules.yaml");
    assert_eq!(alike + left_out, 411);
    assert!(left_out < 80, "{left_out}");
}

#[test]
fn every_walkthrough_is_decided_alike() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/walkthroughs");
    let mut all = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let (alike, left_out) = run(&format!("walkthroughs/{}", entry.unwrap().file_name().to_string_lossy()));
        assert_eq!(left_out, 0);
        all += alike;
    }
    assert!(all > 50, "{all}");
}
