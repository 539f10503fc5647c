//! Whether both filters decide real connections as the shared suites say.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed, as it should")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use authz_benches::Random;
use authz_e2e::replay::{Replayed, replay};
use authz_e2e::scenario::{Scenario, read_suite, root};
use authz_e2e::{Door, Network, artifact};

fn assert_agrees(door: Door, replayed: &Replayed) {
    let count = replayed.disagreed.len();
    assert!(count == 0, "{}: {count} connections are not as their suites say:\n{}", door.name(), replayed.disagreed.join("\n"));
}

/// The rows of the walkthroughs that users start from: Istio's TCP task, ASM, Kmesh, Istio's mutual TLS task.
fn walkthroughs(door: Door) {
    let folder = root().join("testdata/walkthroughs");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let rows: BTreeSet<usize> = files
        .iter()
        .map(|file| {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            name.split('-').find_map(|part| part.parse().ok()).unwrap_or_else(|| panic!("{name} names no row"))
        })
        .collect();
    for row in (1..=13).chain(19..=23) {
        assert!(rows.contains(&row), "row {row} has no suite");
    }
    let scenarios: Vec<Scenario> = files
        .iter()
        .flat_map(|file| read_suite(file))
        .map(|scenario| scenario.unwrap_or_else(|why| panic!("a walkthrough that cannot be carried: {why}")))
        .collect();
    let replayed = Network::run(|network| replay(network, door, &scenarios.iter().collect::<Vec<_>>()));
    assert_agrees(door, &replayed);
    assert_eq!(replayed.not_carried, []);
    println!("{}: {} connections of {} walkthroughs", door.name(), replayed.agreed, files.len());
}

#[test]
#[ignore = "needs Envoy 1.40: cargo xtask test --only envoy"]
fn the_filter_in_webassembly_decides_the_walkthroughs_as_their_documents_say() {
    walkthroughs(Door::Wasm);
}

#[test]
#[ignore = "needs Envoy 1.40: cargo xtask test --only envoy"]
fn the_dynamic_module_decides_the_walkthroughs_as_their_documents_say() {
    walkthroughs(Door::Module);
}

/// How many connections of the conformance suites are made.
const CONNECTIONS: usize = 1_000;
/// How many of each tag, if there are as many.
const OF_EACH_TAG: usize = 2;

/// Draws scenarios: some of every tag first, then whatever comes.
fn draw(scenarios: &[Scenario]) -> Vec<&Scenario> {
    let mut order: Vec<&Scenario> = scenarios.iter().collect();
    Random::new(1).shuffle(&mut order);
    let mut have: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut drawn, mut others) = (Vec::new(), Vec::new());
    for scenario in order {
        if scenario.tags.iter().any(|tag| have.get(tag.as_str()).is_none_or(|count| *count < OF_EACH_TAG)) {
            scenario.tags.iter().for_each(|tag| *have.entry(tag).or_default() += 1);
            drawn.push(scenario);
        } else {
            others.push(scenario);
        }
    }
    let missing = CONNECTIONS.saturating_sub(drawn.len());
    drawn.extend(others.into_iter().take(missing));
    drawn
}

fn conformance(door: Door) {
    let folder = root().join("testdata/conformance");
    let (mut scenarios, mut not_carried) = (Vec::new(), BTreeMap::<&str, usize>::new());
    for file in ["envoy.jsonl", "rules.yaml", "validation.yaml"] {
        for case in read_suite(&folder.join(file)) {
            match case.and_then(|scenario| scenario.carried_by(door).map(|()| scenario)) {
                Ok(scenario) => scenarios.push(scenario),
                Err(why) => *not_carried.entry(why).or_default() += 1,
            }
        }
    }
    let drawn = draw(&scenarios);
    let replayed = Network::run(|network| replay(network, door, &drawn));
    let tags: BTreeSet<&String> = drawn.iter().flat_map(|scenario| &scenario.tags).collect();
    let mut report = format!(
        "{}: {} connections replayed of {} that can be, with {} tags; {} allowed; {} updates\n\nnot carried:\n\n| kind | cases |\n|---|---:|\n",
        door.name(),
        replayed.agreed + replayed.disagreed.len(),
        scenarios.len(),
        tags.len(),
        replayed.allowed,
        replayed.updates,
    );
    for (why, count) in &not_carried {
        let _ = writeln!(report, "| {why} | {count} |");
    }
    let mut among_drawn = BTreeMap::<&str, usize>::new();
    replayed.not_carried.iter().for_each(|(_, why)| *among_drawn.entry(why).or_default() += 1);
    for (why, count) in &among_drawn {
        let _ = writeln!(report, "| {why} (of those drawn) | {count} |");
    }
    fs::write(artifact::path(artifact::OUT).join(format!("conformance-{}.md", door.name())), &report).unwrap();
    println!("{report}");
    assert_agrees(door, &replayed);
    assert!(replayed.agreed >= 900, "only {} connections were made", replayed.agreed);
    assert!(replayed.allowed >= 300, "only {} connections were allowed", replayed.allowed);
}

#[test]
#[ignore = "needs Envoy 1.40: cargo xtask test --only envoy"]
fn the_filter_in_webassembly_decides_real_connections_as_the_conformance_suites_say() {
    conformance(Door::Wasm);
}

#[test]
#[ignore = "needs Envoy 1.40: cargo xtask test --only envoy"]
fn the_dynamic_module_decides_real_connections_as_the_conformance_suites_say() {
    conformance(Door::Module);
}
