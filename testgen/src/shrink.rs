//! Smaller scenarios that fail as the large one does.

use authz_core::{Authorizer, LoadError};

use crate::failure::Failure;
use crate::node::Node;
use crate::scenario::Scenario;

/// How many smaller scenarios are tried.
const MOST: usize = 3000;

/// The failure of the smallest set of policies that was found, starting with one that fails.
pub(crate) fn smallest(
    scenario: &Scenario,
    failure: Failure,
    check: impl Fn(&Scenario, &Authorizer) -> Result<(), Failure>,
) -> Failure {
    smaller(scenario, failure, |scenario| check(scenario, &scenario.load().ok()?).err())
}

/// The failure of a scenario that does not load.
pub(crate) fn load_failure(scenario: &Scenario, error: &LoadError) -> Failure {
    let failure = |scenario: &Scenario, error: &LoadError| Failure {
        what: format!("generated policies do not load:\n{error}"),
        case: scenario.connections.first().map_or_else(|| scenario.text(), |facts| scenario.to_case_yaml(facts)),
    };
    let code = |error: &LoadError| error.findings().last().map(|finding| finding.code());
    let wanted = code(error);
    smaller(scenario, failure(scenario, error), |scenario| {
        scenario.load().err().filter(|error| code(error) == wanted).map(|error| failure(scenario, &error))
    })
}

fn smaller(scenario: &Scenario, mut failure: Failure, fails: impl Fn(&Scenario) -> Option<Failure>) -> Failure {
    let mut scenario = scenario.clone();
    let mut tried = 0;
    loop {
        let found = candidates(&scenario).take_while(|_| {
            tried += 1;
            tried < MOST
        });
        let Some((next, smaller)) = found.filter_map(|next| fails(&next).map(|failure| (next, failure))).next() else {
            return failure;
        };
        (scenario, failure) = (next, smaller);
    }
}

/// The scenario without one of its resources, or without one piece of one.
fn candidates(scenario: &Scenario) -> impl Iterator<Item = Scenario> {
    let whole = (0..scenario.resources.len()).map(|at| scenario.without(at));
    let pieces = scenario.resources.iter().enumerate().flat_map(move |(at, resource)| {
        without_pieces(resource).into_iter().map(move |resource| scenario.with_resource(at, resource))
    });
    whole.chain(pieces)
}

fn without_pieces(node: &Node) -> Vec<Node> {
    let mut all = Vec::new();
    for place in 0..node.count() {
        for child in 0.. {
            let mut smaller = node.clone();
            let removed = match smaller.nth_mut(place) {
                Some(Node::List(items)) if child < items.len() => {
                    items.remove(child);
                    true
                }
                Some(Node::Map(entries)) if child < entries.len() => {
                    entries.remove(child);
                    true
                }
                Some(_) | None => false,
            };
            if !removed {
                break;
            }
            all.push(smaller);
        }
    }
    all
}

impl Scenario {
    /// The scenario without one of its resources.
    pub(crate) fn without(&self, at: usize) -> Self {
        let mut smaller = self.clone();
        if at < smaller.resources.len() {
            smaller.resources.remove(at);
        }
        smaller
    }

    fn with_resource(&self, at: usize, resource: Node) -> Self {
        let mut changed = self.clone();
        if let Some(place) = changed.resources.get_mut(at) {
            *place = resource;
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeded_bytes;

    #[test]
    fn what_does_not_matter_is_removed() {
        let mut scenarios = (1..).map(|seed| Scenario::from_bytes(&seeded_bytes(seed, 8192)));
        let scenario = scenarios.find(|scenario| scenario.text().contains("notPorts")).unwrap();
        let failure = Failure { what: "not smaller".into(), case: String::new() };
        let smallest = smallest(&scenario, failure, |scenario, _| match scenario.text() {
            text if text.contains("notPorts") => Err(Failure { what: "smaller".into(), case: text }),
            _ => Ok(()),
        });
        assert_eq!(smallest.what, "smaller");
        assert!(smallest.case.lines().count() < 14, "{}", smallest.case);
    }
}
