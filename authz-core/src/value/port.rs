//! A port number, as `ports` and `destination.port` write it.

use std::fmt;

/// A TCP port of the workload, 0 to 65535.
///
/// Decimal digits only; leading zeros are accepted, as Istio accepts them. Not a port: signs,
/// spaces, ranges, names, hexadecimal, underscores.
///
/// ```
/// use authz_core::Port;
///
/// assert_eq!(Port::parse("0080").unwrap().number(), 80);
/// assert!(Port::parse("http").is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port(u16);

impl Port {
    /// Reads a port number.
    ///
    /// # Errors
    ///
    /// When the text is not made of digits, or the number is above 65535.
    pub fn parse(text: &str) -> Result<Self, PortError> {
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(PortError::NotANumber);
        }
        let digits = text.trim_start_matches('0');
        if digits.is_empty() {
            return Ok(Self(0));
        }
        digits.parse().map(Self).map_err(|_| PortError::TooLarge)
    }

    /// The number.
    pub fn number(self) -> u16 {
        self.0
    }
}

impl From<u16> for Port {
    fn from(number: u16) -> Self {
        Self(number)
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a text is no [`Port`].
///
/// ```
/// use authz_core::{Port, PortError};
///
/// assert_eq!(Port::parse("65536"), Err(PortError::TooLarge));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PortError {
    /// Something else than decimal digits.
    #[error("write one decimal number per port; names and ranges are not known here")]
    NotANumber,
    /// Above 65535.
    #[error("a port is at most 65535")]
    TooLarge,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_unsigned_decimal_numbers() {
        let table = [
            ("0", Ok(0)),
            ("80", Ok(80)),
            ("080", Ok(80)),
            ("00", Ok(0)),
            ("65535", Ok(65535)),
            ("0000000065535", Ok(65535)),
            ("65536", Err(PortError::TooLarge)),
            ("99999999999999999999", Err(PortError::TooLarge)),
            ("+80", Err(PortError::NotANumber)),
            ("-1", Err(PortError::NotANumber)),
            (" 80", Err(PortError::NotANumber)),
            ("80-90", Err(PortError::NotANumber)),
            ("0x50", Err(PortError::NotANumber)),
            ("80.0", Err(PortError::NotANumber)),
            ("8_0", Err(PortError::NotANumber)),
            ("http", Err(PortError::NotANumber)),
            ("", Err(PortError::NotANumber)),
        ];
        for (text, expected) in table {
            assert_eq!(Port::parse(text).map(Port::number), expected, "{text:?}");
        }
    }
}
