//! Dynamic metadata: facts that other filters of a proxy found out, as `experimental.envoy.filters.*` reads them.

use std::fmt;

use super::StringMatch;

/// Which piece of metadata: the filter that wrote it and the key it wrote.
///
/// ```
/// use authz_core::MetadataKey;
///
/// let key = MetadataKey::parse("experimental.envoy.filters.network.mysql_proxy[db.table]").unwrap();
/// assert_eq!(key.filter(), "envoy.filters.network.mysql_proxy");
/// assert_eq!(key.key(), "db.table");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetadataKey {
    filter: Box<str>,
    key: Box<str>,
}

impl MetadataKey {
    /// Reads `experimental.envoy.filters.FILTER[KEY]`; nothing where the text has another form.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("experimental.")?.strip_suffix(']')?;
        let (filter, key) = rest.split_once('[')?;
        let named = filter.starts_with("envoy.filters.") && !key.is_empty();
        named.then(|| Self { filter: filter.into(), key: key.into() })
    }

    /// The metadata namespace, the name of the filter that wrote the value.
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// The key within the namespace.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for MetadataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "experimental.{}[{}]", self.filter, self.key)
    }
}

/// A pattern over one piece of metadata.
///
/// `[v]` asks for a list with an element that matches `v`; anything else for a string that matches.
///
/// ```
/// use authz_core::{MetadataMatch, MetadataValue};
///
/// let update = MetadataMatch::parse("[update]");
/// assert!(update.matches(&MetadataValue::List(&["select", "update"])));
/// assert!(!update.matches(&MetadataValue::Text("update")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MetadataMatch {
    /// A string that matches.
    Text(StringMatch),
    /// A list with an element that matches.
    Element(StringMatch),
}

impl MetadataMatch {
    /// Reads a pattern; every text is one.
    pub fn parse(text: &str) -> Self {
        if text.starts_with('[') && text.ends_with(']') {
            Self::Element(StringMatch::parse(text.trim_matches(['[', ']'])))
        } else {
            Self::Text(StringMatch::parse(text))
        }
    }

    /// Whether the value matches.
    pub fn matches(&self, value: &MetadataValue<'_>) -> bool {
        match (self, value) {
            (Self::Text(pattern), MetadataValue::Text(text)) => pattern.matches(text),
            (Self::Element(pattern), MetadataValue::List(list)) => list.iter().any(|text| pattern.matches(text)),
            (Self::Text(_), MetadataValue::List(_)) | (Self::Element(_), MetadataValue::Text(_)) => false,
        }
    }
}

impl fmt::Display for MetadataMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(pattern) => pattern.fmt(f),
            Self::Element(pattern) => write!(f, "[{pattern}]"),
        }
    }
}

/// The value of one piece of metadata, as the host knows it.
///
/// ```
/// use authz_core::MetadataValue;
///
/// assert_ne!(MetadataValue::Text("a"), MetadataValue::List(&["a"]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataValue<'a> {
    /// A string.
    Text(&'a str),
    /// A list of strings.
    List(&'a [&'a str]),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_a_filter_and_a_bracketed_key() {
        let table = [
            ("experimental.envoy.filters.a.b[c]", Some(("envoy.filters.a.b", "c"))),
            ("experimental.envoy.filters.a.b[c[d]]", Some(("envoy.filters.a.b", "c[d]"))),
            ("experimental.envoy.filters.a.b", None),
            ("experimental.envoy.filters.a.b[]", None),
            ("experimental.other[c]", None),
            ("envoy.filters.a[c]", None),
        ];
        for (text, expected) in table {
            let key = MetadataKey::parse(text);
            assert_eq!(key.as_ref().map(|k| (k.filter(), k.key())), expected, "{text:?}");
        }
    }
}
