//! Envoy's callbacks as those of a filter, and the filter's questions as Envoy's calls.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use authz_filter::{Answer, Config, Filter, FilterStateKeys, Host, Mode, Reading, Settings};
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, RootContext, StreamContext};
use proxy_wasm::types::{Action, BufferType, ContextType, LogLevel, MetricType, PeerType};

use crate::attributes::{self, Properties, Unreadable};
use crate::handshake::Handshake;
use crate::metrics::Metrics;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root::default()));
}}

thread_local! {
    /// The counters of this virtual machine, which has one thread.
    static METRICS: RefCell<Metrics> = const { RefCell::new(Metrics::new()) };
}

/// A configuration and the numbers that the proxy gave its counters.
#[derive(Debug)]
struct Shared {
    config: Arc<Config>,
    counters: Vec<Option<u32>>,
}

/// The properties that are in effect now.
#[derive(Clone, Copy, Debug)]
struct Current;

impl Properties for Current {
    fn get(&self, path: &[&str]) -> Result<Option<Vec<u8>>, Unreadable> {
        hostcalls::get_property(path.to_vec()).map_err(|_| Unreadable)
    }
}

fn log(level: LogLevel, line: &str) {
    // A refusal ends the virtual machine within the call, which denies; an error is returned by no call of this kind.
    let _ = hostcalls::log(level, line);
}

/// What the connections of one configuration share. It exists once for each worker and configuration.
#[derive(Debug, Default)]
struct Root {
    /// Nothing before a configuration was accepted: everything is refused then.
    shared: Option<Rc<Shared>>,
}

impl Root {
    fn configure(&mut self) -> Result<(), String> {
        let bytes = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, usize::MAX).ok().flatten().unwrap_or_default();
        let settings = Settings::read_bytes(&bytes).map_err(|error| error.to_string())?;
        for warning in settings.warnings() {
            log(LogLevel::Warn, &warning);
        }
        self.shared = Some(complete(settings).map_err(|error| error.to_string())?);
        Ok(())
    }
}

/// Compiles for the workload and has the counters made.
fn complete(settings: Settings) -> Result<Rc<Shared>, authz_filter::ConfigError> {
    let node = if settings.needs_node() { attributes::node(&Current) } else { Default::default() };
    let config = settings.compile(&node)?.for_partial_proxy()?;
    let define = |name: &str| hostcalls::define_metric(MetricType::Counter, name).ok();
    let counters = METRICS.with_borrow_mut(|metrics| metrics.numbers(config.counters(), define));
    Ok(Rc::new(Shared { config: Arc::new(config), counters }))
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        match self.configure() {
            Ok(()) => true,
            Err(why) => {
                why.lines().for_each(|line| log(LogLevel::Error, line));
                false
            }
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::StreamContext)
    }

    fn create_stream_context(&self, _: u32) -> Option<Box<dyn StreamContext>> {
        let shared = self.shared.clone();
        let filter = shared.as_ref().map(|shared| Filter::new(Arc::clone(&shared.config)));
        Some(Box::new(Connection { shared, filter, handshake: Handshake::default() }))
    }
}

/// One connection. Without a configuration it is refused.
#[derive(Debug)]
struct Connection {
    shared: Option<Rc<Shared>>,
    filter: Option<Filter>,
    handshake: Handshake,
}

impl Connection {
    fn ask(&mut self, event: impl FnOnce(&mut Filter, &mut dyn Host) -> Answer) -> Answer {
        match (&self.shared, &mut self.filter) {
            (Some(shared), Some(filter)) => event(filter, &mut Proxy { shared, handshake: self.handshake }),
            _ => Answer::Close,
        }
    }

    fn follow(&mut self, event: impl FnOnce(&mut Filter, &mut dyn Host) -> Answer) -> Action {
        match self.ask(event) {
            Answer::Continue => Action::Continue,
            Answer::Wait => Action::Pause,
            Answer::Close => {
                // A proxy that refuses this ends the virtual machine, and that closes the connection.
                let _ = hostcalls::close_downstream();
                Action::Pause
            }
        }
    }
}

impl Context for Connection {}

impl StreamContext for Connection {
    fn on_new_connection(&mut self) -> Action {
        let answer = self.ask(|filter, host| filter.on_new_connection(host));
        if let Some(shared) = &self.shared
            && (answer == Answer::Wait || shared.config.mode() == Mode::Shadow)
        {
            // The end of the handshake may be waited for; in shadow mode nothing says so.
            self.handshake = Handshake::begin(&Current, shared.config.filter_state());
        }
        match answer {
            // Held here, the chain behind this filter would not see the handshake that is waited for. What
            // must not pass is held in the two callbacks below.
            Answer::Continue | Answer::Wait => Action::Continue,
            Answer::Close => {
                let _ = hostcalls::close_downstream();
                Action::Pause
            }
        }
    }

    fn on_downstream_data(&mut self, _: usize, _: bool) -> Action {
        self.follow(|filter, host| filter.on_downstream_data(host))
    }

    fn on_upstream_data(&mut self, _: usize, _: bool) -> Action {
        self.follow(|filter, host| filter.on_upstream_data(host))
    }

    fn on_downstream_close(&mut self, _: PeerType) {
        if let (Some(shared), Some(filter)) = (&self.shared, &mut self.filter) {
            filter.on_close(&mut Proxy { shared, handshake: self.handshake });
        }
    }
}

/// Envoy, asked within a callback of a connection.
struct Proxy<'s> {
    shared: &'s Shared,
    handshake: Handshake,
}

impl Proxy<'_> {
    fn keys(&self) -> &FilterStateKeys {
        self.shared.config.filter_state()
    }
}

impl Host for Proxy<'_> {
    fn remote_address(&mut self) -> Reading<IpAddr> {
        attributes::remote_address(&Current)
    }

    fn direct_address(&mut self) -> Option<Reading<IpAddr>> {
        attributes::direct_address(&Current, self.keys(), self.shared.config.trusts_source_address())
    }

    fn destination(&mut self) -> Reading<SocketAddr> {
        attributes::destination(&Current)
    }

    fn is_tls(&mut self) -> Reading<bool> {
        attributes::is_tls(&Current)
    }

    fn is_mutual(&mut self) -> Reading<bool> {
        attributes::is_mutual(&Current)
    }

    fn uri_sans(&mut self) -> Reading<Vec<String>> {
        attributes::uri_sans(&Current, self.keys())
    }

    fn other_names(&mut self) -> Reading<Vec<String>> {
        attributes::other_names(&Current)
    }

    fn server_name(&mut self) -> Reading<String> {
        attributes::server_name(&Current)
    }

    fn is_handshake_complete(&mut self) -> bool {
        self.handshake.is_complete(&Current, self.keys())
    }

    fn now(&mut self) -> Duration {
        let now = hostcalls::get_current_time().unwrap_or(UNIX_EPOCH);
        now.duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    fn count(&mut self, counter: usize) {
        if let Some(Some(id)) = self.shared.counters.get(counter) {
            // What is returned as an error is a number that the proxy does not know, and a count less.
            let _ = hostcalls::increment_metric(*id, 1);
        }
    }

    fn publish(&mut self, fields: &[(&'static str, &str)]) {
        for (field, value) in fields {
            let key = format!("{}.{field}", self.shared.config.name());
            let _ = hostcalls::set_property(vec![&key], Some(value.as_bytes()));
        }
    }

    fn log(&mut self, line: &str) {
        log(LogLevel::Info, line);
    }
}
