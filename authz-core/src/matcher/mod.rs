//! The compiled form: the rules of a workload, arranged so that a connection is compared with few of them.
//!
//! Nothing here knows about actions or their order; a [`Matcher`] answers which rule of a segment
//! matches first. Evaluation allocates nothing.
//!
//! | structure                  | holds                                                     | when                           |
//! |----------------------------|-----------------------------------------------------------|--------------------------------|
//! | [`block`] of a word        | a bit for each conjunction, a row for each stretch of values | up to 64 conjunctions       |
//! | [`block`] of four words    | the same                                                  | up to 256                      |
//! | [`number_rows`]            | the same of addresses and ports alone                     | up to about 1,000, in 1 MiB    |
//! | [`keyed`]                  | candidates by what is rarest about them                   | above that                     |
//! | [`boxes`]                  | the same for addresses and ports alone                    | where nearly all are of these  |
//! | [`block`]s of four words   | 256 conjunctions each                                     | those of which nothing is rare |
//! | [`block`]s of a word       | 64 each                                                   | instead, to save memory        |
//! | [`address_set`]            | one set of thousands of ranges                            | beside the others              |
//!
//! What is done once, when rules are compiled, is kept out of line: copies of it in each place that calls it would make
//! the library for C a tenth larger.
//!
//! With the feature `small` all blocks are of one word, and what is known of a connection is weighed as if
//! not everything were: code for one width and one way through it is a third of that for all.

mod address_ranges;
mod address_set;
mod affixes;
mod atom;
mod block;
mod boxes;
mod by_pattern;
mod candidate;
mod classes;
mod filter;
mod home;
mod identities;
mod identity;
mod index;
// Addresses are found fast, or in little code.
#[cfg_attr(feature = "small", path = "ipv4_set.rs")]
mod ipv4_chunks;
#[cfg_attr(not(feature = "small"), path = "ipv4_steps.rs")]
mod ipv4_line;
#[cfg(not(feature = "small"))]
mod ipv6_blocks;
mod ipv6_line;
#[cfg_attr(feature = "small", path = "ipv6_set.rs")]
mod ipv6_tree;
mod key;
mod keyed;
mod large_sets;
mod leading;
mod list;
mod lists;
mod lookup;
mod named;
mod number_rows;
mod numbers;
mod one_set;
mod pattern_ref;
mod patterns;
mod query;
mod ranges;
mod rows;
mod rules;
mod server_names;
mod sieve;
mod sink;
mod slashes;
mod spots;
mod test;
mod text_map;
mod words_rows;

use crate::IS_SMALL;
use crate::connection::Connection;
use crate::fact_set::FactSet;
use crate::peer::Peer;
use crate::stats::Stats;
use crate::value::RuleId;

use self::block::Block;
use self::index::Index;
use self::numbers::place;
use self::one_set::OneSet;
use self::rows::Row;
pub(crate) use self::rules::{RulePlace, Rules};
use self::sink::Sink;

/// Is part of what there is not with the feature `small`, so that nothing is compiled for it.
#[cfg(feature = "small")]
#[derive(Clone, Copy, Debug)]
enum NotSmall {}
#[cfg(not(feature = "small"))]
#[derive(Clone, Copy, Debug)]
struct NotSmall;

impl NotSmall {
    #[cfg(feature = "small")]
    fn get() -> Option<Self> {
        None
    }

    #[cfg(not(feature = "small"))]
    #[expect(clippy::unnecessary_wraps, reason = "with the feature `small` there is none")]
    fn get() -> Option<Self> {
        Some(Self)
    }
}

/// The segment whose rules deny; in it a match that cannot be told from a miss counts as one.
pub(crate) const DENYING: usize = 0;

/// The most segments that rules can be told apart by.
pub(crate) const SEGMENTS: usize = 10;

/// No atom of a segment matches.
const NO_ATOM: u32 = u32::MAX;

/// What every segment says of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    /// The first atom that matches.
    first: [u32; SEGMENTS],
    /// The facts without which it is not certain that none does.
    needs: [FactSet; SEGMENTS],
}

impl Answer {
    const NONE: Self = Self { first: [NO_ATOM; SEGMENTS], needs: [FactSet::EMPTY; SEGMENTS] };

