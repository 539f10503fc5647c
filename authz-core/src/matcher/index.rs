//! The index: all rules of a workload, arranged so that a connection is compared with few of them.

mod certain;
mod head;
mod open;

use std::sync::Arc;

use self::certain::Certain;
use self::head::Head;
use self::open::Open;
use super::address_set::AddressSet;
use super::atom::{Atom, Texts, add_atoms};
use super::block::{Block, Shared};
use super::boxes::Boxes;
use super::candidate::TestOf;
use super::identities::Identities;
use super::key::{Entry, Key};
use super::keyed::Keyed;
use super::large_sets::LargeSets;
use super::number_rows::NumberRows;
use super::numbers::place;
use super::one_set::OneSet;
use super::patterns::Patterns;
use super::query::Query;
use super::rows::{Row, keep, ones, set};
use super::rules::Rules;
use super::server_names::ServerNames;
use super::sink::Sink;
use super::words_rows::LISTS;
use super::{Answer, NO_ATOM};
use crate::IS_SMALL;
use crate::connection::Connection;
use crate::fact_set::FactSet;
use crate::peer::{Peer, Resolved};
use crate::sort::sort_by_key;
use crate::stats::Stats;
use crate::truth::Truth;

/// Rules by segment, such as all enforced DENY rules, and what it takes to find the first that matches.
#[derive(Clone, Debug)]
pub(super) struct Index {
    /// By number; atoms are numbered in the order in which they report.
    atoms: Box<[Head]>,
    /// The facts that some atom asks for.
    reads: FactSet,
    patterns: Patterns,
    large: Box<[Arc<AddressSet>]>,
    shape: Shape,
    /// Handed to peers that are resolved here.
    owner: Arc<()>,
}

/// How the atoms are arranged: the fewer there are, the less it takes to tell them apart.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one of it, and the way to the smallest is the shortest")]
enum Shape {
    One(Block<1>),
    Four(Box<Block<FOUR_WORDS>>),
    Numbers(NumberRows),
    Many(Box<Many>),
}

#[derive(Clone, Debug)]
struct Many {
    boxes: Option<Boxes>,
    keyed: Option<Keyed>,
    /// The atoms of which nothing is rare.
    wide: Wide,
}

/// Blocks beside lists.
#[derive(Clone, Debug)]
enum Wide {
    Four(Box<[Block<FOUR_WORDS>]>),
    /// The same in a quarter of the memory.
    One(Box<[Block<1>]>),
}

/// How many words a row has for a few more atoms, and for each block of many of which nothing is rare.
const FOUR_WORDS: usize = if IS_SMALL { 1 } else { 4 };

/// Up to this many atoms a row of one word beats everything else.
const ONE: usize = 64;

/// Up to this many a row of four words does.
const FOUR: usize = 64 * FOUR_WORDS;

/// How many blocks have the rows of classes of identities worked out.
const FORESEEN: usize = 8;

