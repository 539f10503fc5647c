//! Generated `AuthorizationPolicy` resources: every action, every field, valid ones only.

use crate::draw::Draw;
use crate::node::Node;
use crate::pool;

/// Who is meant by the policies that are drawn: where the workload is, and where the mesh has its root.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) namespace: String,
    pub(crate) root: String,
    pub(crate) app: String,
    pub(crate) gateway: Option<String>,
}

impl Place {
    /// A namespace for a resource, mostly one from where it reaches the workload.
    pub(crate) fn draw_namespace(&self, draw: &mut Draw<'_>) -> String {
        match draw.weighted(&[6, 3, 1]) {
            0 => self.namespace.clone(),
            1 => self.root.clone(),
            _ => draw.text(pool::NAMESPACES),
        }
    }

    /// A selector, mostly one that the workload meets.
    pub(crate) fn draw_selector(&self, draw: &mut Draw<'_>) -> Node {
        let app = if draw.percent(80) { self.app.clone() } else { draw.text(pool::APPS) };
        let labels = Node::map([("app", Node::Text(app))]);
        let labels = if draw.percent(15) { labels.with("version", Node::text("v1")) } else { labels };
        Node::map([("matchLabels", labels)])
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Action {
    #[default]
    Allow,
    Deny,
    Audit,
    Custom,
}

/// A policy. `index` keeps its name from being another's.
pub(crate) fn draw(index: usize, place: &Place, draw: &mut Draw<'_>) -> Node {
    draw_weighted(index, &[9, 6, 3, 3], place, draw)
}

/// A policy of ALLOW, DENY, AUDIT or CUSTOM, by these weights.
pub(crate) fn draw_weighted(index: usize, weights: &[usize; 4], place: &Place, draw: &mut Draw<'_>) -> Node {
    let actions = [Action::Allow, Action::Deny, Action::Audit, Action::Custom];
    let action = actions.get(draw.weighted(weights)).copied().unwrap_or_default();
    let metadata = Node::map([
        ("name", Node::text(format!("{}-{index}", draw.one(pool::POLICY_NAMES)))),
        ("namespace", Node::Text(place.draw_namespace(draw))),
    ]);
    let dry_run = matches!(action, Action::Allow | Action::Deny).then(|| draw.weighted(&[15, 4, 1])).unwrap_or_default();
    let annotation = match dry_run {
        0 => None,
        1 => Some("true"),
        _ => Some("false"),
    };
    let annotations = annotation.map(|value| Node::map([("istio.io/dry-run", Node::text(value))]));
    let version = if draw.percent(25) { "security.istio.io/v1beta1" } else { "security.istio.io/v1" };
    Node::map([("apiVersion", Node::text(version)), ("kind", Node::text("AuthorizationPolicy"))])
        .with("metadata", metadata.with_some("annotations", annotations))
        .with_some("spec", draw_spec(action, place, draw))
}

fn draw_spec(action: Action, place: &Place, draw: &mut Draw<'_>) -> Option<Node> {
    let mut spec = Node::Map(Vec::new());
    match draw.weighted(&[10, 8, 2]) {
        0 => {}
        1 => spec = spec.with("selector", place.draw_selector(draw)),
        _ => spec = draw_targets(place, spec, draw),
    }
    let word = match action {
        Action::Allow => draw.percent(70).then_some("ALLOW"),
        Action::Deny => Some("DENY"),
        Action::Audit => Some("AUDIT"),
        Action::Custom => Some("CUSTOM"),
    };
    spec = spec.with_some("action", word.map(Node::text));
    if action == Action::Custom {
        spec = spec.with("provider", Node::map([("name", Node::text(draw.one(pool::PROVIDERS)))]));
    }
    let most = if draw.percent(3) { 13 } else { 3 };
    let may_lack_rules = matches!(action, Action::Allow | Action::Audit);
    if !(may_lack_rules && draw.percent(8)) {
        let count = draw.between(1, most);
        spec = spec.with("rules", Node::List((0..count).map(|_| draw_rule(action, draw)).collect()));
    }
    (!spec.is_empty()).then_some(spec)
}

fn draw_targets(place: &Place, spec: Node, draw: &mut Draw<'_>) -> Node {
    let mut target = |_| {
        let name = match &place.gateway {
            Some(gateway) if draw.percent(70) => gateway.clone(),
            _ => draw.text(pool::GATEWAYS),
        };
        let (group, kind) = if draw.percent(80) { ("gateway.networking.k8s.io", "Gateway") } else { ("", "Service") };
        Node::map([("group", Node::text(group)), ("kind", Node::text(kind)), ("name", Node::Text(name))])
    };
    let first = target(());
    if draw.percent(30) {
        return spec.with("targetRef", first);
    }
    spec.with("targetRefs", Node::List(vec![first]))
}

fn draw_rule(action: Action, draw: &mut Draw<'_>) -> Node {
    let mut rule = Node::Map(Vec::new());
    // More entries, or more lists of one attribute, than the compiled form writes out.
    let (sources, operations) = if draw.percent(8) { (16, 10) } else { (3, 3) };
    let conditions = if draw.percent(10) { 8 } else { 3 };
    if draw.percent(45) {
        let from = draw.some(sources, |draw| Node::map([("source", draw_source(action, draw))]));
        rule = rule.with("from", Node::List(from));
    }
    if draw.percent(45) {
        let to = draw.some(operations, |draw| Node::map([("operation", draw_operation(draw))]));
        rule = rule.with("to", Node::List(to));
    }
    if draw.percent(40) {
        rule = rule.with("when", Node::List(draw.some(conditions, |draw| draw_condition(action, draw))));
    }
    rule
}

/// One or two fields, each once; those in `pairs` exclude each other's names.
fn draw_fields(draw: &mut Draw<'_>, mut field: impl FnMut(&mut Draw<'_>) -> (&'static str, Node)) -> Node {
    let mut fields: Vec<(String, Node)> = Vec::new();
    for (name, values) in draw.some(3, &mut field) {
        let name = if draw.percent(30) { negative(name) } else { name.to_owned() };
        if fields.iter().all(|(known, _)| *known != name) {
            fields.push((name, values));
        }
    }
    Node::Map(fields)
}

/// `ports` as `notPorts`.
fn negative(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    format!("not{}{}", first.unwrap_or_default(), letters.as_str())
}

fn draw_source(action: Action, draw: &mut Draw<'_>) -> Node {
    let is_custom = action == Action::Custom;
    // `serviceAccounts` stand beside neither `principals` nor `namespaces`.
    let by_account = draw.percent(25);
    draw_fields(draw, |draw| match draw.weighted(&[4, 3, 3, 3, 2, 1]) {
        0 => ("ipBlocks", texts(3, draw, |draw| draw.text(pool::BLOCKS))),
        1 => ("remoteIpBlocks", texts(3, draw, |draw| draw.text(pool::BLOCKS))),
        _ if is_custom => ("ipBlocks", texts(2, draw, |draw| draw.text(pool::BLOCKS))),
        2 if by_account => ("serviceAccounts", texts(2, draw, draw_account)),
        3 if by_account => ("serviceAccounts", texts(3, draw, draw_account)),
        2 => ("principals", texts(3, draw, draw_principal)),
        3 => ("namespaces", texts(2, draw, |draw| draw.text(pool::NAMESPACE_PATTERNS))),
        4 => ("trustDomains", texts(2, draw, |draw| draw.text(pool::TRUST_DOMAIN_PATTERNS))),
        _ => ("requestPrincipals", texts(1, draw, |draw| draw.text(pool::REQUEST_PRINCIPALS))),
    })
}

fn draw_operation(draw: &mut Draw<'_>) -> Node {
    draw_fields(draw, |draw| match draw.weighted(&[12, 1, 1, 1]) {
        0 => ("ports", texts(4, draw, |draw| draw.text(pool::WRITTEN_PORTS))),
        1 => ("hosts", texts(1, draw, |draw| draw.text(pool::HOSTS))),
        2 => ("methods", texts(1, draw, |draw| draw.text(pool::METHODS))),
        _ => ("paths", texts(1, draw, |draw| draw.text(pool::PATHS))),
    })
}

fn draw_condition(action: Action, draw: &mut Draw<'_>) -> Node {
    let (key, pool): (&str, fn(&mut Draw<'_>) -> String) = match draw.weighted(&[2, 2, 2, 3, 3, 3, 1, 2, 2, 2, 2]) {
        0 => ("source.ip", |draw| draw.text(pool::BLOCKS)),
        1 => ("remote.ip", |draw| draw.text(pool::BLOCKS)),
        2 => ("destination.ip", |draw| draw.text(pool::BLOCKS)),
        3 => ("destination.port", |draw| draw.text(pool::WRITTEN_PORTS)),
        4 => ("connection.sni", |draw| draw.text(pool::SNI_PATTERNS)),
        5 => (draw.one(pool::METADATA_KEYS), |draw| draw.text(pool::METADATA_PATTERNS)),
        _ if action == Action::Custom => ("request.headers[x-user]", |draw| draw.text(pool::REQUEST_PRINCIPALS)),
        6 => (draw.one(pool::HTTP_KEYS), |draw| draw.text(pool::REQUEST_PRINCIPALS)),
        7 => ("source.principal", draw_principal),
        8 => ("source.namespace", |draw| draw.text(pool::NAMESPACE_PATTERNS)),
        9 => ("source.serviceAccount", draw_account),
        _ => ("source.trustDomain", |draw| {
            if draw.percent(25) { draw.text(pool::TRUST_DOMAIN_PATHS) } else { draw.text(pool::TRUST_DOMAIN_PATTERNS) }
        }),
    };
    let shape = draw.weighted(&[6, 3, 1]);
    let mut condition = Node::map([("key", Node::text(key))]);
    if shape != 1 {
        condition = condition.with("values", texts(3, draw, pool));
    }
    if shape != 0 {
        condition = condition.with("notValues", texts(3, draw, pool));
    }
    condition
}

fn texts(most: usize, draw: &mut Draw<'_>, value: impl FnMut(&mut Draw<'_>) -> String) -> Node {
    Node::texts(draw.some(most, value))
}

fn draw_principal(draw: &mut Draw<'_>) -> String {
    if draw.percent(25) {
        return draw.text(pool::ODD_PRINCIPALS);
    }
    let trust_domain = match draw.weighted(&[8, 2, 1, 1]) {
        0 => draw.text(pool::TRUST_DOMAINS),
        1 => "*".into(),
        2 => "*td".into(),
        _ => "old*".into(),
    };
    let account = if draw.percent(20) { "*".into() } else { draw.text(pool::ACCOUNTS) };
    format!("{trust_domain}/ns/{}/sa/{account}", draw.one(pool::NAMESPACES))
}

fn draw_account(draw: &mut Draw<'_>) -> String {
    let account = draw.text(pool::ACCOUNTS);
    if draw.percent(50) { format!("{}/{account}", draw.one(pool::NAMESPACES)) } else { account }
}
