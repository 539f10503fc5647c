//! One connection, from its first moment to its end.

use std::sync::Arc;

use authz_core::{Decision, EarlyDecision, FactSet, ProviderAnswer, Verdict};

use crate::config::{Config, Mode};
use crate::counters;
use crate::facts::{Facts, addresses, meets};
use crate::host::Host;
use crate::report;

/// What the proxy has to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "an answer that nobody follows protects nothing"]
pub enum Answer {
    /// Close the connection; [`Filter::details`] says why. Said once, then [`Wait`](Self::Wait).
    Close,
    /// Let nothing through to the peer, and nothing of it to upstream.
    Wait,
    /// Go on.
    Continue,
}

/// One connection.
///
/// | event | plaintext | TLS |
/// |---|---|---|
/// | new connection | decided | decided if what is known suffices, or the handshake is done already |
/// | handshake done, or first data from the peer | | decided |
/// | data from upstream | | decided if the host is certain that the handshake is done, held otherwise |
///
/// What is undecided waits, what is malformed denies where it matters, and in shadow mode nothing waits or
/// closes.
///
/// ```
/// use authz_filter::{Filter, Node, Settings};
///
/// let settings = Settings::read("{workload: {namespace: foo, labels: {}}, policies: []}")?;
/// let filter = Filter::new(settings.compile(&Node::default())?.into());
/// assert_eq!(filter.details(), None);
/// # Ok::<(), authz_filter::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct Filter {
    config: Arc<Config>,
    facts: Facts,
    state: State,
    /// Whether the TLS handshake is certainly complete, if there is one.
    secured: bool,
    details: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing has happened.
    New,
    /// The end of the handshake is awaited.
    Waiting,
    /// Decided, and let through.
    Passed,
    /// Decided, and closed.
    Refused,
}

impl Filter {
    /// A connection that was just accepted.
    pub fn new(config: Arc<Config>) -> Self {
        Self { facts: Facts::new(config.trust), config, state: State::New, secured: false, details: None }
    }

    /// The connection was accepted, and upstream was not dialled yet.
    pub fn on_new_connection(&mut self, host: &mut dyn Host) -> Answer {
        match self.state {
            State::New => self.decide(host),
            State::Waiting | State::Passed | State::Refused => self.answer(),
        }
    }

    /// The TLS handshake is complete.
    pub fn on_handshake_done(&mut self, host: &mut dyn Host) -> Answer {
        // Also before the connection is told to be new: a filter in front of this one may hold it until then, and
        // no second event would come.
        self.secured = true;
        match self.state {
            State::Waiting => self.decide(host),
            // Hosts tell of plaintext connections too, before or after they are told to be new.
            State::New | State::Passed | State::Refused => self.answer(),
        }
    }

    /// The peer sent data or closed its side; over TLS that proves the handshake.
    pub fn on_downstream_data(&mut self, host: &mut dyn Host) -> Answer {
        self.secured = true;
        match self.state {
            State::New | State::Waiting => self.decide(host),
            State::Passed | State::Refused => self.answer(),
        }
    }

    /// Upstream sent data or closed its side.
    pub fn on_upstream_data(&mut self, host: &mut dyn Host) -> Answer {
        match self.state {
            State::New => self.decide(host),
            State::Waiting if host.is_handshake_complete() => {
                self.secured = true;
                self.decide(host)
            }
            State::Waiting | State::Passed | State::Refused => self.answer(),
        }
    }

    /// The connection is gone.
    pub fn on_close(&mut self, host: &mut dyn Host) {
        if matches!(self.state, State::New | State::Waiting) {
            host.count(counters::UNDECIDED);
            self.state = State::Refused;
        }
    }

    /// A hook of the host's failed: nothing is known any more of what it did, so nothing may pass.
    pub fn on_panic(&mut self) {
        self.state = State::Refused;
        self.details = Some(report::details_of_panic(&self.config.name));
    }

    /// The counter of failed hooks.
    pub fn panic_counter() -> usize {
        counters::INTERNAL_ERROR
    }

    /// Why the connection is closed, as `authz_denied[deny-policy:NAMESPACE/NAME#RULE]`; nothing where it is not.
    pub fn details(&self) -> Option<&str> {
        self.details.as_deref()
    }

    /// The configuration that decides.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What follows from a state that this event does not change.
    fn answer(&self) -> Answer {
        match self.state {
            State::Passed => Answer::Continue,
            State::New | State::Waiting if self.config.mode == Mode::Shadow => Answer::Continue,
            State::New | State::Waiting | State::Refused => Answer::Wait,
        }
    }

    fn decide(&mut self, host: &mut dyn Host) -> Answer {
        let secured = self.secured;
        let Self { config, facts, .. } = self;
        let config = Arc::clone(config);
        // Addresses are at hand; the others are asked for once it shows that they can matter.
        let mut asked = if config.reports { config.reads } else { config.reads & addresses() };
        let mut later = facts.read(host, asked, secured);
        let decision = loop {
            let identities = facts.identities();
            let connection = facts.connection(&identities);
            let early = config.authorizer.decide_early(&connection);
            let EarlyDecision::Undetermined { needs } = early else { break early.or_deny() };
            let more = without(needs, asked);
            if more.is_empty() && meets(needs, later) {
                self.state = State::Waiting;
                return self.answer();
            }
            if more.is_empty() {
                break early.or_deny();
            }
            later |= facts.read(host, more, secured);
            asked |= more;
        };
        let decision = ask_providers(&config, decision);
        report::report(&config, &decision, facts, secured, host);
        self.settle(&decision)
    }

    fn settle(&mut self, decision: &Decision<'_>) -> Answer {
        match (decision.verdict(), self.config.mode) {
            (Verdict::Allow, _) | (Verdict::Deny, Mode::Shadow) => {
                self.state = State::Passed;
                Answer::Continue
            }
            (Verdict::Deny, Mode::Enforce) => {
                self.state = State::Refused;
                self.details = Some(report::details(&self.config.name, &decision.reason()));
                Answer::Close
            }
        }
    }
}

/// Gives the answers that the configuration states for providers; the others stay to be asked, and deny.
fn ask_providers<'a>(config: &Config, mut decision: Decision<'a>) -> Decision<'a> {
    while let Some(answer) = decision.provider().and_then(|name| config.provider(name)) {
        decision = decision.with_provider(*answer);
        if *answer == ProviderAnswer::Deny {
            break;
        }
    }
    decision
}

fn without(facts: FactSet, other: FactSet) -> FactSet {
    let each = FactSet::NAMES.into_iter().map(|(fact, _)| fact);
    each.filter(|fact| facts.contains(*fact) && !other.contains(*fact)).fold(FactSet::EMPTY, |all, fact| all | fact)
}
