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

fn ip(reading: Reading<SocketAddr>) -> Reading<IpAddr> {
    match reading {
        Reading::Present(address) => Reading::Present(address.ip()),
        Reading::Absent => Reading::Absent,
        Reading::Malformed => Reading::Malformed,
        Reading::NotYet => Reading::NotYet,
    }
}

fn text(bytes: Vec<u8>) -> Reading<String> {
    String::from_utf8(bytes).map_or(Reading::Malformed, Reading::Present)
}

impl Host for Envoy<'_> {
    fn remote_address(&mut self) -> Reading<IpAddr> {
        ip(address(abi::remote_address(self.filter)))
    }

    fn direct_address(&mut self) -> Option<Reading<IpAddr>> {
        Some(ip(address(abi::direct_remote_address(self.filter))))
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
        let Some(sans) = abi::uri_sans(self.filter) else { return Reading::Malformed };
        let sans: Result<Vec<String>, _> = sans.into_iter().map(String::from_utf8).collect();
        sans.map_or(Reading::Malformed, Reading::Present)
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

    fn publish(&mut self, field: &'static str, value: &str) {
        abi::set_dynamic_metadata(self.filter, self.module.name(), field, value);
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
}
