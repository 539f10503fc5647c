//! Which documents are resources of ours, which are others', and which are neither.

use super::{AuthorizationPolicy, Metadata, PeerAuthentication};
use crate::finding::{FindingKind, Path, Reporter};
use crate::value::Span;
use crate::yaml::{Fields, Items, Node, Value, nearest};

const GROUP: &str = "security.istio.io";
const VERSIONS: &[&str] = &["security.istio.io/v1", "security.istio.io/v1beta1"];
const OURS: &[&str] = &["AuthorizationPolicy", "PeerAuthentication"];
/// Kinds of the group that say nothing about TCP connections.
const SIBLINGS: &[&str] = &["RequestAuthentication"];
/// Groups of other products that have a kind of the same name.
const FOREIGN: &[&str] = &["policy.linkerd.io"];

/// A resource of one of the kinds that decide.
#[derive(Clone, Debug)]
pub(crate) enum Resource<'a> {
    AuthorizationPolicy(AuthorizationPolicy<'a>),
    PeerAuthentication(PeerAuthentication<'a>),
}

/// The resources of a document: one, or those of a list.
#[derive(Debug, Default)]
pub(crate) struct Document<'a> {
    /// Each with whether something in it was an error.
    pub(crate) resources: Vec<(Resource<'a>, bool)>,
    /// The kinds of resources that were passed over.
    pub(crate) others: Vec<&'a str>,
    /// Whether an explicit, empty list of resources was there.
    pub(crate) has_empty_list: bool,
}

impl<'a> Document<'a> {
    /// Reads one document.
    pub(crate) fn read(node: Node<'a>, reporter: &mut Reporter) -> Self {
        let mut this = Self::default();
        this.read_any(node, reporter);
        this
    }

    /// Reads the resources that a document, a mapping, lists under a key.
    pub(crate) fn read_section(node: Node<'a>, key: &str, reporter: &mut Reporter) -> Self {
        let mut this = Self::default();
        let errors_before = reporter.errors();
        if let Some(fields) = Fields::read_open(node, &Path::ROOT, reporter)
            && let Some(list) = fields.get(key, &Path::ROOT, reporter)
        {
            let path = Path::ROOT.field(key);
            for (at, item) in list.items(&path, reporter).unwrap_or_default().iter().enumerate() {
                if item.is_null() {
                    reporter.report(FindingKind::NullItem, item.span(), &path.item(at), "an item of the list is null");
                }
                this.read_any(item, reporter);
            }
        }
        // Around resources nothing can be passed over: it may hold one.
        if reporter.errors() > errors_before && this.resources.is_empty() {
            reporter.fail();
        }
        this
    }

    fn read_any(&mut self, node: Node<'a>, reporter: &mut Reporter) {
        reporter.enter_resource(None);
        // A document of comments, or nothing between two `---`.
        if node.is_null() {
            return;
        }
        let path = Path::ROOT;
        if !matches!(node.value(), Value::Mapping(_)) {
            reporter.fail();
            reporter
                .report(FindingKind::NotAResource, start_of(node), &path, "this document is not a mapping")
                .help("a resource starts with `apiVersion` and `kind`");
            return;
        }
        let Some(any) = Fields::read_open(node, &path, reporter) else { return };
        if any.is_broken {
            reporter.fail();
        }
        let mut text = |name: &str| {
            let node = any.get(name, &path, reporter)?;
            let text = node.text(&path.field(name), reporter)?;
            Some((text, node.span()))
        };
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        let Some((kind, kind_span)) = kind else {
            reporter.fail();
            if !any.has("kind") || any.is_null("kind") {
                reporter
                    .report(FindingKind::NotAResource, start_of(node), &path, "this document has no `kind`")
                    .help("a resource starts with `apiVersion` and `kind`");
            }
            return;
        };
        let (api_version, version_span) = api_version.unwrap_or(("", kind_span));
        let is_list_of_ours = OURS.iter().any(|own| kind.strip_suffix("List") == Some(own));
        if kind == "List" || is_list_of_ours || (kind.ends_with("List") && any.has("items")) {
            // A misspelt `items` would lose every policy of the list.
            if any.check_names(&["apiVersion", "kind", "metadata", "items"], &path, reporter) {
                reporter.fail();
            }
            self.read_list(&any, reporter);
            return;
        }
        let group = api_version.split('/').next().unwrap_or_default();
        if OURS.contains(&kind) && !FOREIGN.contains(&group) {
            if VERSIONS.contains(&api_version) {
                self.read_resource(node, kind, reporter);
            } else {
                reporter.fail();
                let message = format!("`{api_version}` does not serve {kind}");
                reporter
                    .report(FindingKind::UnknownApiVersion, version_span, &path.field("apiVersion"), message)
                    .help(format!("write {}", VERSIONS.join(" or ")))
                    .fix(version_span, "security.istio.io/v1");
            }
        } else if group == GROUP && !SIBLINGS.contains(&kind) {
            reporter.fail();
            let suggestion = nearest(kind, OURS.iter().chain(SIBLINGS).copied());
            let message = format!("`{kind}` is not a kind of {GROUP}");
            let draft = reporter.report(FindingKind::UnknownKind, kind_span, &path.field("kind"), message);
            if let Some(right) = suggestion {
                draft.help(format!("did you mean `{right}`?")).fix(kind_span, right);
            }
        } else {
            self.others.push(kind);
        }
    }

    fn read_list(&mut self, list: &Fields<'a>, reporter: &mut Reporter) {
        let path = Path::ROOT;
        let here = path.field("items");
        let items = match list.get("items", &path, reporter) {
            Some(node) => match node.items(&here, reporter) {
                Some(items) => items,
                None => return reporter.fail(),
            },
            None => Items::default(),
        };
        if items.is_empty() {
            self.has_empty_list = true;
            reporter
                .report(FindingKind::EmptyResourceList, list.key_span("items"), &here, "the list holds no resource")
                .help("nothing is restricted by it");
        }
        for item in items.iter() {
            if item.is_null() {
                reporter.fail();
                reporter.report(FindingKind::NullItem, item.span(), &here, "an item of the list is null");
            }
            self.read_any(item, reporter);
        }
    }

    fn read_resource(&mut self, node: Node<'a>, kind: &str, reporter: &mut Reporter) {
        const FIELDS: &[&str] = &["apiVersion", "kind", "metadata", "spec", "status"];
        let errors_before = reporter.errors();
        // The keys were checked for duplicates when the kind was read; here for names only.
        let mut quiet = Reporter::new(1);
        let Some(fields) = Fields::read_open(node, &Path::ROOT, &mut quiet) else { return };
        let metadata = Metadata::read(&fields, kind, reporter);
        Fields::check_names(&fields, FIELDS, &Path::ROOT, reporter);
        if fields.entries().iter().any(|entry| !FIELDS.iter().any(|name| entry.key.is_text(name))) {
            // What is not read may be a misspelt `spec`, and with it the action and the scope.
            reporter.fail();
        }
        let resource = match kind {
            "PeerAuthentication" => Resource::PeerAuthentication(PeerAuthentication::read(&fields, metadata, reporter)),
            _ => Resource::AuthorizationPolicy(AuthorizationPolicy::read(&fields, metadata, reporter)),
        };
        self.resources.push((resource, reporter.errors() > errors_before));
    }
}

fn start_of(node: Node<'_>) -> Span {
    Span { start: node.span().start, end: node.span().start }
}
