//! What stands before the TCP proxy in each of the listeners that are compared.

use std::net::{IpAddr, SocketAddr};

use authz_e2e::config::{FILTER_STATE, set_filter_state};
use authz_e2e::{Chain, Door, Envoy, artifact};
use serde_json::{Value, json};

use crate::policies::{self, PORT};

/// One listener.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Variant {
    /// What tables call it.
    pub(crate) name: &'static str,
    /// What figures and statistics call it.
    pub(crate) key: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    None,
    Nothing(Door),
    /// Envoy's own, with so many policies.
    Rbac(u16),
    /// Ours, with so many policies.
    Ours(Door, u16),
    /// Ours, with fields of all connections.
    Fields(Door, u16),
    /// Ours, behind the filter that the recipe for WebAssembly puts before it.
    Recipe(u16),
}

/// How many policies are many.
const MANY: u16 = 1000;

/// Without a filter. All ratios are to this one.
pub(crate) const NONE: &str = "none";
/// All; the first is what the others are compared with.
pub(crate) const VARIANTS: &[Variant] = &[
    Variant { name: "no filter", key: NONE, kind: Kind::None },
    Variant { name: "no filter, once more", key: "none_again", kind: Kind::None },
    Variant { name: "a dynamic module that does nothing", key: "nothing_module", kind: Kind::Nothing(Door::Module) },
    Variant { name: "a WebAssembly filter that does nothing", key: "nothing_wasm", kind: Kind::Nothing(Door::Wasm) },
    Variant { name: "Envoy's RBAC filter, 1 policy", key: "rbac_1", kind: Kind::Rbac(1) },
    Variant { name: "Envoy's RBAC filter, 1,000 policies", key: "rbac_1000", kind: Kind::Rbac(MANY) },
    Variant { name: "the dynamic module, 1 policy", key: "module_1", kind: Kind::Ours(Door::Module, 1) },
    Variant { name: "the dynamic module, 1,000 policies", key: "module_1000", kind: Kind::Ours(Door::Module, MANY) },
    Variant { name: "the WebAssembly filter, 1 policy", key: "wasm_1", kind: Kind::Ours(Door::Wasm, 1) },
    Variant { name: "the WebAssembly filter, 1,000 policies", key: "wasm_1000", kind: Kind::Ours(Door::Wasm, MANY) },
    Variant { name: "the same behind `set_filter_state`", key: "wasm_recipe", kind: Kind::Recipe(MANY) },
    Variant {
        name: "the dynamic module, 1,000 policies, `fields: all`",
        key: "module_fields",
        kind: Kind::Fields(Door::Module, MANY),
    },
    Variant {
        name: "the WebAssembly filter, 1,000 policies, `fields: all`",
        key: "wasm_fields",
        kind: Kind::Fields(Door::Wasm, MANY),
    },
];

/// A difference between two variants, by their keys, and how large it may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Comparison {
    pub(crate) of: &'static str,
    pub(crate) with: &'static str,
    /// In parts of what a connection costs without a filter.
    pub(crate) bound: Option<f64>,
}

/// What is compared.
pub(crate) const COMPARISONS: &[Comparison] = &[
    Comparison { of: "module_1000", with: "nothing_module", bound: Some(0.03) },
    Comparison { of: "module_fields", with: "nothing_module", bound: Some(0.03) },
    Comparison { of: "wasm_1000", with: "nothing_wasm", bound: Some(0.15) },
    Comparison { of: "wasm_fields", with: "nothing_wasm", bound: Some(0.15) },
    Comparison { of: "wasm_recipe", with: "nothing_wasm", bound: Some(0.15) },
    Comparison { of: "rbac_1000", with: NONE, bound: None },
    Comparison { of: "none_again", with: NONE, bound: None },
];

/// What becomes of the connections of a listener, as Envoy counts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Those that the TCP proxy saw.
    pub(crate) connections: u64,
    /// Those that the filter let through and those that it did not, if it decides.
    pub(crate) decided: Option<(u64, u64)>,
}

