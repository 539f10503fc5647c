//! What must hold of every text, whatever is in it.

use std::fmt::Write;

use authz_core::{
    Authorizer, Finding, Limits, LoadError, Mesh, PolicyLoader, PolicySet, Position, ProviderKind, Severity, Span, Workload,
};

use crate::draw::Draw;
use crate::facts::Facts;
use crate::failure::{Failure, case_yaml};
use crate::seeded_bytes;

/// Limits that a text of a few kilobytes can exceed.
const SMALL: Limits =
    Limits { bytes: 2048, documents: 4, nesting: 12, alias_nodes: 30, nodes: 400, rules: 6, findings: 8, index_bytes: 0 };

/// What the fuzz target `load` does with its bytes: loads them strictly, leniently and within small
/// limits, and asks for a few connections.
///
/// # Errors
///
/// When a finding points outside the text, when limits are not kept, or when two loads that should
/// decide alike do not.
///
/// ```
/// assert!(authz_testgen::load::check(b"kind: Service").is_ok());
/// ```
pub fn check(bytes: &[u8]) -> Result<(), Failure> {
    let text = String::from_utf8_lossy(bytes);
    let load = Load { text: &text, mesh: mesh() };
    let strict = load.with(Limits::default(), false);
    let lenient = load.with(Limits::default(), true);
    let small = load.with(SMALL, false);
    for outcome in [&strict, &lenient, &small] {
        load.check_findings(outcome)?;
    }
    load.check_limits(&small)?;
    for workload in workloads() {
        let of =
            |outcome: &Result<PolicySet, LoadError>| outcome.as_ref().ok().map(|policies| policies.authorizer_for(&workload));
        let (strict, lenient, small) = (of(&strict), of(&lenient), of(&small));
        for facts in connections() {
            load.check_connection(&workload, &facts, strict.as_ref(), lenient.as_ref(), small.as_ref())?;
        }
    }
    Ok(())
}

struct Load<'t> {
    text: &'t str,
    mesh: Mesh,
}

impl Load<'_> {
    fn with(&self, limits: Limits, is_lenient: bool) -> Result<PolicySet, LoadError> {
        let loader = PolicyLoader::new(&self.mesh).limits(limits).source("input.yaml", self.text);
        if is_lenient { loader.lenient().load() } else { loader.load() }
    }

    /// A failure of the load itself, with the first connection to make a case of it.
    fn failure(&self, what: impl Into<String>) -> Failure {
        let [workload, _] = workloads();
        let bytes = seeded_bytes(1, 512);
        let facts = Facts::draw_known(&mut Draw::new(&bytes));
        let authorizer = self.with(Limits::default(), true).ok().map(|policies| policies.authorizer_for(&workload));
        Failure { what: what.into(), case: case_yaml(&self.mesh, &workload, self.text, true, &facts, authorizer.as_ref()) }
    }

    fn check_findings(&self, outcome: &Result<PolicySet, LoadError>) -> Result<(), Failure> {
        let findings = match outcome {
            Ok(policies) => policies.findings(),
            Err(error) => error.findings(),
        };
        if outcome.is_err() && findings.iter().all(|finding| finding.severity() != Severity::Error) {
            return Err(self.failure("the load fails without an error"));
        }
        for finding in findings {
            let mut printed = String::new();
            let _ = write!(printed, "{finding}");
            let spans = [finding.location().span()].into_iter().chain(finding.fix().map(|fix| fix.span));
            for span in spans {
                // A finding about all texts together points nowhere.
                if finding.code() != "limit-exceeded" && !is_inside(span, self.text) {
                    return Err(self.outside(finding, span));
                }
            }
        }
        Ok(())
    }

    fn outside(&self, finding: &Finding, span: Span) -> Failure {
        self.failure(format!("{finding}\npoints outside the text, from {} to {}", span.start, span.end))
    }

    fn check_limits(&self, small: &Result<PolicySet, LoadError>) -> Result<(), Failure> {
        let findings = match small {
            Ok(policies) => policies.findings().len(),
            Err(error) => error.findings().len(),
        };
        // The first error is kept past the limit.
        if findings > SMALL.findings + 1 {
            return Err(self.failure(format!("{findings} findings, and the limit is {}", SMALL.findings)));
        }
        if self.text.len() > SMALL.bytes && small.is_ok() {
            return Err(self.failure(format!("{} bytes load, and the limit is {}", self.text.len(), SMALL.bytes)));
        }
        Ok(())
    }

    fn check_connection(
        &self,
        workload: &Workload,
        facts: &Facts,
        strict: Option<&Authorizer>,
        lenient: Option<&Authorizer>,
        small: Option<&Authorizer>,
    ) -> Result<(), Failure> {
        let authorizer = strict.or(lenient);
        let fails = |what: String| {
            let case = case_yaml(&self.mesh, workload, self.text, strict.is_none(), facts, authorizer);
            Err(Failure { what, case })
        };
        if strict.is_some() && lenient.is_none() {
            return fails("the strict load succeeds and the lenient one fails".into());
        }
        let said = |authorizer: &Authorizer| {
            facts.with(|connection| {
                let (decided, explanation) = (authorizer.decide(connection), authorizer.explain(connection));
                let printed = explanation.to_string();
                let reason = (decided.reason() == explanation.decision.reason()).then(|| decided.reason().to_string());
                reason.ok_or_else(|| format!("`decide` says {decided} and `explain`:\n{printed}"))
            })
        };
        let mut answers = Vec::new();
        for authorizer in [strict, lenient, small].into_iter().flatten() {
            match said(authorizer) {
                Ok(reason) => answers.push(reason),
                Err(what) => return fails(what),
            }
        }
        // What loads strictly, in whatever limits, means one thing.
        match answers.split_first() {
            Some((first, others)) if strict.is_some() => match others.iter().find(|other| *other != first) {
                Some(other) => fails(format!("the strict load says {first}; a lenient or limited one says {other}")),
                None => Ok(()),
            },
            Some(_) | None => Ok(()),
        }
    }
}

