//! `AuthorizationPolicy` as written (reference: Istio, `security/v1beta1/authorization_policy.proto`).

use super::{Field, FieldName, Metadata, Selector, Text, metadata, read_texts, report_empty_list};
use crate::finding::{FindingKind, Path, Reporter};
use crate::sort::{sort, sort_stably};
use crate::value::Span;
use crate::yaml::{Fields, Items, Node, list, nearest};

/// What a policy orders.
///
/// ```
/// use authz_core::Action;
///
/// assert_eq!(Action::Deny.to_string(), "DENY");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Asks an external provider about what its rules match.
    Custom,
    /// Marks what its rules match for auditing; never decides.
    Audit,
    /// Denies what its rules match.
    Deny,
    /// Allows what its rules match, and with that denies what no ALLOW rule matches.
    #[default]
    Allow,
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Custom => "CUSTOM",
            Self::Audit => "AUDIT",
            Self::Deny => "DENY",
            Self::Allow => "ALLOW",
        })
    }
}

/// The resource.
#[derive(Clone, Debug)]
pub(crate) struct AuthorizationPolicy<'a> {
    pub(crate) metadata: Metadata,
    pub(crate) selector: Option<Selector<'a>>,
    /// `targetRef` or `targetRefs`.
    pub(crate) targets: Vec<TargetRef<'a>>,
    /// The key that `targets` came from.
    pub(crate) targets_span: Option<Span>,
    /// Whether both keys are there.
    pub(crate) has_both_targets: bool,
    pub(crate) action: Action,
    pub(crate) action_span: Span,
    pub(crate) provider: Option<Provider<'a>>,
    pub(crate) rules: Rules<'a>,
    /// Whether the user wrote something in `spec` that was not read.
    pub(crate) is_broken: bool,
}

/// `provider`.
#[derive(Clone, Debug)]
pub(crate) struct Provider<'a> {
    pub(crate) span: Span,
    pub(crate) name: Option<Text<'a>>,
}

/// `rules`.
#[derive(Clone, Debug)]
pub(crate) enum Rules<'a> {
    /// Left out, null or an empty list.
    Absent,
    Written(Vec<Rule<'a>>),
    /// Not a list.
    Broken,
}

/// One of `rules`.
#[derive(Clone, Debug)]
pub(crate) struct Rule<'a> {
    pub(crate) span: Span,
    /// The `source`s of `from`.
    pub(crate) from: Vec<Clause<'a>>,
    /// The `operation`s of `to`.
    pub(crate) to: Vec<Clause<'a>>,
    pub(crate) when: Vec<Condition<'a>>,
    pub(crate) is_null: bool,
    /// Whether something in it, outside its clauses and conditions, was not read.
    pub(crate) is_broken: bool,
}

/// One `source` or `operation`.
#[derive(Clone, Debug)]
pub(crate) struct Clause<'a> {
    pub(crate) span: Span,
    pub(crate) fields: Vec<Field<'a>>,
    /// Whether a list item is null instead of holding a `source` or `operation`.
    pub(crate) is_null: bool,
    pub(crate) is_broken: bool,
}

/// One of `when`.
#[derive(Clone, Debug)]
pub(crate) struct Condition<'a> {
    pub(crate) span: Span,
    /// Nothing where it could not be read, or was left out.
    pub(crate) key: Option<Text<'a>>,
    pub(crate) values: Vec<Text<'a>>,
    pub(crate) not_values: Vec<Text<'a>>,
    pub(crate) is_null: bool,
    /// Whether one of `values` could not be read.
    pub(crate) lost_value: bool,
    pub(crate) is_broken: bool,
}

/// One of `targetRefs`.
#[derive(Clone, Debug)]
pub(crate) struct TargetRef<'a> {
    pub(crate) span: Span,
    pub(crate) group: &'a str,
    pub(crate) kind: Option<Text<'a>>,
    pub(crate) name: Option<Text<'a>>,
    pub(crate) namespace: Option<Text<'a>>,
}

