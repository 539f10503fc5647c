//! Generated `PeerAuthentication` resources.

use crate::authorization_policy::Place;
use crate::draw::Draw;
use crate::node::Node;
use crate::pool;

const MODES: &[&str] = &["PERMISSIVE", "STRICT", "DISABLE", "UNSET"];

/// A resource. `index` keeps its name from being another's.
pub(crate) fn draw(index: usize, place: &Place, draw: &mut Draw<'_>) -> Node {
    let age = draw.maybe(60, |draw| Node::text(format!("2024-05-0{}T12:00:00Z", draw.between(1, 3))));
    let metadata = Node::map([
        ("name", Node::text(format!("{}-{index}", draw.one(pool::POLICY_NAMES)))),
        ("namespace", Node::Text(place.draw_namespace(draw))),
    ]);
    let mut spec = Node::Map(Vec::new());
    let has_selector = draw.percent(50);
    if has_selector {
        spec = spec.with("selector", place.draw_selector(draw));
    }
    if draw.percent(85) {
        spec = spec.with("mtls", draw_mode(draw));
    }
    if has_selector && draw.percent(60) {
        let mut ports: Vec<(String, Node)> = Vec::new();
        for port in draw.some(3, |draw| draw.text(pool::MTLS_PORTS)) {
            // `80` and `080` are one port.
            if ports.iter().all(|(known, _)| known.trim_start_matches('0') != port.trim_start_matches('0')) {
                ports.push((port, draw_mode(draw)));
            }
        }
        spec = spec.with("portLevelMtls", Node::Map(ports));
    }
    Node::map([("apiVersion", Node::text("security.istio.io/v1")), ("kind", Node::text("PeerAuthentication"))])
        .with("metadata", metadata.with_some("creationTimestamp", age))
        .with_some("spec", (!spec.is_empty()).then_some(spec))
}

fn draw_mode(draw: &mut Draw<'_>) -> Node {
    Node::map([("mode", Node::text(draw.one(MODES)))])
}
