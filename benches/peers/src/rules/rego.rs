//! `regorus`: Rego, compiled for its virtual machine. Every combination of a source and an operation is a body
//! of `deny` or `permit`.
//!
//! The input is a parsed value. `net.cidr_contains` takes strings and reads both each time, as Rego has no
//! addresses.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use authz_benches::{Action, BenchError, Input, Query};
use ipnet::IpNet;
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::vm::RegoVM;
use regorus::{Engine as Policies, Value};

use crate::clause::{Clause, Field, Pattern, alternatives, denies_by_default, rules};
use crate::engine::Engine;
use crate::facts::Facts;

const ENTRY: &str = "data.authz.allow";

pub(crate) struct Rego(RegoVM);

impl Engine for Rego {
    type Source = String;
    type Request<'q> = Value;

    fn source(input: &Input) -> Result<Self::Source, BenchError> {
        let set = input.set.as_ref().ok_or_else(|| BenchError::new("the input is text alone"))?;
        let mut module = Module::default();
        // So that both are always defined.
        let mut text = String::from("package authz\n\nimport rego.v1\n\ndefault deny := false\n\ndefault permit := false\n\n");
        text.push_str("default allow := false\n\nallow if {\n\tnot deny\n\tpermit\n}\n\n");
        for (action, rule) in rules(set) {
            let name = match action {
                Action::Allow => "permit",
                Action::Deny => "deny",
            };
            for clauses in alternatives(rule) {
                let lines: Vec<String> = clauses.iter().flat_map(|clause| module.lines(clause)).collect();
                module.rule(name, &lines);
            }
        }
        if !denies_by_default(set) {
            module.rule("permit", &[]);
        }
        text.push_str(&module.text);
        Ok(text)
    }

    fn build(source: &Self::Source) -> Result<Self, BenchError> {
        let mut policies = Policies::new();
        policies.add_policy("authz.rego".into(), source.clone()).map_err(error)?;
        let compiled = policies.compile_with_entrypoint(&ENTRY.into()).map_err(error)?;
        let program = Compiler::compile_from_policy(&compiled, &[ENTRY]).map_err(error)?;
        let mut machine = RegoVM::new();
        machine.load_program(program);
        // The default is too few for a hundred rules.
        machine.set_max_instructions(usize::MAX);
        Ok(Self(machine))
    }

    fn request<'q>(&self, query: &'q Query) -> Result<Self::Request<'q>, BenchError> {
        let facts = Facts::new(query);
        let fields = [
            ("port", Value::from(u64::from(facts.port))),
            ("principal", facts.principal.into()),
            ("namespace", facts.namespace.into()),
            ("source", facts.source.to_string().into()),
            ("destination", facts.destination.to_string().into()),
            ("sni", facts.sni.into()),
        ];
        Ok(Value::from(fields.into_iter().map(|(name, value)| (name.into(), value)).collect::<BTreeMap<Value, Value>>()))
    }

    fn allows(&mut self, request: &Self::Request<'_>) -> bool {
        self.0.set_input(request.clone());
        self.0.execute().is_ok_and(|value| value == Value::Bool(true))
    }
}

fn error(error: impl std::fmt::Display) -> BenchError {
    BenchError::new(format!("regorus: {error}"))
}

/// The rules of a module.
#[derive(Default)]
struct Module {
    text: String,
    /// How many rules of ours stand for lists that one line cannot express.
    helpers: usize,
}

impl Module {
    fn rule(&mut self, name: &str, lines: &[String]) {
        let body = if lines.is_empty() { "true".into() } else { lines.join("\n\t") };
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{name} if {{\n\t{body}\n}}\n\n");
    }

    /// What a clause asks, a line for each.
    fn lines(&mut self, clause: &Clause) -> Vec<String> {
        let mut lines = Vec::new();
        if !clause.ports.any.is_empty() {
            lines.push(format!("input.port in {{{}}}", list(clause.ports.any.iter())));
        }
        if !clause.ports.none.is_empty() {
            lines.push(format!("not input.port in {{{}}}", list(clause.ports.none.iter())));
        }
        self.strings("principal", &clause.principals, &mut lines);
        self.strings("namespace", &clause.namespaces, &mut lines);
        blocks("source", &clause.sources, &mut lines);
        blocks("destination", &clause.destinations, &mut lines);
        self.strings("sni", &clause.names, &mut lines);
        lines
    }

    fn strings(&mut self, name: &str, field: &Field<Pattern>, lines: &mut Vec<String>) {
        match tests(name, &field.any).as_slice() {
            [] => {}
            [test] => lines.push(test.clone()),
            // Any of several is a rule with a body for each.
            several => {
                self.helpers += 1;
                let helper = format!("any_{name}_{}", self.helpers);
                several.iter().for_each(|test| self.rule(&helper, std::slice::from_ref(test)));
                lines.push(helper);
            }
        }
        lines.extend(tests(name, &field.none).into_iter().map(|test| format!("not {test}")));
    }
}

/// Expressions that are true if one of the patterns matches; all exact ones are one set.
fn tests(name: &str, patterns: &[Pattern]) -> Vec<String> {
    let exact: Vec<String> = patterns.iter().filter_map(|pattern| exact(pattern).map(|text| format!("{text:?}"))).collect();
    let mut tests = Vec::new();
    if !exact.is_empty() {
        tests.push(format!("input.{name} in {{{}}}", list(exact.iter())));
    }
    tests.extend(patterns.iter().filter_map(|pattern| match pattern {
        Pattern::Exact(_) => None,
        Pattern::Present => Some(format!("input.{name} != \"\"")),
        Pattern::Prefix(text) => Some(format!("startswith(input.{name}, {text:?})")),
        Pattern::Suffix(text) => Some(format!("endswith(input.{name}, {text:?})")),
    }));
    tests
}

fn exact(pattern: &Pattern) -> Option<&str> {
    match pattern {
        Pattern::Exact(text) => Some(text),
        Pattern::Present | Pattern::Prefix(_) | Pattern::Suffix(_) => None,
    }
}

fn blocks(name: &str, field: &Field<IpNet>, lines: &mut Vec<String>) {
    match field.any.as_slice() {
        [] => {}
        [block] => lines.push(format!("net.cidr_contains(\"{block}\", input.{name})")),
        blocks => {
            let blocks = list(blocks.iter().map(|block| format!("\"{block}\"")));
            lines.push(format!("some {name}_block in [{blocks}]"));
            lines.push(format!("net.cidr_contains({name}_block, input.{name})"));
        }
    }
    lines.extend(field.none.iter().map(|block| format!("not net.cidr_contains(\"{block}\", input.{name})")));
}

/// Values with commas between them, a few on a line, for a line of Rego has at most 1,024 columns.
fn list(values: impl Iterator<Item = impl ToString>) -> String {
    let values: Vec<String> = values.map(|value| value.to_string()).collect();
    values.chunks(8).map(|values| values.join(", ")).collect::<Vec<_>>().join(",\n\t\t")
}
