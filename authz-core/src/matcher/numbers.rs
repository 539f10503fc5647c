//! Numbers as other numbers.

/// A number as a place in a list.
#[inline]
pub(super) fn place(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The same of a longer number.
#[cfg(not(feature = "small"))]
#[inline]
pub(super) fn long_place(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The first half of an address, and the second.
#[inline]
pub(super) fn halves(address: u128) -> [u64; 2] {
    [address >> 64, address & u128::from(u64::MAX)].map(|half| u64::try_from(half).unwrap_or(u64::MAX))
}

/// So that the order stays what it is: a comparison of numbers with a sign is one instruction for four.
#[inline(always)]
pub(super) fn signed(address: u32) -> i32 {
    (address ^ 1 << 31).cast_signed()
}

/// Makes of counts where what was counted starts, one behind the other; answers how many there are in all.
pub(super) fn starts_of(counts: &mut [u32]) -> u32 {
    let mut start = 0;
    for count in counts {
        start += std::mem::replace(count, start);
    }
    start
}
