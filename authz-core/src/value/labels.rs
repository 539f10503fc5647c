//! Labels of a workload, and the selectors over them.

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
pub struct Labels(
    /// By key. They are few, and a tree of them would be most of the code of trees that a module carries.
    Vec<(String, String)>,
);

impl Labels {
    /// Sets a label; a second value for the same key replaces the first.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<String>) {
        let label = (key.into(), value.into());
        match self.place(&label.0) {
            Ok(at) => self.0.get_mut(at).into_iter().for_each(|known| known.1.clone_from(&label.1)),
            Err(at) => self.0.insert(at, label),
        }
    }

    /// The value of a label.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(self.place(key).ok()?).map(|(_, value)| value.as_str())
    }

    /// Where a key stands, or would.
    fn place(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.as_str().cmp(key))
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
        let mut all = Self::default();
        labels.into_iter().for_each(|(key, value)| all.insert(key, value));
        all
    }
}
