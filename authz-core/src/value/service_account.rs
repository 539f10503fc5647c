//! A service account, as `serviceAccounts` names it.

use std::fmt;

/// A service account of a namespace, compared with a peer's identity; the trust domain is ignored.
///
/// Istio compiles it to `spiffe://.+/ns/NS/(.+/|)sa/SA(/.+)?`
/// (`pilot/pkg/security/authz/model/generator.go`), so segments between and behind are tolerated.
///
/// ```
/// use authz_core::ServiceAccountMatch;
///
/// // Without a namespace it is that of the policy.
/// let web = ServiceAccountMatch::parse("web", "shop").unwrap();
/// assert_eq!(web, ServiceAccountMatch::parse("shop/web", "other").unwrap());
/// assert!(web.matches("spiffe://cluster.local/ns/shop/sa/web"));
/// assert_eq!((web.namespace(), web.name()), ("shop", "web"));
/// assert_eq!(ServiceAccountMatch::MAX_LEN, 320);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceAccountMatch {
    namespace: Box<str>,
    name: Box<str>,
}

impl ServiceAccountMatch {
    /// The longest value that Istio accepts, in bytes.
    pub const MAX_LEN: usize = 320;

    /// Reads `SA` (in the namespace of the policy) or `NS/SA`.
    ///
    /// # Errors
    ///
    /// When a half is empty, or there is a star, a second slash, or more than 320 bytes.
    pub fn parse(text: &str, policy_namespace: &str) -> Result<Self, ServiceAccountError> {
        if text.contains('*') {
            return Err(ServiceAccountError::Star);
        }
        if text.len() > Self::MAX_LEN {
            return Err(ServiceAccountError::TooLong);
        }
        let (namespace, name) = text.split_once('/').unwrap_or((policy_namespace, text));
        if name.contains('/') {
            return Err(ServiceAccountError::Slashes);
        }
        if name.is_empty() || namespace.is_empty() {
            return Err(ServiceAccountError::Empty);
        }
        Ok(Self { namespace: namespace.into(), name: name.into() })
    }

    /// Whether one URI SAN is that of the service account.
    pub fn matches(&self, identity: &str) -> bool {
        let Some(rest) = identity.strip_prefix("spiffe://") else { return false };
        // At least one character of trust domain stands before `/ns/`.
        // What stands behind a later `/ns/NS/` stands behind the first one too.
        rest.match_indices('/')
            .filter(|(at, _)| *at > 0)
            .find_map(|(at, _)| {
                let rest = rest.get(at..)?.strip_prefix("/ns/")?;
                rest.strip_prefix(&*self.namespace)?.strip_prefix('/')
            })
            .is_some_and(|rest| self.names(rest))
    }

    /// Whether `(.+/|)sa/SA(/.+)?` is all of `rest`.
    fn names(&self, rest: &str) -> bool {
        let here = |rest: &str| {
            rest.strip_prefix("sa/")
                .and_then(|rest| rest.strip_prefix(&*self.name))
                .is_some_and(|rest| rest.is_empty() || (rest.starts_with('/') && rest.len() > 1))
        };
        here(rest) || rest.match_indices('/').any(|(at, _)| at > 0 && rest.get(at + 1..).is_some_and(here))
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The name within its namespace.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for ServiceAccountMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Why a text is no [`ServiceAccountMatch`].
///
/// ```
/// use authz_core::{ServiceAccountError, ServiceAccountMatch};
///
/// assert_eq!(ServiceAccountMatch::parse("shop/*", "shop"), Err(ServiceAccountError::Star));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceAccountError {
    /// A star.
    #[error("a service account has no `*`; use `principals` or `namespaces` for patterns")]
    Star,
    /// More than 320 bytes.
    #[error("a service account has at most 320 characters")]
    TooLong,
    /// More than one slash.
    #[error("write NAME or NAMESPACE/NAME")]
    Slashes,
    /// An empty name or namespace.
    #[error("neither half of NAMESPACE/NAME may be empty")]
    Empty,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extra_segments_are_tolerated_where_istio_tolerates_them() {
        let table = [
            ("spiffe://td/ns/shop/sa/web", true),
            ("spiffe://td/ns/shop/sa/web/pod/1", true),
            ("spiffe://td/ns/shop/sa/web/", false),
            ("spiffe://td/ns/shop/region/eu/sa/web", true),
            ("spiffe://td/ns/shop//sa/web", false),
            ("spiffe://td/ns/shop/sa/web2", false),
            ("spiffe://td/ns/shopx/sa/web", false),
            ("spiffe:///ns/shop/sa/web", false),
            ("spiffe://td/x/ns/shop/sa/web", true),
            ("https://td/ns/shop/sa/web", false),
            ("spiffe://td/ns/shop/sa/sa/web", true),
            ("spiffe://td/ns/shop/ns/shop/sa/web", true),
            ("spiffe://td/ns/ns/shop/sa/web", true),
        ];
        let web = ServiceAccountMatch::parse("web", "shop").unwrap();
        for (identity, expected) in table {
            assert_eq!(web.matches(identity), expected, "{identity:?}");
        }
    }

    #[test]
    fn service_accounts_are_read_strictly() {
        let table = [
            ("a/b/c", Err(ServiceAccountError::Slashes)),
            ("/x", Err(ServiceAccountError::Empty)),
            ("x/", Err(ServiceAccountError::Empty)),
            ("", Err(ServiceAccountError::Empty)),
            ("a*", Err(ServiceAccountError::Star)),
            ("a.b/web", Ok("a.b/web")),
        ];
        for (text, expected) in table {
            let read = ServiceAccountMatch::parse(text, "shop").map(|sa| sa.to_string());
            assert_eq!(read.as_deref(), expected.as_ref().copied(), "{text:?}");
        }
        let long = "a".repeat(321);
        assert_eq!(ServiceAccountMatch::parse(&long, "shop"), Err(ServiceAccountError::TooLong));
    }
}
