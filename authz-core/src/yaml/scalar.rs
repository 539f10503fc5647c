//! What a plain scalar means, and whether the YAML that Kubernetes reads agrees.

use std::borrow::Cow;

/// The type that a scalar has in JSON, as the API server sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScalarKind {
    /// A string: quoted, a block, or plain and nothing else.
    String,
    /// `null`, `~`, or nothing at all.
    Null,
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Int,
    /// Another number.
    Float,
    /// A plain scalar that YAML 1.1 and YAML 1.2 read as different values: `yes`, `012`, `1_000`.
    Ambiguous,
}

impl ScalarKind {
    /// The kind of a scalar without quotes and tags.
    pub(super) fn of_plain(text: &str) -> Self {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => return Self::Null,
            "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => return Self::Bool,
            "y" | "Y" | "yes" | "Yes" | "YES" | "n" | "N" | "no" | "No" | "NO" | "on" | "On" | "ON" | "off" | "Off" | "OFF" => {
                return Self::Ambiguous;
            }
            ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf" | "-.INF" | ".nan" | ".NaN" | ".NAN" => {
                return Self::Float;
            }
            _ => {}
        }
        // In a flow collection `?x` is a key of its own for YAML 1.1.
        if text.starts_with('?') {
            return Self::Ambiguous;
        }
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return Self::String;
        }
        Self::of_number(unsigned)
    }

    fn of_number(unsigned: &str) -> Self {
        let digits = |text: &str, radix: u32| !text.is_empty() && text.chars().all(|c| c.is_digit(radix));
        // YAML 1.1 lets underscores stand between digits; YAML 1.2 reads a string.
        let has_underscore = unsigned.contains('_');
        let joined = if has_underscore { Cow::Owned(unsigned.replace('_', "")) } else { Cow::Borrowed(unsigned) };
        let kind = if let Some(hex) = joined.strip_prefix("0x") {
            // A number in both.
            if digits(hex, 16) { Self::Int } else { Self::String }
        } else if let Some(binary) = joined.strip_prefix("0b") {
            if digits(binary, 2) { Self::Ambiguous } else { Self::String }
        } else if let Some(octal) = joined.strip_prefix("0o") {
            if digits(octal, 8) { Self::Ambiguous } else { Self::String }
        } else if digits(&joined, 10) {
            // 012 is ten in YAML 1.1 and twelve in YAML 1.2; 09 is a float there and nine here.
            if joined.len() > 1 && joined.starts_with('0') { Self::Ambiguous } else { Self::Int }
        } else if is_float(&joined) {
            Self::Float
        } else {
            Self::String
        };
        if has_underscore && kind != Self::String { Self::Ambiguous } else { kind }
    }

    /// The word for the type in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::String => "a string",
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Int => "a number",
            Self::Float => "a number",
            Self::Ambiguous => "a value that readers of YAML disagree about",
        }
    }
}

/// `[0-9]*(\.[0-9]*)?([eE][-+]?[0-9]+)?` with a digit before the exponent.
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let exponent_is_fine = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    all_digits(whole) && all_digits(fraction) && !(whole.is_empty() && fraction.is_empty()) && exponent_is_fine
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_have_the_type_that_kubernetes_sees() {
        let table = [
            (ScalarKind::Null, vec!["", "~", "null", "Null", "NULL"]),
            (ScalarKind::Bool, vec!["true", "False", "TRUE"]),
            (ScalarKind::Int, vec!["0", "9000", "-1", "+80", "0x1F"]),
            (ScalarKind::Float, vec!["80.0", "1e3", ".5", "5.", "-1.5E-3", ".inf", ".NaN"]),
            (
                ScalarKind::Ambiguous,
                vec!["yes", "No", "on", "OFF", "y", "N", "012", "09", "0o17", "0b101", "1_000", "1_0.5", "0x1_0"],
            ),
            (
                ScalarKind::String,
                vec![
                    "tRUE",
                    "t",
                    "T",
                    "nULL",
                    "10.0.0.1",
                    "1.2.3",
                    "80-90",
                    "1:30",
                    "2001-01-01T00:00:00Z",
                    "0xZZ",
                    "0o9",
                    "e3",
                    ".",
                    "-",
                    "--",
                    "_1",
                    "a_b",
                    "1_a",
                    "::1",
                    "+",
                    "0x",
                ],
            ),
        ];
        for (kind, texts) in table {
            for text in texts {
                assert_eq!(ScalarKind::of_plain(text), kind, "{text:?}");
            }
        }
    }
}
