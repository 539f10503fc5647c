//! What an engine has to be able to do.

use authz_benches::{BenchError, Input, Measure, Query};

/// An engine that decides connections.
pub trait Engine: Sized {
    /// What it is built from, as a host has it: text, or parsed prefixes.
    type Source;

    /// A connection in the form in which the engine takes it.
    type Request<'q>;

    /// Translates the policies of an input.
    ///
    /// # Errors
    ///
    /// A policy that it cannot express.
    fn source(input: &Input) -> Result<Self::Source, BenchError>;

    /// Builds the engine.
    ///
    /// # Errors
    ///
    /// What it has against the source.
    fn build(source: &Self::Source) -> Result<Self, BenchError>;

    /// Prepares a connection.
    ///
    /// # Errors
    ///
    /// A connection that it cannot express.
    fn request<'q>(&self, query: &'q Query) -> Result<Self::Request<'q>, BenchError>;

    /// Whether the connection may pass. An engine that fails denies.
    fn allows(&mut self, request: &Self::Request<'_>) -> bool;
}

/// An engine of any type, not yet built.
pub trait Staged {
    /// Builds it.
    ///
    /// # Errors
    ///
    /// What the engine has against its source.
    fn build(&self) -> Result<Box<dyn Built>, BenchError>;
}

/// An engine of any type, built.
pub trait Built {
    /// Whether each of the connections may pass.
    ///
    /// # Errors
    ///
    /// A connection that it cannot express.
    fn verdicts(&mut self, queries: &[Query]) -> Result<Vec<bool>, BenchError>;

    /// Prepares the connections and hands over a run that decides them all.
    ///
    /// # Errors
    ///
    /// A connection that it cannot express.
    fn with(&mut self, queries: &[Query], measure: Measure<'_>) -> Result<(), BenchError>;
}

/// The source of an engine.
struct Source<E: Engine>(E::Source);

/// Translates the policies of an input for an engine.
pub(crate) fn stage<E: Engine + 'static>(input: &Input) -> Result<Box<dyn Staged>, BenchError> {
    Ok(Box::new(Source::<E>(E::source(input)?)))
}

impl<E: Engine + 'static> Staged for Source<E> {
    fn build(&self) -> Result<Box<dyn Built>, BenchError> {
        Ok(Box::new(E::build(&self.0)?))
    }
}

impl<E: Engine> Built for E {
    fn verdicts(&mut self, queries: &[Query]) -> Result<Vec<bool>, BenchError> {
        queries.iter().map(|query| self.request(query).map(|request| self.allows(&request))).collect()
    }

    fn with(&mut self, queries: &[Query], measure: Measure<'_>) -> Result<(), BenchError> {
        let requests = queries.iter().map(|query| self.request(query)).collect::<Result<Vec<_>, _>>()?;
        measure(&mut || requests.iter().filter(|request| self.allows(request)).count());
        Ok(())
    }
}
