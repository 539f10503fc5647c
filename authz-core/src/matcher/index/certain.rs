//! What becomes of the atoms that lists hand on where everything that rules ask for is known.

use super::{Head, Index, Sink};
use crate::connection::Connection;
use crate::matcher::numbers::place;
use crate::matcher::rules::Rules;
use crate::matcher::sink::Found;
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
    type Sink = S;

    #[inline(always)]
    fn sink(&mut self) -> &mut S {
        self.sink
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
