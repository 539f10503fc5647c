//! Namespaces of the trust domain that most policies name, found by a few words of an identity.
//!
//! What patterns say of `spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/SERVICE-ACCOUNT` follows from the namespace,
//! unless one of them asks for the service account too. Here stand the namespaces that patterns name, each
//! with the class of its identities: those of one class are matched by the same patterns.

use super::identity::{SCHEME, Standard};
use super::named::seeds;
use super::numbers::place;
use super::slashes::word;
use super::spots::{Cut, Spot, Spots, hash_of, words};

/// The namespaces of one trust domain.
#[derive(Clone, Debug)]
pub(super) struct Home {
    /// `spiffe://cluster.local/ns/`.
    start: Box<str>,
    /// Its first bytes and its last, which are almost always all: to compare sixteen is one instruction.
    ends: [[u8; LEAST]; 2],
    namespaces: Spots,
    /// The class of the other namespaces, by the number of the one pattern that asks for a part of them; in order.
    pub(super) by_affix: Vec<(u32, u32)>,
    seeds: [u64; 4],
}

/// An identity of the trust domain, taken apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Local<'i> {
    identity: &'i [u8],
    /// Where the namespace starts.
    start: usize,
    /// The slash behind the namespace.
    slash: usize,
}

/// What stands in front of a namespace has this many bytes, so that as many can be read in front of any slash
/// behind it.
const LEAST: usize = 16;

/// Slashes are looked for in so many bytes.
const WINDOW: usize = 64;

/// What stands in front of a namespace is no longer than this: a trust domain has the length of a host name, and
/// what policies ask for is written out with it.
const LONGEST_START: usize = 300;

/// The longest identity that is taken apart here.
const LONGEST: usize = 1024;

/// So many namespaces may have one hash, as not all of a long one is hashed; to tell them apart takes a
/// comparison each.
const ALIKE: usize = 8;

impl Home {
    /// Of a trust domain; nothing where it is too short.
    pub(super) fn new(trust_domain: &str) -> Option<Self> {
        let start = format!("{SCHEME}{trust_domain}/ns/");
        if trust_domain.contains('/') || start.len() > LONGEST_START {
            return None;
        }
        // That of two letters is too short: behind `ns`, what follows would be taken for a namespace twice.
        let ends = [*start.as_bytes().first_chunk()?, *start.as_bytes().last_chunk()?];
        Some(Self { start: start.into(), ends, namespaces: Spots::default(), by_affix: Vec::new(), seeds: seeds() })
    }

    #[inline]
    fn is_start_of(&self, identity: &[u8]) -> bool {
        let ([first, last], start) = (&self.ends, self.start.len());
        identity.first_chunk() == Some(first)
            && identity.get(..start).and_then(|start| start.last_chunk()) == Some(last)
            && (start <= 2 * LEAST || identity.starts_with(self.start.as_bytes()))
    }

