//! Envoy's configuration: listeners with a filter in each, and what stands around it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::artifact;
use crate::certificates::{Authority, Identity};

/// One of the two ways in which Envoy loads the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Door {
    /// The filter in WebAssembly.
    Wasm,
    /// The native module.
    Module,
}

impl Door {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Wasm, Self::Module];

    /// What tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wasm => "wasm",
            Self::Module => "module",
        }
    }

    /// The filter, configured by a text.
    pub fn typed_config(self, configuration: &str) -> Value {
        self.configured_by(string_value(configuration))
    }

    /// The filter, configured by any message.
    fn configured_by(self, configuration: Value) -> Value {
        let file = match self {
            Self::Wasm => artifact::path(artifact::WASM),
            Self::Module => artifact::path(artifact::MODULE),
        };
        self.loads(&file, "authz", configuration)
    }

    /// Any filter that is loaded in this way: its file, what it is called, and any message.
    pub fn loads(self, file: &Path, name: &str, configuration: Value) -> Value {
        match self {
            Self::Wasm => json!({
                "@type": "type.googleapis.com/envoy.extensions.filters.network.wasm.v3.Wasm",
                "config": {
                    "name": name,
                    "root_id": name,
                    "vm_config": {
                        "vm_id": name,
                        "runtime": "envoy.wasm.runtime.v8",
                        "code": {"local": {"filename": file}},
                    },
                    "configuration": configuration,
                },
            }),
            Self::Module => json!({
                "@type": MODULE,
                "dynamic_module_config": {"module": {"local": {"filename": file}}},
                "filter_name": name,
                "filter_config": configuration,
            }),
        }
    }

    fn type_url(self) -> &'static str {
        match self {
            Self::Wasm => "type.googleapis.com/envoy.extensions.filters.network.wasm.v3.Wasm",
            Self::Module => MODULE,
        }
    }
}

const MODULE: &str = "type.googleapis.com/envoy.extensions.filters.network.dynamic_modules.v3.DynamicModuleNetworkFilter";

/// A message that holds a text.
fn string_value(text: &str) -> Value {
    json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": text})
}

/// What stands before the TCP proxy.
#[derive(Clone, Debug)]
pub enum Filter {
    /// Envoy's own RBAC filter, with these rules.
    Rbac(Value),
    /// Ours, with a configuration.
    Ours(Door, Value),
    /// The native module that panics where the name in this configuration says.
    Panicking(Value),
    /// Ours, with a configuration that is discovered in a folder.
    Discovered(Door, PathBuf),
}

/// What a listener accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// Plaintext.
    Plain,
    /// TLS, with a certificate of the peer's.
    Mutual,
    /// Plaintext, and TLS with a certificate or without.
    Either,
}

/// Where Envoy listens and what it does there.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Its address.
    pub address: SocketAddr,
    /// More addresses of its own.
    pub more_addresses: Vec<SocketAddr>,
    /// What it accepts.
    pub chain: Chain,
    /// What stands before the TCP proxy.
    pub filter: Filter,
    /// Where connections go to.
    pub upstream: SocketAddr,
    /// Whether a PROXY header may come first.
    pub takes_proxy_header: bool,
    /// Whether upstream is dialled at once, against the recipe for the filter in WebAssembly.
    pub dials_at_once: bool,
    /// Whether the configuration of our filter is a protobuf Struct instead of a text.
    pub as_struct: bool,
    /// The filter states that other filters leave for ours; each may be left out or spoilt by a test.
    pub filter_state: Vec<(&'static str, &'static str, &'static str)>,
}

/// The filter states of the recipe for the filter in WebAssembly: when they are set, their key and what they hold.
pub const FILTER_STATE: [(&str, &str, &str); 2] = [
    ("on_new_connection", "authz.direct_peer", "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%"),
    ("on_downstream_tls_handshake", "authz.uri_sans", "%DOWNSTREAM_PEER_URI_SAN%"),
];

impl Listener {
    /// A listener without a PROXY header.
    pub fn new(address: impl Into<SocketAddr>, chain: Chain, filter: Filter, upstream: SocketAddr) -> Self {
        let filter_state = FILTER_STATE.to_vec();
        Self {
            address: address.into(),
            more_addresses: Vec::new(),
            chain,
            filter,
            upstream,
            takes_proxy_header: false,
            dials_at_once: false,
            as_struct: false,
            filter_state,
        }
    }
}