impl Index {
    /// Compiles rules into about `bytes` bytes where that can be had.
    pub(super) fn new(rules: &Rules, bytes: usize) -> Self {
        let mut texts = Texts::default();
        // Most rules are one conjunction.
        let (mut heads, mut atoms): (Vec<Head>, Vec<Atom>) =
            (Vec::with_capacity(rules.len()), Vec::with_capacity(rules.len() + rules.len() / 2));
        for (number, (segment, rule)) in (0..).zip(rules.iter()) {
            let first = atoms.len();
            add_atoms(rule, &mut texts, |mut atom| {
                // Rows tell no more lists than that apart.
                atom.verify |= atom.peer.any.len() > LISTS || atom.sni.any.len() > LISTS;
                heads.push(Head {
                    rule: number,
                    from: atom.from.unwrap_or(u8::MAX),
                    segment,
                    asks: atom.asks,
                    is: if atom.verify { Head::VERIFY } else { 0 } | if atom.sni.is_empty() { 0 } else { Head::NAMES },
                });
                atoms.push(atom);
            });
            if let [only] = heads.get_mut(first..).unwrap_or_default() {
                only.is |= Head::WHOLE;
            }
        }
        let (identities, foreseen) = Identities::new(texts.peer.all());
        let large = LargeSets::new(atoms.iter());
        let patterns = [texts.peer.all().len(), texts.sni.all().len()];
        let shared = Shared { patterns, foreseen: &foreseen, large: &large };
        let of_block =
            |(number, atom)| (number, usize::from(heads.get(place(number)).map_or(u8::MAX, |head| head.segment)), atom);
        let all = || -> Vec<(u32, usize, &Atom)> { (0..).zip(&atoms).map(of_block).collect() };
        let stretches = |atom: &Atom| atom.stretches(|set| large.get(set).is_some());
        let numbers = if atoms.len() > FOUR { NumberRows::new(&all(), bytes) } else { None };
        let shape = match (atoms.len(), numbers) {
            (..=ONE, _) => Shape::One(Block::new(&all(), &shared)),
            (count, _) if count <= FOUR && atoms.iter().map(stretches).sum::<usize>() * size_of::<Row<FOUR_WORDS>>() <= bytes => {
                Shape::Four(Box::new(Block::new(&all(), &shared)))
            }
            (_, Some(numbers)) => Shape::Numbers(numbers),
            _ => {
                let (mut entries, mut wide): (Vec<Entry<'_>>, Vec<(u32, &Atom)>) = (Vec::new(), Vec::new());
                let (boxes, is_boxed) = Boxes::new(&all(), bytes / 2).unzip();
                let is_boxed = is_boxed.unwrap_or_default();
                let bytes = bytes.saturating_sub(boxes.as_ref().map_or(0, Boxes::bytes));
                let keys = Key::of_all(&atoms, texts.peer.all(), texts.sni.all(), &large);
                for (((number, atom), head), key) in (0..).zip(&atoms).zip(&heads).zip(keys) {
                    if is_boxed.get(place(number)) == Some(&true) {
                        continue;
                    }
                    match key {
                        Some(key) if entries.len() < TestOf::MOST => {
                            entries.push(Entry { number, segment: head.segment, atom, key })
                        }
                        Some(_) | None => wide.push((number, atom)),
                    }
                }
                let keyed = key(entries, &mut wide, &shared, bytes / 2);
                let left = bytes.saturating_sub(keyed.as_ref().map_or(0, Keyed::bytes));
                let is_narrow = wide.iter().map(|(_, atom)| stretches(atom)).sum::<usize>() * size_of::<Row<FOUR_WORDS>>() > left;
                sort_by_key(&mut wide, |(number, _)| *number);
                let wide: Vec<(u32, usize, &Atom)> = wide.into_iter().map(of_block).collect();
                // What is worked out for classes of identities must not be so once for each of many blocks.
                let is_much = is_narrow || wide.len() > FORESEEN * FOUR;
                let shared = if is_much { Shared { foreseen: &[], ..shared } } else { shared };
                let wide = if is_narrow {
                    Wide::One(wide.chunks(ONE).map(|atoms| Block::new(atoms, &shared)).collect())
                } else {
                    Wide::Four(wide.chunks(FOUR).map(|atoms| Block::new(atoms, &shared)).collect())
                };
                Shape::Many(Box::new(Many { boxes, keyed, wide }))
            }
        };
        Self {
            reads: heads.iter().fold(FactSet::EMPTY, |all, head| all | head.asks),
            atoms: heads.into(),
            patterns: Patterns { identities, names: ServerNames::new(texts.sni.all()) },
            large: large.into_arranged(),
            shape,
            owner: Arc::new(()),
        }
    }

    /// Hands each atom that matches to `sink`, or enough of them for it; answers nothing where it takes
    /// a fact that is not known.
    #[inline]
    pub(super) fn find(&self, rules: &Rules, connection: &Connection<'_>, sink: &mut impl Sink) -> Option<()> {
        if connection.unknown_facts().meets(self.reads) {
            return None;
        }
        match &self.shape {
            Shape::One(block) => self.find_in_one(block, rules, connection, sink),
            Shape::Four(block) => self.find_in_four(block, rules, connection, sink),
            Shape::Numbers(numbers) => {
                self.find_in_numbers(numbers, connection, sink);
                Some(())
            }
            Shape::Many(many) => self.find_in_many(many, rules, connection, sink),
        }
    }

    #[inline]
    fn find_in_one<const W: usize>(
        &self,
        block: &Block<W>,
        rules: &Rules,
        connection: &Connection<'_>,
        sink: &mut impl Sink,
    ) -> Option<()> {
        let query = Query::<false>::new(connection, self.reads, &self.patterns.identities, &self.owner);
        let left = block.left(&query, 0, &self.patterns);
        self.find_in_block(block, left, rules, connection, sink)
    }

    #[inline(never)]
    fn find_in_four(
        &self,
        block: &Block<FOUR_WORDS>,
        rules: &Rules,
        connection: &Connection<'_>,
        sink: &mut impl Sink,
    ) -> Option<()> {
        self.find_in_one(block, rules, connection, sink)
    }

    #[inline(never)]
    fn find_in_numbers(&self, numbers: &NumberRows, connection: &Connection<'_>, sink: &mut impl Sink) {
        let query = Query::<false>::new(connection, FactSet::EMPTY, &self.patterns.identities, &self.owner);
        numbers.find(&query).tell(sink);
    }

    #[inline(never)]
    fn find_in_many(&self, many: &Many, rules: &Rules, connection: &Connection<'_>, sink: &mut impl Sink) -> Option<()> {
        let query = Query::<false>::new(connection, self.reads, &self.patterns.identities, &self.owner);
        if let Some(boxes) = &many.boxes {
            boxes.find(&query).tell(sink);
        }
        if let Some(keyed) = &many.keyed {
            let mut certain = Certain { index: self, rules, connection, sink, is_open: false };
            keyed.find(&query, &self.patterns, &mut certain);
            if certain.is_open {
                return None;
            }
        }
        match &many.wide {
            Wide::Four(blocks) => self.find_in_blocks(blocks, &query, rules, connection, sink),
            Wide::One(blocks) => self.find_in_blocks(blocks, &query, rules, connection, sink),
        }
    }

    #[inline]
    fn find_in_blocks<const W: usize>(
        &self,
        blocks: &[Block<W>],
        query: &Query<'_, false>,
        rules: &Rules,
        connection: &Connection<'_>,
        sink: &mut impl Sink,
    ) -> Option<()> {
        for (at, block) in blocks.iter().enumerate() {
            let left = block.left_apart(query, at * W, &self.patterns);
            self.find_in_block(block, left, rules, connection, sink)?;
        }
        Some(())
    }

    #[inline]
    fn find_in_block<const W: usize>(
        &self,
        block: &Block<W>,
        mut left: Row<W>,
        rules: &Rules,
        connection: &Connection<'_>,
        sink: &mut impl Sink,
    ) -> Option<()> {
        if let Some(verify) = &block.verify {
            self.verify(block, &mut left, verify, rules, connection)?;
        }
        sink.block(block, &left);
        Some(())
    }

    /// Asks the rules of those atoms that their rows do not tell all of.
    #[cold]
    fn verify<const W: usize>(
        &self,
        block: &Block<W>,
        left: &mut Row<W>,
        verify: &Row<W>,
        rules: &Rules,
        connection: &Connection<'_>,
    ) -> Option<()> {
        let mut asked = *left;
        keep(&mut asked, verify);
        for bit in ones(&asked) {
            match rules.ask(place(self.head(block.atom(bit))?.rule), connection) {
                Truth::True => {}
                Truth::False => set(left, bit, false),
                Truth::Unknown(_) => return None,
            }
        }
        Some(())
    }

    fn head(&self, atom: u32) -> Option<&Head> {
        self.atoms.get(place(atom))
    }
}

impl Index {
    /// What every segment says of a connection of which not everything is known.
    #[cold]
    pub(super) fn open(&self, rules: &Rules, connection: &Connection<'_>) -> Answer {
        let query = Query::<true>::new(connection, self.reads, &self.patterns.identities, &self.owner);
        let unknown = connection.unknown_facts();
        let mut open = Open { index: self, rules, connection, unknown, answer: Answer::NONE };
        match &self.shape {
            Shape::One(block) => open.block(block, &block.left_apart(&query, 0, &self.patterns)),
            Shape::Four(block) => open.block(block, &block.left_apart(&query, 0, &self.patterns)),
            Shape::Numbers(numbers) => numbers.find(&query).for_each(|atom| open.weigh(atom, false)),
            Shape::Many(many) => {
                if let Some(boxes) = &many.boxes {
                    boxes.for_each_open(&query, |atom| open.weigh(atom, false));
                }
                if let Some(keyed) = &many.keyed {
                    keyed.find(&query, &self.patterns, &mut open);
                }
                match &many.wide {
                    Wide::Four(blocks) => open.weigh_blocks(blocks, &query, &self.patterns),
                    Wide::One(blocks) => open.weigh_blocks(blocks, &query, &self.patterns),
                }
            }
        }
        open.answer
    }