const SPEC: &[&str] = &["selector", "targetRef", "targetRefs", "action", "provider", "rules"];
const RULE: &[&str] = &["from", "to", "when"];
const ACTIONS: &[(&str, Action)] =
    &[("ALLOW", Action::Allow), ("DENY", Action::Deny), ("AUDIT", Action::Audit), ("CUSTOM", Action::Custom)];

impl<'a> AuthorizationPolicy<'a> {
    pub(super) fn read(resource: &Fields<'a>, metadata: Metadata, reporter: &mut Reporter) -> Self {
        let mut this = Self {
            metadata,
            selector: None,
            targets: Vec::new(),
            targets_span: None,
            has_both_targets: false,
            action: Action::Allow,
            action_span: resource.key_span("kind"),
            provider: None,
            rules: Rules::Absent,
            is_broken: false,
        };
        let path = Path::ROOT.field("spec");
        let Some(node) = metadata::spec(resource, reporter) else { return this };
        let Some(spec) = Fields::read(node, SPEC, &path, reporter) else {
            reporter.fail();
            return this;
        };
        this.is_broken = spec.is_broken;
        this.action_span = spec.key_span("action");
        this.read_scope(&spec, &path, reporter);
        this.read_action(&spec, &path, reporter);
        if let Some(node) = spec.get("rules", &path, reporter) {
            this.rules = Rules::read(node, spec.key_span("rules"), &path.field("rules"), reporter);
        }
        // What was not read may be the action; a scope that was not read is at its widest already.
        let twice = || ["selector", "targetRef", "targetRefs", "action"].iter().any(|name| repeats(&spec, name));
        if spec.is_broken && (!spec.has("action") || twice()) {
            reporter.fail();
        }
        this
    }

    fn read_scope(&mut self, spec: &Fields<'a>, path: &Path<'_>, reporter: &mut Reporter) {
        if let Some(node) = spec.get("selector", path, reporter) {
            self.selector = Selector::read(node, spec.key_span("selector"), &path.field("selector"), reporter);
        }
        if let Some(node) = spec.get("targetRef", path, reporter) {
            self.targets_span = Some(spec.key_span("targetRef"));
            self.targets.extend(TargetRef::read(node, &path.field("targetRef"), reporter));
        }
        if let Some(node) = spec.get("targetRefs", path, reporter) {
            let here = path.field("targetRefs");
            let Some(items) = node.items(&here, reporter) else {
                reporter.fail();
                return;
            };
            if items.is_empty() {
                report_empty_list("targetRefs", spec.key_span("targetRefs"), &here, reporter);
            } else {
                self.has_both_targets = self.targets_span.is_some();
                self.targets_span = Some(spec.key_span("targetRefs"));
            }
            too_many(items.len(), 16, "targetRefs", spec.key_span("targetRefs"), &here, reporter);
            for (i, item) in items.iter().enumerate() {
                self.targets.extend(TargetRef::read(item, &here.item(i), reporter));
            }
        }
    }

    fn read_action(&mut self, spec: &Fields<'a>, path: &Path<'_>, reporter: &mut Reporter) {
        if let Some(node) = spec.get("action", path, reporter) {
            let here = path.field("action");
            let word = node.text(&here, reporter);
            let action = word.and_then(|word| ACTIONS.iter().find(|(name, _)| *name == word));
            match (action, word) {
                (Some((_, action)), _) => {
                    self.action = *action;
                    self.action_span = node.span();
                }
                (None, Some(word)) => {
                    unknown_word(word, ACTIONS.iter().map(|(name, _)| *name), "an action", node.span(), &here, reporter);
                    reporter.fail();
                }
                (None, None) => reporter.fail(),
            }
        }
        if let Some(node) = spec.get("provider", path, reporter) {
            let here = path.field("provider");
            let mut provider = Provider { span: spec.key_span("provider"), name: None };
            if let Some(fields) = Fields::read(node, &["name"], &here, reporter) {
                self.is_broken |= fields.is_broken;
                if let Some(node) = fields.get("name", &here, reporter) {
                    provider.name = node.text(&here.field("name"), reporter).map(|value| Text { value, span: node.span() });
                }
            }
            self.provider = Some(provider);
        }
    }
}

