//! What is taken for the end of a handshake, and what becomes of peers when another filter says it too soon.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed, as it should")]

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use authz_filter::{Answer, Filter, FilterStateKeys, Host, Node, Reading, Settings};
use authz_proxy_wasm::attributes::{self, Properties, Unreadable};
use authz_proxy_wasm::handshake::Handshake;

/// What Envoy says now; nothing stands for what it cannot hand out.
#[derive(Clone, Debug, Default)]
struct Envoy {
    properties: BTreeMap<String, Option<Vec<u8>>>,
    keys: FilterStateKeys,
    trusts_source_address: bool,
    handshake: Handshake,
    logged: Vec<String>,
}

impl Properties for Envoy {
    fn get(&self, path: &[&str]) -> Result<Option<Vec<u8>>, Unreadable> {
        self.properties.get(&path.join(".")).map_or(Ok(None), |bytes| bytes.clone().map(Some).ok_or(Unreadable))
    }
}

impl Envoy {
    /// A connection over TLS before its handshake.
    fn new(keys: &FilterStateKeys) -> Self {
        let mut envoy = Self { keys: keys.clone(), ..Self::default() };
        envoy.set("source.address", b"127.0.0.1:40000");
        envoy.set("destination.address", b"127.0.0.1:9000");
        envoy.set("connection.subject_local_certificate", b"CN=server");
        envoy.set("connection.mtls", &[0]);
        envoy
    }

    fn set(&mut self, path: &str, bytes: &[u8]) {
        self.properties.insert(path.into(), Some(bytes.to_vec()));
    }

    fn certify(&mut self, uri_san: &str) {
        self.set("connection.mtls", &[1]);
        self.set("connection.uri_san_peer_certificate", uri_san.as_bytes());
    }

    /// As the filter in WebAssembly does it.
    fn begin(&mut self, filter: &mut Filter) -> Answer {
        let answer = filter.on_new_connection(self);
        self.handshake = Handshake::begin(self, &self.keys);
        answer
    }
}

impl Host for Envoy {
    fn remote_address(&mut self) -> Reading<IpAddr> {
        attributes::remote_address(self)
    }

    fn direct_address(&mut self) -> Option<Reading<IpAddr>> {
        attributes::direct_address(self, &self.keys, self.trusts_source_address)
    }

    fn destination(&mut self) -> Reading<SocketAddr> {
        attributes::destination(self)
    }

    fn is_tls(&mut self) -> Reading<bool> {
        attributes::is_tls(self)
    }

    fn is_mutual(&mut self) -> Reading<bool> {
        attributes::is_mutual(self)
    }

    fn uri_sans(&mut self) -> Reading<Vec<String>> {
        attributes::uri_sans(self, &self.keys)
    }

    fn other_names(&mut self) -> Reading<Vec<String>> {
        attributes::other_names(self)
    }

    fn server_name(&mut self) -> Reading<String> {
        attributes::server_name(self)
    }

    fn is_handshake_complete(&mut self) -> bool {
        self.handshake.is_complete(self, &self.keys)
    }

    fn now(&mut self) -> Duration {
        Duration::ZERO
    }

    fn count(&mut self, _: usize) {}

