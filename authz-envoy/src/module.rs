//! What the hooks do, in values instead of pointers.

use std::sync::Arc;

use authz_filter::{Answer, Config, Filter, Host, Node, Settings};

use crate::guard::guard;

/// What Envoy can be asked and told while a configuration is made.
pub(crate) trait Maker {
    /// Makes a counter; answers its number, or nothing if that fails.
    fn define_counter(&mut self, name: &str) -> Option<usize>;
    /// Writes an error to the log.
    fn error(&mut self, line: &str);
    /// Writes a warning to the log.
    fn warning(&mut self, line: &str);
}

/// A configuration. Envoy's workers share it, and the last of them may be the one to drop it.
#[derive(Debug)]
pub(crate) struct Module {
    config: Arc<Config>,
    /// The numbers that Envoy gave the counters.
    counters: Vec<Option<usize>>,
}

/// Envoy hands what is made on one thread to others.
const fn is_shared<T: Send + Sync>() {}
const _: () = is_shared::<Module>();

impl Module {
    /// Reads a configuration; nothing if it is refused, with every reason in the log.
    pub(crate) fn new(config: &[u8], maker: &mut dyn Maker) -> Option<Self> {
        // This kind of host has no node metadata: the configuration names the workload.
        let compiled = Settings::read_bytes(config).and_then(|settings| {
            settings.warnings().for_each(|line| maker.warning(&line));
            settings.compile(&Node::default())
        });
        match compiled {
            Ok(config) => {
                #[cfg(feature = "inject-panic")]
                crate::inject::panic_if_asked(config.name(), "config");
                let counters = config.counters().iter().map(|name| maker.define_counter(name)).collect();
                Some(Self { config: Arc::new(config), counters })
            }
            Err(error) => {
                error.lines().for_each(|line| maker.error(line));
                None
            }
        }
    }

    /// The name that fields and details start with.
    pub(crate) fn name(&self) -> &str {
        self.config.name()
    }

    pub(crate) fn counter(&self, place: usize) -> Option<usize> {
        self.counters.get(place).copied().flatten()
    }
}

/// What happened to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    New,
    HandshakeDone,
    DownstreamData,
    UpstreamData,
    Closed,
}

/// Whether Envoy goes on to the next filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Continue,
    Stop,
}

/// What has to be done once the hook has let go of its connection: Envoy answers both with further hooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    Nothing,
    /// Go on with the filters that [`Status::Stop`] kept waiting.
    Resume,
    /// Close the connection, for a reason that access logs show.
    Close(String),
}

/// What Envoy can be asked and told about a connection, beside what a filter asks.
pub(crate) trait Proxy: Host {
    /// Lets Envoy read from the connection, so that a handshake can go on; answers whether it did not before.
    fn start_reading(&mut self) -> bool;
    /// Takes that back.
    fn stop_reading(&mut self);
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    module: Arc<Module>,
    filter: Filter,
    /// Whether the filters behind this one wait for its decision.
    holds: bool,
    /// Whether reading was switched on for the handshake, and has to be switched off for the filters behind.
    reads: bool,
    /// Whether the connection was closed here.
    is_closed: bool,
}

impl Connection {
    pub(crate) fn new(module: Arc<Module>) -> Self {
        let filter = Filter::new(Arc::clone(&module.config));
        Self { module, filter, holds: false, reads: false, is_closed: false }
    }

    pub(crate) fn module(&self) -> &Arc<Module> {
        &self.module
    }

    /// Handles an event. A panic closes the connection, whatever the mode: what it would have let through
    /// nobody knows.
    pub(crate) fn handle(&mut self, event: Event, proxy: &mut dyn Proxy) -> (Status, Then) {
        match guard(|| Some(self.on(event, proxy)), || None) {
            Some(outcome) => outcome,
            None => {
                self.filter.on_panic();
                guard(|| proxy.count(Filter::panic_counter()), || ());
                let then = if event == Event::Closed { Then::Nothing } else { self.close() };
                (Status::Stop, then)
            }
        }
    }

    fn on(&mut self, event: Event, proxy: &mut dyn Proxy) -> (Status, Then) {
        #[cfg(feature = "inject-panic")]
        crate::inject::panic_if_asked(self.module.name(), event);
        let answer = match event {
            Event::New => self.filter.on_new_connection(proxy),
            Event::HandshakeDone => self.filter.on_handshake_done(proxy),
            Event::DownstreamData => self.filter.on_downstream_data(proxy),
            Event::UpstreamData => self.filter.on_upstream_data(proxy),
            Event::Closed => {
                self.is_closed = true;
                self.filter.on_close(proxy);
                return (Status::Stop, Then::Nothing);
            }
        };
        match answer {
            Answer::Continue => {
                if std::mem::take(&mut self.reads) {
                    proxy.stop_reading();
                }
                let is_held = std::mem::take(&mut self.holds);
                // Where the peer's data is what decides, the answer to it lets the others go on.
                let resumes = is_held && event != Event::DownstreamData;
                (Status::Continue, if resumes { Then::Resume } else { Then::Nothing })
            }
            Answer::Wait => {
                if event == Event::New {
                    self.holds = true;
                    // tcp_proxy stops reading until it has dialled upstream, which it does not before it is
                    // asked to go on; without this the handshake would never end.
                    self.reads = proxy.start_reading();
                }
                (Status::Stop, Then::Nothing)
            }
            Answer::Close => (Status::Stop, self.close()),
        }
    }

    fn close(&mut self) -> Then {
        if std::mem::replace(&mut self.is_closed, true) {
            return Then::Nothing;
        }
        Then::Close(self.filter.details().unwrap_or_default().to_owned())
    }
}

#[cfg(test)]
mod tests;
