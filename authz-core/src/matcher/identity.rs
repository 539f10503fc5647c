//! The one form that almost every identity has, taken apart without a branch a byte.

use super::slashes::Slashes;

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

    /// An identity that was taken apart before, by the places of the four slashes behind the scheme.
    #[inline]
    pub(super) fn new(identity: &'i [u8], slashes: [usize; 4]) -> Self {
        Self { identity, slashes }
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

    /// How many slashes there are behind the scheme.
    pub(super) const SLASHES: u32 = 4;

    #[inline]
    fn slash(&self, number: u32) -> usize {
        self.slashes.get(super::numbers::place(number)).copied().unwrap_or(usize::MAX)
    }

    /// What stands between the scheme and a slash, from 0, that included.
    #[inline]
    pub(super) fn up_to_slash(&self, number: u32) -> &'i [u8] {
        self.part(SCHEME.len(), self.slash(number).saturating_add(1))
    }

    /// What stands behind a slash, from 0, that included.
    #[inline]
    pub(super) fn behind_slash(&self, number: u32) -> &'i [u8] {
        self.part(self.slash(number), self.identity.len())
    }
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
            ("spiffe://domain/ns/n/sa/s", Some(("domain", "n", "s"))),
            // Too short to be worth it.
            ("spiffe://td/ns/n/sa/s", None),
            ("spiffe://domain/ns/sa/sa/sa", Some(("domain", "sa", "sa"))),
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
}
