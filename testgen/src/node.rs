//! Resources as trees that can be changed and rendered as YAML.

use std::fmt::Write;

/// A piece of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    /// A string, quoted where that is needed to stay one.
    Text(String),
    /// Written as it stands: nulls, and what is wrong on purpose.
    Plain(&'static str),
    Number(u16),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }

    pub(crate) fn map<K: Into<String>>(entries: impl IntoIterator<Item = (K, Node)>) -> Self {
        Self::Map(entries.into_iter().map(|(key, node)| (key.into(), node)).collect())
    }

    /// Adds a field to a mapping.
    pub(crate) fn with(mut self, key: &str, node: Node) -> Self {
        if let Self::Map(entries) = &mut self {
            entries.push((key.into(), node));
        }
        self
    }

    /// Adds a field to a mapping if there is one to add.
    pub(crate) fn with_some(self, key: &str, node: Option<Node>) -> Self {
        match node {
            Some(node) => self.with(key, node),
            None => self,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Text(_) | Self::Plain(_) | Self::Number(_) => false,
            Self::List(items) => items.is_empty(),
            Self::Map(entries) => entries.is_empty(),
        }
    }

    /// How many nodes the tree has, itself included.
    pub(crate) fn count(&self) -> usize {
        1 + match self {
            Self::Text(_) | Self::Plain(_) | Self::Number(_) => 0,
            Self::List(items) => items.iter().map(Self::count).sum(),
            Self::Map(entries) => entries.iter().map(|(_, node)| node.count()).sum::<usize>(),
        }
    }

    /// The node at a place in the order of the text, from 0.
    pub(crate) fn nth_mut(&mut self, mut place: usize) -> Option<&mut Self> {
        if place == 0 {
            return Some(self);
        }
        place -= 1;
        let children: Vec<&mut Self> = match self {
            Self::Text(_) | Self::Plain(_) | Self::Number(_) => return None,
            Self::List(items) => items.iter_mut().collect(),
            Self::Map(entries) => entries.iter_mut().map(|(_, node)| node).collect(),
        };
        for child in children {
            let count = child.count();
            if place < count {
                return child.nth_mut(place);
            }
            place -= count;
        }
        None
    }

    /// Block YAML, with a line end after every line.
    pub(crate) fn to_yaml(&self) -> String {
        let mut out = String::new();
        self.write_block(0, &mut out);
        out
    }

    /// YAML on one line.
    pub(crate) fn to_flow(&self) -> String {
        match self {
            Self::Text(text) => scalar(text),
            Self::Plain(text) => (*text).into(),
            Self::Number(number) => number.to_string(),
            Self::List(items) => format!("[{}]", items.iter().map(Self::to_flow).collect::<Vec<_>>().join(", ")),
            Self::Map(entries) => {
                let entries = entries.iter().map(|(key, node)| format!("{}: {}", scalar(key), node.to_flow()));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn write_block(&self, indent: usize, out: &mut String) {
        match self {
            Self::List(items) if !items.is_empty() => {
                for item in items {
                    let mut block = String::new();
                    item.write_block(indent + 2, &mut block);
                    let _ = write!(out, "{:indent$}- {}", "", block.trim_start());
                }
            }
            Self::Map(entries) if !entries.is_empty() => {
                for (key, node) in entries {
                    let _ = write!(out, "{:indent$}{}:", "", scalar(key));
                    match node {
                        Self::List(_) if !node.is_empty() => {
                            out.push('\n');
                            node.write_block(indent, out);
                        }
                        Self::Map(_) if !node.is_empty() => {
                            out.push('\n');
                            node.write_block(indent + 2, out);
                        }
                        flat => {
                            let _ = writeln!(out, " {}", flat.to_flow());
                        }
                    }
                }
            }
            flat => {
                let _ = writeln!(out, "{:indent$}{}", "", flat.to_flow());
            }
        }
    }
}

/// A string as YAML, quoted unless every reader takes the plain form for the same string.
pub(crate) fn scalar(text: &str) -> String {
    const WORDS: [&str; 10] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan"];
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '/' | '_'))
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if is_plain {
        return text.into();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Node {
        Node::map([
            ("kind", Node::text("Example")),
            ("empty", Node::List(Vec::new())),
            ("list", Node::List(vec![Node::map([("a", Node::text("9000")), ("b", Node::texts(["*", "x"]))]), Node::Plain("~")])),
        ])
    }

    #[test]
    fn a_tree_reads_as_a_person_would_write_it() {
        let text = "kind: Example\nempty: []\nlist:\n- a: \"9000\"\n  b:\n  - \"*\"\n  - x\n- ~\n";
        assert_eq!(tree().to_yaml(), text);
        assert_eq!(tree().to_flow(), "{kind: Example, empty: [], list: [{a: \"9000\", b: [\"*\", x]}, ~]}");
    }

    #[test]
    fn every_node_has_a_place() {
        let mut tree = tree();
        assert_eq!(tree.count(), 10);
        assert_eq!(tree.nth_mut(9), Some(&mut Node::Plain("~")));
        assert_eq!(tree.nth_mut(5), Some(&mut Node::text("9000")));
        assert_eq!(tree.nth_mut(10), None);
    }

    #[test]
    fn what_yaml_would_take_for_something_else_is_quoted() {
        let table = [
            ("yes", "\"yes\""),
            ("web", "web"),
            ("a\"b", "\"a\\\"b\""),
            ("", "\"\""),
            ("a\u{1}", "\"a\\u0001\""),
            ("[v]", "\"[v]\""),
        ];
        for (text, expected) in table {
            assert_eq!(scalar(text), expected);
        }
    }
}
