//! A configuration that decides: policies compiled for the workload, and everything that goes with them.

use authz_core::{Action, Authorizer, FactSet, ProviderAnswer};

use crate::counters::Counters;
use crate::rate::Rate;

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
    keys: FilterStateKeys,
}

impl From<Authorizer> for Config {
    /// The defaults around policies that were compiled elsewhere.
    fn from(authorizer: Authorizer) -> Self {
        Self::around(authorizer, Options::default())
    }
}

/// What a configuration says beside its policies.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) name: String,
    pub(crate) mode: Mode,
    pub(crate) providers: Vec<(String, ProviderAnswer)>,
    pub(crate) log_denials_per_second: u32,
    pub(crate) policy_counters: usize,
    pub(crate) keys: FilterStateKeys,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            name: "authz".into(),
            mode: Mode::Enforce,
            providers: Vec::new(),
            log_denials_per_second: 10,
            policy_counters: 100,
            keys: FilterStateKeys::default(),
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
            keys: options.keys,
        }
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

    /// Where other filters leave facts.
    pub fn filter_state(&self) -> &FilterStateKeys {
        &self.keys
    }
}
