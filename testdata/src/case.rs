//! One case: policies, a workload, a connection, and what must become of it.

use std::sync::Arc;

use authz_core::{
    Authorizer, Decision, LoadError, Mesh, PolicyLoader, Profile, ProviderAnswer, RuleId, Shadow, Verdict, Workload,
};

use crate::entries::Entries;
use crate::facts::OwnedConnection;
use crate::format::{Audit, CaseFile, ProviderDecision, ProviderFile, RuleFile, ShadowFile};
use crate::subject::ConnectionFile;
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

/// What a case about a connection asks.
#[derive(Clone, Copy, Debug)]
pub struct Question<'c> {
    /// The mesh.
    pub mesh: &'c Mesh,
    /// The workload.
    pub workload: &'c Workload,
    /// Name and text of each source of policies.
    pub sources: &'c [(String, String)],
    /// The connection.
    pub connection: &'c ConnectionFile,
    /// What has to become of it.
    pub expect: Verdict,
    /// Whether the policies are loaded leniently.
    pub lenient: bool,
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

    /// What a case about a connection asks; nothing for a validation case.
    pub fn question(&self) -> Option<Question<'_>> {
        match &self.body {
            Body::Connection(case) => Some(Question {
                mesh: &case.mesh,
                workload: &case.workload,
                sources: &case.sources,
                connection: &case.file.connection,
                expect: case.file.expect.into(),
                lenient: case.file.lenient,
            }),
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
                failures.extend(self.check(decision).into_iter().map(|failure| format!("{door}: {failure}")));
            }
            failures
        })
    }

    /// Gives the answers of the case's stand-ins.
    fn ask_providers<'a>(&self, mut decision: Decision<'a>) -> Decision<'a> {
        while let Some(name) = decision.provider() {
            match answer(&self.file.custom_providers, name) {
                ProviderAnswer::Allow => decision = decision.with_provider(ProviderAnswer::Allow),
                ProviderAnswer::Deny => return decision.with_provider(ProviderAnswer::Deny),
            }
        }
        decision
    }

    fn check(&self, decision: &Decision<'_>) -> Vec<String> {
        let mut failures = Vec::new();
        let mut expect = |what: &str, expected: Option<String>, found: String| {
            if let Some(expected) = expected.filter(|expected| *expected != found) {
                failures.push(format!("{what} is `{found}`, expected `{expected}` ({decision})"));
            }
        };
        let (file, reason) = (&self.file, decision.reason());
        expect("the verdict", Some(Verdict::from(file.expect).to_string()), decision.verdict().to_string());
        expect("the reason", file.because.reason.clone(), reason.code().to_owned());
        let policy = reason.policy().map_or_else(|| "none".into(), ToString::to_string);
        expect("the deciding policy", file.because.policy.clone(), policy);
        let rule = reason.rule().map_or_else(|| "none".into(), |rule| rule.index().to_string());
        expect("the deciding rule", file.because.rule.map(|rule| rule.to_string()), rule);
        if let Some(audit) = &file.audit {
            let marked = decision.audit();
            match audit {
                None => expect("the audit rule", Some("none".into()), name(marked)),
                Some(Audit::Marked(expected)) => {
                    expect("whether it is marked for audit", Some(expected.to_string()), marked.is_some().to_string());
                }
                Some(Audit::Rule(rule)) => expect("the audit rule", Some(written(rule)), name(marked)),
            }
        }
        if let Some(expected) = &file.dry_run {
            let results = decision.dry_run();
            for (action, expected, found) in [("ALLOW", &expected.allow, results.allow), ("DENY", &expected.deny, results.deny)] {
                if let Some(expected) = expected {
                    expect(&format!("the dry-run result of {action}"), Some(shadow_text(expected)), shadow_found(&found));
                }
            }
            let if_enforced = results.if_enforced.map_or_else(|| decision.verdict(), |reason| reason.verdict());
            let expected = expected.if_enforced.map(|expected| Verdict::from(expected).to_string());
            expect("the verdict if dry-run policies were enforced", expected, if_enforced.to_string());
        }
        failures
    }
}

fn answer(providers: &Entries<ProviderFile>, name: &str) -> ProviderAnswer {
    match providers.get(name) {
        Some(ProviderFile { decision: ProviderDecision::Allow, .. }) => ProviderAnswer::Allow,
        Some(ProviderFile { decision: ProviderDecision::Error, fail_open: true, .. }) => ProviderAnswer::Allow,
        Some(_) | None => ProviderAnswer::Deny,
    }
}

fn written(rule: &RuleFile) -> String {
    format!("{} rule {}", rule.policy, rule.rule)
}

fn name(rule: Option<&RuleId>) -> String {
    rule.map_or_else(|| "none".into(), ToString::to_string)
}

fn shadow_text(expected: &ShadowFile) -> String {
    let rule = expected.rule.as_ref().map_or_else(|| "none".into(), written);
    format!("{} by {rule}", expected.result)
}

fn shadow_found(found: &Shadow<'_>) -> String {
    format!("{} by {}", found.result().unwrap_or("not configured"), name(found.rule()))
}
