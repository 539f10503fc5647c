//! A lenient load is never wider: whatever is broken in a policy, what it then allows was allowed before.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that panics has failed, as it should"
)]

use std::fs;
use std::path::Path;

use authz_core::Verdict;
use authz_testdata::{Case, Suite};
use serde_yaml::Value;

/// A small generator, so that a failure repeats.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }
}

/// Breaks one node below `value` so that it can no longer be read.
fn damage(value: &mut Value, random: &mut Random, keys_are_the_users: bool) {
    let deeper = random.below(8) != 0;
    match value {
        Value::Mapping(map) if !map.is_empty() && deeper => {
            let at = random.below(map.len());
            let key = map.keys().nth(at).unwrap().clone();
            // Another label is another policy, not a broken one.
            if random.below(6) == 0 && !keys_are_the_users {
                let value = map.remove(&key).unwrap();
                map.insert(Value::String(format!("{}x", key.as_str().unwrap_or("k"))), value);
            } else {
                let is_map_of_users = matches!(key.as_str(), Some("matchLabels" | "labels" | "annotations"));
                damage(map.get_mut(&key).unwrap(), random, is_map_of_users);
            }
        }
        Value::Sequence(items) if !items.is_empty() && deeper => {
            let at = random.below(items.len());
            damage(&mut items[at], random, false);
        }
        other => {
            *other = match random.below(4) {
                0 => Value::Number(7.into()),
                1 => Value::Sequence(vec![Value::Sequence(Vec::new())]),
                2 => Value::Bool(true),
                _ => Value::Mapping([(Value::String("k".into()), Value::Bool(true))].into_iter().collect()),
            }
        }
    }
}

fn documents(text: &str) -> Vec<Value> {
    text.split("\n---\n").map(|document| serde_yaml::from_str(document).unwrap()).collect()
}

fn cases(name: &str) -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance").join(name);
    let suite = Suite::read(name, &fs::read_to_string(path).unwrap(), &|path| Err(path.to_owned())).unwrap();
    suite.cases().to_vec()
}

#[test]
fn a_lenient_load_of_damaged_policies_is_never_wider() {
    let seed = std::env::var("AUTHZ_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut random = Random(seed);
    let (mut loaded, mut stricter, mut failed) = (0, 0, 0);
    let all = cases("envoy.jsonl");
    for (i, case) in all.iter().enumerate() {
        let (Some(text), Some((original, _, _))) = (case.policies(), case.scenario()) else { continue };
        // A damaged PeerAuthentication is STRICT, which DISABLE is not.
        if text.trim().is_empty() || text.contains("DISABLE") {
            continue;
        }
        let mut documents = documents(text);
        let at = random.below(documents.len());
        let resource = &mut documents[at];
        let part = if random.below(6) == 0 { "metadata" } else { "spec" };
        let Some(part) = resource.get_mut(part) else { continue };
        damage(part, &mut random, false);
        let damaged: Vec<String> = documents.iter().map(|document| serde_yaml::to_string(document).unwrap()).collect();
        let damaged = damaged.join("---\n");
        let Some(Ok(lenient)) = case.load_leniently(&damaged) else {
            failed += 1;
            continue;
        };
        loaded += 1;
        for other in all.iter().cycle().skip(i).take(12) {
            let Some((_, connection, _)) = other.scenario() else { continue };
            connection.with(|connection| {
                let (before, after) = (original.decide(connection), lenient.decide(connection));
                assert!(
                    before.verdict() == Verdict::Allow || after.verdict() == Verdict::Deny,
                    "seed {seed}, {}, the connection of {}: {before}, but leniently {after}\n--- before\n{text}\n--- damaged\n{damaged}",
                    case.name(),
                    other.name(),
                );
                stricter += usize::from(before.verdict() != after.verdict());
            });
        }
    }
    assert!(loaded > 2_000 && failed > 200 && stricter > 1_000, "{loaded} loaded, {failed} failed, {stricter} stricter");
}