    /// An atom may match.
    fn need(&mut self, segment: u8, facts: FactSet) {
        if let Some(needs) = self.needs.get_mut(usize::from(segment)) {
            *needs |= facts;
        }
    }

    #[inline]
    fn first_of(&self, segment: impl Into<usize>) -> u32 {
        self.first.get(segment.into()).copied().unwrap_or(NO_ATOM)
    }

    fn needs_of(&self, segment: impl Into<usize>) -> FactSet {
        self.needs.get(segment.into()).copied().unwrap_or_default()
    }

    /// Whether a rule of a segment matches.
    #[inline]
    pub(crate) fn has(&self, segment: usize) -> bool {
        self.first_of(segment) != NO_ATOM
    }
}

impl Sink for Answer {
    #[inline]
    fn wants(&self, _: usize) -> bool {
        true
    }

    #[inline]
    fn atom(&mut self, segment: usize, number: impl FnOnce() -> u32) {
        if let Some(first) = self.first.get_mut(segment) {
            *first = number().min(*first);
        }
    }

    #[inline]
    fn block<const W: usize>(&mut self, block: &Block<W>, left: &Row<W>) {
        if *left != [0; W] {
            for (segment, first) in self.first.iter_mut().enumerate() {
                *first = block.first_of(left, segment).unwrap_or(NO_ATOM).min(*first);
            }
        }
    }
}

/// Segments in the order in which they count: behind one that has a match the others make no difference.
#[derive(Clone, Copy)]
struct Segments<const N: usize> {
    all: [usize; N],
    /// A bit for each that still makes a difference.
    open: u16,
}

impl<const N: usize> Segments<N> {
    #[inline]
    fn new(all: [usize; N]) -> Self {
        Self { all, open: Self::bits(&all) }
    }

    #[inline]
    fn bits(segments: &[usize]) -> u16 {
        segments.iter().fold(0, |bits, segment| bits | 1 << segment)
    }

    #[inline]
    fn is_open(&self, segment: usize) -> bool {
        self.open >> segment & 1 == 1
    }

    /// The first `count` are left, if a condition holds; it is as good as random, so there is no branch.
    #[inline]
    fn keep_first_if(&mut self, count: usize, condition: bool) {
        let kept = Self::bits(self.all.get(..count).unwrap_or_default());
        self.open &= std::hint::select_unpredictable(condition, kept, u16::MAX);
    }
}

/// Whether rules of some segments match, and not which; of those behind one that does it is not asked.
struct Any<const N: usize>(Segments<N>);

impl<const N: usize> Sink for Any<N> {
    #[inline]
    fn wants(&self, segment: usize) -> bool {
        self.0.is_open(segment)
    }

    #[inline]
    fn is_done(&self) -> bool {
        self.0.open == 0
    }

    #[inline]
    fn some(&mut self, segments: impl FnOnce() -> u16) -> bool {
        let segments = segments();
        for (at, own) in self.0.all.into_iter().enumerate() {
            self.0.keep_first_if(at, segments >> own & 1 == 1);
        }
        true
    }

    #[inline]
    fn atom(&mut self, segment: usize, _: impl FnOnce() -> u32) {
        for (at, own) in self.0.all.into_iter().enumerate() {
            self.0.keep_first_if(at, own == segment);
        }
    }

    #[inline]
    fn block<const W: usize>(&mut self, block: &Block<W>, left: &Row<W>) {
        for (at, own) in self.0.all.into_iter().enumerate() {
            self.0.keep_first_if(at, block.has(left, own));
        }
    }
}

/// Which of some segments is the first that matches, and by which atom first; of those behind it is not asked.
struct First<const N: usize> {
    segments: Segments<N>,
    /// The place of the segment among them, and behind it the atom: what comes first is least.
    least: u64,
}

impl<const N: usize> First<N> {
    const NONE: u64 = u64::MAX;

    #[inline]
    fn new(segments: [usize; N]) -> Self {
        Self { segments: Segments::new(segments), least: Self::NONE }
    }

    /// The place of the segment among them, and the atom, if one matches.
    #[inline]
    fn found(&self) -> Option<(usize, u32)> {
        let atom = u32::try_from(self.least & u64::from(NO_ATOM)).ok().filter(|atom| *atom != NO_ATOM)?;
        Some((usize::try_from(self.least >> 32).ok()?, atom))
    }

