//! Labels of a workload, and the selectors over them.

use std::collections::BTreeMap;

/// Labels: of a workload, or those that a selector asks for.
///
/// ```
/// use authz_core::Labels;
///
/// let workload: Labels = [("app", "web"), ("version", "v1")].into_iter().collect();
/// let selector: Labels = [("app", "web")].into_iter().collect();
/// assert!(selector.is_subset_of(&workload));
/// assert!(Labels::default().is_subset_of(&workload));
///
/// let mut labels = Labels::default();
/// assert!(labels.is_empty());
/// labels.insert("app", "db");
/// assert_eq!(labels.get("app"), Some("db"));
/// assert_eq!(labels.iter().collect::<Vec<_>>(), [("app", "db")]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(BTreeMap<String, String>);

impl Labels {
    /// Sets a label; a second value for the same key replaces the first.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.0.insert(key.into(), value.into());
    }

    /// The value of a label.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Whether there is no label.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The labels in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Whether `other` has every one of these labels with an equal value: how a selector selects.
    pub fn is_subset_of(&self, other: &Self) -> bool {
        self.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(labels: I) -> Self {
        Self(labels.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}