    /// Looks up the identities of a peer.
    pub(super) fn peer(&self, rules: &Rules, identities: &[&str]) -> Peer {
        let matching = self.patterns.identities.matching(identities.iter().copied());
        let mut resolved = Resolved::default();
        match &self.shape {
            Shape::One(block) => [resolved.row] = block.peer_row(&matching),
            Shape::Four(block) => resolved.rows = block.peer_row(&matching).into(),
            Shape::Numbers(_) => {}
            Shape::Many(many) => {
                let connection = Connection::unknown().principals(identities);
                let holds = |number: u32| {
                    self.head(number)
                        .is_some_and(|head| rules.texts_hold(place(head.rule), head.from(), &connection) != Truth::False)
                };
                if let Some(keyed) = &many.keyed {
                    keyed.resolve(&matching, holds, &mut resolved);
                }
                resolved.rows = match &many.wide {
                    Wide::Four(blocks) => blocks.iter().flat_map(|block| block.peer_row(&matching)).collect(),
                    Wide::One(blocks) => blocks.iter().flat_map(|block| block.peer_row(&matching)).collect(),
                };
            }
        }
        Peer::new(identities, &self.owner, resolved)
    }

    /// The one large set that rules ask for, if they ask for nothing else.
    pub(super) fn one_set(&self) -> Option<OneSet> {
        let Shape::One(block) = &self.shape else { return None };
        let (dimension, set, rows) = block.one_set()?;
        let first = rows.map(|left| std::array::from_fn(|segment| block.first_of(&left, segment).unwrap_or(NO_ATOM)));
        Some(OneSet::new(set, dimension, self.reads, first))
    }

