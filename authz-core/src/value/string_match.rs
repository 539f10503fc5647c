//! How a string field is compared: equal, prefix, suffix or presence.

use std::fmt;

const SPIFFE: &str = "spiffe://";

/// A pattern over text, case-sensitive, anchored at both ends.
///
/// | written | matches                                                    |
/// |---------|------------------------------------------------------------|
/// | `*`     | anything but the empty text                                |
/// | `*abc`  | what ends with `abc`                                       |
/// | `abc*`  | what starts with `abc`                                     |
/// | `*abc*` | what ends with the literal `abc*`: a leading star wins     |
/// | `ab*c`  | the literal `ab*c`                                         |
///
/// ```
/// use authz_core::StringMatch;
///
/// let prefix = StringMatch::parse("prod-*");
/// assert!(prefix.matches("prod-eu"));
/// assert!(!prefix.matches("staging"));
/// assert!(!StringMatch::parse("*").matches(""));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StringMatch {
    /// Anything but the empty text.
    Presence,
    /// Exactly this text.
    Exact(Box<str>),
    /// What starts with this text.
    Prefix(Box<str>),
    /// What ends with this text.
    Suffix(Box<str>),
}

impl StringMatch {
    /// Reads a pattern; every text is one.
    pub fn parse(text: &str) -> Self {
        if text == "*" {
            Self::Presence
        } else if let Some(rest) = text.strip_prefix('*') {
            Self::Suffix(rest.into())
        } else if let Some(rest) = text.strip_suffix('*') {
            Self::Prefix(rest.into())
        } else {
            Self::Exact(text.into())
        }
    }

    /// Whether the pattern matches.
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Presence => !text.is_empty(),
            Self::Exact(value) => text == &**value,
            Self::Prefix(value) => text.starts_with(&**value),
            Self::Suffix(value) => text.ends_with(&**value),
        }
    }
}

impl fmt::Display for StringMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Presence => f.write_str("*"),
            Self::Exact(value) => f.write_str(value),
            Self::Prefix(value) => write!(f, "{value}*"),
            Self::Suffix(value) => write!(f, "*{value}"),
        }
    }
}

/// A pattern over a peer's identity; policies leave out the `spiffe://` that identities start with.
///
/// | written     | matches the identities                             |
/// |-------------|----------------------------------------------------|
/// | `*`         | any, of any scheme: the peer has one               |
/// | `td/ns/a/*` | that start with `spiffe://td/ns/a/`                |
/// | `*/sa/web`  | that start with `spiffe://` and end with `/sa/web` |
/// | otherwise   | `spiffe://` and that text                          |
///
/// ```
/// use authz_core::PrincipalMatch;
///
/// let web = PrincipalMatch::parse("cluster.local/ns/shop/sa/web");
/// assert!(web.matches("spiffe://cluster.local/ns/shop/sa/web"));
/// // A value that repeats the scheme asks for it twice and never matches.
/// assert!(!PrincipalMatch::parse("spiffe://cluster.local/ns/shop/sa/web").matches("spiffe://cluster.local/ns/shop/sa/web"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PrincipalMatch(StringMatch);

impl PrincipalMatch {
    /// Reads a pattern; every text is one, though many can never match.
    pub fn parse(text: &str) -> Self {
        Self(StringMatch::parse(text))
    }

    /// Whether one URI SAN matches.
    pub fn matches(&self, identity: &str) -> bool {
        match &self.0 {
            StringMatch::Presence => !identity.is_empty(),
            pattern => identity.strip_prefix(SPIFFE).is_some_and(|rest| pattern.matches(rest)),
        }
    }

    /// The pattern behind the scheme.
    pub(crate) fn pattern(&self) -> &StringMatch {
        &self.0
    }
}

impl fmt::Display for PrincipalMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A pattern over the server name that a TLS client asks for.
///
/// Proxies keep server names in lower case and compare patterns as written, so a pattern with
/// capitals never matches; the linter says so.
///
/// ```
/// use authz_core::SniMatch;
///
/// assert!(SniMatch::parse("*.example.com").matches("API.example.com"));
/// assert!(!SniMatch::parse("*.Example.com").matches("api.Example.com"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SniMatch(StringMatch);