/// A configuration of ours: these policies, as YAML text that may be empty, and `more` keys.
pub fn ours(policies: &str, more: Value) -> Value {
    let mut config = json!({
        "workload": {"namespace": "foo", "labels": {"app": "tcp-echo"}},
        "filterState": {"directPeer": "authz.direct_peer", "uriSans": "authz.uri_sans"},
        "fields": "all",
        "policies": if policies.trim().is_empty() { json!([]) } else { json!(policies) },
    });
    let (Value::Object(config_keys), Value::Object(more)) = (&mut config, more) else { panic!("`more` is a mapping") };
    config_keys.extend(more);
    config
}

/// A policy of the namespace `foo`: a line of YAML for its `spec`.
pub fn policy(name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: {name}, namespace: foo}}\nspec: {spec}\n"
    )
}

/// The whole of Envoy's configuration.
pub(crate) fn bootstrap(listeners: &[Listener], authority: &Authority, admin: SocketAddr, access_log: &Path) -> Value {
    let server = authority.issue(&["spiffe://cluster.local/ns/foo/sa/server"]).expect("a plain name");
    let tls = |required: bool| tls_socket(&server, authority, required);
    let clusters: BTreeMap<String, SocketAddr> =
        listeners.iter().map(|listener| (cluster_name(listener.upstream), listener.upstream)).collect();
    json!({
        "node": {"id": "node", "cluster": "cluster", "metadata": {"NAMESPACE": "foo", "LABELS": {"app": "tcp-echo"}}},
        "admin": {"address": socket_address(admin)},
        "static_resources": {
            "listeners": listeners.iter().map(|own| listener(own, &tls, access_log)).collect::<Vec<_>>(),
            "clusters": clusters.iter().map(|(name, address)| cluster(name, *address)).collect::<Vec<_>>(),
        },
    })
}

/// The transport socket of a listener that terminates TLS, and whether the peer has to have a certificate.
pub fn tls_socket(server: &Identity, authority: &Authority, required: bool) -> Value {
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "require_client_certificate": required,
            "common_tls_context": {
                "tls_certificates": [{
                    "certificate_chain": {"inline_string": server.certificate_pem},
                    "private_key": {"inline_string": server.key_pem},
                }],
                "validation_context": {"trusted_ca": {"inline_string": authority.pem()}},
            },
        },
    })
}

fn listener(listener: &Listener, tls: &dyn Fn(bool) -> Value, access_log: &Path) -> Value {
    let chain = |transport_socket: Option<Value>| {
        let is_tls = transport_socket.is_some();
        let mut chain = json!({"filters": filters(listener, is_tls, access_log)});
        if let Some(socket) = transport_socket {
            chain["transport_socket"] = socket;
            chain["transport_socket_connect_timeout"] = json!("10s");
            chain["filter_chain_match"] = json!({"transport_protocol": "tls"});
        }
        chain
    };
    let (chains, inspects) = match listener.chain {
        Chain::Plain => (vec![chain(None)], false),
        Chain::Mutual => {
            let mut chain = chain(Some(tls(true)));
            chain["filter_chain_match"] = json!({});
            (vec![chain], false)
        }
        Chain::Either => (vec![chain(None), chain(Some(tls(false)))], true),
    };
    let mut first = Vec::new();
    if listener.takes_proxy_header {
        first.push(json!({
            "name": "envoy.filters.listener.proxy_protocol",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol",
                "allow_requests_without_proxy_protocol": true,
            },
        }));
    }
    if inspects {
        first.push(json!({
            "name": "envoy.filters.listener.tls_inspector",
            "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"},
        }));
    }
    let more_addresses = listener.more_addresses.iter().map(|address| json!({"address": socket_address(*address)}));
    json!({
        "name": listener.address.to_string(),
        "stat_prefix": stat_prefix(listener.address),
        "address": socket_address(listener.address),
        "additional_addresses": more_addresses.collect::<Vec<_>>(),
        "traffic_direction": "INBOUND",
        "listener_filters": first,
        "filter_chains": chains,
    })
}

/// What the statistics of a listener start with, behind `listener.`.
pub fn stat_prefix(address: SocketAddr) -> String {
    format!("at_{}", address.port())
}

