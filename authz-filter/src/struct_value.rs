//! A protobuf Struct as JSON: what Envoy hands a proxy-wasm filter whose configuration is one.

use std::fmt::Write;

/// As deep as configurations and policies stand in each other.
const NESTING: usize = 64;

/// Whether bytes are no text: a Struct marks each value with a character that texts have not.
pub(crate) fn is_likely(bytes: &[u8]) -> bool {
    bytes.first() == Some(&FIELD_1) && (bytes.contains(&FIELD_2) || std::str::from_utf8(bytes).is_err())
}

/// The JSON of a Struct; nothing if the bytes are none.
pub(crate) fn to_json(bytes: &[u8]) -> Option<String> {
    let mut json = String::new();
    write_struct(bytes, &mut json, 0)?;
    Some(json)
}

/// Tags: the number of a field and how it is written.
const FIELD_1: u8 = 0x0a;
const FIELD_2: u8 = 0x12;
const NULL: u8 = 0x08;
const NUMBER: u8 = 0x11;
const STRING: u8 = 0x1a;
const BOOL: u8 = 0x20;
const STRUCT: u8 = 0x2a;
const LIST: u8 = 0x32;

fn write_struct(mut bytes: &[u8], json: &mut String, depth: usize) -> Option<()> {
    json.push('{');
    let mut is_first = true;
    while let Some((&tag, rest)) = bytes.split_first() {
        let (entry, rest) = chunk(rest).filter(|_| tag == FIELD_1)?;
        bytes = rest;
        if !std::mem::take(&mut is_first) {
            json.push(',');
        }
        write_entry(entry, json, depth)?;
    }
    json.push('}');
    Some(())
}

fn write_entry(mut bytes: &[u8], json: &mut String, depth: usize) -> Option<()> {
    let (mut key, mut value): (&[u8], &[u8]) = (&[], &[]);
    while let Some((&tag, rest)) = bytes.split_first() {
        let (field, rest) = chunk(rest)?;
        match tag {
            FIELD_1 => key = field,
            FIELD_2 => value = field,
            _ => return None,
        }
        bytes = rest;
    }
    write_text(key, json)?;
    json.push(':');
    write_value(value, json, depth + 1)
}

fn write_value(bytes: &[u8], json: &mut String, depth: usize) -> Option<()> {
    if depth > NESTING {
        return None;
    }
    let Some((&tag, rest)) = bytes.split_first() else {
        json.push_str("null");
        return Some(());
    };
    match tag {
        NULL => (varint(rest)? == (0, &[])).then(|| json.push_str("null")),
        BOOL => {
            let (value, rest) = varint(rest)?;
            rest.is_empty().then(|| json.push_str(if value == 0 { "false" } else { "true" }))
        }
        NUMBER => write_number(f64::from_le_bytes(rest.try_into().ok()?), json),
        STRING => write_text(whole(rest)?, json),
        STRUCT => write_struct(whole(rest)?, json, depth),
        LIST => {
            let mut items = whole(rest)?;
            json.push('[');
            let mut is_first = true;
            while let Some((&tag, rest)) = items.split_first() {
                let (item, rest) = chunk(rest).filter(|_| tag == FIELD_1)?;
                items = rest;
                if !std::mem::take(&mut is_first) {
                    json.push(',');
                }
                write_value(item, json, depth + 1)?;
            }
            json.push(']');
            Some(())
        }
        _ => None,
    }
}

/// Whole numbers are all that a configuration can mean. To write others would take more code than all of the
/// rest, and they are mistakes anyway: what stands for them is a number that no field takes.
fn write_number(number: f64, json: &mut String) -> Option<()> {
    #[allow(clippy::as_conversions, reason = "it saturates, and is compared with what it came from")]
    let whole = number as i32;
    if f64::from(whole) == number {
        return write!(json, "{whole}").ok();
    }
    json.push_str(".nan");
    Some(())
}

fn write_text(bytes: &[u8], json: &mut String) -> Option<()> {
    let text = std::str::from_utf8(bytes).ok()?;
    json.push_str(&serde_json::to_string(text).ok()?);
    Some(())
}

/// What a length in front of it bounds, and what follows.
fn chunk(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = varint(bytes)?;
    rest.split_at_checked(usize::try_from(length).ok()?)
}

/// The same where nothing follows.
fn whole(bytes: &[u8]) -> Option<&[u8]> {
    chunk(bytes).filter(|(_, rest)| rest.is_empty()).map(|(chunk, _)| chunk)
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (at, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f).checked_shl(u32::try_from(at).ok()? * 7)?;
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(at + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(tag: u8, of: &[u8]) -> Vec<u8> {
        let length = u8::try_from(of.len()).unwrap();
        assert!(length < 0x80);
        [&[tag, length], of].concat()
    }

    fn entry(key: &str, value: &[u8]) -> Vec<u8> {
        field(FIELD_1, &[field(FIELD_1, key.as_bytes()), field(FIELD_2, value)].concat())
    }

    #[test]
    fn every_kind_of_value_is_written_as_json() {
        let list = field(LIST, &[field(FIELD_1, &[BOOL, 1]), field(FIELD_1, &field(STRING, "q\"\n".as_bytes()))].concat());
        let bytes = [
            entry("n", &[NULL, 0]),
            entry("d", &[&[NUMBER][..], &10.0_f64.to_le_bytes()].concat()),
            entry("f", &[&[NUMBER][..], &0.5_f64.to_le_bytes()].concat()),
            entry("s", &field(STRING, b"x")),
            entry("l", &list),
            entry("m", &field(STRUCT, &entry("k", &[BOOL, 0]))),
            entry("e", &[]),
        ]
        .concat();
        assert!(is_likely(&bytes));
        let json = r#"{"n":null,"d":10,"f":.nan,"s":"x","l":[true,"q\"\n"],"m":{"k":false},"e":null}"#;
        assert_eq!(to_json(&bytes).as_deref(), Some(json));
        // Cut off anywhere but between two entries, it is none.
        let whole: Vec<usize> = (0..bytes.len()).filter(|end| to_json(&bytes[..*end]).is_some()).collect();
        assert_eq!(whole.len(), 7, "{whole:?}");
    }

    #[test]
    fn texts_are_not_taken_for_structs() {
        for text in ["", "\nmode: enforce\n", "{\"mode\": \"enforce\"}", "\n\n"] {
            assert!(!is_likely(text.as_bytes()), "{text:?}");
        }
    }

    #[test]
    fn a_struct_too_deep_is_refused_and_not_followed() {
        let mut value = vec![BOOL, 1];
        for _ in 0..30 {
            value = field(LIST, &field(FIELD_1, &value));
        }
        assert!(to_json(&entry("k", &value)).is_some());
        let deep: Vec<u8> = (0..2_000_u32).fold(vec![BOOL, 1], |inner, _| {
            let length = |of: usize| {
                let (low, high) = (u8::try_from(of & 0x7f).unwrap() | 0x80, u8::try_from(of >> 7 & 0x7f).unwrap() | 0x80);
                [low, high, u8::try_from(of >> 14).unwrap()]
            };
            let item = [&[FIELD_1][..], &length(inner.len()), &inner].concat();
            [&[LIST][..], &length(item.len()), &item].concat()
        });
        let mut json = String::new();
        assert_eq!(write_value(&deep, &mut json, 0), None);
    }
}
