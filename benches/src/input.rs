//! What a figure is about: policies, as text and as compiled, with the connections they decide.

use authz_core::{Authorizer, Mesh, PolicySet, Verdict, Workload};

use crate::access_list::{Family, access_list};
use crate::block_list::{Feed, block_list};
use crate::error::BenchError;
use crate::mesh::mesh;
use crate::model::{NAMESPACE, Set};
use crate::query::Stream;
use crate::streams::streams;

/// The seed of everything that is generated for a figure.
pub const SEED: u64 = 20_260_401;

/// The inputs that reports are about.
pub const INPUTS: &[&str] = &[
    "mesh-1",
    "mesh-10",
    "mesh-100",
    "mesh-1000",
    "mesh-10000",
    "acl-1000",
    "acl-10000",
    "fw-1000",
    "fw-10000",
    "ipc-1000",
    "ipc-10000",
    "block4-1000",
    "block4-10000",
    "block4-100000",
    "block4-1000000",
    "block4-allow-100000",
    "route4-1000000",
    "block6-1000",
    "block6-10000",
    "block6-100000",
    "block6-1000000",
];

/// Those that take seconds rather than minutes.
pub const QUICK_INPUTS: &[&str] = &[
    "mesh-1",
    "mesh-10",
    "mesh-100",
    "mesh-1000",
    "acl-1000",
    "fw-1000",
    "ipc-1000",
    "block4-1000",
    "block4-10000",
    "block4-100000",
    "block6-1000",
    "block6-10000",
];

/// Policies and the streams of connections they decide.
#[derive(Clone, Debug)]
pub struct Input {
    /// What reports call it: `mesh-1000`.
    pub name: String,
    /// The policies as data; none if they were read from a folder.
    pub set: Option<Set>,
    /// The policies as text.
    pub text: String,
    /// The policies as loaded from the text.
    pub policies: PolicySet,
    /// The policies as compiled for the workload.
    pub authorizer: Authorizer,
    /// The connections.
    pub streams: Vec<Stream>,
}

impl Input {
    /// A generated input by its name.
    ///
    /// | name | policies |
    /// |---|---|
    /// | `mesh-N` | [`mesh`] of N rules |
    /// | `acl-N`, `fw-N`, `ipc-N` | [`access_list`] of N rules |
    /// | `block4-N`, `route4-N`, `block6-N` | [`block_list`] of N prefixes, and everything else allowed for want of a policy |
    /// | `block4-allow-N` and so on | the same with an ALLOW policy for everyone |
    ///
    /// ```
    /// use authz_benches::Input;
    ///
    /// let input = Input::generate("block4-100")?;
    /// assert_eq!(input.prefixes(), 100);
    /// input.check(64)?;
    /// # Ok::<(), authz_benches::BenchError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A name that is none of these, or a set that does not load.
    pub fn generate(name: &str) -> Result<Self, BenchError> {
        let set = generate(name).ok_or_else(|| BenchError::new(format!("`{name}` is not the name of a generated input")))?;
        let mut input = Self::load(name, set.to_yaml(), Vec::new())?;
        input.streams = streams(&set, &input.authorizer, SEED);
        input.set = Some(set);
        Ok(input)
    }

    /// An input of policies as text, all of them in [`NAMESPACE`].
    ///
    /// # Errors
    ///
    /// What the loader finds.
    pub fn load(name: &str, text: String, streams: Vec<Stream>) -> Result<Self, BenchError> {
        let policies =
            PolicySet::from_yaml(&text, &Mesh::default()).map_err(|error| BenchError::new(format!("{name}: {error}")))?;
        let authorizer = policies.authorizer_for(&workload());
        Ok(Self { name: name.into(), set: None, text, policies, authorizer, streams })
    }

    /// The stream of this name.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn stream(&self, name: &str) -> Result<&Stream, BenchError> {
        let found = self.streams.iter().find(|stream| stream.name == name);
        found.ok_or_else(|| BenchError::new(format!("{} has no stream `{name}`", self.name)))
    }

    /// How many prefixes its sources list; 0 if it was read from a folder.
    pub fn prefixes(&self) -> usize {
        self.set.as_ref().map_or(0, Set::source_blocks)
    }

    /// Compares the verdicts of `decide` and `allows` with those expected, and for about `sample`
    /// connections of each stream those of the plain evaluator, `explain`.
    ///
    /// # Errors
    ///
    /// The first connection whose verdict is another.
    pub fn check(&self, sample: usize) -> Result<(), BenchError> {
        for stream in &self.streams {
            let step = (stream.queries.len() / sample.max(1)).max(1);
            for (n, (query, allowed)) in stream.queries.iter().zip(&stream.allowed).enumerate() {
                let connection = query.connection();
                let expected = if *allowed { Verdict::Allow } else { Verdict::Deny };
                let mut verdicts = vec![
                    ("decide", self.authorizer.decide(&connection).verdict()),
                    ("allows", if self.authorizer.allows(&connection) { Verdict::Allow } else { Verdict::Deny }),
                ];
                if sample > 0 && n.is_multiple_of(step) {
                    verdicts.push(("explain", self.authorizer.explain(&connection).decision.verdict()));
                }
                if let Some((who, verdict)) = verdicts.into_iter().find(|(_, verdict)| *verdict != expected) {
                    let Self { name, .. } = self;
                    let stream = &stream.name;
                    return Err(BenchError::new(format!(
                        "{name} {stream} {n}: {who} says {verdict:?}, not {expected:?}: {query:?}"
                    )));
                }
            }
        }
        Ok(())
    }
}

/// The workload that all sets are for.
pub fn workload() -> Workload {
    Workload::new(NAMESPACE)
}

/// A generated set by its name; [`Input::generate`] lists the names.
pub fn generate(name: &str) -> Option<Set> {
    let (kind, size) = name.rsplit_once('-')?;
    let size: u32 = size.parse().ok()?;
    let prefixes = usize::try_from(size).ok()?;
    let (feed, with_allow) = match kind.strip_suffix("-allow") {
        Some(feed) => (feed, true),
        None => (kind, false),
    };
    let families = [Family::Acl, Family::Fw, Family::Ipc];
    if kind == "mesh" {
        return Some(mesh(size, SEED));
    }
    if let Some(family) = families.into_iter().find(|family| family.name() == kind) {
        return Some(access_list(family, size, SEED));
    }
    let feed = [Feed::Threats, Feed::Routes, Feed::V6].into_iter().find(|known| known.name() == feed)?;
    Some(block_list(feed, prefixes, with_allow, SEED))
}
