//! Every kind of finding, with its stable code, its severity and who else would raise it.

use std::fmt;

/// How much a finding weighs.
///
/// ```
/// use authz_core::Severity;
///
/// assert!(Severity::Error > Severity::Warning);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Note,
    /// Accepted, and probably not what was meant.
    Warning,
    /// Not accepted: a strict load fails.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// Who, besides this project, would raise a finding when the text is applied to a cluster.
///
/// ```
/// use authz_core::{FindingKind, Layer};
///
/// assert_eq!(FindingKind::BadPort.layer(), Layer::Webhook);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// Nobody: the finding is this project's own.
    Own,
    /// The reader of YAML.
    Yaml,
    /// The Kubernetes API server, which does not serve the kind or version.
    Api,
    /// The schema of the custom resource definition.
    Crd,
    /// Istio's validating webhook.
    Webhook,
}

impl Layer {
    /// The word for it in suites and JSON.
    ///
    /// ```
    /// use authz_core::Layer;
    ///
    /// assert_eq!(Layer::Crd.name(), "crd");
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Yaml => "yaml",
            Self::Api => "api",
            Self::Crd => "crd",
            Self::Webhook => "webhook",
        }
    }
}

macro_rules! finding_kinds {
    ($($(#[doc = $doc:literal])+ $name:ident $code:literal $severity:ident $layer:ident,)+) => {
        /// The kinds of findings. New kinds may be added in any release.
        ///
        /// ```
        /// use authz_core::{FindingKind, Severity};
        ///
        /// assert_eq!(FindingKind::UnknownField.code(), "unknown-field");
        /// assert_eq!(FindingKind::UnknownField.severity(), Severity::Error);
        /// assert_eq!(FindingKind::with_code("unknown-field"), Some(FindingKind::UnknownField));
        /// assert!(FindingKind::ALL.iter().all(|kind| !kind.describe().is_empty()));
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum FindingKind {
            $($(#[doc = $doc])+ $name,)+
        }

        impl FindingKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The stable name, for configuration and search.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// How much findings of this kind weigh.
            pub fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)+ }
            }

            /// Who else would raise it.
            pub fn layer(self) -> Layer {
                match self { $(Self::$name => Layer::$layer,)+ }
            }

            /// What the kind is about, in a sentence or two.
            pub fn describe(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii(),)+ }
            }

            /// The kind of a code.
            pub fn with_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.code() == code)
            }
        }
    };
}

