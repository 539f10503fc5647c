//! A pattern over the trust domain of a peer's identity, as `trustDomains` writes it.

use std::fmt;

/// A pattern over the trust domain, the first segment of a SPIFFE identity.
///
/// | written   | matches identities that start with               |
/// |-----------|--------------------------------------------------|
/// | `td`      | `spiffe://td/`                                   |
/// | `*`       | `spiffe://`                                      |
/// | `td-*`    | `spiffe://td-`, then anything up to a slash      |
/// | `*-td`    | `spiffe://`, anything without a slash, then `-td/` |
///
/// ```
/// use authz_core::TrustDomainMatch;
///
/// let ours = TrustDomainMatch::parse("prod-*").unwrap();
/// assert!(ours.matches("spiffe://prod-eu/ns/shop/sa/web"));
/// assert!(!ours.matches("spiffe://test/ns/prod-eu/sa/web"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrustDomainMatch {
    /// Any SPIFFE identity.
    Any,
    /// Exactly this trust domain.
    Exact(Box<str>),
    /// Trust domains that start with this text.
    Prefix(Box<str>),
    /// Trust domains that end with this text.
    Suffix(Box<str>),
}

impl TrustDomainMatch {
    /// Reads a pattern as `trustDomains` accepts it.
    ///
    /// # Errors
    ///
    /// When the text is empty, holds a slash, or a star anywhere but at one end.
    pub fn parse(text: &str) -> Result<Self, TrustDomainError> {
        if text.contains('/') {
            return Err(TrustDomainError::Slash);
        }
        Self::parse_condition(text)
    }

    /// Reads a pattern as the condition `source.trustDomain` accepts it: with slashes.
    ///
    /// # Errors
    ///
    /// When the text is empty or holds a star anywhere but at one end.
    ///
    /// ```
    /// use authz_core::TrustDomainMatch;
    ///
    /// assert!(TrustDomainMatch::parse("td/ns").is_err());
    /// assert!(TrustDomainMatch::parse_condition("td/ns").is_ok());
    /// ```
    pub fn parse_condition(text: &str) -> Result<Self, TrustDomainError> {
        if text.is_empty() {
            return Err(TrustDomainError::Empty);
        }
        let pattern = if text == "*" {
            return Ok(Self::Any);
        } else if let Some(rest) = text.strip_prefix('*') {
            Self::Suffix(rest.into())
        } else if let Some(rest) = text.strip_suffix('*') {
            Self::Prefix(rest.into())
        } else {
            Self::Exact(text.into())
        };
        match &pattern {
            Self::Exact(rest) | Self::Prefix(rest) | Self::Suffix(rest) if rest.contains('*') => Err(TrustDomainError::Star),
            _ => Ok(pattern),
        }
    }

    /// Whether one URI SAN is of a trust domain that matches.
    pub fn matches(&self, identity: &str) -> bool {
        let Some(rest) = identity.strip_prefix("spiffe://") else { return false };
        match self {
            Self::Any => true,
            Self::Exact(td) => rest.strip_prefix(&**td).is_some_and(|rest| rest.starts_with('/')),
            Self::Prefix(td) => rest.strip_prefix(&**td).is_some_and(|rest| rest.contains('/')),
            Self::Suffix(td) => {
                // `[^/]*TD/`: a TD with slashes of its own may start anywhere in the first segment.
                let first = rest.find('/').unwrap_or(rest.len());
                (0..=first)
                    .filter_map(|at| rest.get(at..))
                    .any(|rest| rest.strip_prefix(&**td).is_some_and(|rest| rest.starts_with('/')))
            }
        }
    }
}

impl fmt::Display for TrustDomainMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Exact(td) => f.write_str(td),
            Self::Prefix(td) => write!(f, "{td}*"),
            Self::Suffix(td) => write!(f, "*{td}"),
        }
    }
}

/// Why a text is no [`TrustDomainMatch`].
///
/// ```
/// use authz_core::{TrustDomainError, TrustDomainMatch};
///
/// assert_eq!(TrustDomainMatch::parse("a*b"), Err(TrustDomainError::Star));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustDomainError {
    /// Nothing is written.
    #[error("a trust domain is not empty")]
    Empty,
    /// A star in the middle, or more than one.
    #[error("a trust domain has at most one `*`, at its start or end")]
    Star,
    /// A slash.
    #[error("a trust domain has no `/`; it is the part of an identity before the first one")]
    Slash,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stays_within_the_first_segment() {
        let table = [
            ("td", "spiffe://td/ns/a/sa/b", true),
            ("td", "spiffe://td", false),
            ("td", "spiffe://td2/x", false),
            ("*", "spiffe://anything", true),
            ("*", "https://td/x", false),
            ("td*", "spiffe://td/x", true),
            ("td*", "spiffe://td2/x", true),
            ("td*", "spiffe://td2", false),
            ("*td", "spiffe://old-td/x", true),
            ("*td", "spiffe://td/x", true),
            ("*td", "spiffe://x/old-td/y", false),
            ("*td", "spiffe://tdtd/y", true),
            ("*aa", "spiffe://aaa/x", true),
            ("*.local", "spiffe://clusterxlocal/y", false),
        ];
        for (pattern, identity, expected) in table {
            let pattern = TrustDomainMatch::parse(pattern).unwrap();
            assert_eq!(pattern.matches(identity), expected, "{pattern} against {identity:?}");
        }
    }

    #[test]
    fn trust_domains_are_read_strictly() {
        let table = [
            ("a*b", TrustDomainError::Star),
            ("**", TrustDomainError::Star),
            ("", TrustDomainError::Empty),
            ("a/b", TrustDomainError::Slash),
            ("*a*", TrustDomainError::Star),
        ];
        for (text, error) in table {
            assert_eq!(TrustDomainMatch::parse(text), Err(error), "{text:?}");
        }
    }
}
