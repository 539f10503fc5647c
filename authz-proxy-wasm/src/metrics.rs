//! The counters that were made in this virtual machine, each once.

/// Numbers of counters by name, in the order of the names.
///
/// Envoy makes another entry of its own for each definition, also of a name that it knows, and keeps it as long as
/// the virtual machine, which outlives configurations: a hundred entries an update would be left behind.
///
/// ```
/// use authz_proxy_wasm::metrics::Metrics;
///
/// let mut metrics = Metrics::default();
/// assert_eq!(metrics.number("authz_denied", |_| Some(7)), Some(7));
/// assert_eq!(metrics.number("authz_denied", |_| unreachable!("it is known")), Some(7));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Metrics(Vec<(String, u32)>);

impl Metrics {
    /// Without any.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The number of a counter, which `define` makes if it was not made before; nothing if that fails, and then it is
    /// tried again the next time.
    pub fn number(&mut self, name: &str, define: impl FnOnce(&str) -> Option<u32>) -> Option<u32> {
        match self.0.binary_search_by(|(known, _)| known.as_str().cmp(name)) {
            Ok(place) => self.0.get(place).map(|(_, number)| *number),
            Err(place) => {
                let number = define(name)?;
                self.0.insert(place, (name.to_owned(), number));
                Some(number)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_defines_only_the_counters_that_no_configuration_had_before() {
        let mut metrics = Metrics::new();
        let mut defined = Vec::new();
        let mut configure = |names: &[&str], works: bool| -> Vec<Option<u32>> {
            let numbers = names.iter().map(|name| {
                metrics.number(name, |name| {
                    defined.push(name.to_owned());
                    works.then(|| 100 + u32::try_from(defined.len()).unwrap())
                })
            });
            numbers.collect()
        };
        assert_eq!(configure(&["b", "a", "c"], true), [Some(101), Some(102), Some(103)]);
        assert_eq!(configure(&["c", "b", "a"], true), [Some(103), Some(101), Some(102)]);
        assert_eq!(configure(&["aa", "a"], false), [None, Some(102)]);
        assert_eq!(configure(&["aa", "a"], true), [Some(105), Some(102)]);
        assert_eq!(defined, ["b", "a", "c", "aa", "aa"]);
    }
}
