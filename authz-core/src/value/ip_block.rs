//! An address or a CIDR block, as `ipBlocks` and its siblings write it.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

/// A set of addresses with a common prefix.
///
/// | written               | means                                                      |
/// |-----------------------|------------------------------------------------------------|
/// | `10.0.0.1`            | that address                                               |
/// | `10.1.2.3/8`          | `10.0.0.0/8`: bits behind the prefix are dropped           |
/// | `0.0.0.0/0`           | every IPv4 address and no IPv6 address; `::/0` the reverse |
/// | `::ffff:10.0.0.1`     | an IPv6 address; no connection has it, see [`contains`]    |
/// | `fe80::1%eth0`        | `fe80::1`: a zone is dropped                               |
///
/// An IPv6 zone in a block (`fe80::1%eth0/64`) is an error, and so is anything that Go's
/// `net/netip` refuses, as Istio parses with it: leading zeros, ports, names, spaces.
///
/// ```
/// use authz_core::IpBlock;
///
/// let block = IpBlock::parse("10.1.2.3/8").unwrap();
/// assert_eq!(block.to_string(), "10.0.0.0/8");
/// assert!(block.contains("10.200.0.1".parse().unwrap()));
/// assert!(!block.contains("2001:db8::1".parse().unwrap()));
/// ```
///
/// [`contains`]: IpBlock::contains
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IpBlock(IpNet);

impl IpBlock {
    /// Reads an address or a CIDR block.
    ///
    /// # Errors
    ///
    /// Says which half is wrong and what its range is.
    ///
    /// ```
    /// use authz_core::IpBlock;
    ///
    /// let error = IpBlock::parse("10.0.0.0/33").unwrap_err();
    /// assert_eq!(error.to_string(), "an IPv4 prefix has at most 32 bits");
    /// ```
    pub fn parse(text: &str) -> Result<Self, IpBlockError> {
        let Some((address, length)) = text.split_once('/') else {
            return Ok(Self(IpNet::from(parse_address(text)?)));
        };
        if address.contains('%') {
            return Err(IpBlockError::ZoneInBlock);
        }
        let address = parse_address(address)?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let length = parse_length(length).ok_or(IpBlockError::Length)?;
        if length > all {
            return Err(if address.is_ipv4() { IpBlockError::LongIpv4 } else { IpBlockError::LongIpv6 });
        }
        IpNet::new(address, length).map(|net| Self(net.trunc())).map_err(|_| IpBlockError::Length)
    }

    /// Whether the block holds an address.
    ///
    /// Addresses of connections are canonical (`::ffff:10.0.0.1` arrives as `10.0.0.1`), those of
    /// policies are not: a block written as a mapped address holds no connection's address.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }

    /// Whether every address of `other` is in this block too.
    ///
    /// ```
    /// use authz_core::IpBlock;
    ///
    /// let wide = IpBlock::parse("10.0.0.0/8").unwrap();
    /// assert!(wide.covers(&IpBlock::parse("10.1.0.0/16").unwrap()));
    /// ```
    pub fn covers(&self, other: &Self) -> bool {
        self.0.contains(&other.0)
    }

    /// The first address and the number of bits that count.
    ///
    /// ```
    /// use authz_core::IpBlock;
    ///
    /// let (first, bits) = IpBlock::parse("10.1.2.3/8").unwrap().prefix();
    /// assert_eq!((first.to_string().as_str(), bits), ("10.0.0.0", 8));
    /// ```
    pub fn prefix(&self) -> (IpAddr, u8) {
        (self.0.network(), self.0.prefix_len())
    }

    pub(crate) fn range(&self) -> (IpAddr, IpAddr) {
        match self.0 {
            IpNet::V4(net) => (IpAddr::V4(net.network()), IpAddr::V4(net.broadcast())),
            IpNet::V6(net) => (IpAddr::V6(net.network()), IpAddr::V6(net.broadcast())),
        }
    }
}

impl fmt::Display for IpBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = if self.0.addr().is_ipv4() { 32 } else { 128 };
        if self.0.prefix_len() == all { self.0.addr().fmt(f) } else { self.0.fmt(f) }
    }
}