finding_kinds! {
    /// The text is not YAML.
    YamlSyntax "yaml-syntax" Error Yaml,
    /// The text asks for more than the limits of the load allow.
    LimitExceeded "limit-exceeded" Error Own,
    /// A mapping has the same key twice; which one counts depends on the reader.
    DuplicateKey "duplicate-key" Error Yaml,
    /// YAML 1.1, as Kubernetes reads it, and YAML 1.2 read the plain scalar differently.
    AmbiguousScalar "ambiguous-scalar" Error Yaml,
    /// A YAML tag that changes how a value is read.
    UnsupportedTag "unsupported-tag" Error Yaml,
    /// A merge key (`<<`), which YAML 1.2 does not have.
    MergeKey "merge-key" Error Yaml,

    /// The kind is served under another group or version only.
    UnknownApiVersion "unknown-api-version" Error Api,
    /// A kind of this API group that does not exist, probably misspelt.
    UnknownKind "unknown-kind" Error Api,
    /// A document that is no Kubernetes resource.
    NotAResource "not-a-resource" Error Api,
    /// A resource without a name.
    MissingName "missing-name" Error Api,
    /// A name or namespace that no cluster takes.
    BadName "bad-name" Error Api,
    /// The same kind, namespace and name twice; a cluster holds only one of them.
    DuplicateResource "duplicate-resource" Error Own,

    /// A field that the API does not have. A cluster would drop it silently, and with it what it asked for.
    UnknownField "unknown-field" Error Crd,
    /// A value of another type than the field has.
    WrongType "wrong-type" Error Crd,
    /// A word that the field does not know.
    UnknownEnumValue "unknown-enum-value" Error Crd,
    /// A field that must be there is not.
    MissingField "missing-field" Error Crd,
    /// More items, or longer values, than the schema allows.
    TooMany "too-many" Error Crd,
    /// `creationTimestamp` is no time.
    BadTimestamp "bad-timestamp" Error Api,

    /// A selector with an empty key or a star; selectors compare for equality only.
    BadSelector "bad-selector" Error Webhook,
    /// More than one of `selector`, `targetRef` and `targetRefs`.
    TargetConflict "target-conflict" Error Webhook,
    /// A target that policies cannot be attached to.
    BadTargetRef "bad-target-ref" Error Webhook,
    /// A CUSTOM policy without rules.
    CustomWithoutRules "custom-without-rules" Error Webhook,
    /// A CUSTOM policy that names no provider.
    CustomWithoutProvider "custom-without-provider" Error Webhook,
    /// A CUSTOM rule that asks for an identity, which Istio does not support.
    CustomIdentity "custom-identity" Error Webhook,
    /// A provider in a policy whose action is not CUSTOM.
    ProviderWithoutCustom "provider-without-custom" Error Webhook,
    /// A DENY policy without rules denies nothing.
    DenyWithoutRules "deny-without-rules" Error Webhook,
    /// A list item that is null.
    NullItem "null-item" Error Webhook,
    /// A `from` entry that asks for nothing.
    EmptySource "empty-source" Error Webhook,
    /// A `to` entry that asks for nothing.
    EmptyOperation "empty-operation" Error Webhook,
    /// A condition with neither `values` nor `notValues`.
    EmptyCondition "empty-condition" Error Webhook,
    /// An empty text among the values of a field.
    EmptyValue "empty-value" Error Webhook,
    /// `serviceAccounts` together with `principals` or `namespaces` in one source.
    ServiceAccountConflict "service-account-conflict" Error Webhook,
    /// A value that is no service account.
    BadServiceAccount "bad-service-account" Error Webhook,
    /// A value that is no trust domain.
    BadTrustDomain "bad-trust-domain" Error Webhook,
    /// A value that is neither an address nor a CIDR block.
    BadIpBlock "bad-ip-block" Error Webhook,
    /// A value that is no port.
    BadPort "bad-port" Error Webhook,
    /// A path with a malformed template.
    BadPath "bad-path" Error Webhook,
    /// A condition on an attribute that does not exist.
    UnknownConditionKey "unknown-condition-key" Error Webhook,
    /// A dry-run annotation that is no boolean, or on a resource that knows no dry run.
    BadDryRun "bad-dry-run" Error Webhook,
    /// An annotation that Istio keeps for itself.
    ReservedAnnotation "reserved-annotation" Error Webhook,
    /// `portLevelMtls` where it has no effect.
    PortsWithoutSelector "ports-without-selector" Error Webhook,
    /// `portLevelMtls` with no port, or with a key that is no port.
    BadPortLevelMtls "bad-port-level-mtls" Error Webhook,

    /// Istio's own warning: a DENY rule with only HTTP attributes denies all TCP traffic.
    DenyHttpOnly "deny-http-only" Warning Webhook,
    /// Istio's own warning: a selector without labels selects everything.
    SelectorWithoutLabels "selector-without-labels" Warning Webhook,
    /// An HTTP attribute in an ALLOW rule: on TCP the rule matches nothing.
    HttpFieldInAllow "http-field-in-allow" Warning Own,
    /// An HTTP attribute in a DENY, AUDIT or CUSTOM rule: on TCP it is dropped and the rule matches more.
    RuleWidened "rule-widened" Warning Own,
    /// A rule whose terms contradict each other.
    RuleNeverMatches "rule-never-matches" Warning Own,
    /// A DENY rule that asks for an identity, where a peer may come without one.
    DenyMissesPlaintext "deny-misses-plaintext" Warning Own,
    /// An ALLOW rule that only excludes identities also admits peers that have none.
    AllowAdmitsPlaintext "allow-admits-plaintext" Warning Own,
    /// An ALLOW rule asks for an identity; peers that come in plaintext have none and are denied.
    IdentityNeedsMtls "identity-needs-mtls" Note Own,
    /// A principal that starts with `spiffe://` never matches.
    PrincipalWithScheme "principal-with-scheme" Warning Own,
    /// A principal that is not of the form `TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT`.
    PrincipalForm "principal-form" Warning Own,
    /// A server name pattern with capital letters never matches.
    SniCapitals "sni-capitals" Warning Own,
    /// An explicitly empty list counts as absent, not as "nobody".
    EmptyList "empty-list" Warning Own,
    /// An explicit null counts as absent.
    NullValue "null-value" Warning Own,
    /// A resource without a namespace is taken to be in `default`.
    DefaultNamespace "default-namespace" Warning Own,
    /// A PeerAuthentication with a selector in the root namespace is ignored.
    IgnoredPeerAuthentication "ignored-peer-authentication" Warning Own,
    /// An older PeerAuthentication of the same scope wins, whatever its mode.
    ShadowedPeerAuthentication "shadowed-peer-authentication" Warning Own,
    /// A policy with targets holds for gateways only, never for a plain workload.
    TargetsGateway "targets-gateway" Note Own,
    /// A CUSTOM policy whose provider speaks HTTP has no effect on TCP.
    HttpProvider "http-provider" Warning Own,
    /// A CUSTOM policy whose provider is not defined denies what its rules match.
    UndefinedProvider "undefined-provider" Warning Own,
    /// Several providers for one scope: what the rules of any match is denied.
    SeveralProviders "several-providers" Warning Own,
    /// A list without resources.
    EmptyResourceList "empty-resource-list" Warning Own,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_descriptions_differ() {
        for (i, kind) in FindingKind::ALL.iter().enumerate() {
            assert!(!kind.describe().is_empty(), "{kind:?}");
            for other in FindingKind::ALL.iter().skip(i + 1) {
                assert_ne!(kind.code(), other.code());
                assert_ne!(kind.describe(), other.describe());
            }
        }
    }
}
