//! The Envoy in which everything is measured: one process and one worker, a listener for each variant.

use std::net::SocketAddr;

use authz_e2e::config::{socket_address, tls_socket};
use authz_e2e::{Authority, Chain};
use serde_json::{Value, json};

use crate::variant::Variant;

/// From how many addresses the service is reached: Envoy has some 28,000 ports of its own for each, and after a
/// connection one is not free for a minute.
const SERVICE_ADDRESSES: u8 = 64;

/// A configuration with nothing in it that costs a connection anything but the filters: no access log.
pub(crate) fn bootstrap(variants: &[Variant], chain: Chain, authority: &Authority, service: u16, admin: SocketAddr) -> Value {
    let server = authority.issue(&["spiffe://cluster.local/ns/foo/sa/server"]).expect("a plain name");
    let listener = |variant: &Variant| {
        let mut proxy = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
            "stat_prefix": variant.key,
            "cluster": "service",
        });
        let mut filters = variant.filters(chain);
        let mut own = json!({});
        if chain != Chain::Plain {
            // What the filter in WebAssembly needs, and here all have: upstream is dialled after the handshake.
            proxy["upstream_connect_mode"] = json!("ON_DOWNSTREAM_TLS_HANDSHAKE");
            proxy["max_early_data_bytes"] = json!(0);
            let mut socket = tls_socket(&server, authority, true);
            // Each handshake is a whole one.
            socket["typed_config"]["disable_stateless_session_resumption"] = json!(true);
            socket["typed_config"]["disable_stateful_session_resumption"] = json!(true);
            own["transport_socket"] = socket;
            own["transport_socket_connect_timeout"] = json!("10s");
        }
        filters.push(json!({"name": "envoy.filters.network.tcp_proxy", "typed_config": proxy}));
        own["filters"] = json!(filters);
        json!({
            "name": variant.key,
            "stat_prefix": variant.key,
            "address": socket_address(variant.address()),
            "traffic_direction": "INBOUND",
            "filter_chains": [own],
        })
    };
    let endpoint = |last: u8| {
        let address = SocketAddr::from(([127, 0, 3, last], service));
        json!({"endpoint": {"address": socket_address(address)}})
    };
    json!({
        "node": {"id": "node", "cluster": "cluster"},
        "admin": {"address": socket_address(admin)},
        // The worker hands in what it has counted every so often, which no variant has to answer for.
        "stats_flush_interval": "60s",
        "static_resources": {
            "listeners": variants.iter().map(listener).collect::<Vec<_>>(),
            "clusters": [{
                "name": "service",
                "type": "STATIC",
                "connect_timeout": "5s",
                "load_assignment": {
                    "cluster_name": "service",
                    "endpoints": [{"lb_endpoints": (1..=SERVICE_ADDRESSES).map(endpoint).collect::<Vec<_>>()}],
                },
            }],
        },
    })
}
