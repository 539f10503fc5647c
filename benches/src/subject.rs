//! The ways to decide that are timed. A new one is an entry in [`SUBJECTS`].

use std::fmt;
use std::hint::black_box;

use authz_core::{Authorizer, Connection, DecisionCache, Peer, Verdict};

/// Decides a whole stream once and answers how many connections may pass.
pub type Run<'r> = &'r mut dyn FnMut() -> usize;

/// Whoever measures runs.
pub type Measure<'m> = &'m mut dyn FnMut(Run<'_>);

/// One way to decide connections.
///
/// It prepares what a host would have at hand before the connection comes, and gives a run of the rest
/// to whoever measures. What is prepared lives on the stack of [`with`](Self::with), so that it may
/// borrow from the authorizer, from the connections and from itself.
///
/// ```
/// use authz_benches::{Input, SUBJECTS};
///
/// let input = Input::generate("mesh-10")?;
/// let stream = input.stream("hit")?;
/// for subject in SUBJECTS {
///     (subject.with)(&input.authorizer, &stream.connections(), &mut |run| {
///         assert_eq!(run(), stream.allowed.iter().filter(|allowed| **allowed).count(), "{}", subject.name);
///     });
/// }
/// # Ok::<(), authz_benches::BenchError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Subject {
    /// What reports call it.
    pub name: &'static str,
    /// What it is, for the reader of a report.
    pub about: &'static str,
    /// Prepares, and hands over the run.
    pub with: fn(&Authorizer, &[Connection<'_>], Measure<'_>),
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// All of them.
pub const SUBJECTS: &[Subject] = &[
    Subject {
        name: "allows",
        about: "the verdict alone; identity and server name come as strings",
        with: |authorizer, connections, measure| {
            measure(&mut || connections.iter().filter(|connection| authorizer.allows(connection)).count());
        },
    },
    Subject {
        name: "decide",
        about: "the verdict with its reason and the rule; identity and server name come as strings",
        with: |authorizer, connections, measure| {
            let is_allowed = |connection: &&Connection<'_>| black_box(authorizer.decide(connection)).verdict() == Verdict::Allow;
            measure(&mut || connections.iter().filter(is_allowed).count());
        },
    },
    Subject {
        name: "allows, peer resolved",
        about: "the verdict alone; the peer was looked up before, as for the connections of one TLS session",
        with: |authorizer, connections, measure| {
            with_peers(authorizer, connections, |connections| {
                measure(&mut || connections.iter().filter(|connection| authorizer.allows(connection)).count());
            });
        },
    },
    Subject {
        name: "decide, peer resolved",
        about: "the verdict with its reason and the rule; the peer was looked up before",
        with: |authorizer, connections, measure| {
            let is_allowed = |connection: &&Connection<'_>| black_box(authorizer.decide(connection)).verdict() == Verdict::Allow;
            with_peers(authorizer, connections, |connections| measure(&mut || connections.iter().filter(is_allowed).count()));
        },
    },
    Subject {
        name: "allows, cached",
        about: "the verdict alone, of resolved peers, from a cache of 1,024 connections that has seen the stream before",
        with: |authorizer, connections, measure| {
            with_peers(authorizer, connections, |connections| {
                let mut cache = DecisionCache::new(1024);
                measure(&mut || connections.iter().filter(|connection| authorizer.allows_cached(connection, &mut cache)).count());
            });
        },
    },
    Subject {
        name: "allows, one by one",
        about: "`allows`, where each connection is chosen by the verdict on the one before it: nearer to latency than to throughput",
        with: |authorizer, connections, measure| {
            measure(&mut || {
                // Zero, which the compiler does not know.
                let mask = black_box(0_usize);
                let (mut allowed, mut next) = (0, 0);
                while let Some(connection) = connections.get(next) {
                    let verdict = usize::from(authorizer.allows(connection));
                    allowed += verdict;
                    next += 1 + (verdict & mask);
                }
                allowed
            });
        },
    },
];

/// Hands on the same connections with their peers looked up.
fn with_peers(authorizer: &Authorizer, connections: &[Connection<'_>], work: impl FnOnce(&[Connection<'_>])) {
    let peers: Vec<Option<Peer>> = connections
        .iter()
        .map(|connection| {
            let identities: Vec<&str> = connection.identities().collect();
            (!identities.is_empty()).then(|| authorizer.peer(&identities))
        })
        .collect();
    let resolved = connections.iter().zip(&peers).map(|(connection, peer)| match peer {
        Some(peer) => connection.peer(peer),
        None => *connection,
    });
    work(&resolved.collect::<Vec<_>>());
}

/// The subject of this name.
pub fn subject(name: &str) -> Option<&'static Subject> {
    SUBJECTS.iter().find(|subject| subject.name == name)
}
