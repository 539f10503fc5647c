//! An explanation as text for people.

use std::fmt;

use super::walk::{Explanation, FailedTerm, PolicyStep, RuleOutcome, RuleStep};

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.decision)?;
        for miss in &self.nearest {
            writeln!(f, "  nearest: {miss}")?;
        }
        self.mtls(f)?;
        if let Some(rule) = self.decision.audit() {
            writeln!(f, "audit: {rule} matches ({})", rule.location())?;
        }
        write!(f, "{}", self.decision.dry_run())?;
        if self.policies.is_empty() {
            writeln!(f, "no policy applies to the workload")?;
        }
        for policy in &self.policies {
            policy.fmt(f)?;
        }
        for passed in &self.passed_over {
            if let Some(policy) = passed.policy {
                writeln!(f, "does not apply: {policy} {} ({})", passed.applies.phrase(), policy.location())?;
            }
        }
        Ok(())
    }
}

impl Explanation<'_> {
    fn mtls(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.mtls.mode, self.mtls.policy) {
            (Some(mode), Some(policy)) => write!(f, "mTLS: {mode} by {policy} ({})", policy.location())?,
            (Some(mode), None) => write!(f, "mTLS: {mode} by default")?,
            (None, _) => f.write_str("mTLS: depends on the port")?,
        }
        writeln!(
            f,
            "{}",
            match self.mtls.passes {
                Some(true) => "",
                Some(false) => "; the connection does not pass",
                None => "; not known whether the connection passes",
            }
        )
    }
}

impl fmt::Display for PolicyStep<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(policy), Some(action)) = (self.policy, self.action) else { return Ok(()) };
        let dry_run = if self.dry_run { " (dry run)" } else { "" };
        writeln!(f, "{action}{dry_run} {policy} {} ({})", self.applies.phrase(), policy.location())?;
        if self.rules.is_empty() {
            writeln!(f, "  has no rules, so it never matches")?;
        }
        self.rules.iter().try_for_each(|rule| rule.fmt(f))
    }
}

impl fmt::Display for RuleStep<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  rule {} (line {}): ", self.rule.index(), self.rule.location().line())?;
        match &self.outcome {
            RuleOutcome::Matches => f.write_str("matches")?,
            RuleOutcome::Undecided { needs } => write!(f, "not decided without {}", needs.join(", "))?,
            RuleOutcome::Void { why, .. } => f.write_str(why)?,
            RuleOutcome::Fails { part, terms } => {
                write!(f, "`{part}` does not match: ")?;
                for (i, term) in terms.iter().enumerate() {
                    if i > 0 {
                        f.write_str("; or ")?;
                    }
                    term.fmt(f)?;
                }
            }
        }
        if !self.dropped.is_empty() {
            write!(f, "; without the HTTP attributes {}", self.dropped.join(", "))?;
        }
        writeln!(f)
    }
}

impl fmt::Display for FailedTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 4;
        let mut values = self.values.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
        if self.values.len() > SHOWN {
            values.push_str(&format!(" and {} more", self.values.len() - SHOWN));
        }
        write!(f, "`{}` [{values}] on line {}, and it is {}", self.key, self.location.line(), self.found)
    }
}
