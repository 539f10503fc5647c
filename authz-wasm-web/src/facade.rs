//! The answers, as JSON: what the border passes on.

use authz_core::{FindingKind, condition_keys};
use authz_json::{AccessMap, Applied, FindingEntry, Load, LoadOptions, LoadReport, SuiteCases, SuiteReport};
use authz_testdata::{ConnectionFile, OwnedConnection, WorkloadFile, from_yaml};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Texts with names. They cross the border as they are, as nothing is gained by writing them as JSON and reading
/// them back.
#[derive(Debug)]
pub(crate) struct Texts {
    pub(crate) names: Vec<String>,
    pub(crate) texts: Vec<String>,
}

impl Texts {
    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.names.iter().zip(&self.texts).map(|(name, text)| (name.as_str(), text.as_str()))
    }
}

/// Policies that were handed over.
#[derive(Debug)]
pub(crate) struct Policies(Result<Load, String>);

/// What is said of a load.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'l> {
    /// Whether there are policies to decide by.
    loaded: bool,
    workloads: Vec<WorkloadFile>,
    #[serde(flatten)]
    report: LoadReport<'l>,
}

impl Policies {
    /// Loads the policies of some texts.
    pub(crate) fn load(texts: &Texts, options: &str) -> Self {
        Self(read::<LoadOptions>(options).map(|options| options.load(texts.iter())))
    }

    /// What was found.
    pub(crate) fn report(&self) -> String {
        let report =
            |load: &Load| json(&Report { loaded: load.policies().is_some(), workloads: load.workloads(), report: load.report() });
        self.0.as_ref().map_or_else(|why| refusal(why), report)
    }

    /// The authorizer of a workload; nothing where there is none.
    pub(crate) fn authorizer(&self, workload: &str) -> Option<Authorizer> {
        let policies = self.0.as_ref().ok()?.policies()?;
        let workload = read::<WorkloadFile>(workload).ok()?;
        Some(Authorizer(policies.authorizer_for(&workload.to_workload())))
    }
}

/// The policies of one workload, compiled.
#[derive(Debug)]
pub(crate) struct Authorizer(authz_core::Authorizer);

impl Authorizer {
    /// The policies that apply.
    pub(crate) fn policies(&self) -> String {
        json(&Applied::to(&self.0))
    }

    /// Decides a connection.
    pub(crate) fn decide(&self, connection: &str) -> String {
        self.ask(connection, |connection| json(&self.0.decide(connection)))
    }

    /// Decides a connection, with every step of the way.
    pub(crate) fn explain(&self, connection: &str) -> String {
        self.ask(connection, |connection| json(&self.0.explain(connection)))
    }

    fn ask(&self, connection: &str, answer: impl FnOnce(&authz_core::Connection<'_>) -> String) -> String {
        let connection = read::<ConnectionFile>(connection).and_then(|file| OwnedConnection::new(&file));
        match connection {
            Ok(connection) => connection.with(answer),
            Err(why) => refusal(&why),
        }
    }

    /// The map of who may reach which port, beside that of another version.
    pub(crate) fn access_map(&self, other: Option<&Self>, connection: &str, most: usize) -> String {
        let versions: Vec<&authz_core::Authorizer> = std::iter::once(self).chain(other).map(|version| &version.0).collect();
        let map = read::<ConnectionFile>(connection).and_then(|connection| AccessMap::new(&versions, &connection, most));
        map.map_or_else(|why| refusal(&why), |map| json(&map))
    }
}

/// A policy-test suite.
#[derive(Debug)]
pub(crate) struct Suite(Result<(String, authz_testdata::Suite), String>);

#[derive(Serialize)]
struct Size {
    size: usize,
}

impl Suite {
    /// Reads a suite, with the files that it may name.
    pub(crate) fn read(name: &str, text: &str, files: &Texts) -> Self {
        let file = |path: &str| {
            let found = files.iter().find(|(name, _)| *name == path);
            found.map(|(_, text)| text.to_owned()).ok_or_else(|| format!("the file `{path}` was not handed over"))
        };
        let suite = authz_testdata::Suite::read(name, text, &file);
        Self(suite.map(|suite| (name.to_owned(), suite)).map_err(|error| error.to_string()))
    }

    /// How many cases it has.
    pub(crate) fn report(&self) -> String {
        self.ask(|_, suite| json(&Size { size: suite.cases().len() }))
    }

    /// What the cases from a place up to another ask.
    pub(crate) fn cases(&self, from: usize, to: usize) -> String {
        self.ask(|_, suite| json(&SuiteCases::of(suite, from, to)))
    }

    /// Runs the cases from a place up to another.
    pub(crate) fn run(&self, from: usize, to: usize) -> String {
        self.ask(|name, suite| {
            let mut report = SuiteReport::default();
            let some = suite.cases().iter().take(to).skip(from);
            some.for_each(|case| report.run(name, case));
            json(&report)
        })
    }

