//! A peer whose identities were looked up once, for the many connections of a TLS session.

use std::sync::Arc;

/// The identities of one peer, and what an authorizer found out about them.
///
/// A host that keeps it beside the TLS session pays for comparing the identities once. It stays valid
/// whatever happens to the authorizer; for another one, such as the one that replaces it, it is as good
/// as the identities themselves.
///
/// ```
/// use authz_core::{Connection, Mesh, PolicySet, Verdict, Workload};
///
/// let text = "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: a, namespace: foo},
///              spec: {rules: [{from: [{source: {principals: [cluster.local/ns/foo/sa/sleep]}}]}]}}";
/// let authorizer = PolicySet::from_yaml(text, &Mesh::default())?.authorizer_for(&Workload::new("foo"));
/// let peer = authorizer.peer(&["spiffe://cluster.local/ns/foo/sa/sleep"]);
/// assert!(peer.identities().eq(["spiffe://cluster.local/ns/foo/sa/sleep"]));
///
/// let connection = Connection::new("10.0.0.7".parse()?, "10.0.0.9:9000".parse()?).peer(&peer);
/// assert_eq!(authorizer.decide(&connection).verdict(), Verdict::Allow);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Peer {
    identities: Box<[Box<str>]>,
    /// Whose numbers `resolved` holds.
    owner: Arc<()>,
    /// Tells this peer and its clones from all others.
    token: Arc<()>,
    resolved: Resolved,
}

/// An atom of an index that may match, in as few bytes as that takes.
pub(crate) type Packed = [u32; 3];

/// What an index worked out for a peer; the numbers mean something to that index alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resolved {
    /// The rules that the identities do not rule out, and what tells whether to look at them.
    pub(crate) candidates: Box<[Packed]>,
    pub(crate) sieve: u64,
    pub(crate) tested: usize,
    pub(crate) ported: usize,
    pub(crate) sure: u16,
    /// The row of the one block of a small index.
    pub(crate) row: u64,
    /// The rows of the blocks of a large one, one behind the other.
    pub(crate) rows: Box<[u64]>,
}

impl Peer {
    pub(crate) fn new(identities: &[&str], owner: &Arc<()>, resolved: Resolved) -> Self {
        Self {
            identities: identities.iter().map(|identity| (*identity).into()).collect(),
            owner: Arc::clone(owner),
            token: Arc::new(()),
            resolved,
        }
    }

    /// The URI SANs that the peer presented.
    pub fn identities(&self) -> impl Iterator<Item = &str> + Clone {
        self.identities.iter().map(|identity| &**identity)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.identities.is_empty()
    }

    pub(crate) fn owner(&self) -> &Arc<()> {
        &self.owner
    }

    pub(crate) fn token(&self) -> &Arc<()> {
        &self.token
    }

    pub(crate) fn resolved(&self) -> &Resolved {
        &self.resolved
    }
}

/// The URI SANs that a peer's certificate presents.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Principals<'a> {
    One(&'a str),
    Many(&'a [&'a str]),
    Resolved(&'a Peer),
}

impl<'a> Principals<'a> {
    fn get(self, at: usize) -> Option<&'a str> {
        match self {
            Self::One(one) => (at == 0).then_some(one),
            Self::Many(many) => many.get(at).copied(),
            Self::Resolved(peer) => peer.identities().nth(at),
        }
    }

    /// Each of them.
    pub(crate) fn iter(self) -> impl Iterator<Item = &'a str> + Clone {
        (0..).map_while(move |at| self.get(at))
    }
}
