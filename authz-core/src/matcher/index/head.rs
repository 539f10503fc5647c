//! What is known of an atom beside its tests, in eight bytes.

use crate::fact_set::FactSet;

/// What is known of an atom beside its tests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    /// The number of its rule.
    pub(super) rule: u32,
    /// The entry of the rule's `from` that it is made of, or a number that none has.
    pub(super) from: u8,
    pub(super) segment: u8,
    pub(super) asks: FactSet,
    /// A bit for each of those below that holds.
    pub(super) is: u8,
}

impl Head {
    /// Its rule consists of it alone.
    pub(super) const WHOLE: u8 = 1;
    /// Its rule has to be asked too.
    pub(super) const VERIFY: u8 = 1 << 1;
    /// It asks for a server name.
    pub(super) const NAMES: u8 = 1 << 2;

    /// Whether one of these holds.
    #[inline]
    pub(super) fn is(&self, what: u8) -> bool {
        self.is & what != 0
    }

    /// The entry of the rule's `from` that it is made of.
    pub(super) fn from(&self) -> Option<usize> {
        (self.from != u8::MAX).then_some(usize::from(self.from))
    }
}

const _: () = assert!(size_of::<Head>() == 8);