    fn publish(&mut self, _: &[(&'static str, &str)]) {}

    fn log(&mut self, line: &str) {
        self.logged.push(line.to_owned());
    }
}

const BAD: &str = "spiffe://td/bad";

/// A filter that denies one identity, behind others that leave these filter states.
fn denying_bad(filter_state: &str) -> (Filter, FilterStateKeys) {
    let text = format!(
        "{{workload: {{namespace: foo, labels: {{}}}}, {filter_state}, trust: {{firstUriSan: true}}, policies: [{{apiVersion: security.istio.io/v1, \
         kind: AuthorizationPolicy, metadata: {{name: p, namespace: foo}}, spec: {{action: DENY, rules: [{{from: [{{source: \
         {{principals: [td/bad]}}}}]}}]}}}}]}}"
    );
    let config = Settings::read(&text).unwrap().compile(&Node::default()).unwrap().for_partial_proxy().unwrap();
    let keys = config.filter_state().clone();
    (Filter::new(config.into()), keys)
}

#[test]
fn a_key_that_was_set_too_soon_lets_no_denied_identity_pass() {
    for filter_state in [
        "filterState: {uriSans: k}",
        "filterState: {handshake: k}",
        "filterState: {handshake: k, uriSans: other}",
        "filterState: {handshake: other, uriSans: k}",
    ] {
        let (mut filter, keys) = denying_bad(filter_state);
        let mut envoy = Envoy::new(&keys);
        // `on_new_connection` instead of `on_downstream_tls_handshake`: there is no peer yet.
        envoy.set("filter_state.k", b"-");
        assert_eq!(envoy.begin(&mut filter), Answer::Wait, "{filter_state}");
        // A server that speaks first, and was dialled at once.
        assert_eq!(filter.on_upstream_data(&mut envoy), Answer::Wait, "{filter_state}");
        envoy.certify(BAD);
        assert_ne!(filter.on_upstream_data(&mut envoy), Answer::Continue, "{filter_state}");
        assert_ne!(filter.on_downstream_data(&mut envoy), Answer::Continue, "{filter_state}");
        assert!(filter.details().is_some(), "{filter_state}");
    }
}

#[test]
fn upstreams_data_alone_makes_no_peer_one_without_a_certificate() {
    let (mut filter, keys) = denying_bad("filterState: {uriSans: k}");
    let mut envoy = Envoy::new(&keys);
    assert_eq!(envoy.begin(&mut filter), Answer::Wait);
    // A filter behind this one set it when it was told of the connection.
    envoy.set("filter_state.k", b"-");
    assert_eq!(filter.on_upstream_data(&mut envoy), Answer::Wait);
    envoy.certify(BAD);
    envoy.set("filter_state.k", BAD.as_bytes());
    assert_eq!(filter.on_upstream_data(&mut envoy), Answer::Close);
    assert_eq!(filter.details(), Some("authz_denied[deny-policy:foo/p#0]"));
}

#[test]
fn the_end_of_the_handshake_is_told_by_the_key_for_it_or_if_there_is_none_by_a_certificate() {
    let keys = |uri_sans: Option<&str>, handshake: Option<&str>| FilterStateKeys {
        direct_peer: None,
        uri_sans: uri_sans.map(Into::into),
        handshake: handshake.map(Into::into),
    };
    // Keys, whether `k` is there when the connection is new and later, whether the peer has a certificate.
    let table = [
        (keys(None, None), false, false, false, false),
        (keys(None, None), false, false, true, true),
        (keys(Some("k"), None), false, true, true, true),
        (keys(Some("k"), None), false, true, false, false),
        (keys(Some("k"), None), false, false, true, false),
        (keys(Some("k"), None), true, true, true, false),
        (keys(None, Some("k")), false, true, false, true),
        (keys(None, Some("k")), false, true, true, true),
        (keys(None, Some("k")), false, false, true, false),
        (keys(None, Some("k")), true, true, true, false),
        (keys(Some("other"), Some("k")), false, true, false, true),
        (keys(Some("k"), Some("other")), false, true, true, false),
    ];
    for (keys, at_first, later, is_mutual, expected) in table {
        let mut envoy = Envoy::new(&keys);
        if at_first {
            envoy.set("filter_state.k", b"-");
        }
        let handshake = Handshake::begin(&envoy, &keys);
        if later {
            envoy.set("filter_state.k", b"-");
        }
        if is_mutual {
            envoy.certify(BAD);
        }
        assert_eq!(handshake.is_complete(&envoy, &keys), expected, "{keys:?} {at_first} {later} {is_mutual}");
    }
    // What cannot be read proves nothing, neither early nor late.
    let keys = keys(None, Some("k"));
    let mut envoy = Envoy::new(&keys);
    let handshake = Handshake::begin(&envoy, &keys);
    envoy.properties.insert("filter_state.k".into(), None);
    assert!(!handshake.is_complete(&envoy, &keys));
    let handshake = Handshake::begin(&envoy, &keys);
    envoy.set("filter_state.k", b"-");
    assert!(!handshake.is_complete(&envoy, &keys));
}

#[test]
fn a_log_names_the_direct_peer_only_where_it_is_known() {
    for (trusts_source_address, is_named) in [(false, false), (true, true)] {
        let text = "{workload: {namespace: foo, labels: {}}, policies: [{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, \
                    metadata: {name: p, namespace: foo}, spec: {action: DENY, rules: [{}]}}]}";
        let config = Settings::read(text).unwrap().compile(&Node::default()).unwrap();
        let mut envoy = Envoy { trusts_source_address, ..Envoy::new(&FilterStateKeys::default()) };
        assert_eq!(Filter::new(config.into()).on_new_connection(&mut envoy), Answer::Close);
        assert_eq!(envoy.logged[0].contains(r#""sourceIp":"127.0.0.1""#), is_named, "{:?}", envoy.logged);
        assert!(envoy.logged[0].contains(r#""remoteIp":"127.0.0.1""#), "{:?}", envoy.logged);
    }
}
