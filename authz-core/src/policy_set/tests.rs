//! What only a part of the crate can do to a set of policies.

use std::fmt::Write as _;

use super::PolicySet;
use crate::authorizer::Authorizer;
use crate::connection::Connection;
use crate::decision::Verdict;
use crate::workload::{Mesh, Workload};

#[test]
fn where_the_rule_that_matches_is_lost_the_connection_is_denied() {
    let list: Vec<String> = (0..5000).map(|n| format!("10.{}.{}.0/24", n / 100, n % 100 * 2)).collect();
    let by_list = format!("{{from: [{{source: {{ipBlocks: [{}]}}}}]}}", list.join(", "));
    let by_port = "{to: [{operation: {ports: ['80']}}]}".to_owned();
    for (action, rule, count) in [("DENY", &by_port, 1), ("DENY", &by_port, 100), ("DENY", &by_list, 1), ("ALLOW", &by_port, 1)] {
        let mut text = String::new();
        for n in 0..count {
            writeln!(
                text,
                "---\n{{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {{name: a-{n}, namespace: foo}}, \
                 spec: {{action: {action}, rules: [{rule}]}}}}"
            )
            .unwrap();
        }
        let authorizer = PolicySet::from_yaml(&text, &Mesh::default()).unwrap().authorizer_for(&Workload::new("foo"));
        let lost = authorizer.with_lost_rules();
        let connection = Connection::new([10, 1, 2, 3].into(), ([10, 0, 0, 9], 80).into()).plaintext();
        let decisions = |authorizer: &Authorizer| {
            let mut verdicts = vec![authorizer.decide(&connection).verdict()];
            authorizer.decide_batch(&[connection; 2], |_, decision| verdicts.push(decision.verdict()));
            verdicts
        };
        let known = if action == "DENY" { Verdict::Deny } else { Verdict::Allow };
        assert_eq!((decisions(&authorizer), decisions(&lost)), (vec![known; 3], vec![Verdict::Deny; 3]), "{action} {count}");
        // To say no more than the verdict takes no rule, unless the feature `small` says it by the rule.
        assert!(!lost.allows(&connection) || known == Verdict::Allow, "{action} {count}");
    }
}
