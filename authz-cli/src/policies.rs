//! From paths to policies: reads them, loads them, and refuses an input that holds none.

use std::path::PathBuf;

use authz_core::{Finding, FindingKind, LoadError, Mesh, PolicyLoader, PolicySet, Profile, Severity};
use authz_testdata::Suite;
use clap::Args;

use crate::console::{Console, count, printable};
use crate::exit::Failure;
use crate::input::{self, Source};
use crate::mesh::MeshArgs;
use crate::snippet::Snippets;

/// What a folder is searched for.
const EXTENSIONS: &[&str] = &["yaml", "yml", "json"];
/// How many findings stand on standard error before a count takes their place.
const SHOWN: usize = 5;

/// How policies are loaded.
#[derive(Args, Clone, Debug)]
pub(crate) struct LoadArgs {
    /// Accept an input without any AuthorizationPolicy or PeerAuthentication
    #[arg(long)]
    allow_empty: bool,

    /// The data plane whose rules decide: `sidecar`
    #[arg(long, default_value = "sidecar")]
    profile: Profile,

    #[command(flatten)]
    mesh: MeshArgs,
}

/// The texts of a load and what became of it.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) sources: Vec<Source>,
    pub(crate) result: Result<PolicySet, LoadError>,
}

impl LoadArgs {
    /// Reads and loads the policies of some paths.
    ///
    /// # Errors
    ///
    /// When something cannot be read, or nothing in it is a policy and that was not allowed. What
    /// is wrong with the policies is in the result of the load.
    pub(crate) fn load(&self, paths: &[PathBuf], is_lenient: bool) -> Result<Load, Failure> {
        let mesh = self.mesh.mesh()?;
        let input = input::read(paths, EXTENSIONS)?;
        if let Some(barren) = input.barren.first()
            && !self.allow_empty
        {
            return Err(Failure::new(format!("{barren}; name another path, or pass `--allow-empty`")));
        }
        let mut sources = input.sources;
        let mut result = self.load_sources(&mesh, &sources, is_lenient);
        if let Err(error) = &result {
            let before = sources.len();
            let suites: Vec<String> =
                sources.iter().filter(|source| is_suite(source, error)).map(|source| source.name.clone()).collect();
            sources.retain(|source| !suites.contains(&source.name));
            if sources.len() < before {
                result = self.load_sources(&mesh, &sources, is_lenient);
            }
        }
        if let Ok(policies) = &result
            && policies.is_empty()
            && !policies.has_empty_list()
            && !self.allow_empty
        {
            return Err(nothing_of_ours(paths, policies));
        }
        Ok(Load { sources, result })
    }

    /// Loads texts that were read.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub(crate) fn load_sources(&self, mesh: &Mesh, sources: &[Source], is_lenient: bool) -> Result<PolicySet, LoadError> {
        let mut loader = PolicyLoader::new(mesh).profile(self.profile);
        if is_lenient {
            loader = loader.lenient();
        }
        for source in sources {
            loader = loader.source(source.name.as_str(), &source.text);
        }
        loader.load()
    }
}

/// Whether a file that was found in a folder is a test suite that lives beside its policies.
fn is_suite(source: &Source, error: &LoadError) -> bool {
    let is_no_resource =
        |finding: &Finding| finding.kind() == FindingKind::NotAResource && finding.location().source() == source.name;
    source.is_found
        && error.findings().iter().any(is_no_resource)
        && Suite::read(&source.name, &source.text, &|path| input::read_beside(source, path)).is_ok()
}

fn nothing_of_ours(paths: &[PathBuf], policies: &PolicySet) -> Failure {
    let name = |path: &PathBuf| if path.as_os_str() == "-" { "standard input".into() } else { format!("`{}`", path.display()) };
    let paths: Vec<String> = paths.iter().map(name).collect();
    let others: Vec<String> = policies.other_kinds().map(|(kind, number)| format!("{number} {kind}")).collect();
    let found = if others.is_empty() { String::new() } else { format!(" (found {})", others.join(", ")) };
    Failure::new(format!(
        "no AuthorizationPolicy or PeerAuthentication in {}{found}; name another path, or pass `--allow-empty` if that is right",
        paths.join(", ")
    ))
}

/// Hands out the policies of a load for a decision; says on standard error what is wrong with them.
pub(crate) fn loaded(load: Load, paths: &[PathBuf], console: Console) -> Result<PolicySet, Failure> {
    match load.result {
        Ok(policies) => {
            remark(policies.findings(), paths, console);
            Ok(policies)
        }
        Err(error) => {
            let snippets = Snippets::new(&load.sources);
            let errors: Vec<&Finding> = of_severity(error.findings(), Severity::Error).collect();
            for finding in errors.iter().take(SHOWN) {
                console.remark(&format!("{}\n\n", snippets.render(finding)));
            }
            let more = if errors.len() > SHOWN { ", some of which are shown above" } else { "" };
            Err(Failure::new(format!(
                "the policies do not load: {}{more}; correct the text, or run `authz lint {}` for everything that was found",
                count(errors.len(), "error"),
                words(paths)
            )))
        }
    }
}

/// Mentions what a load went on with, in one line each, or counts it.
fn remark(findings: &[Finding], paths: &[PathBuf], console: Console) {
    let errors = of_severity(findings, Severity::Error);
    let serious: Vec<&Finding> = errors.chain(of_severity(findings, Severity::Warning)).collect();
    if serious.len() <= SHOWN {
        for finding in serious {
            console.remark(&format!("{}\n", printable(&one_line(finding))));
        }
        return;
    }
    let errors = of_severity(findings, Severity::Error).count();
    let mut counts = count(serious.len() - errors, "warning");
    if errors > 0 {
        counts = format!("{} and {counts}", count(errors, "error"));
    }
    console.warn(&format!("the policies have {counts}; run `authz lint {}` to see them", words(paths)));
}

fn one_line(finding: &Finding) -> String {
    let resource = finding.resource().map_or_else(String::new, |resource| format!("{resource}: "));
    format!("{}[{}]: {}: {resource}{}", finding.severity(), finding.code(), finding.location(), finding.message())
}

pub(crate) fn of_severity(findings: &[Finding], severity: Severity) -> impl Iterator<Item = &Finding> {
    findings.iter().filter(move |finding| finding.severity() == severity)
}

fn words(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ")
}
