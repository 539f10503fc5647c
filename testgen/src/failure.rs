//! A property that does not hold, as a case that can be kept.

use std::fmt;

use authz_core::{Authorizer, Mesh, Workload};

use crate::facts::Facts;
use crate::node::{Node, scalar};
use crate::scenario::{Scenario, mesh_node, workload_node};

/// A property that does not hold, and the policy-test case that shows it. `Display` prints both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What does not hold.
    pub what: String,
    /// The case, as a suite of its own.
    pub case: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n\n# As a policy-test suite; `expect` is what `explain` says.\n{}", self.what, self.case)
    }
}

impl std::error::Error for Failure {}

impl Scenario {
    /// A suite with one case: a connection, and what `explain` says of it.
    ///
    /// ```
    /// use authz_testgen::{Scenario, seeded_bytes};
    ///
    /// let scenario = Scenario::from_bytes(&seeded_bytes(1, 4096));
    /// assert!(scenario.to_case_yaml(&scenario.connections[0]).contains("cases:"));
    /// ```
    pub fn to_case_yaml(&self, facts: &Facts) -> String {
        let authorizer = self.load().ok();
        case_yaml(&self.mesh, &self.workload, &self.text(), self.is_lenient, facts, authorizer.as_ref())
    }

    pub(crate) fn failure(&self, facts: &Facts, what: impl Into<String>) -> Failure {
        Failure { what: what.into(), case: self.to_case_yaml(facts) }
    }
}

/// A suite with one case. Without an authorizer, because nothing loads, the connection is denied.
pub(crate) fn case_yaml(
    mesh: &Mesh,
    workload: &Workload,
    policies: &str,
    is_lenient: bool,
    facts: &Facts,
    authorizer: Option<&Authorizer>,
) -> String {
    let mut because = Node::Map(Vec::new());
    let mut expect = "deny".to_owned();
    if let Some(authorizer) = authorizer {
        facts.with(|connection| {
            let decision = authorizer.explain(connection).decision;
            let reason = decision.reason();
            expect = decision.verdict().to_string();
            because = because.clone().with("reason", Node::text(reason.code()));
            because = because.clone().with_some("policy", reason.policy().map(|policy| Node::Text(policy.to_string())));
            let index = reason.rule().and_then(|rule| u16::try_from(rule.index()).ok());
            because = because.clone().with_some("rule", index.map(Node::Number));
        });
    }
    let mut case = Node::map([("name", Node::text("found by a generated input"))]);
    if is_lenient {
        case = case.with("lenient", Node::Plain("true"));
    }
    case = case.with("connection", facts.to_node()).with("expect", Node::Text(expect));
    if !because.is_empty() {
        case = case.with("because", because);
    }
    let head = Node::map([("mesh", mesh_node(mesh)), ("workload", workload_node(workload))]);
    let cases = Node::map([("cases", Node::List(vec![case]))]);
    format!("{}policies: {}{}", head.to_yaml(), block(policies), cases.to_yaml())
}

/// A text as a block scalar, or quoted where a block cannot hold it.
fn block(text: &str) -> String {
    let fits = text.ends_with('\n')
        && !text.starts_with([' ', '\n'])
        && !text.ends_with("\n\n")
        && text.chars().all(|c| c == '\n' || !(c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{85}' | '\u{feff}')));
    if !fits {
        return format!("{}\n", scalar(text));
    }
    let lines = text.lines().map(|line| if line.is_empty() { String::new() } else { format!("  {line}") });
    format!("|\n{}\n", lines.collect::<Vec<_>>().join("\n"))
}
