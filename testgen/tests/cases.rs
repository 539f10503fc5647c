//! What a failing input prints is a suite that the runner takes.

use authz_testdata::{Outcome, Suite};
use authz_testgen::{Scenario, seeded_bytes};

#[test]
fn a_printed_case_says_what_explain_says() {
    for seed in 0..300 {
        let scenario = Scenario::from_bytes(&seeded_bytes(seed, 16 << 10));
        for facts in &scenario.connections {
            let case = scenario.to_case_yaml(facts);
            let suite = Suite::read("case.yaml", &case, &|path| Err(format!("no file `{path}`")));
            let suite = suite.unwrap_or_else(|error| panic!("{error}\n{case}"));
            for run in suite.cases() {
                assert_eq!(run.run(), Outcome::Passed, "{case}");
            }
        }
    }
}