impl Variant {
    /// Where it listens: all at one port, so that all have the same policies.
    pub(crate) fn address(&self) -> SocketAddr {
        let place = VARIANTS.iter().position(|own| own.key == self.key).expect("one of them");
        SocketAddr::new(IpAddr::from([127, 0, 1, u8::try_from(place).expect("a few") + 1]), PORT)
    }

    /// Whether it refuses anyone.
    pub(crate) fn decides(&self) -> bool {
        matches!(self.kind, Kind::Rbac(_) | Kind::Ours(..) | Kind::Fields(..) | Kind::Recipe(_))
    }

    /// The filters before the TCP proxy.
    pub(crate) fn filters(&self, chain: Chain) -> Vec<Value> {
        match self.kind {
            Kind::None => Vec::new(),
            Kind::Nothing(door) => {
                let file = match door {
                    Door::Wasm => artifact::NOTHING_WASM,
                    Door::Module => artifact::NOTHING_MODULE,
                };
                let configuration = json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": ""});
                vec![json!({"name": "nothing", "typed_config": door.loads(&artifact::path(file), "nothing", configuration)})]
            }
            Kind::Rbac(count) => vec![json!({
                "name": "envoy.filters.network.rbac",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.network.rbac.v3.RBAC",
                    "stat_prefix": format!("{}.", self.key),
                    "rules": policies::rbac(chain, count),
                },
            })],
            Kind::Ours(door, count) => vec![self.ours(door, chain, count, json!({}))],
            Kind::Fields(door, count) => vec![self.ours(door, chain, count, json!({"fields": "all"}))],
            Kind::Recipe(count) => {
                let keys = json!({"directPeer": FILTER_STATE[0].1, "uriSans": FILTER_STATE[1].1});
                vec![set_filter_state(&FILTER_STATE), self.ours(Door::Wasm, chain, count, json!({"filterState": keys}))]
            }
        }
    }

    fn ours(&self, door: Door, chain: Chain, count: u16, more: Value) -> Value {
        let mut config = json!({
            "name": self.key,
            "workload": {"namespace": "foo", "labels": {"app": "tcp-echo"}},
            "policies": policies::istio(chain, count),
        });
        if door == Door::Wasm && more.get("filterState").is_none() {
            // There is no PROXY header here, and no second URI SAN.
            config["trust"] = json!({"firstUriSan": true, "sourceAddress": true});
        }
        for (key, value) in more.as_object().into_iter().flatten() {
            config[key] = value.clone();
        }
        json!({"name": "authz", "typed_config": door.typed_config(&config.to_string())})
    }

    /// What Envoy has counted so far.
    pub(crate) fn counts(&self, envoy: &Envoy) -> Counts {
        let own = |name: &str| format!("{}_{name}", self.key);
        let pair = |count: &dyn Fn(&str) -> u64| Some((count("allowed"), count("denied")));
        let decided = match self.kind {
            Kind::None | Kind::Nothing(_) => None,
            Kind::Rbac(_) => pair(&|name| envoy.stat(&format!("{}.rbac.{name}", self.key))),
            Kind::Ours(door, _) | Kind::Fields(door, _) => pair(&|name| envoy.counter(door, &own(name))),
            Kind::Recipe(_) => pair(&|name| envoy.counter(Door::Wasm, &own(name))),
        };
        Counts { connections: envoy.stat(&format!("tcp.{}.downstream_cx_total", self.key)), decided }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant_is_named_once_and_every_comparison_is_of_two_of_them() {
        assert_eq!(VARIANTS[0].key, NONE);
        for (place, variant) in VARIANTS.iter().enumerate() {
            assert!(
                VARIANTS[..place].iter().all(|other| other.key != variant.key && other.name != variant.name),
                "{}",
                variant.key
            );
        }
        let is_one = |key: &str| VARIANTS.iter().any(|variant| variant.key == key);
        assert!(COMPARISONS.iter().all(|comparison| is_one(comparison.of) && is_one(comparison.with)));
    }
}