impl SniMatch {
    /// Reads a pattern; every text is one.
    pub fn parse(text: &str) -> Self {
        Self(StringMatch::parse(text))
    }

    /// Whether a server name, which need not be in lower case, matches.
    pub fn matches(&self, sni: &str) -> bool {
        let (name, lower) = (sni.as_bytes(), |b: &u8| b.to_ascii_lowercase());
        let equal = |name: &[u8], value: &str| name.len() == value.len() && name.iter().map(lower).eq(value.bytes());
        match &self.0 {
            StringMatch::Presence => !sni.is_empty(),
            StringMatch::Exact(value) => equal(name, value),
            StringMatch::Prefix(value) => name.get(..value.len()).is_some_and(|start| equal(start, value)),
            StringMatch::Suffix(value) => {
                let start = name.len().checked_sub(value.len());
                start.and_then(|start| name.get(start..)).is_some_and(|end| equal(end, value))
            }
        }
    }

    /// Whether the pattern has a capital letter and so can match no server name.
    ///
    /// ```
    /// use authz_core::SniMatch;
    ///
    /// assert!(SniMatch::parse("*.Example.com").has_capitals());
    /// ```
    pub fn has_capitals(&self) -> bool {
        match &self.0 {
            StringMatch::Presence => false,
            StringMatch::Exact(value) | StringMatch::Prefix(value) | StringMatch::Suffix(value) => {
                value.bytes().any(|b| b.is_ascii_uppercase())
            }
        }
    }

    pub(crate) fn pattern(&self) -> &StringMatch {
        &self.0
    }
}

impl fmt::Display for SniMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether two trust domains, either of which may carry a star at one end, can mean the same one.
///
/// This is how Istio finds the trust domains that a principal's first segment speaks of
/// (`pilot/pkg/security/trustdomain`).
pub(crate) fn trust_domains_overlap(a: &str, b: &str) -> bool {
    let matches = |pattern: &str, text: &str| {
        if let Some(rest) = pattern.strip_prefix('*') {
            text.ends_with(rest)
        } else if let Some(rest) = pattern.strip_suffix('*') {
            text.starts_with(rest)
        } else {
            pattern == text
        }
    };
    a == "*" || b == "*" || matches(a, b) || matches(b, a)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leading_star_wins_and_an_inner_star_is_literal() {
        let table = [
            ("*", "x", true),
            ("*", "", false),
            ("*abc", "xabc", true),
            ("*abc*", "xabc*", true),
            ("*abc*", "xabcx", false),
            ("abc*", "abc", true),
            ("ab*c", "abxc", false),
            ("ab*c", "ab*c", true),
            ("**", "x*", true),
            ("", "", true),
        ];
        for (pattern, text, expected) in table {
            assert_eq!(StringMatch::parse(pattern).matches(text), expected, "{pattern:?} against {text:?}");
            assert_eq!(StringMatch::parse(pattern).to_string(), pattern);
        }
    }

    #[test]
    fn a_principal_is_compared_behind_its_scheme() {
        let table = [
            ("td/ns/a/sa/b", "spiffe://td/ns/a/sa/b", true),
            ("td/ns/a/sa/b", "td/ns/a/sa/b", false),
            ("*/sa/b", "spiffe://td/ns/a/sa/b", true),
            ("*/sa/b", "https://td/ns/a/sa/b", false),
            // The suffix stands behind the scheme and may not overlap it.
            ("*//x", "spiffe://x", false),
            ("*x", "spiffe://x", true),
            ("*", "https://td/x", true),
            ("*", "", false),
            ("td/*", "spiffe://td/", true),
        ];
        for (pattern, identity, expected) in table {
            assert_eq!(PrincipalMatch::parse(pattern).matches(identity), expected, "{pattern:?} against {identity:?}");
        }
    }

    #[test]
    fn a_server_name_is_lowered_and_a_pattern_is_not() {
        let table = [
            ("a.example", "A.Example", true),
            ("A.example", "a.example", false),
            ("a.*", "A.b", true),
            ("*.b", "a.B", true),
            ("*.bcd", "cd", false),
            ("*", "", false),
            ("é*", "É", false),
        ];
        for (pattern, sni, expected) in table {
            assert_eq!(SniMatch::parse(pattern).matches(sni), expected, "{pattern:?} against {sni:?}");
        }
    }
}
