//! Policies with one mistake in them.

use crate::draw::Draw;
use crate::node::Node;
use crate::scenario::Scenario;

/// What stands where something else should.
const WRONG: &[&str] = &["", "10.0.0.0/33", "80-90", "a/b/c", "a*b", "source.name", "{x}"];
const WRONG_PLAIN: &[&str] = &["9000", "yes", "012", "true", "!custom x", "[]", "{}"];

impl Scenario {
    /// The same scenario with one of its resources written wrongly in one place. Nothing is left out
    /// as if the author had not meant to write it: what such a text means is clear.
    pub(crate) fn with_mistake(&self, draw: &mut Draw<'_>) -> Self {
        let mut broken = self.clone();
        let at = draw.below(broken.resources.len().max(1));
        if let Some(resource) = broken.resources.get_mut(at) {
            let place = draw.below(resource.count());
            if let Some(node) = resource.nth_mut(place) {
                spoil(node, draw);
            }
        }
        broken
    }

    pub(crate) fn strict(&self) -> Self {
        Self { is_lenient: false, ..self.clone() }
    }
}

fn spoil(node: &mut Node, draw: &mut Draw<'_>) {
    match node {
        Node::Text(_) | Node::Plain(_) | Node::Number(_) => {
            *node = if draw.percent(60) { Node::text(draw.one(WRONG)) } else { Node::Plain(draw.one(WRONG_PLAIN)) };
        }
        Node::List(items) => match draw.below(4) {
            0 => *node = Node::Plain("9000"),
            1 => items.push(Node::Plain("~")),
            2 => items.push(Node::Plain("9000")),
            _ => items.insert(0, Node::text("")),
        },
        Node::Map(entries) => match draw.below(4) {
            0 => *node = Node::Plain("9000"),
            1 => entries.push(("unknown".into(), Node::text("x"))),
            more => {
                let at = draw.below(entries.len().max(1));
                let Some((key, value)) = entries.get_mut(at) else { return };
                if more == 2 {
                    key.push('x');
                } else {
                    let twin = (key.clone(), value.clone());
                    entries.push(twin);
                }
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeded_bytes;

    #[test]
    fn many_mistakes_are_errors_that_a_lenient_load_reads_past() {
        let (mut errors, mut read_past) = (0, 0);
        for seed in 0..500 {
            let bytes = seeded_bytes(seed, 16 << 10);
            let mut draw = Draw::new(&bytes);
            let broken = Scenario::draw(&mut draw).with_mistake(&mut draw);
            if broken.load().is_err() {
                errors += 1;
                read_past += usize::from(broken.lenient().load().is_ok());
            }
        }
        assert!(errors > 200 && read_past > 100, "{errors} errors, {read_past} read past");
        eprintln!("{errors} errors, {read_past} read past");
    }
}