    /// The numbers of the rules of all atoms, if there are no more than `most`.
    pub(super) fn rules_of_few(&self, most: usize) -> Option<impl Iterator<Item = usize>> {
        (self.atoms.len() <= most).then(|| self.atoms.iter().map(|head| place(head.rule)))
    }

    pub(super) fn reads(&self) -> FactSet {
        self.reads
    }

    /// How the rules are arranged; what is not said here is left at zero.
    pub(super) fn stats(&self) -> Stats {
        let mut stats = Stats {
            conjunctions: self.atoms.len(),
            large_sets: self.large.len(),
            asked: self.atoms.iter().filter(|head| head.is(Head::VERIFY)).count(),
            ..Stats::default()
        };
        match &self.shape {
            Shape::One(block) => stats.small = block.len(),
            Shape::Four(block) => stats.small = block.len(),
            Shape::Numbers(numbers) => stats.small = numbers.len(),
            Shape::Many(many) => {
                let boxes = many.boxes.as_ref();
                stats.keyed = many.keyed.as_ref().map_or(0, Keyed::len) + boxes.map_or(0, Boxes::len);
                stats.boxed = boxes.map_or(0, Boxes::len);
                stats.told = many.keyed.as_ref().map_or(0, Keyed::told);
                stats.longest_list = many.keyed.as_ref().map_or(0, Keyed::longest).max(boxes.map_or(0, Boxes::longest));
                (stats.wide, stats.blocks, stats.block_bits) = match &many.wide {
                    Wide::Four(blocks) => (blocks.iter().map(Block::len).sum(), blocks.len(), FOUR),
                    Wide::One(blocks) => (blocks.iter().map(Block::len).sum(), blocks.len(), ONE),
                };
            }
        }
        stats
    }

    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>()
            + size_of_val(&*self.atoms)
            + self.patterns.identities.bytes()
            + self.patterns.names.bytes()
            + self.large.iter().map(|set| set.bytes()).sum::<usize>()
            + match &self.shape {
                Shape::One(block) => block.bytes(),
                Shape::Four(block) => block.bytes(),
                Shape::Numbers(numbers) => numbers.bytes(),
                Shape::Many(many) => {
                    let wide: usize = match &many.wide {
                        Wide::Four(blocks) => blocks.iter().map(Block::bytes).sum(),
                        Wide::One(blocks) => blocks.iter().map(Block::bytes).sum(),
                    };
                    many.keyed.as_ref().map_or(0, Keyed::bytes) + many.boxes.as_ref().map_or(0, Boxes::bytes) + wide
                }
            }
    }

    /// The number of the rule that an atom belongs to.
    pub(super) fn rule(&self, atom: u32) -> Option<usize> {
        self.head(atom).map(|head| place(head.rule))
    }
}

/// Keys atoms; those that lists would be too long with become wide.
fn key<'a>(mut entries: Vec<Entry<'a>>, wide: &mut Vec<(u32, &'a Atom)>, shared: &Shared<'_>, bytes: usize) -> Option<Keyed> {
    if entries.is_empty() {
        return None;
    }
    let (keyed, too_many) = Keyed::new(&mut entries, shared, bytes);
    wide.extend(too_many.into_iter().filter_map(|at| entries.get(at)).map(|entry| (entry.number, entry.atom)));
    Some(keyed)
}
