//! The two evaluators agree, and an early decision is never taken back, on a hundred thousand generated
//! connections.
//!
//! `AUTHZ_SEED=N cargo test -p authz-core --test agreement` tries others. A failure prints the seed and
//! a policy-test case.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test that panics has failed, as it should")]

use std::collections::BTreeMap;
use std::ops::Range;

use authz_core::{Connection, EarlyDecision};
use authz_testgen::{Draw, Facts, Failure, Scenario, check, seeded_bytes};

/// Sets of policies, and connections that each of them decides.
const SCENARIOS: u64 = 4000;
const CONNECTIONS: usize = 25;

/// How often each outcome has to be seen at least, so that the test cannot come to test nothing.
const REACHED: &[(&str, usize)] = &[
    ("strict-mtls", 1000),
    ("tls-not-terminated", 1000),
    ("custom-misconfigured", 1000),
    ("custom-provider", 1000),
    ("deny-policy", 5000),
    ("allow-policy", 5000),
    ("no-policy", 5000),
    ("no-allow-match", 5000),
    ("unknown-fact", 2000),
    ("audit mark", 2000),
    ("dry-run result", 2000),
    ("a fact is unknown and does not matter", 5000),
    ("a provider allows and a DENY rule matches", 20),
    ("a nearest miss", 2000),
];

#[test]
fn decide_and_explain_agree_and_an_early_decision_is_never_taken_back() {
    let seed = seed();
    let middle = SCENARIOS / 2;
    let halves = [0..middle, middle..SCENARIOS].map(|half| std::thread::spawn(move || tally(seed, half)));
    let mut reached: BTreeMap<String, usize> = BTreeMap::new();
    for half in halves {
        for (outcome, count) in half.join().expect("a half that fails says why above") {
            *reached.entry(outcome).or_default() += count;
        }
    }
    assert!(reached["connections"] >= 100_000, "{reached:?}");
    for (outcome, least) in REACHED {
        let count = reached.get(*outcome).copied().unwrap_or_default();
        assert!(count >= *least, "`{outcome}` was reached {count} times and should be at least {least}: {reached:?}");
    }
}

#[test]
fn what_a_lenient_load_reads_past_never_allows_more() {
    let seed = seed();
    let mut read_past = 0;
    for index in 0..SCENARIOS / 2 {
        // Far from the seeds of the other test.
        let bytes = seeded_bytes(seed.wrapping_mul(SCENARIOS).wrapping_add(index).wrapping_add(1 << 40), 16 << 10);
        let mut draw = Draw::new(&bytes);
        let scenario = Scenario::draw(&mut draw);
        let fails = |failure: Failure| panic!("AUTHZ_SEED={seed}, scenario {index}: {failure}");
        let meant = scenario.load().unwrap_or_else(|error| panic!("AUTHZ_SEED={seed}, scenario {index}: {error}"));
        read_past += usize::from(check::mistake(&scenario, &meant, &mut draw).unwrap_or_else(fails));
    }
    assert!(read_past > 500, "only {read_past} mistakes were errors that a lenient load reads past");
}

fn seed() -> u64 {
    match std::env::var("AUTHZ_SEED") {
        Ok(seed) => seed.parse().expect("AUTHZ_SEED is a number"),
        Err(_) => 1,
    }
}

/// Checks scenarios and counts what they reach.
fn tally(seed: u64, scenarios: Range<u64>) -> BTreeMap<String, usize> {
    let mut reached = BTreeMap::new();
    for index in scenarios {
        // Neighbouring seeds share no scenario.
        let bytes = seeded_bytes(seed.wrapping_mul(SCENARIOS).wrapping_add(index), 16 << 10);
        let mut draw = Draw::new(&bytes);
        let scenario = Scenario::draw(&mut draw);
        let fails = |failure: Failure| panic!("AUTHZ_SEED={seed}, scenario {index}: {failure}");
        let authorizer = scenario.load().unwrap_or_else(|error| panic!("AUTHZ_SEED={seed}, scenario {index}: {error}"));
        for _ in 0..CONNECTIONS {
            let facts = Facts::draw(&mut draw);
            let full = facts.completed(&mut draw);
            check::connection(&scenario, &authorizer, &facts, &full).unwrap_or_else(fails);
            for outcome in facts.with(|connection| outcomes(&authorizer, connection, !facts.unknown().is_empty())) {
                *reached.entry(outcome).or_default() += 1;
            }
        }
    }
    reached
}

/// What a connection reaches.
fn outcomes(authorizer: &authz_core::Authorizer, connection: &Connection<'_>, has_unknown: bool) -> Vec<String> {
    let decision = authorizer.decide(connection);
    let mut outcomes = vec!["connections".to_owned(), decision.reason().code().to_owned()];
    let mut add = |holds: bool, outcome: &str| outcomes.extend(holds.then(|| outcome.to_owned()));
    add(decision.audit().is_some(), "audit mark");
    add(!decision.dry_run().is_empty(), "dry-run result");
    let is_decided = matches!(authorizer.decide_early(connection), EarlyDecision::Decided(_));
    add(has_unknown && is_decided, "a fact is unknown and does not matter");
    let allowed_by_provider = decision.provider().is_some();
    let then = decision.with_provider(authz_core::ProviderAnswer::Allow).reason().code();
    add(allowed_by_provider && then == "deny-policy", "a provider allows and a DENY rule matches");
    add(!authorizer.explain(connection).nearest.is_empty(), "a nearest miss");
    outcomes
}
