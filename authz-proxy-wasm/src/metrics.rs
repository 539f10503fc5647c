//! The counters that were made in this virtual machine, each once, and no more than it may have.

/// How many policies have counters of their own in one virtual machine, of all configurations that it has had: four
/// times what one may have by default.
pub const MOST_POLICIES: usize = 400;
/// How many other counters there may be: those of some twenty names of filters.
const MOST_OTHERS: usize = 400;

/// Numbers of counters by name, in the order of the names.
///
/// Envoy makes another entry of its own for each definition, also of a name that it knows, and keeps it as long as
/// the virtual machine, which outlives configurations: a hundred entries an update would be left behind. Names that
/// change with every update would leave as many, so there is a bound: past it policies share the counter
/// `policy_other` of their configuration, and other counters are not kept. What is decided is the same.
///
/// ```
/// use authz_proxy_wasm::metrics::Metrics;
///
/// let mut metrics = Metrics::default();
/// let names = ["authz_denied".to_owned()];
/// assert_eq!(metrics.numbers(&names, |_| Some(7)), [Some(7)]);
/// assert_eq!(metrics.numbers(&names, |_| unreachable!("it is known")), [Some(7)]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    known: Vec<(String, u32)>,
    policies: usize,
}

impl Metrics {
    /// Without any.
    pub const fn new() -> Self {
        Self { known: Vec::new(), policies: 0 }
    }

    /// The numbers of a configuration's counters, of which `define` makes those that were not made before; nothing where
    /// that fails, and then it is tried again the next time.
    pub fn numbers(&mut self, names: &[String], mut define: impl FnMut(&str) -> Option<u32>) -> Vec<Option<u32>> {
        let mut other = None;
        let mut numbers = Vec::with_capacity(names.len());
        for name in names {
            let number = self.number(name, other, &mut define);
            // It stands before those of policies.
            if name.ends_with("_policy_other") {
                other = number;
            }
            numbers.push(number);
        }
        numbers
    }

    fn number(&mut self, name: &str, other: Option<u32>, define: &mut dyn FnMut(&str) -> Option<u32>) -> Option<u32> {
        match self.known.binary_search_by(|(known, _)| known.as_str().cmp(name)) {
            Ok(place) => self.known.get(place).map(|(_, number)| *number),
            Err(place) => {
                let is_policy = name.contains("policy.");
                if is_policy && self.policies >= MOST_POLICIES {
                    return other;
                }
                if !is_policy && self.known.len().saturating_sub(self.policies) >= MOST_OTHERS {
                    return None;
                }
                let number = define(name)?;
                self.known.insert(place, (name.to_owned(), number));
                self.policies += usize::from(is_policy);
                Some(number)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The proxy, which numbers what it defines from 101.
    #[derive(Default)]
    struct Proxy {
        metrics: Metrics,
        defined: Vec<String>,
    }

    impl Proxy {
        fn configure(&mut self, names: &[&str], works: bool) -> Vec<Option<u32>> {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            self.metrics.numbers(&names, |name| {
                self.defined.push(name.to_owned());
                works.then(|| 100 + u32::try_from(self.defined.len()).unwrap())
            })
        }
    }

    #[test]
    fn an_update_defines_only_the_counters_that_no_configuration_had_before() {
        let mut proxy = Proxy::default();
        assert_eq!(proxy.configure(&["b", "a", "c"], true), [Some(101), Some(102), Some(103)]);
        assert_eq!(proxy.configure(&["c", "b", "a"], true), [Some(103), Some(101), Some(102)]);
        assert_eq!(proxy.configure(&["aa", "a"], false), [None, Some(102)]);
        assert_eq!(proxy.configure(&["aa", "a"], true), [Some(105), Some(102)]);
        assert_eq!(proxy.defined, ["b", "a", "c", "aa", "aa"]);
    }

    #[test]
    fn policies_that_have_new_names_with_every_update_share_a_counter_at_last() {
        let mut proxy = Proxy::default();
        for update in 0..MOST_POLICIES {
            let found = proxy.configure(&["authz_policy_other", &format!("authz_policy.foo/p{update}")], true);
            assert_eq!(found[0], Some(101));
            assert_ne!(found[1], Some(101), "{update}");
        }
        for kind in ["policy", "dry_run_policy"] {
            let found = proxy.configure(&["authz_policy_other", &format!("authz_{kind}.foo/new"), "authz_policy.foo/p7"], true);
            assert_eq!(found, [Some(101), Some(101), Some(109)], "those that are known stay");
        }
        // Another filter of this virtual machine has its own.
        let found = proxy.configure(&["b_denied", "b_policy_other", "b_policy.foo/p"], true);
        assert_eq!(found, [Some(502), Some(503), Some(503)]);
    }

    #[test]
    fn filters_that_have_new_names_with_every_update_are_not_counted_at_last() {
        let mut proxy = Proxy::default();
        for update in 0..2 * MOST_OTHERS {
            let found = proxy.configure(&[&format!("a{update}_denied")], true);
            assert_eq!(found[0].is_some(), update < MOST_OTHERS, "{update}");
        }
        assert_eq!(proxy.defined.len(), MOST_OTHERS);
    }
}
