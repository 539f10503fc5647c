//! One case: policies, a workload, a connection, and what must become of it.

use std::sync::Arc;

use authz_core::{Authorizer, Decision, LoadError, Mesh, PolicyLoader, Profile, ProviderAnswer, Verdict, Workload};

use crate::door::{Found, FoundRule, Question};
use crate::facts::OwnedConnection;
use crate::format::{Audit, CaseFile, RuleFile, ShadowFile};
use crate::validation::ResourceCase;

/// What running a case showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All that the case states holds.
    Passed,
    /// What does not, a line each.
    Failed(String),
    /// It was not run, for this reason.
    Skipped(String),
}

/// One case of a suite.
#[derive(Clone, Debug)]
pub struct Case {
    pub(crate) name: String,
    pub(crate) skip: Option<String>,
    pub(crate) body: Body,
}

#[derive(Clone, Debug)]
pub(crate) enum Body {
    Connection(Box<ConnectionCase>),
    Resource(Box<ResourceCase>),
}

/// A case about a connection.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionCase {
    pub(crate) mesh: Mesh,
    pub(crate) workload: Workload,
    pub(crate) profile: Profile,
    /// Name and text of each source.
    pub(crate) sources: Arc<[(String, String)]>,
    pub(crate) connection: OwnedConnection,
    pub(crate) file: CaseFile,
}

impl Case {
    /// The name that the suite gives it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs it.
    pub fn run(&self) -> Outcome {
        if let Some(reason) = &self.skip {
            return Outcome::Skipped(reason.clone());
        }
        let failures = match &self.body {
            Body::Connection(case) => case.failures(),
            Body::Resource(case) => case.failures(),
        };
        if failures.is_empty() { Outcome::Passed } else { Outcome::Failed(failures.join("\n")) }
    }

    /// The authorizer and the connection of a case about a connection, for other ways to run it.
    ///
    /// Nothing for a validation case and for one whose policies do not load.
    pub fn scenario(&self) -> Option<(Authorizer, &OwnedConnection, Verdict)> {
        match &self.body {
            Body::Connection(case) => case.load().ok().map(|authorizer| (authorizer, &case.connection, case.file.expect.into())),
            Body::Resource(_) => None,
        }
    }
}

impl Case {
    /// What a case about a connection asks, for a door of its own; nothing for a validation case and one that is skipped.
    pub fn question(&self) -> Option<Question<'_>> {
        match &self.body {
            Body::Connection(case) if self.skip.is_none() => Some(case.question()),
            Body::Connection(_) | Body::Resource(_) => None,
        }
    }

    /// Holds what a door found to what the case states; a line for each thing that does not hold.
    pub fn judge(&self, found: &Found) -> Vec<String> {
        match &self.body {
            Body::Connection(case) => case.check(found, &format!("{found:?}")),
            Body::Resource(_) => Vec::new(),
        }
    }

    /// The policies of a case about a connection, as text; nothing where they are several texts.
    pub fn policies(&self) -> Option<&str> {
        match &self.body {
            Body::Connection(case) => match &*case.sources {
                [(_, text)] => Some(text),
                _ => None,
            },
            Body::Resource(_) => None,
        }
    }

    /// Loads other policies for the workload and mesh of the case, leniently.
    pub fn load_leniently(&self, policies: &str) -> Option<Result<Authorizer, LoadError>> {
        match &self.body {
            Body::Connection(case) => {
                let loader = PolicyLoader::new(&case.mesh).profile(case.profile).source("policies", policies).lenient();
                Some(loader.load().map(|policies| policies.authorizer_for(&case.workload)))
            }
            Body::Resource(_) => None,
        }
    }
}

