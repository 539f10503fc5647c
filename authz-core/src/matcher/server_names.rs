//! All patterns over server names at once: which of them match, without trying each.

use super::affixes::Forms;
use super::pattern_ref::PatternRef;
use crate::value::SniMatch;

/// Patterns by number, arranged so that those that match a server name are found by hashing it.
#[derive(Clone, Debug, Default)]
pub(super) struct ServerNames {
    /// `*`: any name but the empty one.
    presence: Option<u32>,
    forms: Forms,
    /// All of them, for names too long to be hashed.
    all: Vec<(SniMatch, u32)>,
}

impl ServerNames {
    /// Arranges patterns by number.
    pub(super) fn new(all: &[PatternRef<'_>]) -> Self {
        let mut this = Self::default();
        for (number, pattern) in (0..).zip(all) {
            if let PatternRef::Sni(pattern) = pattern {
                this.all.push(((*pattern).clone(), number));
                if !this.forms.insert(pattern.pattern(), number) {
                    this.presence = Some(number);
                }
            }
        }
        this.forms.finish();
        this
    }

    /// Calls `found` with the number of each pattern that matches a server name. One piece of code for all who
    /// ask: few rules ask for one.
    #[inline(never)]
    pub(super) fn matching(&self, name: &str, mut found: &mut dyn FnMut(u32)) {
        if let Some(number) = self.presence.filter(|_| !name.is_empty()) {
            found(number);
        }
        // Names of TLS are 255 bytes at most.
        let mut lower = [0; 256];
        match lower.get_mut(..name.len()) {
            Some(lower) => {
                lower.copy_from_slice(name.as_bytes());
                lower.make_ascii_lowercase();
                self.forms.matches_of(lower, &mut found);
            }
            None => self.all.iter().filter(|(pattern, _)| pattern.matches(name)).for_each(|(_, number)| found(*number)),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.forms.bytes() + size_of_val(self.all.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matcher::pattern_ref::Numbers;

    #[test]
    fn server_names_are_found_in_any_case_and_length() {
        let all = ["*", "a.example", "*.example", "a.*", "A.b", "é", "*.long.example", "a.long.*"].map(SniMatch::parse);
        let mut numbers = Numbers::default();
        for pattern in &all {
            numbers.number(PatternRef::Sni(pattern));
        }
        let names = ServerNames::new(numbers.all());
        let long = format!("{}.example", "x".repeat(300));
        for name in ["", "a.example", "A.EXAMPLE", "b.example", "a.b", "é", "É", "b.long.example", "A.long.x", &long] {
            let mut found = vec![false; all.len()];
            names.matching(name, &mut |number| found[usize::try_from(number).unwrap()] = true);
            for (pattern, found) in all.iter().zip(found) {
                assert_eq!(found, pattern.matches(name), "{pattern:?} against {name:?}");
            }
        }
    }
}