    /// Takes an identity apart; nothing where it is of another trust domain or form.
    #[inline]
    pub(super) fn parse<'i>(&self, identity: &'i [u8]) -> Option<Local<'i>> {
        let start = self.start.len();
        if !self.is_start_of(identity) || identity.len() > LONGEST {
            return None;
        }
        // Of a long one the end is looked at, where the slashes are.
        let from = (start - LEAST).max(identity.len().saturating_sub(WINDOW));
        let in_front = start.saturating_sub(from);
        let slashes = word(identity.get(from..)?)? >> in_front << in_front;
        let first = slashes.trailing_zeros();
        let slash = from + place(first);
        let namespace = identity.get(start..slash)?;
        let is_local = slashes == 0b1001_u64.checked_shl(first)?
            && identity.get(slash..slash + 4)? == b"/sa/"
            && slash > start
            && slash + 4 < identity.len()
            && (from <= start || !namespace.contains(&b'/'))
            // Then `/ns/` would stand in it twice.
            && namespace != b"ns";
        is_local.then_some(Local { identity, start, slash })
    }

    /// What stands in front of a namespace.
    pub(super) fn start(&self) -> &str {
        &self.start
    }

    /// Hands on an identity of a namespace, with a service account that says nothing.
    pub(super) fn with_any_account<T>(&self, namespace: &[u8], with: impl FnOnce(Standard<'_>) -> T) -> T {
        with(written(&mut Vec::new(), &self.start, namespace))
    }

    /// The namespace that an identity is of, if a pattern names it.
    #[inline]
    pub(super) fn namespace(&self, local: &Local<'_>) -> Option<&Spot> {
        self.namespaces.get(self.hash(local)?, Cut::whole(local.namespace()))
    }

    /// The class of a namespace that no pattern names, and that the pattern of a number alone asks for a part of.
    #[inline]
    pub(super) fn class_by_affix(&self, number: u32) -> Option<u32> {
        let at = self.by_affix.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        self.by_affix.get(at).map(|(_, class)| *class)
    }

    /// Of up to 32 bytes of a namespace, and its length.
    #[inline]
    fn hash(&self, local: &Local<'_>) -> Option<u32> {
        let behind = local.identity.get(..local.slash)?;
        let before = behind.get(..local.slash.saturating_sub(LEAST).max(local.start))?;
        let [low, high] = words(before.last_chunk()?);
        let [lower, higher] = words(behind.last_chunk()?);
        let [one, two, three, four] = self.seeds;
        let length = u64::try_from(local.slash).unwrap_or_default();
        Some(hash_of(&[[low ^ one, lower ^ two], [high ^ three, higher ^ length ^ four]]))
    }

    /// Adds a namespace, if there are identities of it here; answers whether there is room for it.
    pub(super) fn add(&mut self, namespace: &str) -> bool {
        let identity = [&*self.start, namespace, "/sa/*"].concat();
        self.parse(identity.as_bytes()).is_none_or(|local| self.add_local(&local))
    }

    /// Adds the namespace of an identity; answers whether there is room for it.
    pub(super) fn add_local(&mut self, local: &Local<'_>) -> bool {
        let Some(hash) = self.hash(local) else { return false };
        self.namespaces.add(hash, Cut::whole(local.namespace()), None, ALIKE)
    }

    /// No more namespaces.
    pub(super) fn finish(&mut self) {
        self.namespaces.finish();
    }

    /// Gives each namespace its class, or none, by an identity with any service account.
    pub(super) fn classify(&mut self, mut class: impl FnMut(&[u8], Standard<'_>) -> Option<u32>) {
        let (start, mut identity) = (&self.start, Vec::new());
        self.namespaces.classify(|namespace, _| class(namespace.rest, written(&mut identity, start, namespace.rest)));
    }

    pub(super) fn bytes(&self) -> usize {
        self.start.len() + self.namespaces.bytes() + size_of_val(self.by_affix.as_slice())
    }
}

impl<'i> Local<'i> {
    #[inline]
    pub(super) fn namespace(&self) -> &'i [u8] {
        self.identity.get(self.start..self.slash).unwrap_or_default()
    }

    /// The same, as those of any trust domain are taken apart.
    #[inline]
    pub(super) fn standard(&self) -> Standard<'i> {
        standard(self.identity, self.start, self.slash)
    }
}

/// An identity whose namespace is at a place, up to a slash.
#[inline]
fn standard(identity: &[u8], start: usize, slash: usize) -> Standard<'_> {
    Standard::new(identity, [start - "/ns/".len(), start - 1, slash, slash + "/sa".len()])
}

/// Writes an identity out, with a service account that says nothing.
fn written<'b>(buffer: &'b mut Vec<u8>, start: &str, namespace: &[u8]) -> Standard<'b> {
    buffer.clear();
    [start.as_bytes(), namespace, b"/sa/*"].into_iter().for_each(|part| buffer.extend_from_slice(part));
    standard(buffer, start.len(), start.len() + namespace.len())
}

#[cfg(test)]
mod tests;
