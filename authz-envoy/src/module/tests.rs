use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use authz_filter::Reading;

use super::*;

const CONFIG: &[u8] = b"
workload: {namespace: foo, labels: {}}
policies:
- apiVersion: security.istio.io/v1
  kind: AuthorizationPolicy
  metadata: {name: p, namespace: foo}
  spec: {rules: [{from: [{source: {principals: ['*/sa/sleep']}}]}]}
";

#[derive(Default)]
struct Log {
    lines: Vec<String>,
    counters: Vec<String>,
}

impl Maker for Log {
    fn define_counter(&mut self, name: &str) -> Option<usize> {
        self.counters.push(name.to_owned());
        (name != "authz_denied").then(|| 100 + self.counters.len())
    }

    fn error(&mut self, line: &str) {
        self.lines.push(format!("error {line}"));
    }

    fn warning(&mut self, line: &str) {
        self.lines.push(format!("warning {line}"));
    }
}

struct Fake {
    is_tls: bool,
    sans: Vec<String>,
    is_reading: bool,
    panics: Cell<bool>,
    counted: Vec<usize>,
}

impl Fake {
    fn tls(account: &str) -> Self {
        let sans = vec![format!("spiffe://cluster.local/ns/foo/sa/{account}")];
        Self { is_tls: true, sans, is_reading: false, panics: Cell::new(false), counted: Vec::new() }
    }

    fn plaintext() -> Self {
        Self { is_tls: false, ..Self::tls("none") }
    }
}

impl Host for Fake {
    fn remote_address(&mut self) -> Reading<IpAddr> {
        Reading::Present([10, 0, 0, 7].into())
    }

    fn direct_address(&mut self) -> Option<Reading<IpAddr>> {
        None
    }

    fn destination(&mut self) -> Reading<SocketAddr> {
        Reading::Present(([10, 0, 0, 9], 9000).into())
    }

    fn is_tls(&mut self) -> Reading<bool> {
        assert!(!self.panics.get(), "injected");
        Reading::Present(self.is_tls)
    }

    fn is_mutual(&mut self) -> Reading<bool> {
        assert!(!self.panics.get(), "injected");
        Reading::Present(true)
    }

    fn uri_sans(&mut self) -> Reading<Vec<String>> {
        Reading::Present(self.sans.clone())
    }

    fn other_names(&mut self) -> Reading<Vec<String>> {
        Reading::Absent
    }

    fn server_name(&mut self) -> Reading<String> {
        Reading::Absent
    }

    fn is_handshake_complete(&mut self) -> bool {
        assert!(!self.panics.get(), "injected");
        false
    }

    fn now(&mut self) -> Duration {
        Duration::ZERO
    }

    fn count(&mut self, counter: usize) {
        self.counted.push(counter);
    }

