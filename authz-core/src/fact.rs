//! One fact of a connection: known, known to be absent, or not known yet.

/// What a host knows of one thing.
///
/// `Absent` is knowledge: a plaintext peer has no identity. `Unknown` is the lack of it: before the
/// TLS handshake nobody can say. Rules that ask for an unknown fact are undecided, and an undecided
/// connection is denied.
///
/// ```
/// use authz_core::Fact;
///
/// assert_eq!(Fact::<u16>::default(), Fact::Unknown);
/// assert_eq!(Fact::Known(80).known(), Some(80));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fact<T> {
    /// Not known yet.
    #[default]
    Unknown,
    /// Known not to be there.
    Absent,
    /// Known.
    Known(T),
}

impl<T> Fact<T> {
    /// The value, if it is known.
    #[inline]
    pub fn known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown | Self::Absent => None,
        }
    }

    /// Whether a later stage of the connection may still reveal it.
    ///
    /// ```
    /// use authz_core::Fact;
    ///
    /// assert!(Fact::<u16>::Unknown.is_unknown() && !Fact::<u16>::Absent.is_unknown());
    /// ```
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }
}

/// How the bytes of a connection are protected on the way to the workload.
///
/// ```
/// use authz_core::Transport;
///
/// assert_ne!(Transport::Tls, Transport::MeshMtls);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// No TLS.
    Plaintext,
    /// TLS that is not the mesh's: passed through, or terminated without a client certificate of the
    /// mesh. There is no identity.
    Tls,
    /// Mutual TLS with a client certificate of the mesh, terminated in front of the workload. What
    /// `STRICT` asks for.
    MeshMtls,
}
