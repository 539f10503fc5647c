//! `authz lint`: everything that is wrong, or merely surprising, in policies, and what to write instead.

use std::fmt::Write;
use std::path::PathBuf;

use authz_core::{FindingKind, Layer, Severity};
use authz_json::{FindingEntry, LoadReport};
use clap::Args;

use crate::console::{Console, Format, GREEN, RED, YELLOW, count};
use crate::exit::{Answer, Failure};
use crate::policies::{Load, LoadArgs};
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
    let report = LoadReport::new(load.result.as_ref(), args.notes);
    match args.output {
        Format::Json => console.print_json(&report)?,
        Format::Text => console.print(&text(&report, &load))?,
    }
    let is_clean = report.errors == 0 && (report.warnings == 0 || !args.deny_warnings);
    Ok(if is_clean { Answer::Yes } else { Answer::No })
}

fn text(report: &LoadReport<'_>, load: &Load) -> String {
    let snippets = Snippets::new(&load.sources);
    let mut text = String::new();
    for finding in &report.findings {
        let _ = writeln!(text, "{}\n", snippets.render(finding));
    }
    let _ = writeln!(text, "{}", summary(report));
    text
}

fn summary(report: &LoadReport<'_>) -> String {
    let mut parts = Vec::new();
    if report.errors > 0 {
        parts.push(format!("{RED}{}{RED:#}", count(report.errors, "error")));
    }
    if report.warnings > 0 {
        parts.push(format!("{YELLOW}{}{YELLOW:#}", count(report.warnings, "warning")));
    }
    if parts.is_empty() {
        parts.push(format!("{GREEN}nothing wrong{GREEN:#}"));
    }
    if report.notes > 0 {
        let is_hidden = report.findings.iter().all(|finding| finding.severity() > Severity::Note);
        let hint = if is_hidden { " (`--notes` shows them)" } else { "" };
        parts.push(format!("{}{hint}", count(report.notes, "note")));
    }
    let mut text = parts.join(", ");
    let _ = write!(text, " in {}", count(report.resources, "resource"));
    let others: usize = report.other_kinds.iter().map(|(_, number)| number).sum();
    if others > 0 {
        let _ = write!(text, "; {} of other kinds passed over", count(others, "resource"));
    }
    text
}

fn explain(code: &str, output: Format, console: Console) -> Result<Answer, Failure> {
    let text = match (code, FindingKind::with_code(code), output) {
        ("all", _, Format::Json) => {
            console.print_json(&FindingKind::ALL.iter().copied().map(FindingEntry::new).collect::<Vec<_>>())?;
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
            console.print_json(&FindingEntry::new(kind))?;
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
