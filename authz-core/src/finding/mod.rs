//! What is wrong, or merely surprising, in a policy text: one finding, with its place and its way out.

mod kind;
mod reporter;

use std::borrow::Cow;
use std::fmt;

pub use kind::{FindingKind, Layer, Severity};
pub(crate) use reporter::{Path, Reporter, printable};

use crate::value::{Location, Span};

/// One thing that a load or the linter has to say about a text.
///
/// Printed, it names the place, the resource and the field, quotes the user's words in backticks and
/// says what to write instead:
///
/// ```
/// use authz_core::{Mesh, PolicySet, Severity};
///
/// let text = "
/// apiVersion: security.istio.io/v1
/// kind: AuthorizationPolicy
/// metadata: {name: web, namespace: shop}
/// spec:
///   rules:
///   - from:
///     - source: {ipBlocks: [10.0.0.0/33]}
/// ";
/// let error = PolicySet::from_yaml(text, &Mesh::default()).unwrap_err();
/// let finding = &error.findings()[0];
/// assert_eq!(finding.code(), "bad-ip-block");
/// assert_eq!(finding.severity(), Severity::Error);
/// assert_eq!(finding.location().to_string(), "<text>:8:27");
/// assert_eq!(finding.resource(), Some("shop/web"));
/// assert_eq!(finding.path(), "spec.rules[0].from[0].source.ipBlocks[0]");
/// assert!(finding.message().contains("at most 32 bits"));
/// assert_eq!(finding.help(), None);
/// assert_eq!(
///     finding.to_string(),
///     "<text>:8:27: error[bad-ip-block]: shop/web: spec.rules[0].from[0].source.ipBlocks[0]: \
///      `10.0.0.0/33` is not an address or CIDR block: an IPv4 prefix has at most 32 bits",
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub(crate) kind: FindingKind,
    pub(crate) location: Location,
    pub(crate) resource: Option<String>,
    pub(crate) path: String,
    pub(crate) message: String,
    pub(crate) help: Option<Cow<'static, str>>,
    pub(crate) fix: Option<Fix>,
}

/// A change of the text that answers a finding: put `replacement` where `span` is.
///
/// ```
/// use authz_core::{Mesh, PolicySet};
///
/// let text = "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: a, namespace: b}, spec: {acton: DENY}}";
/// let error = PolicySet::from_yaml(text, &Mesh::default()).unwrap_err();
/// let fix = error.findings()[0].fix().unwrap();
/// assert_eq!(fix.replacement, "action");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What to replace.
    pub span: Span,
    /// With what.
    pub replacement: String,
}

impl Finding {
    /// What kind of finding it is.
    pub fn kind(&self) -> FindingKind {
        self.kind
    }

    /// The stable name of the kind, such as `bad-ip-block`.
    pub fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// How much it weighs.
    pub fn severity(&self) -> Severity {
        self.kind.severity()
    }

    /// Where the offending words stand.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The resource, as `namespace/name`; nothing where the finding is about the text itself.
    pub fn resource(&self) -> Option<&str> {
        self.resource.as_deref()
    }

    /// The field, as in `spec.rules[0].to[1].operation.ports[0]`; empty where it is about the whole
    /// resource.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is the matter.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to write instead, where the message does not say it already.
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// A change of the text that mends it, where one is certain enough to offer.
    pub fn fix(&self) -> Option<&Fix> {
        self.fix.as_ref()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}[{}]: ", self.location, self.severity(), self.code())?;
        if let Some(resource) = &self.resource {
            write!(f, "{resource}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Finding {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;

        let mut out = serializer.serialize_struct("Finding", 9)?;
        out.serialize_field("code", self.code())?;
        out.serialize_field("severity", &self.severity().to_string())?;
        out.serialize_field("layer", self.kind.layer().name())?;
        out.serialize_field("location", &self.location)?;
        out.serialize_field("resource", &self.resource)?;
        out.serialize_field("path", &self.path)?;
        out.serialize_field("message", &self.message)?;
        out.serialize_field("help", &self.help)?;
        out.serialize_field("fix", &self.fix)?;
        out.end()
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Fix {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;

        let mut out = serializer.serialize_struct("Fix", 5)?;
        out.serialize_field("line", &self.span.start.line)?;
        out.serialize_field("column", &self.span.start.column)?;
        out.serialize_field("endLine", &self.span.end.line)?;
        out.serialize_field("endColumn", &self.span.end.column)?;
        out.serialize_field("replacement", &self.replacement)?;
        out.end()
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Location {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;

        let span = self.span();
        let mut out = serializer.serialize_struct("Location", 5)?;
        out.serialize_field("file", self.source())?;
        out.serialize_field("line", &span.start.line)?;
        out.serialize_field("column", &span.start.column)?;
        out.serialize_field("endLine", &span.end.line)?;
        out.serialize_field("endColumn", &span.end.column)?;
        out.end()
    }
}