    #[inline]
    fn offer(&mut self, at: usize, atom: u32) {
        let place = if atom == NO_ATOM { Self::NONE } else { u64::try_from(at).unwrap_or(Self::NONE) << 32 | u64::from(atom) };
        self.least = place.min(self.least);
    }
}

impl<const N: usize> Sink for First<N> {
    #[inline]
    fn wants(&self, segment: usize) -> bool {
        self.segments.is_open(segment)
    }

    /// One that stands behind what was found cannot come before it.
    #[inline]
    fn wants_atom(&self, segment: usize, number: impl FnOnce() -> u32) -> bool {
        let of_found = usize::try_from(self.least >> 32).ok().and_then(|at| self.segments.all.get(at));
        of_found != Some(&segment) || u64::from(number()) < self.least & u64::from(NO_ATOM)
    }

    #[inline]
    fn atom(&mut self, segment: usize, number: impl FnOnce() -> u32) {
        let number = number();
        for (at, own) in self.segments.all.into_iter().enumerate() {
            if own == segment {
                // Of the segment that matches, an earlier atom may.
                self.segments.keep_first_if(at + 1, true);
                self.offer(at, number);
            }
        }
    }

    #[inline]
    fn block<const W: usize>(&mut self, block: &Block<W>, left: &Row<W>) {
        for (at, segment) in self.segments.all.into_iter().enumerate() {
            self.offer(at, block.first_of(left, segment).unwrap_or(NO_ATOM));
        }
    }
}

/// What a segment says of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Match<'a> {
    /// The first rule that matches, and its rank among all rules of its action.
    pub(crate) rule: Option<(usize, &'a RuleId)>,
    /// If none does: the facts without which that is not certain.
    pub(crate) needs: FactSet,
}

impl<'a> Match<'a> {
    pub(crate) const NONE: Self = Self { rule: None, needs: FactSet::EMPTY };

    /// Of two sets of one action, what they say together.
    pub(crate) fn merge(self, other: Self) -> Self {
        let rule = match (self.rule, other.rule) {
            (Some(own), Some(others)) => Some(if own.0 <= others.0 { own } else { others }),
            (own, others) => own.or(others),
        };
        Self { rule, needs: if rule.is_some() { FactSet::EMPTY } else { self.needs | other.needs } }
    }

    /// Whether it is certain that no rule matches.
    pub(crate) fn is_certain_miss(&self) -> bool {
        self.rule.is_none() && self.needs.is_empty()
    }

    /// The rule that matches.
    pub(crate) fn id(&self) -> Option<&'a RuleId> {
        self.rule.map(|(_, id)| id)
    }
}

/// Of how many atoms the ids are at hand at most.
const NAMED: usize = 2048;

/// They take no more than this part of the bytes that an index should take, beside it.
const NAMES_SHARE: usize = 32;

/// Rules by segment: those of one action, enforced or tried out, or of one provider.
#[derive(Clone, Debug)]
pub(crate) struct Matcher {
    rules: Rules,
    index: Index,
    /// Of up to [`NAMED`] atoms the ids of their rules: the way to them through index, rules and policy takes as long as
    /// finding the atom.
    ids: Box<[RuleId]>,
    /// Where it says all.
    one_set: Option<OneSet>,
}

impl Matcher {
    /// Compiles rules into about `bytes` bytes, or more slowly decided ones where it takes more.
    pub(crate) fn new(mut rules: Rules, bytes: usize) -> Self {
        rules.finish();
        let index = Index::new(&rules, bytes);
        let one_set = if IS_SMALL { None } else { index.one_set() };
        let ids = if IS_SMALL {
            None
        } else {
            let most = NAMED.min(bytes / NAMES_SHARE / size_of::<RuleId>());
            index.rules_of_few(most).and_then(|few| few.map(|number| rules.rule(number).map(|rule| rule.id.clone())).collect())
        };
        Self { rules, index, ids: ids.unwrap_or_default(), one_set }
    }

    /// Whether a rule of each of some segments matches; nothing where rules ask for a fact that is not
    /// known. Where one does, it says nothing of those behind it.
    #[inline]
    pub(crate) fn any<const N: usize>(&self, connection: &Connection<'_>, segments: [usize; N]) -> Option<[bool; N]> {
        if IS_SMALL {
            return None;
        }
        let mut any = Any(Segments::new(segments));
        self.index.find(&self.rules, connection, &mut any)?;
        Some(segments.map(|segment| !any.0.is_open(segment)))
    }

