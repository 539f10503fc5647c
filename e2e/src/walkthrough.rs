//! The rows of the documents that users start from, as connections through a proxy that is configured for each.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use crate::scenario::{Scenario, read_suite, root};
use crate::{Authority, Client, Network, Seen, Upstream, wait_for};

/// What stands behind the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// It speaks as soon as someone connects.
    ServerFirst,
    /// It answers.
    ClientFirst,
}

impl Service {
    /// Both.
    pub const ALL: [Self; 2] = [Self::ServerFirst, Self::ClientFirst];

    /// What tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ServerFirst => "server-first",
            Self::ClientFirst => "client-first",
        }
    }

    /// Starts one.
    pub fn start(self) -> Upstream {
        match self {
            Self::ServerFirst => Upstream::server_first(),
            Self::ClientFirst => Upstream::echo(),
        }
    }

    /// Does what a client of it does, and answers what it saw.
    ///
    /// # Errors
    ///
    /// When it sees neither an answer nor the end.
    pub fn ask(self, client: &Client) -> std::io::Result<Seen> {
        match self {
            Self::ServerFirst => client.listen(),
            Self::ClientFirst => client.ask("world"),
        }
    }

    /// What a client sees that is let through.
    pub fn answer(self) -> Seen {
        Seen::Answer(if self == Self::ServerFirst { "220 hello" } else { "hello world" }.into())
    }

    /// What a peer that has to be denied gets, in bytes, and what it costs the service, in connections, between two visits of one
    /// that passes. A panic says `name`.
    pub fn ask_between(self, name: &str, upstream: &Upstream, good: &Client, bad: &Client) -> (usize, usize) {
        let expect_good = || assert_eq!(self.ask(good).unwrap(), self.answer(), "{name}");
        expect_good();
        let before = upstream.connections();
        let bytes = match self.ask(bad).unwrap() {
            Seen::Closed => 0,
            Seen::Answer(line) => line.len() + 1,
        };
        // Upstream accepts in the order of dialling: when it has this one, it has had all before it.
        expect_good();
        wait_for("the connection", || if upstream.connections() > before { Ok(()) } else { Err(before.to_string()) });
        (bytes, upstream.connections() - before - 1)
    }
}

/// Connections that one configuration of a proxy serves.
#[derive(Debug)]
pub struct Group {
    /// The namespace of the workload.
    pub namespace: String,
    /// The labels of the workload.
    pub labels: BTreeMap<String, String>,
    /// The policies.
    pub policies: String,
    /// The ports that are listened on.
    pub ports: BTreeSet<u16>,
    /// Whether they take TLS, and nothing else.
    pub is_tls: bool,
    /// Whether they take PROXY headers.
    pub takes_header: bool,
    scenarios: Vec<Scenario>,
}

/// All walkthroughs: Istio's TCP task, ASM, Kmesh, Istio's mutual TLS task.
pub fn groups() -> Vec<Group> {
    let mut files: Vec<_> = fs::read_dir(root().join("testdata/walkthroughs"))
        .expect("the walkthroughs")
        .map(|entry| entry.expect("a file").path())
        .collect();
    files.sort();
    let mut sorted: BTreeMap<(String, bool, bool), Vec<Scenario>> = BTreeMap::new();
    for scenario in files.iter().flat_map(|file| read_suite(file)) {
        let scenario = scenario.unwrap_or_else(|why| panic!("a walkthrough that cannot be carried: {why}"));
        let is_tls = scenario.principals.is_some() || scenario.server_name.is_some();
        sorted.entry((scenario.config.clone(), is_tls, scenario.remote.is_some())).or_default().push(scenario);
    }
    sorted
        .into_iter()
        .map(|((config, is_tls, takes_header), scenarios)| group(&config, is_tls, takes_header, scenarios))
        .collect()
}

fn group(config: &str, is_tls: bool, takes_header: bool, scenarios: Vec<Scenario>) -> Group {
    let config: Value = serde_json::from_str(config).expect("a configuration of the filters");
    assert!(config["mesh"].is_null(), "a walkthrough in a mesh of its own: {config}");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let labels = config["workload"]["labels"].as_object().into_iter().flatten();
    Group {
        namespace: text(&config["workload"]["namespace"]),
        labels: labels.map(|(key, value)| (key.clone(), text(value))).collect(),
        // Nothing at all could be the wrong file, so that there are none has to be said.
        policies: config["policies"].as_str().unwrap_or("{apiVersion: v1, kind: List, items: []}").to_owned(),
        ports: scenarios.iter().map(|scenario| scenario.port).collect(),
        is_tls,
        takes_header,
        scenarios,
    }
}

/// What came of the connections.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How many were let through, as they had to be.
    pub allowed: usize,
    /// How many were closed without a byte, as they had to be.
    pub denied: usize,
    /// What was otherwise, a line each.
    pub wrong: Vec<String>,
}

impl Group {
    /// Makes all addresses of its connections ours.
    pub fn settle(&self, network: &Network) {
        let refused = network.add(self.scenarios.iter().flat_map(|scenario| [scenario.source, scenario.destination]));
        assert!(refused.is_empty(), "the kernel gives nobody {refused:?}");
    }

    /// Makes its connections to the proxy, and holds the service to the number of those that are allowed.
    pub fn connect(&self, authority: &Authority, service: Service, upstream: &Upstream, outcome: &mut Outcome) {
        let before = upstream.connections();
        let allowed = self.scenarios.iter().filter(|scenario| scenario.is_allowed).count();
        for scenario in &self.scenarios {
            let client = scenario.client(authority).expect("an identity that a certificate can have");
            let expected = if scenario.is_allowed { service.answer() } else { Seen::Closed };
            match service.ask(&client) {
                Ok(seen) if seen == expected && scenario.is_allowed => outcome.allowed += 1,
                Ok(seen) if seen == expected => outcome.denied += 1,
                seen => outcome.wrong.push(format!("{}: {seen:?} instead of {expected:?}", scenario.name)),
            }
        }
        if outcome.wrong.is_empty() {
            wait_for("the connections upstream", || match upstream.connections() - before {
                made if made >= allowed => Ok(()),
                made => Err(format!("{made} instead of {allowed}")),
            });
        }
        let made = upstream.connections() - before;
        if made != allowed {
            outcome.wrong.push(format!("{}: {made} connections upstream instead of {allowed}", self.scenarios[0].name));
        }
    }
}
