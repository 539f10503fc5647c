//! A pattern over the namespace that a peer's identity names.

use std::fmt;

/// A pattern over the namespace in a peer's identity, in which `*` may stand anywhere.
///
/// Istio compiles `namespaces: [V]` to the regular expression `.*/ns/V/.*` over the whole identity,
/// with every `*` of V widened to `.*` (`pilot/pkg/security/authz/model/generator.go`). So any
/// segment pair `ns/V` of the identity counts, and a star crosses slashes.
///
/// ```
/// use authz_core::NamespaceMatch;
///
/// let prod = NamespaceMatch::parse("prod-*");
/// assert!(prod.matches("spiffe://cluster.local/ns/prod-eu/sa/web"));
/// assert!(!prod.matches("spiffe://cluster.local/ns/test/sa/prod-web"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamespaceMatch(Box<str>);

impl NamespaceMatch {
    /// Reads a pattern; every text is one.
    pub fn parse(text: &str) -> Self {
        Self(text.into())
    }

    /// Whether one URI SAN names a namespace that matches.
    pub fn matches(&self, identity: &str) -> bool {
        // A search for a text sets out to be fast on long ones, which identities are not.
        let places = identity.as_bytes().windows("/ns/".len()).enumerate().filter(|(_, window)| *window == b"/ns/");
        // `/ns/ns/x` holds two candidates that share a slash.
        for (at, _) in places {
            let Some(rest) = identity.get(at + "/ns/".len()..) else { return false };
            match self.starts(rest) {
                Some(true) => return true,
                // A star takes in whatever follows, so a later place has no more to offer.
                Some(false) if self.0.contains('*') => return false,
                Some(false) | None => {}
            }
        }
        false
    }

    /// Whether `text` starts with the pattern and a slash; nothing where it does not even start with
    /// what stands before the first star.
    fn starts(&self, text: &str) -> Option<bool> {
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let mut rest = text.strip_prefix(first)?;
        let Some(mut part) = parts.next() else { return Some(rest.starts_with('/')) };
        // Taking each part at its first place leaves the most text for those behind it.
        for next in parts {
            let Some((_, behind)) = rest.split_once(part) else { return Some(false) };
            rest = behind;
            part = next;
        }
        // Behind the last star: its part, directly followed by a slash, anywhere.
        Some(rest.match_indices('/').any(|(at, _)| rest.get(..at).is_some_and(|before| before.ends_with(part))))
    }

    /// The pattern as written.
    pub(crate) fn pattern(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NamespaceMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_any_ns_segment_and_a_star_crosses_slashes() {
        let table = [
            ("foo", "spiffe://td/ns/foo/sa/x", true),
            ("foo", "spiffe://td/ns/foobar/sa/x", false),
            ("foo", "spiffe://td/ns/foo", false),
            ("foo", "spiffe://td/x/ns/foo/", true),
            ("foo", "https://td/ns/foo/x", true),
            ("ns", "spiffe://td/ns/ns/sa/x", true),
            ("foo", "spiffe://td/ns/ns/foo/x", true),
            ("*", "spiffe://td/ns/foo/sa/x", true),
            ("*", "spiffe://td/ns//sa/x", true),
            ("*", "spiffe://td/ns/foo", false),
            ("*", "spiffe://td/foo/x", false),
            ("f*o", "spiffe://td/ns/fo/sa/x", true),
            ("f*o", "spiffe://td/ns/foo/sa/x", true),
            ("f*o", "spiffe://td/ns/f/sa/o/x", true),
            ("f*o", "spiffe://td/ns/f/sa/o", false),
            ("*a*b*", "spiffe://td/ns/xaxbx/sa/x", true),
            ("*a*b*", "spiffe://td/ns/xbxax/sc/x", false),
            ("a*a", "spiffe://td/ns/a/x/", false),
            ("a**a", "spiffe://td/ns/aa/x", true),
            ("fo+", "spiffe://td/ns/foo/x", false),
            ("a.b", "spiffe://td/ns/axb/x", false),
            ("", "spiffe://td/ns//x", true),
        ];
        for (pattern, identity, expected) in table {
            assert_eq!(NamespaceMatch::parse(pattern).matches(identity), expected, "{pattern:?} against {identity:?}");
        }
    }
}
