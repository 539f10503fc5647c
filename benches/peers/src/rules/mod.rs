//! Engines for any policies.

mod authz;
mod casbin;
mod cedar;
mod linear;
mod rego;

pub(crate) use authz::{Allows, Decide};
pub(crate) use casbin::Casbin;
pub(crate) use cedar::Cedar;
pub(crate) use linear::Linear;
pub(crate) use rego::Rego;