/// Whether both ends of a span are places of the text, and in order. A place behind the last character
/// of a line is one.
fn is_inside(span: Span, text: &str) -> bool {
    let lines: Vec<usize> = lines(text);
    let is_place = |place: Position| {
        let line = usize::try_from(place.line).ok().and_then(|line| line.checked_sub(1));
        let length = line.and_then(|line| lines.get(line));
        let column = usize::try_from(place.column).ok();
        length.zip(column).is_some_and(|(length, column)| (1..=length + 1).contains(&column))
    };
    is_place(span.start) && is_place(span.end) && span.start <= span.end
}

/// The length of each line in characters; lines end as YAML ends them.
fn lines(text: &str) -> Vec<usize> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.split('\n').map(|line| line.chars().count()).collect()
}

fn mesh() -> Mesh {
    Mesh {
        trust_domain_aliases: vec!["td".into()],
        extension_providers: [("opa".to_owned(), ProviderKind::Grpc), ("web".to_owned(), ProviderKind::Http)].into(),
        ..Mesh::default()
    }
}

fn workloads() -> [Workload; 2] {
    let gateway = Workload::new("istio-system").label("gateway.networking.k8s.io/gateway-name", "gw");
    [Workload::new("foo").label("app", "web"), gateway]
}

/// The same few connections for every text: known ones and one that is not.
fn connections() -> Vec<Facts> {
    let bytes = seeded_bytes(1, 512);
    let mut draw = Draw::new(&bytes);
    let mut connections: Vec<Facts> = (0..3).map(|_| Facts::draw_known(&mut draw)).collect();
    connections.extend((0..2).map(|_| Facts::draw(&mut draw)));
    connections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_character_or_the_end_of_a_line() {
        let text = "ab\r\né\rc\n";
        assert_eq!(lines(text), [2, 1, 1, 0]);
        let at = |line, column| Position { line, column };
        let table = [
            (1, 1, true),
            (1, 3, true),
            (1, 4, false),
            (2, 2, true),
            (4, 1, true),
            (4, 2, false),
            (5, 1, false),
            (0, 0, false),
            (1, 0, false),
        ];
        for (line, column, expected) in table {
            let span = Span { start: at(line, column), end: at(line, column) };
            assert_eq!(is_inside(span, text), expected, "{line}:{column}");
        }
        assert!(!is_inside(Span { start: at(2, 1), end: at(1, 1) }, text));
    }
}
