//! `authz lint`: everything that is wrong, or merely surprising, in policies, and what to write instead.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use authz_core::{Finding, FindingKind, Layer, Severity};
use clap::Args;
use serde::Serialize;

use crate::console::{Console, Format, GREEN, RED, YELLOW, count};
use crate::exit::{Answer, Failure};
use crate::policies::{Load, LoadArgs, of_severity};
use crate::snippet::Snippets;

/// What is linted, and how.
#[derive(Args, Clone, Debug)]
pub(crate) struct LintArgs {
    /// Files, folders, globs, or `-` for standard input
    ///
    /// Everything is read as one set of policies, as a cluster would hold it.
    #[arg(value_name = "PATH", required_unless_present = "explain")]
    paths: Vec<PathBuf>,

    /// Fail on warnings too
    #[arg(long)]
    deny_warnings: bool,

    /// Show notes too: what is worth knowing and not wrong
    #[arg(long)]
    notes: bool,

    /// Say what a code is about, or list `all` of them, and do nothing else
    #[arg(long, value_name = "CODE")]
    explain: Option<String>,

    /// What to print
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,

    #[command(flatten)]
    load: LoadArgs,
}

pub(crate) fn run(args: &LintArgs, console: Console) -> Result<Answer, Failure> {
    if let Some(code) = &args.explain {
        return explain(code, args.output, console);
    }
    let load = args.load.load(&args.paths, false)?;
    let report = Report::new(args, &load);
    match args.output {
        Format::Json => console.print_json(&report)?,
        Format::Text => console.print(&report.text(&load))?,
    }
    let is_clean = report.errors == 0 && (report.warnings == 0 || !args.deny_warnings);
    Ok(if is_clean { Answer::Yes } else { Answer::No })
}

/// What a run found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'l> {
    findings: Vec<&'l Finding>,
    errors: usize,
    warnings: usize,
    notes: usize,
    resources: usize,
    other_kinds: BTreeMap<String, usize>,
}

impl<'l> Report<'l> {
    fn new(args: &LintArgs, load: &'l Load) -> Self {
        let (all, resources, other_kinds) = match &load.result {
            Ok(policies) => (policies.findings(), policies.len(), others(policies.other_kinds())),
            Err(error) => (error.findings(), error.resources(), others(error.other_kinds())),
        };
        let number = |severity| of_severity(all, severity).count();
        Self {
            findings: all.iter().filter(|finding| args.notes || finding.severity() > Severity::Note).collect(),
            errors: number(Severity::Error),
            warnings: number(Severity::Warning),
            notes: number(Severity::Note),
            resources,
            other_kinds,
        }
    }

    fn text(&self, load: &Load) -> String {
        let snippets = Snippets::new(&load.sources);
        let mut text = String::new();
        for finding in &self.findings {
            let _ = writeln!(text, "{}\n", snippets.render(finding));
        }
        let _ = writeln!(text, "{}", self.summary());
        text
    }

    fn summary(&self) -> String {
        let mut parts = Vec::new();
        if self.errors > 0 {
            parts.push(format!("{RED}{}{RED:#}", count(self.errors, "error")));
        }
        if self.warnings > 0 {
            parts.push(format!("{YELLOW}{}{YELLOW:#}", count(self.warnings, "warning")));
        }
        if parts.is_empty() {
            parts.push(format!("{GREEN}nothing wrong{GREEN:#}"));
        }
        if self.notes > 0 {
            let is_hidden = self.findings.iter().all(|finding| finding.severity() > Severity::Note);
            let hint = if is_hidden { " (`--notes` shows them)" } else { "" };
            parts.push(format!("{}{hint}", count(self.notes, "note")));
        }
        let mut text = parts.join(", ");
        let _ = write!(text, " in {}", count(self.resources, "resource"));
        let others: usize = self.other_kinds.values().sum();
        if others > 0 {
            let _ = write!(text, "; {} of other kinds passed over", count(others, "resource"));
        }
        text
    }
}

fn others<'k>(kinds: impl Iterator<Item = (&'k str, usize)>) -> BTreeMap<String, usize> {
    kinds.map(|(kind, number)| (kind.to_owned(), number)).collect()
}

/// A kind of finding, in the words of its catalogue.
#[derive(Debug, Serialize)]
struct Entry {
    code: &'static str,
    severity: String,
    layer: &'static str,
    description: &'static str,
}

impl Entry {
    fn new(kind: FindingKind) -> Self {
        Self {
            code: kind.code(),
            severity: kind.severity().to_string(),
            layer: kind.layer().name(),
            description: kind.describe(),
        }
    }
}

fn explain(code: &str, output: Format, console: Console) -> Result<Answer, Failure> {
    let text = match (code, FindingKind::with_code(code), output) {
        ("all", _, Format::Json) => {
            console.print_json(&FindingKind::ALL.iter().copied().map(Entry::new).collect::<Vec<_>>())?;
            return Ok(Answer::Yes);
        }
        ("all", _, Format::Text) => {
            let widest = FindingKind::ALL.iter().map(|kind| kind.code().len()).max().unwrap_or_default();
            let line = |kind: &FindingKind| {
                let severity = kind.severity().to_string();
                format!("{:widest$}  {severity:7}  {}\n", kind.code(), kind.describe())
            };
            FindingKind::ALL.iter().map(line).collect()
        }
        (_, Some(kind), Format::Json) => {
            console.print_json(&Entry::new(kind))?;
            return Ok(Answer::Yes);
        }
        (_, Some(kind), Format::Text) => {
            format!("{}[{code}]: {}\n  raised by {}\n", kind.severity(), kind.describe(), raised_by(kind.layer()))
        }
        (_, None, _) => return Err(unknown(code)),
    };
    console.print(&text)?;
    Ok(Answer::Yes)
}

fn raised_by(layer: Layer) -> &'static str {
    match layer {
        Layer::Own => "this program only; a cluster accepts it",
        Layer::Yaml => "readers of YAML, each in its own way",
        Layer::Api => "the Kubernetes API server",
        Layer::Crd => "the schema of the custom resource definition",
        Layer::Webhook => "Istio's validating webhook",
    }
}

fn unknown(code: &str) -> Failure {
    let nearest = FindingKind::ALL.iter().map(|kind| (strsim::jaro_winkler(code, kind.code()), kind.code()));
    let nearest = nearest.max_by(|(one, _), (other, _)| one.total_cmp(other)).filter(|(likeness, _)| *likeness > 0.8);
    let hint = match nearest {
        Some((_, known)) => format!("did you mean `{known}`?"),
        None => "`authz lint --explain all` lists them".into(),
    };
    Failure::new(format!("`{code}` is not the code of a finding; {hint}"))
}
