//! A configuration that decides: policies compiled for the workload, and everything that goes with them.

use authz_core::{Action, Authorizer, FactSet, ProviderAnswer};

use crate::counters::Counters;
use crate::rate::Rate;
use crate::settings::ConfigError;

/// Whether denials are carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// What is denied is closed.
    #[default]
    Enforce,
    /// Everything passes; what would have been denied is counted, published and logged.
    Shadow,
}

impl Mode {
    /// The word for it, as configurations, logs and fields spell it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Shadow => "shadow",
        }
    }
}

/// The filter state in which other filters leave what proxy-wasm cannot ask for itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterStateKeys {
    /// The address of the direct peer, with or without a port.
    pub direct_peer: Option<String>,
    /// All URI SANs of the peer's certificate, separated by commas.
    pub uri_sans: Option<String>,
    /// Anything, set once the handshake is complete.
    pub handshake: Option<String>,
}

/// Of which connections the host is told fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fields {
    /// Those that are denied, and those about which AUDIT or dry-run policies have something to say.
    #[default]
    Denied,
    /// All.
    All,
}

/// What the configuration vouches for, where a proxy shows a part of a fact only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trust {
    /// No certificate has a second URI SAN.
    pub(crate) first_uri_san: bool,
    /// No PROXY header is accepted, so the client's address is that of the direct peer.
    pub(crate) source_address: bool,
    /// A `tls_inspector` reads every connection, so that a name that is not told was not sent.
    pub(crate) server_name: bool,
}

/// A configuration that decides the connections of one workload. Any number of threads may share it.
#[derive(Debug)]
pub struct Config {
    pub(crate) name: String,
    pub(crate) mode: Mode,
    pub(crate) authorizer: Authorizer,
    pub(crate) reads: FactSet,
    /// Whether AUDIT or dry-run policies apply, for whose reports all facts are read that can be had.
    pub(crate) reports: bool,
    pub(crate) providers: Vec<(String, ProviderAnswer)>,
    pub(crate) counters: Counters,
    pub(crate) log: Rate,
    pub(crate) fields: Fields,
    pub(crate) trust: Trust,
    keys: FilterStateKeys,
}

/// What a configuration says beside its policies.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) name: String,
    pub(crate) mode: Mode,
    pub(crate) providers: Vec<(String, ProviderAnswer)>,
    /// For this configuration, which natively all workers share; in WebAssembly each has one of its own.
    pub(crate) log_denials_per_second: u32,
    pub(crate) policy_counters: usize,
    pub(crate) fields: Fields,
    pub(crate) keys: FilterStateKeys,
    pub(crate) trust: Trust,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            name: "authz".into(),
            mode: Mode::Enforce,
            providers: Vec::new(),
            log_denials_per_second: 10,
            policy_counters: 100,
            fields: Fields::default(),
            keys: FilterStateKeys::default(),
            trust: Trust::default(),
        }
    }
}

impl Config {
    pub(crate) fn around(authorizer: Authorizer, options: Options) -> Self {
        let reports = authorizer.policies().any(|policy| policy.is_dry_run || policy.action == Some(Action::Audit));
        Self {
            counters: Counters::new(&options.name, options.mode, &authorizer, options.policy_counters),
            reads: authorizer.reads(),
            authorizer,
            reports,
            name: options.name,
            mode: options.mode,
            providers: options.providers,
            log: Rate::new(options.log_denials_per_second),
            fields: options.fields,
            keys: options.keys,
            trust: options.trust,
        }
    }

    /// The same for a proxy that by itself shows the first URI SAN of a peer alone, and the address that a PROXY
    /// header names in place of the direct peer's.
    ///
    /// ```
    /// use authz_filter::{Node, Settings};
    ///
    /// let by_address = "{workload: {namespace: foo, labels: {}}, policies: [{apiVersion: security.istio.io/v1,
    ///     kind: AuthorizationPolicy, metadata: {name: a, namespace: foo},
    ///     spec: {rules: [{from: [{source: {ipBlocks: [10.0.0.0/8]}}]}]}}]";
    /// let compile = |more: &str| Settings::read(&format!("{by_address}{more}}}"))?.compile(&Node::default());
    /// assert!(compile("")?.for_partial_proxy().is_err());
    /// assert!(compile(", filterState: {directPeer: authz.direct_peer}")?.for_partial_proxy().is_ok());
    /// assert!(compile(", trust: {sourceAddress: true}")?.for_partial_proxy().is_ok());
    /// # Ok::<(), authz_filter::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When policies read one of the two, another filter does not leave the whole of it in filter state, and the
    /// configuration does not vouch for the part: a second URI SAN or a PROXY header would get a peer past a DENY
    /// policy, and past an ALLOW policy with a `not…` field.
    pub fn for_partial_proxy(self) -> Result<Self, ConfigError> {
        let missing = |key: &str, why: &str| format!("config:1:1: error[missing-field]: filterState.{key}: {why}");
        let mut lines = Vec::new();
        if self.reads.contains(FactSet::SOURCE_IP) && self.keys.direct_peer.is_none() && !self.trust.source_address {
            lines.push(missing(
                "directPeer",
                "policies ask for the direct peer, and this proxy shows what a PROXY header says instead; write the key that has it, or \
                 `trust: {sourceAddress: true}` if no PROXY header is accepted",
            ));
        }
        if self.reads.contains(FactSet::PEER) && self.keys.uri_sans.is_none() && !self.trust.first_uri_san {
            lines.push(missing(
                "uriSans",
                "policies ask for the peer, and this proxy shows the first URI SAN alone; write the key that has all, or \
                 `trust: {firstUriSan: true}` if no certificate has a second",
            ));
        }
        if lines.is_empty() { Ok(self) } else { Err(ConfigError::of(lines)) }
    }

    /// The answer that is stated for a provider.
    pub(crate) fn provider(&self, name: &str) -> Option<&ProviderAnswer> {
        self.providers.iter().find(|(known, _)| known == name).map(|(_, answer)| answer)
    }

    /// What counters, fields and termination details start with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether denials are carried out.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The names of all counters, whose places [`Host::count`](crate::Host::count) is told.
    pub fn counters(&self) -> &[String] {
        self.counters.names()
    }

    /// Whether the configuration vouches that no PROXY header is accepted: the client's address is the direct peer's.
    pub fn trusts_source_address(&self) -> bool {
        self.trust.source_address
    }

    /// Where other filters leave facts.
    pub fn filter_state(&self) -> &FilterStateKeys {
        &self.keys
    }
}
