//! The same policies in two languages: Istio's, which our filters read, and what Istio makes of it for Envoy's RBAC
//! filter.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use authz_e2e::Chain;
use serde_json::{Value, json};

/// The port that all policies are about: a workload's policies name the workload's port.
pub(crate) const PORT: u16 = 9000;
/// What the last policy lets in over plaintext, as 127.0.2.0/24.
pub(crate) const CLIENTS: [u8; 3] = [127, 0, 2];
/// What no policy lets in.
pub(crate) const OUTSIDER: [u8; 4] = [127, 0, 9, 9];
/// Whom the last policy lets in over TLS.
pub(crate) const CLIENT: &str = "cluster.local/ns/foo/sa/client";

/// Whom a policy lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    /// The 256 addresses from this one.
    Block(Ipv4Addr),
    /// An identity, without `spiffe://`.
    Principal(String),
}

/// So many, of which the last is the one that lets our clients in.
fn sources(chain: Chain, count: u16) -> impl Iterator<Item = Source> {
    (1..=count).map(move |number| match (chain, number == count) {
        (Chain::Plain, true) => Source::Block(Ipv4Addr::new(CLIENTS[0], CLIENTS[1], CLIENTS[2], 0)),
        (Chain::Plain, false) => {
            // All of 10.0.0.0/8 in an order in which no neighbours follow each other, as blocks come in practice.
            let [high, low] = number.wrapping_mul(40_503).to_be_bytes();
            Source::Block(Ipv4Addr::new(10, high, low, 0))
        }
        (_, true) => Source::Principal(CLIENT.to_owned()),
        (_, false) => Source::Principal(format!("cluster.local/ns/team-{}/sa/client-{number}", number % 50)),
    })
}

/// As Istio's resources, in YAML.
pub(crate) fn istio(chain: Chain, count: u16) -> String {
    let mut text = String::new();
    for (number, source) in sources(chain, count).enumerate() {
        let source = match source {
            Source::Block(start) => format!("{{ipBlocks: [{start}/24]}}"),
            Source::Principal(principal) => format!("{{principals: [{principal}]}}"),
        };
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: p{number:04}, namespace: foo}}\n\
             spec: {{action: ALLOW, rules: [{{from: [{{source: {source}}}], to: [{{operation: {{ports: ['{PORT}']}}}}]}}]}}\n",
        );
    }
    text
}

/// As rules of Envoy's RBAC filter. It goes through them in the order of their names, which is that of their numbers.
pub(crate) fn rbac(chain: Chain, count: u16) -> Value {
    let policies = sources(chain, count).enumerate().map(|(number, source)| {
        let principal = match source {
            Source::Block(start) => json!({"direct_remote_ip": {"address_prefix": start, "prefix_len": 24}}),
            Source::Principal(principal) => {
                json!({"authenticated": {"principal_name": {"exact": format!("spiffe://{principal}")}}})
            }
        };
        // Istio writes a conjunction of disjunctions, also where there is one of each.
        let rule = json!({
            "permissions": [{"and_rules": {"rules": [{"or_rules": {"rules": [{"destination_port": PORT}]}}]}}],
            "principals": [{"and_ids": {"ids": [{"or_ids": {"ids": [principal]}}]}}],
        });
        (format!("ns[foo]-policy[p{number:04}]-rule[0]"), rule)
    });
    json!({"action": "ALLOW", "policies": policies.collect::<serde_json::Map<_, _>>()})
}

/// An address from which the last policy lets clients in; a few hundred, so that none runs out of ports.
pub(crate) fn client(number: usize) -> IpAddr {
    let last = u8::try_from(number % 250).expect("below 250") + 1;
    IpAddr::from([CLIENTS[0], CLIENTS[1], CLIENTS[2], last])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn only_the_last_policy_lets_our_clients_in_and_no_two_are_alike() {
        for chain in [Chain::Plain, Chain::Mutual] {
            let all: Vec<Source> = sources(chain, 1000).collect();
            let ours = sources(chain, 1).next();
            assert_eq!(all.iter().position(|source| Some(source) == ours.as_ref()), Some(999));
            assert_eq!(all.iter().map(|source| format!("{source:?}")).collect::<HashSet<_>>().len(), 1000);
        }
    }

    #[test]
    fn both_languages_say_the_same_in_the_same_order() {
        let istio = istio(Chain::Plain, 1000);
        let blocks: Vec<&str> =
            istio.lines().filter_map(|line| Some(line.split_once("ipBlocks: [")?.1.split_once(']')?.0)).collect();
        let rbac = rbac(Chain::Plain, 1000);
        let rules = rbac["policies"].as_object().unwrap();
        let names: Vec<&String> = rules.keys().collect();
        assert!(names.is_sorted() && names.len() == 1000);
        let of_rbac: Vec<String> = rules
            .values()
            .map(|rule| {
                let block = &rule["principals"][0]["and_ids"]["ids"][0]["or_ids"]["ids"][0]["direct_remote_ip"];
                format!("{}/{}", block["address_prefix"].as_str().unwrap(), block["prefix_len"])
            })
            .collect();
        assert_eq!(blocks, of_rbac);
        let port = &rules["ns[foo]-policy[p0999]-rule[0]"]["permissions"][0]["and_rules"]["rules"][0]["or_rules"]["rules"][0];
        assert_eq!(*port, json!({"destination_port": PORT}));
    }

    #[test]
    fn clients_come_from_the_last_block() {
        for number in [0, 249, 250, 100_000] {
            let IpAddr::V4(address) = client(number) else { panic!("an IPv4 address") };
            assert_eq!(address.octets()[..3], CLIENTS);
        }
        assert_ne!(OUTSIDER[..3], CLIENTS);
    }
}