    /// The first of some segments of which a rule matches, by its place among them, and the first rule of it that
    /// does; nothing where rules ask for a fact that is not known, or the rule is lost.
    #[inline]
    pub(crate) fn first<const N: usize>(
        &self,
        connection: &Connection<'_>,
        segments: [usize; N],
    ) -> Option<Option<(usize, &RuleId)>> {
        if IS_SMALL {
            return None;
        }
        let mut first = First::new(segments);
        self.index.find(&self.rules, connection, &mut first)?;
        match first.found() {
            // A match whose rule is lost must not count as a miss: the slow way denies it.
            Some((at, atom)) => Some(Some((at, self.rule_id(atom)?))),
            None => Some(None),
        }
    }

    /// The rule of an atom.
    #[inline]
    fn rule_id(&self, atom: u32) -> Option<&RuleId> {
        if let Some(id) = self.ids.get(place(atom)) {
            return Some(id);
        }
        let number = if atom == NO_ATOM { None } else { self.index.rule(atom) };
        number.and_then(|number| self.rules.rule(number)).map(|rule| &rule.id)
    }

    /// The first rule of each of some segments that matches, where all that is asked is whether one large set
    /// holds an address: where it does not, and where it does. Nothing if a rule is lost.
    pub(crate) fn by_one_set<const N: usize>(&self, segments: [usize; N]) -> Option<[[Option<&RuleId>; N]; 2]> {
        let mut is_lost = false;
        let by_holds = self.one_set.as_ref()?.first.map(|first| {
            segments.map(|segment| {
                let atom = first.get(segment).copied().filter(|atom| *atom != NO_ATOM)?;
                let id = self.rule_id(atom);
                is_lost |= id.is_none();
                id
            })
        });
        (!is_lost).then_some(by_holds)
    }

    /// Whether that set holds the address, if a few steps say it.
    #[inline(always)]
    pub(crate) fn one_set_holds_at_once(&self, connection: &Connection<'_>) -> Option<bool> {
        self.one_set.as_ref()?.holds_at_once(connection)
    }

    /// Whether that set holds the address, if it is known.
    #[inline(always)]
    pub(crate) fn one_set_holds(&self, connection: &Connection<'_>) -> Option<bool> {
        self.one_set.as_ref()?.holds(connection)
    }

    /// What every segment says of any connection.
    #[inline]
    pub(crate) fn answer(&self, connection: &Connection<'_>) -> Answer {
        let mut answer = Answer::NONE;
        if IS_SMALL || self.index.find(&self.rules, connection, &mut answer).is_none() {
            return self.index.open(&self.rules, connection);
        }
        answer
    }

    /// What a segment says.
    pub(crate) fn of(&self, answer: &Answer, segment: usize) -> Match<'_> {
        let number = if answer.has(segment) { self.index.rule(answer.first_of(segment)) } else { None };
        match number.and_then(|number| self.rules.get(number)) {
            Some((rank, rule)) => Match { rule: Some((rank, &rule.id)), needs: FactSet::EMPTY },
            // Where a rule matches and is lost, nothing is certain.
            None if answer.has(segment) => Match { rule: None, needs: FactSet::ALL },
            None => Match { rule: None, needs: answer.needs_of(segment) },
        }
    }

    /// Loses all rules, which does not happen.
    #[cfg(test)]
    pub(crate) fn lose_rules(&mut self) {
        (self.rules, self.ids) = (Rules::default(), Box::default());
    }

    /// How the rules are arranged.
    pub(crate) fn stats(&self) -> Stats {
        Stats {
            rules: self.rules.len(),
            bytes: self.rules.bytes() + self.index.bytes() + size_of_val(&*self.ids),
            ..self.index.stats()
        }
    }

    /// The facts that some rule asks for.
    pub(crate) fn reads(&self) -> FactSet {
        self.index.reads()
    }

    /// Looks up the identities of a peer.
    pub(crate) fn peer(&self, identities: &[&str]) -> Peer {
        self.index.peer(&self.rules, identities)
    }
}
