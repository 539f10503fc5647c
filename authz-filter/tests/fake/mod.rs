//! A proxy that says what a test tells it to, and remembers what it was asked and told.

#![allow(dead_code, reason = "each test uses its part")]

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use authz_filter::{Config, Filter, Host, Node, Reading, Settings};

#[derive(Clone, Debug)]
pub(crate) struct Fake {
    pub(crate) remote: Reading<IpAddr>,
    pub(crate) direct: Option<Reading<IpAddr>>,
    pub(crate) destination: Reading<SocketAddr>,
    pub(crate) is_tls: Reading<bool>,
    pub(crate) is_mutual: Reading<bool>,
    pub(crate) uri_sans: Reading<Vec<String>>,
    pub(crate) other_names: Reading<Vec<String>>,
    pub(crate) server_name: Reading<String>,
    pub(crate) handshake_complete: bool,
    pub(crate) now: Duration,
    /// How often each property was asked for.
    pub(crate) asked: BTreeMap<&'static str, usize>,
    pub(crate) counted: Vec<usize>,
    pub(crate) published: BTreeMap<&'static str, String>,
    pub(crate) logged: Vec<String>,
}

impl Default for Fake {
    /// A plaintext connection from 10.0.0.7 to 10.0.0.9:9000.
    fn default() -> Self {
        Self {
            remote: Reading::Present([10, 0, 0, 7].into()),
            direct: None,
            destination: Reading::Present(([10, 0, 0, 9], 9000).into()),
            is_tls: Reading::Present(false),
            is_mutual: Reading::Present(false),
            uri_sans: Reading::Absent,
            other_names: Reading::Absent,
            server_name: Reading::Absent,
            handshake_complete: false,
            now: Duration::ZERO,
            asked: BTreeMap::new(),
            counted: Vec::new(),
            published: BTreeMap::new(),
            logged: Vec::new(),
        }
    }
}

impl Fake {
    /// The same over TLS with a certificate, before the handshake.
    pub(crate) fn mesh(identity: &str) -> Self {
        Self {
            is_tls: Reading::Present(true),
            is_mutual: Reading::Present(true),
            uri_sans: Reading::Present(vec![identity.to_owned()]),
            ..Self::default()
        }
    }

    pub(crate) fn counted(&self, filter: &Filter) -> Vec<String> {
        self.counted.iter().filter_map(|place| filter.config().counters().get(*place).cloned()).collect()
    }

    fn ask<T: Clone>(&mut self, name: &'static str, answer: impl FnOnce(&Self) -> T) -> T {
        *self.asked.entry(name).or_default() += 1;
        answer(self)
    }
}

impl Host for Fake {
    fn remote_address(&mut self) -> Reading<IpAddr> {
        self.ask("remote", |fake| fake.remote.clone())
    }

    fn direct_address(&mut self) -> Option<Reading<IpAddr>> {
        self.ask("direct", |fake| fake.direct.clone())
    }

    fn destination(&mut self) -> Reading<SocketAddr> {
        self.ask("destination", |fake| fake.destination.clone())
    }

    fn is_tls(&mut self) -> Reading<bool> {
        self.ask("is_tls", |fake| fake.is_tls.clone())
    }

    fn is_mutual(&mut self) -> Reading<bool> {
        self.ask("is_mutual", |fake| fake.is_mutual.clone())
    }

    fn uri_sans(&mut self) -> Reading<Vec<String>> {
        self.ask("uri_sans", |fake| fake.uri_sans.clone())
    }

    fn other_names(&mut self) -> Reading<Vec<String>> {
        self.ask("other_names", |fake| fake.other_names.clone())
    }

    fn server_name(&mut self) -> Reading<String> {
        self.ask("server_name", |fake| fake.server_name.clone())
    }

    fn is_handshake_complete(&mut self) -> bool {
        self.handshake_complete
    }

    fn now(&mut self) -> Duration {
        self.now
    }

    fn count(&mut self, counter: usize) {
        self.counted.push(counter);
    }

    fn publish(&mut self, fields: &[(&'static str, &str)]) {
        self.published.extend(fields.iter().map(|(field, value)| (*field, (*value).to_owned())));
    }

    fn log(&mut self, line: &str) {
        self.logged.push(line.to_owned());
    }
}

/// A configuration for `foo`, from policies that are written as `action` and `rules` each, and further keys.
pub(crate) fn config(policies: &[(&str, &str)], more: &str) -> Arc<Config> {
    let list: Vec<String> = policies
        .iter()
        .enumerate()
        .map(|(n, (action, rules))| {
            format!(
                "{{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {{name: p{n}, namespace: foo}}, \
                 spec: {{{action}, rules: {rules}}}}}"
            )
        })
        .collect();
    read(&format!("{{workload: {{namespace: foo, labels: {{}}}}, policies: [{}] {more}}}", list.join(", ")))
}

pub(crate) fn read(text: &str) -> Arc<Config> {
    Settings::read(text).unwrap_or_else(|error| panic!("{text}\n{error}")).compile(&Node::default()).unwrap().into()
}