fn filters(listener: &Listener, is_tls: bool, access_log: &Path) -> Vec<Value> {
    let mut filters = Vec::new();
    let door = match &listener.filter {
        Filter::Rbac(_) => None,
        Filter::Ours(door, _) | Filter::Discovered(door, _) => Some(*door),
        Filter::Panicking(_) => Some(Door::Module),
    };
    if door == Some(Door::Wasm) && !listener.filter_state.is_empty() {
        filters.push(set_filter_state(&listener.filter_state));
    }
    filters.push(match &listener.filter {
        Filter::Rbac(rules) => json!({
            "name": "envoy.filters.network.rbac",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.rbac.v3.RBAC",
                "stat_prefix": "rbac",
                "rules": rules,
            },
        }),
        Filter::Ours(door, config) if listener.as_struct => {
            let message = json!({"@type": "type.googleapis.com/google.protobuf.Struct", "value": config});
            json!({"name": "authz", "typed_config": door.configured_by(message)})
        }
        Filter::Ours(door, config) => json!({"name": "authz", "typed_config": door.typed_config(&config.to_string())}),
        Filter::Panicking(config) => {
            let file = artifact::path(artifact::PANICKING);
            json!({"name": "authz", "typed_config": Door::Module.loads(&file, "authz", string_value(&config.to_string()))})
        }
        Filter::Discovered(door, folder) => json!({
            "name": "authz",
            "config_discovery": {
                "config_source": {
                    "resource_api_version": "V3",
                    "path_config_source": {"path": folder.join(DISCOVERED), "watched_directory": {"path": folder}},
                },
                "type_urls": [door.type_url()],
            },
        }),
    });
    let mut proxy = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
        "stat_prefix": "tcp",
        "cluster": cluster_name(listener.upstream),
        "access_log": [{
            "name": "envoy.access_loggers.file",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
                "path": access_log,
                "log_format": {"text_format_source": {"inline_string": format!("{}\n", log_format(door))}},
            },
        }],
    });
    // What the filter in WebAssembly needs: upstream is dialled once the handshake is done.
    if door == Some(Door::Wasm) && is_tls && !listener.dials_at_once {
        proxy["upstream_connect_mode"] = json!("ON_DOWNSTREAM_TLS_HANDSHAKE");
        proxy["max_early_data_bytes"] = json!(0);
    }
    filters.push(json!({"name": "envoy.filters.network.tcp_proxy", "typed_config": proxy}));
    filters
}

/// The fields of access logs, and how they are called there.
fn log_format(door: Option<Door>) -> String {
    let field = |field: &str| match door {
        Some(Door::Wasm) => format!("%FILTER_STATE(wasm.authz.{field}:PLAIN)%"),
        Some(Door::Module) => format!("%DYNAMIC_METADATA(authz:{field})%"),
        None => "-".into(),
    };
    let fields = ["verdict", "reason", "policy", "rule", "mode", "dry_run"].map(|name| format!("{name}={}", field(name)));
    format!("{} details=%CONNECTION_TERMINATION_DETAILS% upstream=%UPSTREAM_HOST%", fields.join(" "))
}

/// The filter that leaves filter states for others: when each is set, its key and what it holds.
pub fn set_filter_state(states: &[(&str, &str, &str)]) -> Value {
    let mut config = json!({"@type": "type.googleapis.com/envoy.extensions.filters.network.set_filter_state.v3.Config"});
    for (moment, key, format) in states {
        let state = json!({
            "object_key": key,
            "factory_key": "envoy.string",
            "format_string": {"text_format_source": {"inline_string": format}},
        });
        match &mut config[*moment] {
            Value::Array(states) => states.push(state),
            none => *none = json!([state]),
        }
    }
    json!({"name": "envoy.filters.network.set_filter_state", "typed_config": config})
}

/// The file in a folder that is watched.
const DISCOVERED: &str = "authz.json";

/// Puts a configuration where it is discovered: whole, or not at all.
pub fn put_discovered(folder: &Path, door: Door, version: usize, configuration: &str) {
    let resource = json!({
        "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
        "name": "authz",
        "typed_config": door.typed_config(configuration),
    });
    let response = json!({"version_info": version.to_string(), "resources": [resource]});
    let new = folder.join("new");
    std::fs::write(&new, response.to_string()).expect("a folder of the test's own");
    std::fs::rename(&new, folder.join(DISCOVERED)).expect("a folder of the test's own");
}

fn cluster_name(address: SocketAddr) -> String {
    format!("up_{}", address.port())
}

fn cluster(name: &str, address: SocketAddr) -> Value {
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "circuit_breakers": {"thresholds": [{"max_connections": 100_000, "max_pending_requests": 100_000}]},
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": socket_address(address)}}]}],
        },
    })
}

/// An address, as Envoy's configuration has it.
pub fn socket_address(address: SocketAddr) -> Value {
    json!({"socket_address": {"address": address.ip(), "port_value": address.port()}})
}