impl<'a> Rules<'a> {
    fn read(node: Node<'a>, key_span: Span, path: &Path<'_>, reporter: &mut Reporter) -> Self {
        let Some(items) = node.items(path, reporter) else { return Self::Broken };
        if items.is_empty() {
            report_empty_list("rules", key_span, path, reporter);
            return Self::Absent;
        }
        too_many(items.len(), 512, "rules", key_span, path, reporter);
        Self::Written(items.iter().enumerate().map(|(i, item)| Rule::read(item, &path.item(i), reporter)).collect())
    }
}

impl<'a> Rule<'a> {
    fn read(node: Node<'a>, path: &Path<'_>, reporter: &mut Reporter) -> Self {
        let mut this = Self {
            span: node.span(),
            from: Vec::new(),
            to: Vec::new(),
            when: Vec::new(),
            is_null: node.is_null(),
            is_broken: false,
        };
        if this.is_null {
            return this;
        }
        let Some(fields) = Fields::read(node, RULE, path, reporter) else {
            this.is_broken = true;
            return this;
        };
        this.is_broken = fields.is_broken;
        let mut items = |name: &str, reporter: &mut Reporter| -> Items<'a> {
            let Some(node) = fields.get(name, path, reporter) else { return Items::default() };
            let here = path.field(name);
            let Some(items) = node.items(&here, reporter) else {
                this.is_broken = true;
                return Items::default();
            };
            if items.is_empty() {
                report_empty_list(name, fields.key_span(name), &here, reporter);
            }
            // The schema bounds `from`; `to` and `when` have no bound of their own.
            if name == "from" {
                too_many(items.len(), 512, name, fields.key_span(name), &here, reporter);
            }
            items
        };
        let (from, to, when) = (items("from", reporter), items("to", reporter), items("when", reporter));
        let clauses = |items: Items<'a>, name: &str, holder: &str, known, reporter: &mut Reporter| {
            let here = path.field(name);
            let clauses = items.iter().enumerate();
            clauses.map(|(i, item)| Clause::read(item, holder, known, &here.item(i), reporter)).collect()
        };
        this.from = clauses(from, "from", "source", FieldName::SOURCE, reporter);
        this.to = clauses(to, "to", "operation", FieldName::OPERATION, reporter);
        let here = path.field("when");
        this.when = when.iter().enumerate().map(|(i, item)| Condition::read(item, &here.item(i), reporter)).collect();
        this
    }
}

impl<'a> Clause<'a> {
    fn read(node: Node<'a>, holder: &str, known: &[&str], path: &Path<'_>, reporter: &mut Reporter) -> Self {
        let mut this = Self { span: node.span(), fields: Vec::new(), is_null: node.is_null(), is_broken: false };
        if this.is_null {
            return this;
        }
        let Some(outer) = Fields::read(node, &[holder], path, reporter) else {
            this.is_broken = true;
            return this;
        };
        this.is_broken = outer.is_broken;
        let Some(inner) = outer.get(holder, path, reporter) else { return this };
        this.span = outer.key_span(holder);
        let here = path.field(holder);
        let Some(fields) = Fields::read(inner, known, &here, reporter) else {
            this.is_broken = true;
            return this;
        };
        this.is_broken |= fields.is_broken;
        // In the order in which the reference has them, each once.
        let keys = fields.entries().iter().filter_map(|entry| entry.key.scalar()).filter(|key| known.contains(key));
        let mut names: Vec<FieldName> = keys.filter_map(FieldName::named).collect();
        sort(&mut names);
        names.dedup();
        this.fields.reserve_exact(names.len());
        for name in names {
            let Some(node) = fields.get(name.text(), &here, reporter) else { continue };
            this.fields.extend(Field::read(name, fields.key_span(name.text()), node, &here, reporter));
        }
        sort_stably(&mut this.fields, |a, b| a.span.cmp(&b.span));
        this
    }
}