    fn ask(&self, answer: impl FnOnce(&str, &authz_testdata::Suite) -> String) -> String {
        match &self.0 {
            Ok((name, suite)) => answer(name, suite),
            Err(why) => refusal(why),
        }
    }
}

/// The words of the engine, for editors.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Vocabulary {
    finding_kinds: Vec<FindingEntry>,
    condition_keys: Vec<&'static str>,
}

/// Every kind of finding, and every key of a condition.
pub(crate) fn vocabulary() -> String {
    let finding_kinds = FindingKind::ALL.iter().copied().map(FindingEntry::new).collect();
    json(&Vocabulary { finding_kinds, condition_keys: condition_keys().collect() })
}

/// Why there is no answer.
#[derive(Serialize)]
struct Refusal<'w> {
    error: &'w str,
}

fn refusal(why: &str) -> String {
    json(&Refusal { error: why })
}

/// Reads JSON that was made from an object; its places are those of a text that nobody has written.
fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    from_yaml(text).map_err(|error| match error.split_once(": ") {
        Some((place, why)) if place.starts_with("line ") => why.to_owned(),
        _ => error,
    })
}

fn json(answer: &impl Serialize) -> String {
    // Answers have no keys but texts, which is all that could fail.
    serde_json::to_string(answer).unwrap_or_else(|_| r#"{"error":"the answer cannot be written as JSON"}"#.into())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const POLICY: &str = "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: a, namespace: foo}, \
         spec: {selector: {matchLabels: {app: web}}, rules: [{to: [{operation: {ports: ['80']}}]}]}}";

    fn object(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    fn texts(texts: &[(&str, &str)]) -> Texts {
        let (names, texts) = texts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).unzip();
        Texts { names, texts }
    }

    fn policies(text: &str) -> Policies {
        Policies::load(&texts(&[("policies.yaml", text)]), "{}")
    }

    #[test]
    fn policies_are_loaded_decided_and_explained() {
        let policies = policies(POLICY);
        let report = object(&policies.report());
        assert_eq!(report["loaded"], true);
        assert_eq!(report["workloads"][0], json!({"namespace": "foo", "labels": {"app": "web"}}));
        let authorizer = policies.authorizer(&report["workloads"][0].to_string()).unwrap();
        assert_eq!(object(&authorizer.policies())[0]["policy"], "foo/a");
        let connection = json!({"sourceIp": "10.0.0.1", "destinationIp": "10.0.0.2", "destinationPort": 81}).to_string();
        assert_eq!(object(&authorizer.decide(&connection))["reason"], "no-allow-match");
        assert_eq!(object(&authorizer.explain(&connection))["nearest"][0]["changes"][0]["example"], "80");
        let map = object(&authorizer.access_map(None, &connection, 50));
        assert_eq!(map["versions"][0]["decisions"][0]["verdict"], "allow");
        assert_eq!(object(&authorizer.access_map(Some(&authorizer), &connection, 50))["versions"][1], map["versions"][0]);
    }

    #[test]
    fn what_cannot_be_read_is_an_answer() {
        assert_eq!(object(&policies("{").report())["loaded"], false);
        assert_eq!(object(&policies("{").report())["findings"][0]["code"], "yaml-syntax");
        assert!(policies("{").authorizer("{}").is_none());
        assert!(object(&Policies::load(&texts(&[]), "7").report())["error"].is_string());
        let authorizer = policies(POLICY).authorizer(r#"{"namespace": "foo"}"#).unwrap();
        assert_eq!(object(&authorizer.decide(r#"{"sourceIp": "10.0.0.300"}"#)), json!({"error": "invalid IP address syntax"}));
        let left_out = object(&authorizer.decide(r#"{"sourceIp": "10.0.0.3", "destinationPort": 7}"#));
        assert!(left_out["error"].as_str().unwrap().contains("destinationIp"), "{left_out}");
        assert!(object(&Suite::read("s.yaml", "cases: []", &texts(&[])).report())["error"].is_string());
    }

    #[test]
    fn a_suite_is_run_in_parts() {
        let text = format!(
            "workload: {{namespace: foo, labels: {{app: web}}}}\npolicies: [p.yaml]\ncases:\n{}",
            [("a", "allow"), ("b", "deny")].map(|(name, expect)| format!(
                "- {{name: {name}, connection: {{sourceIp: 10.0.0.1, destinationIp: 10.0.0.2, destinationPort: 80}}, expect: {expect}}}\n"
            )).concat()
        );
        let suite = Suite::read("s.yaml", &text, &texts(&[("p.yaml", POLICY)]));
        assert_eq!(object(&suite.report()), json!({"size": 2}));
        assert_eq!(object(&suite.run(0, 1))["passed"], 1);
        assert_eq!(object(&suite.run(1, 9))["failed"], 1);
        assert_eq!(object(&suite.cases(1, 9))[0]["name"], "b");
        assert_eq!(object(&suite.cases(0, 1))[0]["workload"]["labels"]["app"], "web");
        let missing = Suite::read("s.yaml", &text, &texts(&[]));
        assert!(object(&missing.report())["error"].as_str().unwrap().contains("`p.yaml`"));
    }
}
