//! `authz test`: runs suites that say what policies are meant to do.

use std::fmt::Write;
use std::path::PathBuf;

use authz_core::{Mesh, PolicyLoader};
use authz_json::SuiteReport;
use authz_testdata::{Case, Suite, SuiteError};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::console::{Console, Format, GREEN, RED, YELLOW, printable};
use crate::exit::{Answer, Failure};
use crate::input::{self, STDIN, Source};

/// What a folder is searched for.
const EXTENSIONS: &[&str] = &["yaml", "yml", "jsonl"];
/// How many cases a person waits for without a progress bar.
const PATIENCE: usize = 300;

/// Which suites are run.
#[derive(Args, Clone, Debug)]
pub(crate) struct TestArgs {
    /// Files, folders, globs, or `-` for standard input
    ///
    /// Folders are searched for *.yaml, *.yml and *.jsonl, without hidden files; files of Kubernetes
    /// resources in them are passed over.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    /// Run only the cases whose name contains this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,

    /// What to print
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

pub(crate) fn run(args: &TestArgs, console: Console) -> Result<Answer, Failure> {
    let input = input::read(&args.paths, EXTENSIONS)?;
    if let Some(barren) = input.barren.first() {
        return Err(Failure::new(format!("{barren}; name a suite, or a folder that holds some")));
    }
    let suites = read_suites(&input.sources, console)?;
    let is_wanted = |case: &Case| args.filter.as_deref().is_none_or(|text| case.name().contains(text));
    let cases: Vec<(&str, &Case)> = suites
        .iter()
        .flat_map(|(name, suite)| suite.cases().iter().map(|case| (*name, case)))
        .filter(|(_, case)| is_wanted(case))
        .collect();
    if cases.is_empty() {
        return Err(Failure::new(match &args.filter {
            Some(text) => format!("no case has `{text}` in its name; shorten the filter"),
            None => "no file in the folder is a suite; a suite has `cases` or `resources`".into(),
        }));
    }
    let report = run_all(&cases, console);
    match args.output {
        Format::Json => console.print_json(&report)?,
        Format::Text => console.print(&text(&report))?,
    }
    Ok(if report.failed == 0 { Answer::Yes } else { Answer::No })
}

/// Reads all suites before any is run: half a result would look like a whole one.
fn read_suites(sources: &[Source], console: Console) -> Result<Vec<(&str, Suite)>, Failure> {
    let mut suites = Vec::new();
    let mut failures = Vec::new();
    for source in sources {
        match read_suite(source) {
            Ok(suite) => suites.push((source.name.as_str(), suite)),
            Err(_) if source.is_found && holds_resources(source) => {}
            Err(error) => failures.push(Failure::new(error.to_string())),
        }
    }
    let Some(last) = failures.pop() else { return Ok(suites) };
    failures.iter().for_each(|failure| console.fail(failure));
    Err(last)
}

fn read_suite(source: &Source) -> Result<Suite, SuiteError> {
    let read = |name: &str| Suite::read(name, &source.text, &|path| input::read_beside(source, path));
    let first = read(&source.name);
    // Standard input has no name that would tell one case a line from a YAML document.
    let is_lines = source.name == STDIN && source.text.trim_start().starts_with('{');
    if is_lines && first.is_err() { read("<stdin>.jsonl").or(first) } else { first }
}

/// Whether a file is not a suite but what suites are about.
fn holds_resources(source: &Source) -> bool {
    // Every document of such a file has a `kind`, without which even a lenient load fails.
    !source.name.ends_with(".jsonl")
        && PolicyLoader::new(&Mesh::default()).source(source.name.as_str(), &source.text).lenient().load().is_ok()
}

fn run_all<'c>(cases: &[(&'c str, &'c Case)], console: Console) -> SuiteReport<'c> {
    let bar = progress(cases.len(), console);
    let mut report = SuiteReport::default();
    for (suite, case) in cases {
        report.run(suite, case);
        bar.inc(1);
    }
    bar.finish_and_clear();
    report
}

fn text(report: &SuiteReport<'_>) -> String {
    let mut text = String::new();
    for case in &report.cases {
        let style = match case.outcome {
            "failed" => RED,
            "skipped" => YELLOW,
            _ => continue,
        };
        let _ = writeln!(text, "{style}{}{style:#} {}: {}", case.outcome, printable(case.suite), printable(case.name));
        for line in case.message.iter().flat_map(|message| message.lines()) {
            let _ = writeln!(text, "  {}", printable(line));
        }
    }
    let style = if report.failed == 0 { GREEN } else { RED };
    let _ = write!(text, "{style}{} passed, {} failed", report.passed, report.failed);
    if report.skipped > 0 {
        let _ = write!(text, ", {} skipped", report.skipped);
    }
    let _ = writeln!(text, "{style:#}");
    text
}

/// A bar for runs that are long enough to wonder about, where somebody watches.
fn progress(cases: usize, console: Console) -> ProgressBar {
    if cases <= PATIENCE || !console.is_watched() {
        return ProgressBar::hidden();
    }
    let target = ProgressDrawTarget::stderr_with_hz(10);
    let bar = ProgressBar::with_draw_target(u64::try_from(cases).ok(), target);
    match ProgressStyle::with_template("{bar:40} {pos}/{len} cases, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
