//! Where the slashes of a text are, sixteen bytes at a time: what taking an identity apart costs most.
//!
//! Compilers do not find the two instructions that this takes, so they are written out where every
//! processor has them; the plain form stands in for them anywhere else, and tests hold the two together.
#![cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "instructions that every x86-64 processor has"))]

/// The places of slashes in 16 to 128 bytes, as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slashes {
    first: u64,
    second: u64,
}

impl Slashes {
    /// Nothing for fewer bytes, nor for more.
    #[inline]
    pub(super) fn of(text: &[u8]) -> Option<Self> {
        match text.split_at_checked(64) {
            None => Some(Self { first: word(text)?, second: 0 }),
            Some((first, second)) => Self::of_two(first, second),
        }
    }

    fn of_two(first: &[u8], second: &[u8]) -> Option<Self> {
        let second = match second.len() {
            0..16 => second.iter().zip(0..).fold(0, |bits, (byte, at)| bits | u64::from(*byte == b'/') << at),
            16..=64 => word(second)?,
            _ => return None,
        };
        Some(Self { first: word(first)?, second })
    }

    /// The place of the next one; 128 behind the last.
    #[inline]
    pub(super) fn next(&mut self) -> usize {
        let (bits, base) = if self.first != 0 { (&mut self.first, 0) } else { (&mut self.second, 64) };
        let at = bits.trailing_zeros();
        *bits &= bits.wrapping_sub(1);
        super::numbers::place(at) + base
    }

    #[inline]
    pub(super) fn is_done(self) -> bool {
        self.first | self.second == 0
    }
}

/// The bits of the slashes in 16 to 64 bytes.
///
/// It takes four pieces whatever the length, the last of them again where there are fewer, so that no
/// branch depends on it.
#[inline]
pub(super) fn word(text: &[u8]) -> Option<u64> {
    let last = text.len().checked_sub(16)?;
    let piece = |start: usize| -> Option<u64> {
        let start = last.min(start);
        Some(u64::from(slashes_of(text.get(start..)?.first_chunk()?)) << start)
    };
    // Written out, as a loop over the four is not unrolled.
    Some(piece(0)? | piece(16)? | piece(32)? | piece(48)?)
}

/// A bit for each of 16 bytes.
#[cfg(target_arch = "x86_64")]
#[inline]
fn slashes_of(bytes: &[u8; 16]) -> u16 {
    // SAFETY: the function takes SSE2, which is a part of x86-64, and nothing else.
    unsafe { slashes_by_sse2(bytes) }
}

/// A bit for each of 16 bytes.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn slashes_of(bytes: &[u8; 16]) -> u16 {
    slashes_one_by_one(bytes)
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "sse2")]
fn slashes_by_sse2(bytes: &[u8; 16]) -> u16 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set_epi64x, _mm_set1_epi8};

    let bits = u128::from_le_bytes(*bytes);
    let half = |bits: u128| u64::try_from(bits & u128::from(u64::MAX)).unwrap_or_default().cast_signed();
    let found = _mm_cmpeq_epi8(_mm_set_epi64x(half(bits >> 64), half(bits)), _mm_set1_epi8(b'/'.cast_signed()));
    // The mask has 16 bits.
    u16::try_from(_mm_movemask_epi8(found)).unwrap_or_default()
}

#[cfg(any(test, not(target_arch = "x86_64")))]
#[inline]
fn slashes_one_by_one(bytes: &[u8; 16]) -> u16 {
    let (halves, _) = bytes.as_chunks::<8>();
    halves.iter().rev().fold(0, |all, half| all << 8 | u16::from(slashes_of_half(*half)))
}

/// A bit for each of eight bytes.
#[cfg(any(test, not(target_arch = "x86_64")))]
#[inline]
fn slashes_of_half(bytes: [u8; 8]) -> u8 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    // A byte is zero where it was a slash; the sum carries into the top bit of every other.
    let word = u64::from_le_bytes(bytes) ^ 0x2f2f_2f2f_2f2f_2f2f;
    let tops = !(((word & LOW) + LOW) | word | LOW);
    // Gathers the top bits.
    u8::try_from((tops >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slash_has_its_bit_and_nothing_else() {
        for length in 16..=128 {
            for at in 0..length {
                for other in [b'.', b'0', 0xaf, 0, 0xff, 0x2e, 0x30] {
                    let mut text = vec![other; length];
                    text[at] = b'/';
                    let mut slashes = Slashes::of(&text).unwrap();
                    assert_eq!((slashes.next(), slashes.is_done()), (at, true), "{at} of {length} among {other}");
                }
            }
        }
        assert_eq!(Slashes::of(&[b'/'; 15]), None);
        assert_eq!(Slashes::of(&[b'/'; 129]), None);
    }

    #[test]
    fn one_instruction_says_what_the_plain_form_does() {
        for seed in 0..10_000_u128 {
            let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
            // Bytes near a slash are the ones to be taken for it.
            let bytes = mixed.to_le_bytes().map(|byte| 0x2c + byte % 8);
            assert_eq!(slashes_of(&bytes), slashes_one_by_one(&bytes), "{bytes:?}");
        }
    }
}
