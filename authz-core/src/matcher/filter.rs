//! Whether a text may be one of many, by eight bytes of it.

/// Bits of what is in a table, so that most of what is not need not be looked up in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    /// A power of two of them.
    bits: Box<[u64]>,
    /// Whether some text is too short for a window; nothing tells short ones apart.
    has_short: bool,
}

impl Filter {
    /// A filter of what these windows, or their lack, tell of each text.
    pub(super) fn new<'t>(windows: impl ExactSizeIterator<Item = (usize, Option<&'t [u8; 8]>)>) -> Self {
        if windows.len() == 0 {
            return Self::default();
        }
        let words = (windows.len() / 4).next_power_of_two();
        let mut filter = Self { bits: vec![0; words].into(), has_short: false };
        for (salt, window) in windows {
            match window {
                Some(window) => {
                    let (word, bit) = filter.place(salt, *window);
                    filter.bits.get_mut(word).into_iter().for_each(|word| *word |= bit);
                }
                None => filter.has_short = true,
            }
        }
        filter
    }

    #[inline]
    fn place(&self, salt: usize, window: [u8; 8]) -> (usize, u64) {
        // The salt tells the same window at another length, or in another place.
        let salt = u64::try_from(salt).unwrap_or_default().wrapping_mul(0xd6e8_feb8_6659_fd93);
        let mixed = (u64::from_le_bytes(window) ^ salt).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let word = usize::try_from(mixed >> 32).unwrap_or_default() & self.bits.len().wrapping_sub(1);
        (word, 1 << (mixed >> 58))
    }

    /// Whether a text with this window may be in the table.
    #[inline]
    pub(super) fn may_hold(&self, salt: usize, window: Option<&[u8; 8]>) -> bool {
        match window {
            Some(window) => {
                let (word, bit) = self.place(salt, *window);
                self.bits.get(word).is_some_and(|word| word & bit != 0)
            }
            None => self.has_short,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.bits)
    }
}
