//! The subject: `authz-core`.

use std::hint::black_box;

use authz_benches::{BenchError, Input, Query, workload};
use authz_core::{Authorizer, Connection, Mesh, PolicySet, Verdict};

use crate::engine::Engine;

/// An authorizer, asked for the verdict alone or for the reason and the rule too.
pub(crate) struct Authz<const WITH_REASON: bool>(Authorizer);

/// The verdict alone.
pub(crate) type Allows = Authz<false>;

/// The verdict with its reason and the rule.
pub(crate) type Decide = Authz<true>;

fn build(text: &str) -> Result<Authorizer, BenchError> {
    let policies = PolicySet::from_yaml(text, &Mesh::default()).map_err(|error| BenchError::new(error.to_string()))?;
    Ok(policies.authorizer_for(&workload()))
}

impl<const WITH_REASON: bool> Engine for Authz<WITH_REASON> {
    type Source = String;
    type Request<'q> = Connection<'q>;

    fn source(input: &Input) -> Result<Self::Source, BenchError> {
        Ok(input.text.clone())
    }

    fn build(source: &Self::Source) -> Result<Self, BenchError> {
        build(source).map(Self)
    }

    fn request<'q>(&self, query: &'q Query) -> Result<Self::Request<'q>, BenchError> {
        Ok(query.connection())
    }

    fn allows(&mut self, request: &Self::Request<'_>) -> bool {
        if WITH_REASON { black_box(self.0.decide(request)).verdict() == Verdict::Allow } else { self.0.allows(request) }
    }
}
