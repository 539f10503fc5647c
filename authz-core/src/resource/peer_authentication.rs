//! `PeerAuthentication` as written (reference: Istio, `security/v1beta1/peer_authentication.proto`).

use super::authorization_policy::unknown_word;
use super::{Metadata, Selector, Text, metadata};
use crate::finding::{FindingKind, Path, Reporter};
use crate::value::Span;
use crate::yaml::{Fields, Node, ScalarKind, Value};

/// Whether peers must, may or cannot come over mesh mTLS.
///
/// ```
/// use authz_core::Mode;
///
/// assert_eq!(Mode::Strict.to_string(), "STRICT");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The mode of the next wider scope; permissive where there is none.
    #[default]
    Unset,
    /// TLS is not terminated: plaintext only, and never an identity.
    Disable,
    /// Plaintext and mTLS.
    Permissive,
    /// mTLS only.
    Strict,
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unset => "UNSET",
            Self::Disable => "DISABLE",
            Self::Permissive => "PERMISSIVE",
            Self::Strict => "STRICT",
        })
    }
}

/// The resource.
#[derive(Clone, Debug)]
pub(crate) struct PeerAuthentication<'a> {
    pub(crate) metadata: Metadata,
    pub(crate) selector: Option<Selector<'a>>,
    pub(crate) mode: Mode,
    /// Where the mode is written.
    pub(crate) mode_span: Span,
    /// `portLevelMtls`; nothing where it was left out.
    pub(crate) ports: Option<Vec<PortMode<'a>>>,
    pub(crate) ports_span: Span,
    pub(crate) is_broken: bool,
}

/// One entry of `portLevelMtls`.
#[derive(Clone, Debug)]
pub(crate) struct PortMode<'a> {
    pub(crate) port: Text<'a>,
    pub(crate) mode: Mode,
}

const SPEC: &[&str] = &["selector", "mtls", "portLevelMtls"];
const MODES: &[(&str, Mode)] =
    &[("UNSET", Mode::Unset), ("DISABLE", Mode::Disable), ("PERMISSIVE", Mode::Permissive), ("STRICT", Mode::Strict)];

impl<'a> PeerAuthentication<'a> {
    pub(super) fn read(resource: &Fields<'a>, metadata: Metadata, reporter: &mut Reporter) -> Self {
        let kind_span = resource.key_span("kind");
        let mut this = Self {
            metadata,
            selector: None,
            mode: Mode::Unset,
            mode_span: kind_span,
            ports: None,
            ports_span: kind_span,
            is_broken: false,
        };
        let path = Path::ROOT.field("spec");
        let Some(node) = metadata::spec(resource, reporter) else { return this };
        let Some(spec) = Fields::read(node, SPEC, &path, reporter) else {
            reporter.fail();
            return this;
        };
        this.is_broken = spec.is_broken;
        if spec.is_broken {
            // The part that was not read may be the selector.
            reporter.fail();
        }
        if let Some(node) = spec.get("selector", &path, reporter) {
            this.selector = Selector::read(node, spec.key_span("selector"), &path.field("selector"), reporter);
        }
        if let Some(node) = spec.get("mtls", &path, reporter) {
            let (mode, span) = this.read_mode(node, &path.field("mtls"), reporter);
            this.mode = mode;
            this.mode_span = span;
        }
        if let Some(node) = spec.get("portLevelMtls", &path, reporter) {
            this.ports_span = spec.key_span("portLevelMtls");
            this.read_ports(node, &path.field("portLevelMtls"), reporter);
        }
        this
    }

    fn read_mode(&mut self, node: Node<'a>, path: &Path<'_>, reporter: &mut Reporter) -> (Mode, Span) {
        let Some(fields) = Fields::read(node, &["mode"], path, reporter) else {
            self.is_broken = true;
            return (Mode::Unset, node.span());
        };
        self.is_broken |= fields.is_broken;
        let Some(node) = fields.get("mode", path, reporter) else { return (Mode::Unset, fields.span) };
        let here = path.field("mode");
        let word = node.text(&here, reporter);
        match word.and_then(|word| MODES.iter().find(|(name, _)| *name == word)) {
            Some((_, mode)) => return (*mode, node.span()),
            None => self.is_broken = true,
        }
        if let Some(word) = word {
            unknown_word(word, MODES.iter().map(|(name, _)| *name), "a mode", node.span(), &here, reporter);
        }
        (Mode::Unset, node.span())
    }

    fn read_ports(&mut self, node: Node<'a>, path: &Path<'_>, reporter: &mut Reporter) {
        let mut ports = Vec::new();
        let Some(fields) = Fields::read_open(node, path, reporter) else {
            self.is_broken = true;
            self.ports = Some(ports);
            return;
        };
        self.is_broken |= fields.is_broken;
        for entry in fields.entries().iter() {
            // Kubernetes reads YAML through JSON, where every key is a string: `8080:` needs no quotes.
            let Value::Scalar(key, kind) = entry.key.value() else { continue };
            let here = path.key(key);
            if kind == ScalarKind::Ambiguous {
                self.is_broken = true;
                entry.key.text(&here, reporter);
                continue;
            }
            if entry.value.is_null() {
                self.is_broken = true;
                reporter.report(FindingKind::WrongType, entry.key.span(), &here, "a port has a mapping such as {mode: STRICT}");
                continue;
            }
            let (mode, _) = self.read_mode(entry.value, &here, reporter);
            ports.push(PortMode { port: Text { value: key, span: entry.key.span() }, mode });
        }
        self.ports = Some(ports);
    }
}