impl ConnectionCase {
    fn question(&self) -> Question<'_> {
        Question {
            mesh: &self.mesh,
            workload: &self.workload,
            sources: &self.sources,
            is_lenient: self.file.lenient,
            connection: &self.connection,
            written: &self.file.connection,
            expect: self.file.expect.into(),
            providers: &self.file.custom_providers,
        }
    }

    fn load(&self) -> Result<Authorizer, LoadError> {
        let mut loader = PolicyLoader::new(&self.mesh).profile(self.profile);
        if self.file.lenient {
            loader = loader.lenient();
        }
        for (name, text) in self.sources.iter() {
            loader = loader.source(name.as_str(), text);
        }
        Ok(loader.load()?.authorizer_for(&self.workload))
    }

    fn failures(&self) -> Vec<String> {
        let authorizer = match self.load() {
            Ok(authorizer) => authorizer,
            Err(error) => return vec![format!("the policies do not load:\n{error}")],
        };
        self.connection.with(|connection| {
            let mut failures = Vec::new();
            let decided = self.ask_providers(authorizer.decide(connection));
            let explained = self.ask_providers(authorizer.explain(connection).decision);
            for (door, decision) in [("decide", &decided), ("explain", &explained)] {
                let found = self.check(&Found::from(decision), &decision.to_string());
                failures.extend(found.into_iter().map(|failure| format!("{door}: {failure}")));
            }
            failures
        })
    }

    /// Gives the answers of the case's stand-ins.
    fn ask_providers<'a>(&self, mut decision: Decision<'a>) -> Decision<'a> {
        while let Some(name) = decision.provider() {
            match self.question().answer_of(name) {
                ProviderAnswer::Allow => decision = decision.with_provider(ProviderAnswer::Allow),
                ProviderAnswer::Deny => return decision.with_provider(ProviderAnswer::Deny),
            }
        }
        decision
    }

    /// Holds an answer, which `shown` describes, to what the case states.
    fn check(&self, found: &Found, shown: &str) -> Vec<String> {
        let mut failures = Vec::new();
        let mut expect = |what: &str, expected: Option<String>, found: String| {
            if let Some(expected) = expected.filter(|expected| *expected != found) {
                failures.push(format!("{what} is `{found}`, expected `{expected}` ({shown})"));
            }
        };
        let file = &self.file;
        expect("the verdict", Some(Verdict::from(file.expect).to_string()), found.verdict.to_string());
        expect("the reason", file.because.reason.clone(), found.reason.clone());
        expect("the deciding policy", file.because.policy.clone(), found.policy.clone().unwrap_or_else(none));
        let rule = found.rule.map_or_else(none, |rule| rule.to_string());
        expect("the deciding rule", file.because.rule.map(|rule| rule.to_string()), rule);
        if let Some(audit) = &file.audit {
            match audit {
                None => expect("the audit rule", Some(none()), name(found.audit.as_ref())),
                Some(Audit::Marked(expected)) => {
                    expect("whether it is marked for audit", Some(expected.to_string()), found.audit.is_some().to_string());
                }
                Some(Audit::Rule(rule)) => expect("the audit rule", Some(written(rule)), name(found.audit.as_ref())),
            }
        }
        if let Some(expected) = &file.dry_run {
            let results = [("ALLOW", &expected.allow, &found.shadow_allow), ("DENY", &expected.deny, &found.shadow_deny)];
            for (action, expected, found) in results {
                if let Some(expected) = expected {
                    expect(&format!("the dry-run result of {action}"), Some(shadow_text(expected)), shadow_found(found));
                }
            }
            let expected = expected.if_enforced.map(|expected| Verdict::from(expected).to_string());
            expect("the verdict if dry-run policies were enforced", expected, found.if_enforced.to_string());
        }
        failures
    }
}

fn none() -> String {
    "none".into()
}

fn written(rule: &RuleFile) -> String {
    format!("{} rule {}", rule.policy, rule.rule)
}

fn name(rule: Option<&FoundRule>) -> String {
    rule.map_or_else(none, |rule| format!("{} rule {}", rule.policy, rule.rule))
}

fn shadow_text(expected: &ShadowFile) -> String {
    let rule = expected.rule.as_ref().map_or_else(none, written);
    format!("{} by {rule}", expected.result)
}

fn shadow_found((result, rule): &(Option<String>, Option<FoundRule>)) -> String {
    format!("{} by {}", result.as_deref().unwrap_or("not configured"), name(rule.as_ref()))
}
