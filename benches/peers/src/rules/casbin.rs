//! `casbin`: a line for every combination of a source and an operation, and one matcher for all lines.
//!
//! Its policies are strings. A column holds values with `|` between them, those that are excluded with `!`
//! before them, or `-` if the line asks nothing; functions of ours compare them with the request. Requests
//! hold parsed addresses and a number, which casbin hands through. Every line is evaluated until one denies,
//! as its effect demands.

use std::net::IpAddr;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use authz_benches::{Action, BenchError, Input, Query};
use casbin::function_map::OperatorFunction;
use casbin::rhai::Dynamic;
use casbin::{CoreApi, DefaultModel, Enforcer, StringAdapter};
use ipnet::IpNet;

use crate::clause::{Clause, Field, Pattern, alternatives, denies_by_default, rules};
use crate::engine::Engine;
use crate::facts::Facts;

const MODEL: &str = "
[request_definition]
r = port, principal, namespace, source, destination, sni

[policy_definition]
p = rule, eft, port, principal, namespace, source, destination, sni

[policy_effect]
e = EFFECT

[matchers]
m = number(r.port, p.port) && text(r.principal, p.principal) && text(r.namespace, p.namespace) \
&& block(r.source, p.source) && block(r.destination, p.destination) && text(r.sni, p.sni)
";

pub(crate) struct Casbin(Enforcer);

/// The model and the policy.
pub(crate) struct Texts {
    model: String,
    policy: String,
}

impl Engine for Casbin {
    type Source = Texts;
    type Request<'q> = Vec<Dynamic>;

    fn source(input: &Input) -> Result<Self::Source, BenchError> {
        let set = input.set.as_ref().ok_or_else(|| BenchError::new("the input is text alone"))?;
        let effect = match denies_by_default(set) {
            true => "some(where (p.eft == allow)) && !some(where (p.eft == deny))",
            false => "!some(where (p.eft == deny))",
        };
        let mut policy = String::new();
        for (n, (action, rule)) in rules(set).enumerate() {
            let effect = match action {
                Action::Allow => "allow",
                Action::Deny => "deny",
            };
            for (m, clauses) in alternatives(rule).into_iter().enumerate() {
                let columns = columns(&merged(clauses)?)?;
                policy.push_str(&format!("p, {n}.{m}, {effect}, {}\n", columns.join(", ")));
            }
        }
        Ok(Texts { model: MODEL.replace("EFFECT", effect), policy })
    }

    fn build(source: &Self::Source) -> Result<Self, BenchError> {
        let mut enforcer = finish(async {
            let model = DefaultModel::from_str(&source.model).await?;
            Enforcer::new(model, StringAdapter::new(source.policy.as_str())).await
        })
        .ok_or_else(|| BenchError::new("casbin: it waits for something"))?
        .map_err(error)?;
        enforcer.add_function("number", OperatorFunction::Arg2(|value, column| compared(&value, &column, number)));
        enforcer.add_function("text", OperatorFunction::Arg2(|value, column| compared(&value, &column, text)));
        enforcer.add_function("block", OperatorFunction::Arg2(|value, column| compared(&value, &column, block)));
        Ok(Self(enforcer))
    }

    fn request<'q>(&self, query: &'q Query) -> Result<Self::Request<'q>, BenchError> {
        let facts = Facts::new(query);
        Ok(vec![
            Dynamic::from(facts.port),
            facts.principal.into(),
            facts.namespace.into(),
            Dynamic::from(facts.source),
            Dynamic::from(facts.destination),
            facts.sni.into(),
        ])
    }

    fn allows(&mut self, request: &Self::Request<'_>) -> bool {
        self.0.enforce(request.clone()).unwrap_or_default()
    }
}

fn error(error: impl std::fmt::Display) -> BenchError {
    BenchError::new(format!("casbin: {error}"))
}

/// The outcome of a future that has nothing to wait for: the policies are in memory.
fn finish<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// One clause that asks what all of them ask.
fn merged(clauses: Vec<Clause>) -> Result<Clause, BenchError> {
    let mut all = Clause::default();
    for clause in clauses {
        merge(&mut all.ports, clause.ports)?;
        merge(&mut all.principals, clause.principals)?;
        merge(&mut all.namespaces, clause.namespaces)?;
        merge(&mut all.sources, clause.sources)?;
        merge(&mut all.destinations, clause.destinations)?;
        merge(&mut all.names, clause.names)?;
    }
    Ok(all)
}

fn merge<T>(all: &mut Field<T>, more: Field<T>) -> Result<(), BenchError> {
    all.none.extend(more.none);
    if all.any.is_empty() {
        all.any = more.any;
    } else if !more.any.is_empty() {
        return Err(error("a column has one list of values, and a rule asks for two"));
    }
    Ok(())
}

fn columns(clause: &Clause) -> Result<[String; 6], BenchError> {
    let pattern = |pattern: &Pattern| match pattern {
        Pattern::Present => "*".into(),
        Pattern::Exact(text) => text.to_string(),
        Pattern::Prefix(text) => format!("{text}*"),
        Pattern::Suffix(text) => format!("*{text}"),
    };
    Ok([
        column(&clause.ports, u16::to_string)?,
        column(&clause.principals, pattern)?,
        column(&clause.namespaces, pattern)?,
        column(&clause.sources, IpNet::to_string)?,
        column(&clause.destinations, IpNet::to_string)?,
        column(&clause.names, pattern)?,
    ])
}

fn column<T>(field: &Field<T>, write: impl Fn(&T) -> String) -> Result<String, BenchError> {
    if field.asks_nothing() {
        return Ok("-".into());
    }
    let any = field.any.iter().map(&write);
    let none = field.none.iter().map(|value| format!("!{}", write(value)));
    let values: Vec<String> = any.chain(none).collect();
    let is_special = |value: &String| value.trim_start_matches('!').contains(['!', '|', ',', '"', ' ']);
    match values.iter().find(|value| is_special(value)) {
        Some(value) => Err(error(format!("`{value}` has a character with a meaning"))),
        None => Ok(values.join("|")),
    }
}

/// Whether a value is what a column asks for.
fn compared(value: &Dynamic, column: &Dynamic, is_met: fn(&Dynamic, &str) -> bool) -> Dynamic {
    let Ok(column) = column.as_immutable_string_ref() else { return false.into() };
    if column.as_str() == "-" {
        return true.into();
    }
    let (mut has_any, mut is_any) = (false, false);
    for wanted in column.split('|') {
        match wanted.strip_prefix('!') {
            Some(excluded) if is_met(value, excluded) => return false.into(),
            Some(_) => {}
            None => {
                has_any = true;
                is_any = is_any || is_met(value, wanted);
            }
        }
    }
    (is_any || !has_any).into()
}

fn number(value: &Dynamic, wanted: &str) -> bool {
    value.clone().try_cast::<u16>().is_some_and(|value| wanted.parse() == Ok(value))
}

fn text(value: &Dynamic, wanted: &str) -> bool {
    let Ok(value) = value.as_immutable_string_ref() else { return false };
    match (wanted.strip_prefix('*'), wanted.strip_suffix('*')) {
        (Some(""), _) => !value.is_empty(),
        (Some(end), _) => value.ends_with(end),
        (None, Some(start)) => value.starts_with(start),
        (None, None) => value.as_str() == wanted,
    }
}

fn block(value: &Dynamic, wanted: &str) -> bool {
    let address = value.clone().try_cast::<IpAddr>();
    address.is_some_and(|address| wanted.parse::<IpNet>().is_ok_and(|block| block.contains(&address)))
}
