//! `metadata`: the name, the age, and the annotations that policies know.

use super::timestamp;
use crate::finding::{FindingKind, Path, Reporter};
use crate::value::{PolicyName, Span};
use crate::yaml::{Fields, Node};

/// The fields of Kubernetes' `ObjectMeta`, written by people or by the API server.
const FIELDS: &[&str] = &[
    "name",
    "namespace",
    "labels",
    "annotations",
    "generateName",
    "creationTimestamp",
    "uid",
    "resourceVersion",
    "generation",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "ownerReferences",
    "finalizers",
    "managedFields",
];

const DRY_RUN: &str = "istio.io/dry-run";

/// Annotations that only Istio itself may set.
const RESERVED: &[&str] = &["internal.istio.io/webhook-always-reject", "internal.istio.io/parents"];

/// What a resource is called, how old it is, and whether it asks to be tried only.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    pub(crate) name: PolicyName,
    /// Where the name is written.
    pub(crate) span: Span,
    /// Seconds since 1970; nothing where it was left out, which counts as oldest.
    pub(crate) created: Option<i64>,
    pub(crate) dry_run: DryRun,
    /// Whether the age or an annotation could not be read.
    pub(crate) is_broken: bool,
}

/// The dry-run annotation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum DryRun {
    Absent,
    Off(Span),
    On(Span),
    /// Not a boolean.
    Broken(Span),
}

impl Metadata {
    /// Reads `metadata` of a resource.
    pub(super) fn read(resource: &Fields<'_>, kind: &str, reporter: &mut Reporter) -> Self {
        let path = Path::ROOT.field("metadata");
        let node = resource.get("metadata", &Path::ROOT, reporter);
        let fields = node.and_then(|node| Fields::read(node, FIELDS, &path, reporter));
        if node.is_some() && fields.is_none_or(|fields| fields.is_broken) {
            // A namespace may hide in what was not read.
            reporter.fail();
        }
        let kind_span = resource.key_span("kind");
        let mut text = |name: &str| {
            let node = fields?.get(name, &path, reporter)?;
            let text = node.text(&path.field(name), reporter);
            if text.is_none() && name == "namespace" {
                reporter.fail();
            }
            text.map(|text| (text.to_string(), node.span())).filter(|(text, _)| !text.is_empty())
        };
        let namespace = text("namespace");
        let name = text("name");
        let generate_name = if name.is_none() { text("generateName") } else { None };
        let span = name.as_ref().or(generate_name.as_ref()).map_or(kind_span, |(_, span)| *span);
        let policy_name = PolicyName::new(
            namespace.as_ref().map_or("default", |(namespace, _)| namespace),
            name.as_ref().or(generate_name.as_ref()).map_or("", |(name, _)| name),
        );
        reporter.enter_resource(Some(policy_name.to_string()));
        let is_bad =
            |text: &str| text.len() > 253 || text.contains(|c: char| c.is_control() || c.is_whitespace() || "/[]".contains(c));
        let has_name = name.is_some() || generate_name.is_some();
        if namespace.as_ref().is_some_and(|(namespace, _)| is_bad(namespace)) {
            // Which workloads were meant nobody can say.
            reporter.fail();
        }
        for (text, span) in namespace.iter().chain(&name).chain(&generate_name) {
            if is_bad(text) {
                reporter
                    .report(FindingKind::BadName, *span, &path, format!("`{}` is not a name", crate::yaml::clip(text)))
                    .help("a name is made of lower-case letters, digits, `-` and `.`");
            }
        }
        let is_stated = |field: &str| fields.is_some_and(|fields| fields.has(field) && !fields.is_null(field));
        if !has_name && !is_stated("name") {
            reporter.report(FindingKind::MissingName, kind_span, &path, format!("this {kind} has no `metadata.name`"));
        }
        if namespace.is_none() {
            reporter
                .report(FindingKind::DefaultNamespace, span, &path, "`namespace` is left out; `default` is taken")
                .help("write the namespace that the policy is meant for");
        }
        let mut this = Self { name: policy_name, span, created: None, dry_run: DryRun::Absent, is_broken: !has_name };
        if let Some(fields) = fields {
            this.read_created(&fields, &path, reporter);
            this.read_annotations(&fields, &path, reporter);
        }
        this
    }

    fn read_created(&mut self, fields: &Fields<'_>, path: &Path<'_>, reporter: &mut Reporter) {
        // The API server writes `creationTimestamp: null` into what has not been created yet.
        let Some(entry) = fields.entries().iter().find(|entry| entry.key.says("creationTimestamp")) else { return };
        if entry.value.is_null() {
            return;
        }
        let path = path.field("creationTimestamp");
        let Some(text) = entry.value.text(&path, reporter) else {
            self.is_broken = true;
            return;
        };
        self.created = timestamp::parse(text);
        if self.created.is_none() {
            self.is_broken = true;
            reporter
                .report(FindingKind::BadTimestamp, entry.value.span(), &path, format!("`{text}` is not a time"))
                .help("write it as 2024-05-01T12:00:00Z");
        }
    }

    fn read_annotations(&mut self, fields: &Fields<'_>, path: &Path<'_>, reporter: &mut Reporter) {
        for map in ["labels", "annotations"] {
            let Some(node) = fields.get(map, path, reporter) else { continue };
            let path = path.field(map);
            let Some(entries) = Fields::read_open(node, &path, reporter) else {
                self.is_broken = true;
                if map == "annotations" {
                    self.dry_run = DryRun::Broken(node.span());
                }
                continue;
            };
            self.is_broken |= entries.is_broken;
            for entry in entries.entries().iter() {
                let Some(key) = entry.key.text(&path, reporter) else {
                    self.is_broken = true;
                    continue;
                };
                let here = path.key(key);
                let value = entry.value.text(&here, reporter);
                self.is_broken |= value.is_none();
                if map == "annotations" {
                    self.annotation(key, value, [entry.key.span(), entry.value.span()], &here, reporter);
                }
            }
            if map == "annotations" && entries.is_broken {
                // Of two annotations with the same key nobody knows which one counts.
                self.dry_run = DryRun::Broken(node.span());
            }
        }
    }

    fn annotation(
        &mut self,
        key: &str,
        value: Option<&str>,
        [key_span, span]: [Span; 2],
        path: &Path<'_>,
        reporter: &mut Reporter,
    ) {
        if RESERVED.contains(&key) {
            self.is_broken = true;
            reporter
                .report(FindingKind::ReservedAnnotation, key_span, path, format!("`{key}` is Istio's own annotation"))
                .help("remove it");
        }
        if key != DRY_RUN {
            return;
        }
        // The spellings of Go's `strconv.ParseBool`.
        self.dry_run = match value {
            Some("1" | "t" | "T" | "TRUE" | "true" | "True") => DryRun::On(span),
            Some("0" | "f" | "F" | "FALSE" | "false" | "False") => DryRun::Off(span),
            Some(other) => {
                reporter
                    .report(FindingKind::BadDryRun, span, path, format!("`{other}` is not a boolean"))
                    .help("write \"true\" or \"false\"");
                DryRun::Broken(span)
            }
            None => DryRun::Broken(span),
        };
    }
}

/// The node of a field that has to be there for the scope to be known.
pub(super) fn spec<'a>(resource: &Fields<'a>, reporter: &mut Reporter) -> Option<Node<'a>> {
    resource.get("spec", &Path::ROOT, reporter)
}
