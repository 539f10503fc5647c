//! The subject: `authz-core`.

use std::hint::black_box;

use authz_benches::{BenchError, Input, Query, workload};
use authz_core::{Authorizer, Connection, Mesh, PolicySet, Verdict};

use crate::engine::Engine;

/// The verdict alone.
pub(crate) struct Allows(Authorizer);

/// The verdict with its reason and the rule.
pub(crate) struct Decide(Authorizer);

fn build(text: &str) -> Result<Authorizer, BenchError> {
    let policies = PolicySet::from_yaml(text, &Mesh::default()).map_err(|error| BenchError::new(error.to_string()))?;
    Ok(policies.authorizer_for(&workload()))
}

impl Engine for Allows {
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
        self.0.allows(request)
    }
}

impl Engine for Decide {
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
        black_box(self.0.decide(request)).verdict() == Verdict::Allow
    }
}
