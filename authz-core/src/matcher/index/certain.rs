//! What becomes of the atoms that lists hand on where everything that rules ask for is known.

use super::{Head, Index, Sink};
use crate::connection::Connection;
use crate::matcher::keyed::Found;
use crate::matcher::lookup::place;
use crate::matcher::rules::Rules;
use crate::truth::Truth;

/// Takes the atoms of a connection of which everything that rules ask for is known.
pub(super) struct Certain<'i, S> {
    pub(super) index: &'i Index,
    pub(super) rules: &'i Rules,
    pub(super) connection: &'i Connection<'i>,
    pub(super) sink: &'i mut S,
    /// Whether a rule asks for a fact that is not known after all.
    pub(super) is_open: bool,
}

impl<S: Sink> Found for Certain<'_, S> {
    #[inline]
    fn wants(&self, segment: usize) -> bool {
        self.sink.wants(segment)
    }

    #[inline]
    fn is_done(&self) -> bool {
        self.sink.is_done()
    }

    #[inline]
    fn some(&mut self, segments: impl FnOnce() -> u16) -> bool {
        self.sink.some(segments)
    }

    #[inline]
    fn wants_atom(&self, segment: usize, number: impl FnOnce() -> u32) -> bool {
        self.sink.wants_atom(segment, number)
    }

    #[inline]
    fn matches(&mut self, segment: usize, number: impl FnOnce() -> u32) {
        self.sink.atom(segment, number);
    }

    #[inline(never)]
    fn ask(&mut self, number: u32, compare: bool) {
        let Some(head) = self.index.head(number) else { return };
        match self.index.really_matches(head, compare, self.rules, self.connection) {
            Some(true) => self.sink.atom(usize::from(head.segment), || number),
            Some(false) => {}
            None => self.is_open = true,
        }
    }
}

impl Index {
    /// Whether an atom whose numbers hold matches; nothing where that takes a fact that is not known.
    #[inline]
    fn really_matches(&self, head: &Head, compare: bool, rules: &Rules, connection: &Connection<'_>) -> Option<bool> {
        if !(compare || head.is(Head::VERIFY | Head::NAMES)) {
            return Some(true);
        }
        let truth = if head.is(Head::VERIFY) {
            rules.ask(place(head.rule), connection)
        } else {
            rules.texts_hold(place(head.rule), head.from(), connection)
        };
        match truth {
            Truth::True => Some(true),
            Truth::False => Some(false),
            Truth::Unknown(_) => None,
        }
    }
}
