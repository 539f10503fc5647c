//! A resource inside a suite: kept as it was written, since the core judges how values are written.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::deserializer::{Plain, plain};
use super::{Kind, Node};

/// By which [`Item`] is known to the reader.
pub(super) const NAME: &str = "authz_testdata::Item";

/// An entry of a list of policies.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// The path of a file.
    Path(String),
    /// The text of a resource.
    Resource(String),
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(NAME, ItemVisitor)
    }
}

struct ItemVisitor;

impl Visitor<'_> for ItemVisitor {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the path of a file, or a resource")
    }

    fn visit_str<E: Error>(self, path: &str) -> Result<Item, E> {
        Ok(Item::Path(path.to_owned()))
    }

    fn visit_byte_buf<E: Error>(self, text: Vec<u8>) -> Result<Item, E> {
        String::from_utf8(text).map(Item::Resource).map_err(E::custom)
    }
}

/// A value as one line of YAML that means the same.
pub(super) fn text(node: &Node) -> String {
    let mut out = String::new();
    write(node, &mut out);
    out
}

fn write(node: &Node, out: &mut String) {
    match &node.kind {
        // Whatever else it is to one reader of YAML or another, here it is a text.
        Kind::Scalar(text, true) if text.is_empty() => out.push('~'),
        Kind::Scalar(text, true) if !matches!(plain(text), Plain::Text) || is_fraction(text) => out.push_str(text),
        Kind::Scalar(text, _) => quote(text, out),
        Kind::List(items) => {
            out.push('[');
            for item in items {
                write(item, out);
                out.push_str(", ");
            }
            out.push(']');
        }
        Kind::Mapping(entries) => {
            out.push('{');
            for (key, value) in entries {
                write(key, out);
                out.push_str(": ");
                write(value, out);
                out.push_str(", ");
            }
            out.push('}');
        }
    }
}

/// Whether a text is a number with a fraction, as in `80.5`.
fn is_fraction(text: &str) -> bool {
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = text.strip_prefix('-').unwrap_or(text).split_once('.').unwrap_or_default();
    is_digits(whole) && is_digits(fraction)
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            ' '..='~' => out.push(character),
            other => out.push_str(&format!("\\U{:08x}", u32::from(other))),
        }
    }
    out.push('"');
}
