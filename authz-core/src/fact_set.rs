//! Which facts: the names of what a decision can wait for.

use std::fmt;

/// A set of facts, by name: those that a decision still waits for.
///
/// ```
/// use authz_core::FactSet;
///
/// let needs = FactSet::PEER | FactSet::SNI;
/// assert_eq!(needs.to_string(), "peer, sni");
/// assert!(needs.contains(FactSet::SNI));
///
/// let addresses = FactSet::SOURCE_IP | FactSet::REMOTE_IP | FactSet::DESTINATION_IP | FactSet::DESTINATION_PORT;
/// let rest = FactSet::TRANSPORT | FactSet::PEER | FactSet::SNI | FactSet::METADATA;
/// let names: Vec<&str> = (addresses | rest).names().collect();
/// assert_eq!(names, FactSet::NAMES.map(|(_, name)| name));
/// assert!(FactSet::EMPTY.is_empty());
/// assert_eq!(FactSet::EMPTY.bits(), 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FactSet(u8);

impl FactSet {
    /// No fact.
    pub const EMPTY: Self = Self(0);
    /// The direct peer's address.
    pub const SOURCE_IP: Self = Self(1);
    /// The original client's address.
    pub const REMOTE_IP: Self = Self(1 << 1);
    /// The workload's address.
    pub const DESTINATION_IP: Self = Self(1 << 2);
    /// The workload's port.
    pub const DESTINATION_PORT: Self = Self(1 << 3);
    /// Whether the connection is plaintext, TLS or mesh mTLS.
    pub const TRANSPORT: Self = Self(1 << 4);
    /// The peer's identity.
    pub const PEER: Self = Self(1 << 5);
    /// The server name.
    pub const SNI: Self = Self(1 << 6);
    /// Metadata of other filters.
    pub const METADATA: Self = Self(1 << 7);

    /// Every fact with the name that suites, messages and JSON give it.
    pub const NAMES: [(Self, &'static str); 8] = [
        (Self::SOURCE_IP, "sourceIp"),
        (Self::REMOTE_IP, "remoteIp"),
        (Self::DESTINATION_IP, "destinationIp"),
        (Self::DESTINATION_PORT, "destinationPort"),
        (Self::TRANSPORT, "transport"),
        (Self::PEER, "peer"),
        (Self::SNI, "sni"),
        (Self::METADATA, "metadata"),
    ];

    /// The fact of a name.
    ///
    /// ```
    /// use authz_core::FactSet;
    ///
    /// assert_eq!(FactSet::named("sni"), Some(FactSet::SNI));
    /// assert_eq!(FactSet::named("host"), None);
    /// ```
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(_, known)| *known == name).map(|(fact, _)| fact)
    }

    /// Whether every fact of `other` is in the set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Every fact.
    pub(crate) const ALL: Self = Self(u8::MAX);

    /// The facts that are not in `other`.
    #[inline]
    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether a fact of `other` is in the set.
    #[inline]
    pub(crate) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether the set is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The names of the facts in the set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(fact, _)| self.contains(*fact)).map(|(_, name)| name)
    }

    /// The set as one byte, one bit a fact, for doors that speak in integers.
    #[inline]
    pub fn bits(self) -> u8 {
        self.0
    }
}

impl std::ops::BitOr for FactSet {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl std::ops::BitAnd for FactSet {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl std::ops::BitOrAssign for FactSet {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl fmt::Display for FactSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.names().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}
