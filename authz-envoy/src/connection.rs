//! Envoy, asked and told within one hook of a connection.

use std::net::{IpAddr, SocketAddr};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use authz_filter::{Host, Reading};

use crate::abi::{self, FilterPointer};
use crate::module::{Module, Proxy};

/// A connection in Envoy, for as long as a hook runs.
pub(crate) struct Envoy<'m> {
    filter: FilterPointer,
    module: &'m Module,
}

impl<'m> Envoy<'m> {
    pub(crate) fn new(filter: FilterPointer, module: &'m Module) -> Self {
        Self { filter, module }
    }
}

/// An address as Envoy writes it; one that is missing or something else, such as a path, is unreadable.
fn address(read: Option<(Vec<u8>, u32)>) -> Reading<SocketAddr> {
    let parsed = read.and_then(|(text, port)| {
        let address: IpAddr = std::str::from_utf8(&text).ok()?.parse().ok()?;
        Some(SocketAddr::new(address, u16::try_from(port).ok()?))
    });
    parsed.map_or(Reading::Malformed, Reading::Present)
}

/// Names, all of them or none.
fn texts(names: Option<Vec<Vec<u8>>>) -> Reading<Vec<String>> {
    let texts = names.and_then(|names| names.into_iter().map(|name| String::from_utf8(name).ok()).collect());
    texts.map_or(Reading::Malformed, Reading::Present)
}

fn text(bytes: Vec<u8>) -> Reading<String> {
    String::from_utf8(bytes).map_or(Reading::Malformed, Reading::Present)
}

impl Host for Envoy<'_> {
    fn remote_address(&mut self) -> Reading<IpAddr> {
        address(abi::remote_address(self.filter)).map(|address| address.ip())
    }

    fn direct_address(&mut self) -> Option<Reading<IpAddr>> {
        Some(address(abi::direct_remote_address(self.filter)).map(|address| address.ip()))
    }

    fn destination(&mut self) -> Reading<SocketAddr> {
        address(abi::local_address(self.filter))
    }

    fn is_tls(&mut self) -> Reading<bool> {
        Reading::Present(abi::is_tls(self.filter))
    }

    fn is_mutual(&mut self) -> Reading<bool> {
        abi::is_mutual(self.filter).map_or(Reading::Malformed, Reading::Present)
    }

    fn uri_sans(&mut self) -> Reading<Vec<String>> {
        texts(abi::uri_sans(self.filter))
    }

    fn other_names(&mut self) -> Reading<Vec<String>> {
        let names = abi::dns_sans(self.filter).zip(abi::subject(self.filter)).map(|(mut names, subject)| {
            names.extend((!subject.is_empty()).then_some(subject));
            names
        });
        texts(names)
    }

    fn server_name(&mut self) -> Reading<String> {
        abi::server_name(self.filter).map_or(Reading::Absent, text)
    }

    fn is_handshake_complete(&mut self) -> bool {
        // An event of its own tells.
        false
    }

    fn now(&mut self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed()
    }

    fn count(&mut self, counter: usize) {
        if let Some(counter) = self.module.counter(counter) {
            abi::increment_counter(self.filter, counter);
        }
    }

    fn publish(&mut self, fields: &[(&'static str, &str)]) {
        abi::set_dynamic_metadata(self.filter, self.module.name(), fields);
    }

    fn log(&mut self, line: &str) {
        abi::log(abi::Level::Info, line);
    }
}

impl Proxy for Envoy<'_> {
    fn start_reading(&mut self) -> bool {
        let is_off = !abi::is_reading(self.filter);
        if is_off {
            abi::disable_reading(self.filter, false);
        }
        is_off
    }

    fn stop_reading(&mut self) {
        abi::disable_reading(self.filter, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_or_unreadable_and_never_absent() {
        let table = [
            (Some(("10.0.0.1", 80)), Reading::Present("10.0.0.1:80")),
            (Some(("2001:db8::1", 443)), Reading::Present("[2001:db8::1]:443")),
            (Some(("10.0.0.1", 70_000)), Reading::Malformed),
            (Some(("/run/socket", 0)), Reading::Malformed),
            (Some(("", 80)), Reading::Malformed),
            (None, Reading::Malformed),
        ];
        for (read, expected) in table {
            let expected = match expected {
                Reading::Present(text) => Reading::Present(text.parse().unwrap()),
                _ => Reading::Malformed,
            };
            assert_eq!(address(read.map(|(text, port)| (text.as_bytes().to_vec(), port))), expected, "{read:?}");
        }
        assert_eq!(address(Some((vec![0xff], 80))), Reading::Malformed);
    }

    #[test]
    fn names_are_read_all_of_them_or_none() {
        assert_eq!(texts(Some(vec![])), Reading::Present(vec![]));
        assert_eq!(texts(Some(vec![b"a".to_vec(), b"b".to_vec()])), Reading::Present(vec!["a".into(), "b".into()]));
        assert_eq!(texts(Some(vec![b"a".to_vec(), vec![0xff]])), Reading::Malformed);
        assert_eq!(texts(None), Reading::Malformed);
    }
}