fn parse_address(text: &str) -> Result<IpAddr, IpBlockError> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    if let Some((address, zone)) = text.split_once('%') {
        let address: Ipv6Addr = address.parse().map_err(|_| IpBlockError::Address)?;
        return if zone.is_empty() { Err(IpBlockError::Address) } else { Ok(IpAddr::V6(address)) };
    }
    let octets: Vec<&str> = text.split('.').collect();
    let digits = |octet: &&str| !octet.is_empty() && octet.bytes().all(|b| b.is_ascii_digit());
    let has_four = octets.len() == 4 && octets.iter().all(digits);
    if has_four && octets.iter().any(|octet| octet.len() > 1 && octet.starts_with('0')) {
        Err(IpBlockError::LeadingZero)
    } else {
        Err(IpBlockError::Address)
    }
}

/// Decimal without sign or leading zero, as current Go reads a prefix length.
fn parse_length(text: &str) -> Option<u8> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

/// Why a text is no [`IpBlock`].
///
/// ```
/// use authz_core::{IpBlock, IpBlockError};
///
/// assert_eq!(IpBlock::parse("010.0.0.1"), Err(IpBlockError::LeadingZero));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IpBlockError {
    /// Neither an IPv4 nor an IPv6 address before the slash.
    #[error("write an IPv4 or IPv6 address, or a block such as 10.0.0.0/8")]
    Address,
    /// An octet such as `010`, which some readers take as octal.
    #[error("an octet has no leading zeros")]
    LeadingZero,
    /// A prefix length that is no plain decimal number.
    #[error("the length of a prefix is a decimal number without leading zeros")]
    Length,
    /// More than 32 bits.
    #[error("an IPv4 prefix has at most 32 bits")]
    LongIpv4,
    /// More than 128 bits.
    #[error("an IPv6 prefix has at most 128 bits")]
    LongIpv6,
    /// A zone such as `%eth0` in front of a prefix length.
    #[error("a block has no zone; write it without `%`")]
    ZoneInBlock,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read_as_go_reads_them() {
        let table = [
            ("10.0.0.1", Ok("10.0.0.1")),
            ("10.1.2.3/8", Ok("10.0.0.0/8")),
            ("0.0.0.0/0", Ok("0.0.0.0/0")),
            ("::/0", Ok("::/0")),
            ("2001:DB8:0:0:0:0:0:1", Ok("2001:db8::1")),
            ("::ffff:10.0.0.1", Ok("::ffff:10.0.0.1")),
            ("::ffff:10.0.0.1/104", Ok("::ffff:10.0.0.0/104")),
            ("fe80::1%eth0", Ok("fe80::1")),
            ("fe80::1%", Err(IpBlockError::Address)),
            ("10.0.0.1%eth0", Err(IpBlockError::Address)),
            ("2001:db8::1%eth0/64", Err(IpBlockError::ZoneInBlock)),
            ("010.0.0.1", Err(IpBlockError::LeadingZero)),
            ("10.01.2.3", Err(IpBlockError::LeadingZero)),
            ("1.2.3", Err(IpBlockError::Address)),
            ("10.0.0.0/33", Err(IpBlockError::LongIpv4)),
            ("2001:db8::/129", Err(IpBlockError::LongIpv6)),
            ("10.0.0.0/08", Err(IpBlockError::Length)),
            ("10.0.0.0/+8", Err(IpBlockError::Length)),
            ("10.0.0.0/", Err(IpBlockError::Length)),
            ("10.0.0.0/255.0.0.0", Err(IpBlockError::Length)),
            ("10.0.0.0/256", Err(IpBlockError::Length)),
            ("10.0.0.1:80", Err(IpBlockError::Address)),
            (" 10.0.0.1", Err(IpBlockError::Address)),
            ("10.0.0.*", Err(IpBlockError::Address)),
            ("localhost", Err(IpBlockError::Address)),
            ("", Err(IpBlockError::Address)),
        ];
        for (text, expected) in table {
            let read = IpBlock::parse(text).map(|block| block.to_string());
            assert_eq!(read.as_deref(), expected.as_ref().copied(), "{text:?}");
        }
    }

    #[test]
    fn a_mapped_literal_does_not_hold_the_ipv4_address() {
        let mapped = IpBlock::parse("::ffff:10.0.0.1").unwrap();
        assert!(!mapped.contains("10.0.0.1".parse().unwrap()));
    }
}
