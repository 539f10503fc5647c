//! How much memory an Envoy has that has one of the filters in it.

use std::fmt::{self, Write as _};

use authz_e2e::{Authority, Chain, Client, Envoy, Network, Seen};

use crate::bootstrap::bootstrap;
use crate::policies;
use crate::service;
use crate::variant::VARIANTS;

/// A table: an Envoy of its own for each variant, after its first connections.
pub(crate) fn table() -> Result<String, fmt::Error> {
    let mut page = String::from(
        "## Memory\n\nResident memory of an Envoy with one listener and one worker, after its first connections.\n\n\
         | before the TCP proxy | MiB |\n|---|---:|\n",
    );
    for variant in VARIANTS {
        let kib = Network::run(|_| {
            let service = service::start();
            let authority = Authority::new();
            let envoy = Envoy::start_with(|admin| bootstrap(&[*variant], Chain::Plain, &authority, service, admin));
            for number in 0..10 {
                let seen = Client::to(variant.address()).from(policies::client(number)).ask("");
                assert!(matches!(seen, Ok(Seen::Answer(_))), "{}: {seen:?}", variant.name);
            }
            envoy.resident_kib()
        });
        writeln!(page, "| {} | {}.{} |", variant.name, kib / 1024, kib % 1024 * 10 / 1024)?;
    }
    Ok(page)
}
