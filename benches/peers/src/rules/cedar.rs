//! `cedar-policy`: a `permit` or a `forbid` for every rule, whose condition is the whole rule.
//!
//! The connection is the context of the request. Alternatives are chains of `||`, which Cedar evaluates one
//! after another; a set of literals it would make anew in every request. It has no way to keep a parsed
//! address in a policy, so that `ip("10.0.0.0/8")` is read again each time it is reached.

use std::str::FromStr;

use authz_benches::{Action, BenchError, Input, Query};
use cedar_policy::{Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request, RestrictedExpression};

use crate::clause::{Clause, Field, Pattern, denies_by_default, groups, rules};
use crate::engine::Engine;
use crate::facts::Facts;

pub(crate) struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
}

impl Engine for Cedar {
    type Source = String;
    type Request<'q> = Request;

    fn source(input: &Input) -> Result<Self::Source, BenchError> {
        let set = input.set.as_ref().ok_or_else(|| BenchError::new("the input is text alone"))?;
        let mut text = String::new();
        for (action, rule) in rules(set) {
            let effect = match action {
                Action::Allow => "permit",
                Action::Deny => "forbid",
            };
            let groups: Vec<String> = groups(rule).iter().map(|group| join(group.iter().map(condition), " || ")).collect();
            let condition = if groups.is_empty() { "true".into() } else { join(groups.into_iter(), " && ") };
            text.push_str(&format!("{effect}(principal, action, resource) when {{ {condition} }};\n"));
        }
        if !denies_by_default(set) {
            text.push_str("permit(principal, action, resource);\n");
        }
        Ok(text)
    }

    fn build(source: &Self::Source) -> Result<Self, BenchError> {
        let policies = PolicySet::from_str(source).map_err(|error| BenchError::new(format!("cedar: {error}")))?;
        Ok(Self { authorizer: Authorizer::new(), policies, entities: Entities::empty() })
    }

    fn request<'q>(&self, query: &'q Query) -> Result<Self::Request<'q>, BenchError> {
        let facts = Facts::new(query);
        let text = |text: &str| RestrictedExpression::new_string(text.into());
        let context = [
            ("port", RestrictedExpression::new_long(facts.port.into())),
            ("principal", text(facts.principal)),
            ("namespace", text(facts.namespace)),
            ("source", RestrictedExpression::new_ip(facts.source.to_string())),
            ("destination", RestrictedExpression::new_ip(facts.destination.to_string())),
            ("sni", text(facts.sni)),
        ];
        let context = Context::from_pairs(context.map(|(name, value)| (name.into(), value))).map_err(error)?;
        let name = |name: &str| EntityUid::from_str(name).map_err(error);
        let (peer, connect, workload) = (name("Peer::\"peer\"")?, name("Action::\"connect\"")?, name("Workload::\"it\"")?);
        Request::new(peer, connect, workload, context, None).map_err(error)
    }

    fn allows(&mut self, request: &Self::Request<'_>) -> bool {
        self.authorizer.is_authorized(request, &self.policies, &self.entities).decision() == Decision::Allow
    }
}

fn error(error: impl std::fmt::Display) -> BenchError {
    BenchError::new(format!("cedar: {error}"))
}

fn condition(clause: &Clause) -> String {
    let ip = |name: &'static str| move |block: &ipnet::IpNet| format!("context.{name}.isInRange(ip(\"{block}\"))");
    let text = |name: &'static str| move |pattern: &Pattern| string(name, pattern);
    let mut terms = Vec::new();
    field(&clause.ports, &mut terms, |port| format!("context.port == {port}"));
    field(&clause.principals, &mut terms, text("principal"));
    field(&clause.namespaces, &mut terms, text("namespace"));
    field(&clause.sources, &mut terms, ip("source"));
    field(&clause.destinations, &mut terms, ip("destination"));
    field(&clause.names, &mut terms, text("sni"));
    if terms.is_empty() { "true".into() } else { join(terms.into_iter(), " && ") }
}

fn field<T>(field: &Field<T>, terms: &mut Vec<String>, term: impl Fn(&T) -> String) {
    if !field.any.is_empty() {
        terms.push(join(field.any.iter().map(&term), " || "));
    }
    if !field.none.is_empty() {
        terms.push(format!("!{}", join(field.none.iter().map(&term), " || ")));
    }
}

fn string(name: &str, pattern: &Pattern) -> String {
    match pattern {
        Pattern::Present => format!("context.{name} != \"\""),
        Pattern::Exact(text) => format!("context.{name} == \"{}\"", escaped(text)),
        Pattern::Prefix(text) => format!("context.{name} like \"{}*\"", escaped(text).replace('*', "\\*")),
        Pattern::Suffix(text) => format!("context.{name} like \"*{}\"", escaped(text).replace('*', "\\*")),
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// Terms in parentheses, with this between them.
fn join(terms: impl Iterator<Item = String>, operator: &str) -> String {
    format!("({})", terms.collect::<Vec<_>>().join(operator))
}
