//! A tree as serde reads it.

use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{Deserializer, Error as _, Expected, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::{Error, Kind, Node, resource};

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(why: T) -> Self {
        Self { place: None, why: why.to_string() }
    }

    // In the words of serde, and without what prints numbers with fractions, which nothing here has.
    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self { place: None, why: format!("invalid type: {}, expected {expected}", words(found)) }
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self { place: None, why: format!("invalid value: {}, expected {expected}", words(found)) }
    }
}

fn words(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => format!("boolean `{value}`"),
        Unexpected::Unsigned(number) => format!("integer `{number}`"),
        Unexpected::Signed(number) => format!("integer `{number}`"),
        Unexpected::Str(text) => format!("string {text:?}"),
        Unexpected::Unit | Unexpected::Option => "null".into(),
        Unexpected::Seq => "a list".into(),
        Unexpected::Map => "a mapping".into(),
        _ => "another value".into(),
    }
}

/// What a text without quotes is.
pub(super) enum Plain {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Text,
}

pub(super) fn plain(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Null,
        "true" | "True" | "TRUE" => return Plain::Bool(true),
        "false" | "False" | "FALSE" => return Plain::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    // With leading zeros it is one number to some readers and another to others.
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    match (is_number, text.parse(), text.parse()) {
        (true, Ok(number), _) => Plain::Unsigned(number),
        (true, Err(_), Ok(number)) => Plain::Signed(number),
        _ => Plain::Text,
    }
}

impl Node {
    fn visit<'de, V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value, Error> {
        match &self.kind {
            Kind::List(items) => visitor.visit_seq(SeqDeserializer::new(items.iter())),
            Kind::Mapping(entries) => visitor.visit_map(MapDeserializer::new(entries.iter().map(|(key, value)| (key, value)))),
            Kind::Scalar(text, false) => visitor.visit_str(text),
            Kind::Scalar(text, true) => match plain(text) {
                Plain::Null => visitor.visit_unit(),
                Plain::Bool(value) => visitor.visit_bool(value),
                Plain::Unsigned(number) => visitor.visit_u64(number),
                Plain::Signed(number) => visitor.visit_i64(number),
                Plain::Text => visitor.visit_str(text),
            },
        }
    }

    /// What it is instead of what was asked for.
    fn refuse(&self, expected: &dyn Expected) -> Error {
        let found = match &self.kind {
            Kind::List(_) => Unexpected::Seq,
            Kind::Mapping(_) => Unexpected::Map,
            Kind::Scalar(text, false) => Unexpected::Str(text),
            Kind::Scalar(text, true) => match plain(text) {
                Plain::Null => Unexpected::Unit,
                Plain::Bool(value) => Unexpected::Bool(value),
                Plain::Unsigned(number) => Unexpected::Unsigned(number),
                Plain::Signed(number) => Unexpected::Signed(number),
                Plain::Text => Unexpected::Str(text),
            },
        };
        Error { place: Some(self.place), ..Error::invalid_type(found, expected) }
    }

    fn scalar(&self) -> Option<Plain> {
        match &self.kind {
            Kind::Scalar(text, true) => Some(plain(text)),
            Kind::Scalar(_, false) | Kind::List(_) | Kind::Mapping(_) => None,
        }
    }

    /// Notes the place of an error that has none yet.
    fn at<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        result.map_err(|error| Error { place: error.place.or(Some(self.place)), ..error })
    }
}

impl<'de> Deserializer<'de> for &Node {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.at(self.visit(visitor))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.kind {
            Kind::Scalar(text, true) if matches!(plain(text), Plain::Null) => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    /// A text is what is written, whatever it might be to those who ask for a number.
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.kind {
            Kind::Scalar(text, is_plain) if !is_plain || !matches!(plain(text), Plain::Null) => self.at(visitor.visit_str(text)),
            _ => Err(self.refuse(&visitor)),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.scalar() {
            Some(Plain::Bool(value)) => self.at(visitor.visit_bool(value)),
            _ => Err(self.refuse(&visitor)),
        }
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.scalar() {
            Some(Plain::Unsigned(number)) => self.at(visitor.visit_u64(number)),
            _ => Err(self.refuse(&visitor)),
        }
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.kind {
            Kind::List(items) => self.at(visitor.visit_seq(SeqDeserializer::new(items.iter()))),
            _ => Err(self.refuse(&visitor)),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.kind {
            Kind::Mapping(entries) => {
                self.at(visitor.visit_map(MapDeserializer::new(entries.iter().map(|(key, value)| (key, value)))))
            }
            _ => Err(self.refuse(&visitor)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let Kind::Scalar(text, _) = &self.kind else { return Err(self.refuse(&visitor)) };
        let word: StrDeserializer<'_, Error> = text.as_str().into_deserializer();
        self.at(visitor.visit_enum(word))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        match &self.kind {
            Kind::List(_) | Kind::Mapping(_) if name == resource::NAME => {
                visitor.visit_byte_buf(resource::text(self).into_bytes())
            }
            _ if name == resource::NAME => self.deserialize_str(visitor),
            _ => self.at(visitor.visit_newtype_struct(self)),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Error> for &Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
