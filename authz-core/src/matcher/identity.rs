//! The one form that almost every identity has, taken apart without a branch a byte.

/// `spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/SERVICE-ACCOUNT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standard<'i> {
    identity: &'i [u8],
    /// The places of the four slashes behind the scheme.
    slashes: [usize; 4],
}

/// The scheme, which policies leave out.
pub(super) const SCHEME: &str = "spiffe://";

impl<'i> Standard<'i> {
    /// Takes an identity apart.
    ///
    /// Nothing where it has another form, nor where `ns` is itself a trust domain or a namespace: then
    /// `/ns/` stands in it more than once.
    #[inline]
    pub(super) fn parse(identity: &'i str) -> Option<Self> {
        let identity = identity.as_bytes();
        let rest = identity.strip_prefix(SCHEME.as_bytes())?;
        let mut slashes = Slashes::of(rest)?;
        let mut next = || SCHEME.len() + slashes.next();
        let [one, two, three, four] = [next(), next(), next(), next()];
        let is_name = |from: usize, name: &[u8]| identity.get(from..from + name.len()) == Some(name);
        let is_standard = slashes.is_done()
            && two == one + 3
            && four == three + 3
            && one > SCHEME.len()
            && three > two + 1
            && four + 1 < identity.len()
            && is_name(one, b"/ns/")
            && is_name(three, b"/sa/")
            && !is_name(SCHEME.len() - 1, b"/ns/")
            && !is_name(two, b"/ns/");
        is_standard.then_some(Self { identity, slashes: [one, two, three, four] })
    }

    #[inline]
    fn part(&self, from: usize, to: usize) -> &'i [u8] {
        self.identity.get(from..to).unwrap_or_default()
    }

    #[inline]
    pub(super) fn trust_domain(&self) -> &'i [u8] {
        self.part(SCHEME.len(), self.slashes[0])
    }

    #[inline]
    pub(super) fn namespace(&self) -> &'i [u8] {
        self.part(self.slashes[1] + 1, self.slashes[2])
    }

    #[inline]
    pub(super) fn service_account(&self) -> &'i [u8] {
        self.part(self.slashes[3] + 1, self.identity.len())
    }

    /// What stands behind `/ns/`.
    #[inline]
    pub(super) fn behind_ns(&self) -> &'i [u8] {
        self.part(self.slashes[1] + 1, self.identity.len())
    }

    /// What stands behind the scheme.
    #[inline]
    pub(super) fn behind_scheme(&self) -> &'i [u8] {
        self.part(SCHEME.len(), self.identity.len())
    }

    /// What stands between the scheme and each slash, that included.
    #[inline]
    pub(super) fn up_to_slashes(&self) -> [&'i [u8]; 4] {
        self.slashes.map(|slash| self.part(SCHEME.len(), slash + 1))
    }

    /// What stands behind each slash, that included.
    #[inline]
    pub(super) fn behind_slashes(&self) -> [&'i [u8]; 4] {
        self.slashes.map(|slash| self.part(slash, self.identity.len()))
    }
}

/// The places of slashes in up to 128 bytes, as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slashes {
    first: u64,
    second: u64,
}

impl Slashes {
    /// Nothing for fewer than eight bytes and for more than 128, which are taken apart the general way.
    #[inline]
    fn of(text: &[u8]) -> Option<Self> {
        match text.split_at_checked(64) {
            None => Some(Self { first: word(text)?, second: 0 }),
            Some((first, second)) => Self::of_two(first, second),
        }
    }

    #[cold]
    fn of_two(first: &[u8], second: &[u8]) -> Option<Self> {
        let second = match second.len() {
            0..8 => second.iter().zip(0..).fold(0, |bits, (byte, at)| bits | u64::from(*byte == b'/') << at),
            8..=64 => word(second)?,
            _ => return None,
        };
        Some(Self { first: word(first)?, second })
    }

    /// The place of the next one; 128 behind the last.
    #[inline]
    fn next(&mut self) -> usize {
        let (bits, base) = if self.first != 0 { (&mut self.first, 0) } else { (&mut self.second, 64) };
        let at = bits.trailing_zeros();
        *bits &= bits.wrapping_sub(1);
        super::lookup::place(at) + base
    }

    #[inline]
    fn is_done(self) -> bool {
        self.first | self.second == 0
    }
}

/// The bits of the slashes in eight to 64 bytes.
#[inline]
fn word(text: &[u8]) -> Option<u64> {
    let (chunks, _) = text.as_chunks::<8>();
    let last = text.len().checked_sub(8)?;
    let mut bits = slashes_of(*text.last_chunk()?) << last;
    for (chunk, at) in chunks.iter().zip((0..).step_by(8)) {
        bits |= slashes_of(*chunk) << at;
    }
    Some(bits)
}

/// A bit for each of eight bytes.
#[inline]
fn slashes_of(bytes: [u8; 8]) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    // A byte is zero where it was a slash; the sum carries into the top bit of every other.
    let word = u64::from_le_bytes(bytes) ^ 0x2f2f_2f2f_2f2f_2f2f;
    let tops = !(((word & LOW) + LOW) | word | LOW);
    // Gathers the top bits.
    (tops >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_taken_apart() {
        let domain = "td".repeat(40);
        let long = format!("spiffe://{domain}/ns/foo/sa/bar");
        for (identity, expected) in [
            ("spiffe://cluster.local/ns/foo/sa/bar", Some(("cluster.local", "foo", "bar"))),
            ("spiffe://td/ns/n/sa/s", Some(("td", "n", "s"))),
            ("spiffe://td/ns/sa/sa/sa", Some(("td", "sa", "sa"))),
            (&long, Some((&domain, "foo", "bar"))),
            ("spiffe://ns/ns/n/sa/s", None),
            ("spiffe://td/ns/ns/sa/s", None),
            ("spiffe:///ns/n/sa/s", None),
            ("spiffe://td/ns//sa/s", None),
            ("spiffe://td/ns/n/sa/", None),
            ("spiffe://td/ns/n/sa/s/", None),
            ("spiffe://td/ns/n/sa/s/t", None),
            ("spiffe://td/x/ns/n/sa/s", None),
            ("spiffe://td/nx/n/sa/s", None),
            ("spiffe://td/ns/n/sb/s", None),
            ("https://td/ns/n/sa/s", None),
            ("spiffe://", None),
            ("", None),
        ] {
            let found = Standard::parse(identity).map(|standard| {
                [standard.trust_domain(), standard.namespace(), standard.service_account()]
                    .map(|part| std::str::from_utf8(part).unwrap())
            });
            assert_eq!(found, expected.map(|(domain, namespace, account)| [domain, namespace, account]), "{identity:?}");
        }
    }

    #[test]
    fn every_slash_has_its_bit_and_nothing_else() {
        for length in 8..=128 {
            for at in 0..length {
                for other in [b'.', b'0', 0xaf, 0, 0xff, 0x2e, 0x30] {
                    let mut text = vec![other; length];
                    text[at] = b'/';
                    let mut slashes = Slashes::of(&text).unwrap();
                    assert_eq!((slashes.next(), slashes.is_done()), (at, true), "{at} of {length} among {other}");
                }
            }
        }
        assert_eq!(Slashes::of(&[b'/'; 7]), None);
        assert_eq!(Slashes::of(&[b'/'; 129]), None);
    }
}