    fn publish(&mut self, _: &[(&'static str, &str)]) {}

    fn log(&mut self, _: &str) {}
}

impl Proxy for Fake {
    fn start_reading(&mut self) -> bool {
        !std::mem::replace(&mut self.is_reading, true)
    }

    fn stop_reading(&mut self) {
        self.is_reading = false;
    }
}

fn module(config: &[u8]) -> Arc<Module> {
    Arc::new(Module::new(config, &mut Log::default()).unwrap())
}

fn close(details: &str) -> (Status, Then) {
    (Status::Stop, Then::Close(details.to_owned()))
}

const GO_ON: (Status, Then) = (Status::Continue, Then::Nothing);
const HOLD: (Status, Then) = (Status::Stop, Then::Nothing);

#[test]
fn a_configuration_that_is_refused_says_all_that_is_wrong_with_it() {
    let mut log = Log::default();
    assert!(Module::new(b"policies: []\nmode: x\nnmae: y", &mut log).is_none());
    assert_eq!(log.lines.len(), 2);
    assert!(log.lines.iter().all(|line| line.starts_with("error config:")), "{:?}", log.lines);
    assert!(log.counters.is_empty());
    assert!(Module::new(b"\xff", &mut log).is_none());
    assert!(Module::new(b"policies: []", &mut log).is_none(), "nothing says which workload it is");
}

#[test]
fn a_counter_that_cannot_be_made_is_not_counted() {
    let mut log = Log::default();
    let module = Module::new(CONFIG, &mut log).unwrap();
    assert_eq!(log.counters[..2], ["authz_allowed", "authz_denied"]);
    assert_eq!((module.counter(0), module.counter(1), module.counter(10_000)), (Some(101), None, None));
    assert!(log.lines.iter().all(|line| line.starts_with("warning policies:") || line.starts_with("warning config:")));
}

#[test]
fn plaintext_is_decided_at_once_and_tls_when_the_peer_is_known() {
    let mut connection = Connection::new(module(CONFIG));
    assert_eq!(connection.handle(Event::New, &mut Fake::plaintext()), close("authz_denied[no-allow-match]"));
    assert_eq!(connection.handle(Event::HandshakeDone, &mut Fake::plaintext()), HOLD);
    for (account, outcome) in [("sleep", (Status::Continue, Then::Resume)), ("evil", close("authz_denied[no-allow-match]"))] {
        let (mut connection, mut host) = (Connection::new(module(CONFIG)), Fake::tls(account));
        assert_eq!(connection.handle(Event::New, &mut host), HOLD);
        assert!(host.is_reading, "the handshake can go on");
        assert_eq!(connection.handle(Event::UpstreamData, &mut host), HOLD);
        assert_eq!(connection.handle(Event::HandshakeDone, &mut host), outcome);
        assert_eq!(host.is_reading, account == "evil", "the filters behind find reading as they left it");
        let later = connection.handle(Event::DownstreamData, &mut host);
        assert_eq!(later, if account == "sleep" { GO_ON } else { HOLD });
        assert_eq!(connection.handle(Event::Closed, &mut host), HOLD);
    }
}

#[test]
fn a_connection_that_a_filter_in_front_held_past_the_handshake_is_decided_when_it_arrives() {
    for (account, outcome) in [("sleep", GO_ON), ("evil", close("authz_denied[no-allow-match]"))] {
        let (mut connection, mut host) = (Connection::new(module(CONFIG)), Fake::tls(account));
        assert_eq!(connection.handle(Event::HandshakeDone, &mut host), HOLD);
        assert_eq!(connection.handle(Event::New, &mut host), outcome);
    }
}

#[test]
fn a_proxy_that_reads_already_is_left_as_it_is() {
    let (mut connection, mut host) = (Connection::new(module(CONFIG)), Fake::tls("sleep"));
    host.is_reading = true;
    assert_eq!(connection.handle(Event::New, &mut host), HOLD);
    assert_eq!(connection.handle(Event::HandshakeDone, &mut host), (Status::Continue, Then::Resume));
    assert!(host.is_reading);
}

#[test]
fn a_panic_in_any_hook_closes_the_connection_once() {
    let shadow = [CONFIG, b"mode: shadow\n"].concat();
    for config in [CONFIG, &shadow] {
        for event in [Event::New, Event::HandshakeDone, Event::DownstreamData, Event::UpstreamData] {
            let (mut connection, mut host) = (Connection::new(module(config)), Fake::tls("sleep"));
            if event != Event::New {
                assert_eq!(connection.handle(Event::New, &mut host).1, Then::Nothing);
            }
            host.panics.set(true);
            assert_eq!(connection.handle(event, &mut host), close("authz_denied[internal-error]"), "{event:?}");
            assert_eq!(host.counted.last(), Some(&Filter::panic_counter()));
            host.panics.set(false);
            for event in [Event::HandshakeDone, Event::DownstreamData, Event::UpstreamData, Event::Closed] {
                assert_eq!(connection.handle(event, &mut host), HOLD, "nothing passes any more");
            }
        }
    }
}