impl<'a> Condition<'a> {
    fn read(node: Node<'a>, path: &Path<'_>, reporter: &mut Reporter) -> Self {
        let mut this = Self {
            span: node.span(),
            key: None,
            values: Vec::new(),
            not_values: Vec::new(),
            is_null: node.is_null(),
            lost_value: false,
            is_broken: false,
        };
        if this.is_null {
            return this;
        }
        let Some(fields) = Fields::read(node, &["key", "values", "notValues"], path, reporter) else {
            this.is_broken = true;
            return this;
        };
        this.is_broken = fields.is_broken;
        match fields.get("key", path, reporter) {
            Some(node) => {
                this.key = node.text(&path.field("key"), reporter).map(|value| Text { value, span: node.span() });
                this.is_broken |= this.key.is_none();
            }
            None => {
                this.is_broken = true;
                reporter.report(FindingKind::MissingField, node.span(), path, "a condition has a `key`");
            }
        }
        let mut values = |name: &str| {
            let Some(node) = fields.get(name, path, reporter) else { return (Vec::new(), false) };
            let here = path.field(name);
            let (values, lost) = read_texts(node, &here, reporter);
            if values.is_empty() && !lost {
                report_empty_list(name, fields.key_span(name), &here, reporter);
            }
            (values, lost)
        };
        let (positive, lost_value) = values("values");
        let (negative, lost_not_value) = values("notValues");
        (this.values, this.not_values, this.lost_value) = (positive, negative, lost_value);
        this.is_broken |= lost_value || lost_not_value;
        this
    }
}

impl<'a> TargetRef<'a> {
    const FIELDS: &'static [&'static str] = &["group", "kind", "name", "namespace"];

    fn read(node: Node<'a>, path: &Path<'_>, reporter: &mut Reporter) -> Option<Self> {
        let fields = Fields::read(node, Self::FIELDS, path, reporter);
        if fields.is_none_or(|fields| fields.is_broken) {
            reporter.fail();
        }
        let fields = fields?;
        let mut text = |name: &str| {
            let node = fields.get(name, path, reporter)?;
            let text = node.text(&path.field(name), reporter);
            if text.is_none() {
                reporter.fail();
            }
            text.map(|value| Text { value, span: node.span() })
        };
        let group = text("group").map_or("", |group| group.value);
        Some(Self { span: node.span(), group, kind: text("kind"), name: text("name"), namespace: text("namespace") })
    }
}

/// Whether a field stands twice in a mapping.
fn repeats(fields: &Fields<'_>, name: &str) -> bool {
    fields.entries().iter().any(|entry| entry.repeats && entry.key.says(name))
}

pub(super) fn unknown_word<'k>(
    word: &str,
    known: impl Iterator<Item = &'k str>,
    what: &str,
    span: Span,
    path: &Path<'_>,
    reporter: &mut Reporter,
) {
    let known: Vec<&str> = known.collect();
    let suggestion = nearest(word, known.iter().copied());
    let draft = reporter.report(FindingKind::UnknownEnumValue, span, path, format!("`{word}` is not {what}"));
    match suggestion {
        Some(right) => draft.help(format!("did you mean `{right}`?")).fix(span, right),
        None => draft.help(format!("write one of {}", list(&known))),
    };
}

pub(super) fn too_many(count: usize, most: usize, name: &str, span: Span, path: &Path<'_>, reporter: &mut Reporter) {
    if count > most {
        reporter
            .report(FindingKind::TooMany, span, path, format!("`{name}` has {count} items and may have {most}"))
            .help("split the policy");
    }
}
