//! The fields of `source` and `operation`, by the names that the API gives them.

use super::{Text, read_texts, report_empty_list};
use crate::finding::{Path, Reporter};
use crate::value::Span;
use crate::yaml::Node;

macro_rules! field_names {
    ($($(#[doc = $doc:literal])? $name:ident $text:literal $positive:ident,)+) => {
        /// A field of `source` or `operation`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum FieldName {
            $($(#[doc = $doc])? $name,)+
        }

        impl FieldName {
            /// The field that the API spells so.
            pub(super) fn named(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$name),)+
                    _ => None,
                }
            }

            /// How the API spells it.
            pub(crate) fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// The field that asks for what this one excludes; itself where it excludes nothing.
            pub(crate) fn positive(self) -> Self {
                match self { $(Self::$name => Self::$positive,)+ }
            }
        }
    };
}

field_names! {
    Principals "principals" Principals,
    NotPrincipals "notPrincipals" Principals,
    RequestPrincipals "requestPrincipals" RequestPrincipals,
    NotRequestPrincipals "notRequestPrincipals" RequestPrincipals,
    Namespaces "namespaces" Namespaces,
    NotNamespaces "notNamespaces" Namespaces,
    ServiceAccounts "serviceAccounts" ServiceAccounts,
    NotServiceAccounts "notServiceAccounts" ServiceAccounts,
    TrustDomains "trustDomains" TrustDomains,
    NotTrustDomains "notTrustDomains" TrustDomains,
    IpBlocks "ipBlocks" IpBlocks,
    NotIpBlocks "notIpBlocks" IpBlocks,
    RemoteIpBlocks "remoteIpBlocks" RemoteIpBlocks,
    NotRemoteIpBlocks "notRemoteIpBlocks" RemoteIpBlocks,
    Hosts "hosts" Hosts,
    NotHosts "notHosts" Hosts,
    Ports "ports" Ports,
    NotPorts "notPorts" Ports,
    Methods "methods" Methods,
    NotMethods "notMethods" Methods,
    Paths "paths" Paths,
    NotPaths "notPaths" Paths,
}

impl FieldName {
    /// The fields of `source`.
    pub(crate) const SOURCE: &'static [&'static str] = &[
        "principals",
        "notPrincipals",
        "requestPrincipals",
        "notRequestPrincipals",
        "namespaces",
        "notNamespaces",
        "serviceAccounts",
        "notServiceAccounts",
        "trustDomains",
        "notTrustDomains",
        "ipBlocks",
        "notIpBlocks",
        "remoteIpBlocks",
        "notRemoteIpBlocks",
    ];

    /// The fields of `operation`.
    pub(crate) const OPERATION: &'static [&'static str] =
        &["hosts", "notHosts", "ports", "notPorts", "methods", "notMethods", "paths", "notPaths"];

    /// Whether the field lists what is excluded.
    pub(crate) fn is_negative(self) -> bool {
        self != self.positive()
    }

    /// Whether only HTTP requests have what the field compares.
    pub(crate) fn is_http_only(self) -> bool {
        matches!(self.positive(), Self::RequestPrincipals | Self::Hosts | Self::Methods | Self::Paths)
    }
}

/// A field and the values written for it: at least one, unless some could not be read.
#[derive(Clone, Debug)]
pub(crate) struct Field<'a> {
    pub(crate) name: FieldName,
    /// Where the name stands.
    pub(crate) span: Span,
    pub(crate) values: Vec<Text<'a>>,
    /// Whether a value could not be read as a string.
    pub(crate) is_broken: bool,
}

impl<'a> Field<'a> {
    /// Reads one entry of `source` or `operation`; nothing where the list is empty.
    pub(super) fn read(
        name: FieldName,
        key_span: Span,
        node: Node<'a>,
        path: &Path<'_>,
        reporter: &mut Reporter,
    ) -> Option<Self> {
        let path = path.field(name.text());
        let (values, is_broken) = read_texts(node, &path, reporter);
        if values.is_empty() && !is_broken {
            report_empty_list(name.text(), key_span, &path, reporter);
            return None;
        }
        Some(Self { name, span: key_span, values, is_broken })
    }
}
