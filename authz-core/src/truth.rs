//! Three-valued logic: true, false, or undecided for want of certain facts.

use crate::fact::Fact;
use crate::fact_set::FactSet;

/// Whether something holds, as far as the known facts tell (Kleene's strong logic).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    False,
    /// It takes these facts.
    Unknown(FactSet),
    True,
}

impl Truth {
    /// A question to one fact: what is absent matches no pattern.
    pub(crate) fn of<T>(fact: Fact<T>, name: FactSet, matches: impl FnOnce(T) -> bool) -> Self {
        match fact {
            Fact::Unknown => Self::Unknown(name),
            Fact::Absent => Self::False,
            Fact::Known(value) => Self::from(matches(value)),
        }
    }

    pub(crate) fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::False => Self::False,
            Self::True => other(),
            Self::Unknown(needs) => match other() {
                Self::False => Self::False,
                Self::True => self,
                Self::Unknown(more) => Self::Unknown(needs | more),
            },
        }
    }

    pub(crate) fn or(self, other: impl FnOnce() -> Self) -> Self {
        (!self).and(|| !other()).negate()
    }

    fn negate(self) -> Self {
        !self
    }

    /// Whether all hold; an empty list does.
    pub(crate) fn all(truths: impl IntoIterator<Item = Self>) -> Self {
        let mut result = Self::True;
        for truth in truths {
            result = result.and(|| truth);
            if result == Self::False {
                break;
            }
        }
        result
    }

    /// Whether one holds; of an empty list none does.
    pub(crate) fn any(truths: impl IntoIterator<Item = Self>) -> Self {
        !Self::all(truths.into_iter().map(|truth| !truth))
    }
}

impl std::ops::Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::False => Self::True,
            Self::True => Self::False,
            Self::Unknown(needs) => Self::Unknown(needs),
        }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_gives_way_only_to_what_decides() {
        let unknown = Truth::Unknown(FactSet::SNI);
        let table = [
            (Truth::False, unknown, Truth::False, unknown),
            (Truth::True, unknown, unknown, Truth::True),
            (unknown, Truth::False, Truth::False, unknown),
            (unknown, Truth::True, unknown, Truth::True),
            (
                unknown,
                Truth::Unknown(FactSet::PEER),
                Truth::Unknown(FactSet::SNI | FactSet::PEER),
                Truth::Unknown(FactSet::SNI | FactSet::PEER),
            ),
            (Truth::True, Truth::False, Truth::False, Truth::True),
        ];
        for (a, b, and, or) in table {
            assert_eq!(a.and(|| b), and, "{a:?} and {b:?}");
            assert_eq!(a.or(|| b), or, "{a:?} or {b:?}");
        }
    }
}
