//! Those to whom atoms that match are handed.

use super::block::Block;
use super::rows::Row;

/// What is made of the atoms that match.
pub(super) trait Sink {
    /// Whether it makes a difference if an atom of a segment matches.
    fn wants(&self, segment: usize) -> bool;
    /// Whether no atom makes a difference any more; whoever has to name the first is never done.
    #[inline]
    fn is_done(&self) -> bool {
        false
    }

    /// Atoms of some segments match, of each that has its bit; answers whether it need not be told which.
    #[inline]
    fn some(&mut self, _segments: impl FnOnce() -> u16) -> bool {
        false
    }

    /// Whether an atom of such a segment could come before what was found.
    #[inline]
    fn wants_atom(&self, _segment: usize, _number: impl FnOnce() -> u32) -> bool {
        true
    }

    /// An atom of a segment matches.
    fn atom(&mut self, segment: usize, number: impl FnOnce() -> u32);
    /// All these atoms of a block match.
    fn block<const W: usize>(&mut self, block: &Block<W>, left: &Row<W>);
}

/// What becomes of the atoms that no known fact fails.
pub(super) trait Found {
    type Sink: Sink;

    /// Where those go that match.
    fn sink(&mut self) -> &mut Self::Sink;
    /// The atom has to be asked for the rest, and perhaps for its identities.
    fn ask(&mut self, number: u32, compare: bool);
}
