//! A connection of which not everything is known: what its atoms say, and the facts that it takes to be certain.

use super::{Head, Index, Sink};
use crate::connection::Connection;
use crate::fact_set::FactSet;
use crate::matcher::Answer;
use crate::matcher::block::Block;
use crate::matcher::numbers::place;
use crate::matcher::patterns::Patterns;
use crate::matcher::query::Query;
use crate::matcher::rows::{Row, ones};
use crate::matcher::rules::Rules;
use crate::matcher::sink::Found;
use crate::truth::Truth;

/// Takes the atoms that nothing known rules out.
pub(super) struct Open<'i> {
    pub(super) index: &'i Index,
    pub(super) rules: &'i Rules,
    pub(super) connection: &'i Connection<'i>,
    pub(super) unknown: FactSet,
    pub(super) answer: Answer,
}

impl Found for Open<'_> {
    type Sink = Self;

    fn sink(&mut self) -> &mut Self {
        self
    }

    fn ask(&mut self, number: u32, compare: bool) {
        self.weigh(number, compare);
    }
}

impl Sink for Open<'_> {
    fn wants(&self, _: usize) -> bool {
        true
    }

    fn atom(&mut self, _: usize, number: impl FnOnce() -> u32) {
        self.weigh(number(), false);
    }

    fn block<const W: usize>(&mut self, block: &Block<W>, left: &Row<W>) {
        ones(left).for_each(|bit| self.weigh(block.atom(bit), false));
    }
}

impl Open<'_> {
    pub(super) fn weigh_blocks<const W: usize>(&mut self, blocks: &[Block<W>], query: &Query<'_, true>, patterns: &Patterns) {
        for (at, block) in blocks.iter().enumerate() {
            self.block(block, &block.left_apart(query, at * W, patterns));
        }
    }

    /// Takes in an atom that no known number, address or row rules out.
    pub(super) fn weigh(&mut self, atom: u32, compare: bool) {
        let answer = &mut self.answer;
        let Some(head) = self.index.head(atom) else { return };
        let open = head.asks & self.unknown;
        if answer.first_of(head.segment) <= atom {
            return;
        }
        // It can only tell what is known already to be needed; a rule that is asked may match for certain.
        if !open.is_empty() && !head.is(Head::VERIFY) && answer.needs_of(head.segment).contains(open) {
            return;
        }
        let number = place(head.rule);
        if head.is(Head::VERIFY) || !open.is_empty() && !head.is(Head::WHOLE) {
            // What is certain of one conjunction may leave open less of another.
            match self.rules.ask(number, self.connection) {
                Truth::True => answer.atom(usize::from(head.segment), || atom),
                Truth::Unknown(needs) => answer.need(head.segment, needs),
                Truth::False => {}
            }
        } else if !(compare || head.is(Head::NAMES))
            || self.rules.texts_hold(number, head.from(), self.connection) != Truth::False
        {
            if open.is_empty() { answer.atom(usize::from(head.segment), || atom) } else { answer.need(head.segment, open) }
        }
    }
}
