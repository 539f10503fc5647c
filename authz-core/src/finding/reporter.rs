//! Collects the findings of a load and knows where in a resource the reader stands.

use std::borrow::Cow;
use std::fmt;

use super::{Finding, FindingKind, Fix, Severity};
use crate::value::{Location, Span};

/// The way from a resource to a field, kept on the stack of the code that reads it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'p> {
    Root,
    Field(&'p str),
    Key(&'p str),
    Item(usize),
}

impl<'p> Path<'p> {
    /// The resource itself.
    pub(crate) const ROOT: Path<'static> = Path { parent: None, step: Step::Root };

    /// A field of it.
    pub(crate) fn field(&'p self, name: &'p str) -> Self {
        Self { parent: Some(self), step: Step::Field(name) }
    }

    /// A key of a map of it.
    pub(crate) fn key(&'p self, name: &'p str) -> Self {
        Self { parent: Some(self), step: Step::Key(name) }
    }

    /// An item of a list of it.
    pub(crate) fn item(&'p self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Item(index) }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let below_root = match self.parent {
            Some(parent) => {
                parent.fmt(f)?;
                !matches!(parent.step, Step::Root)
            }
            None => false,
        };
        match self.step {
            Step::Root => Ok(()),
            Step::Field(name) if below_root => write!(f, ".{name}"),
            Step::Field(name) => f.write_str(name),
            Step::Key(name) => write!(f, "[{name:?}]"),
            Step::Item(index) => write!(f, "[{index}]"),
        }
    }
}

/// A text without control characters, which a terminal or a log would obey.
pub(crate) fn printable(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}

/// Collects findings.
#[derive(Debug)]
pub(crate) struct Reporter {
    findings: Vec<Finding>,
    /// The source and resource that the reader is in.
    source: Location,
    resource: Option<String>,
    limit: usize,
    errors: usize,
    /// Whether something could not be read that even a lenient load needs.
    fatal: bool,
}

impl Reporter {
    pub(crate) fn new(limit: usize) -> Self {
        let source = Location::new("", Span::default());
        Self { findings: Vec::new(), source, resource: None, limit: limit.max(1), errors: 0, fatal: false }
    }

    pub(crate) fn enter_source(&mut self, source: &Location) {
        self.source = source.clone();
        self.resource = None;
    }

    pub(crate) fn enter_resource(&mut self, resource: Option<String>) {
        self.resource = resource.map(printable);
    }

    /// The place of a span in the source that is being read.
    pub(crate) fn locate(&self, span: Span) -> Location {
        self.source.at(span)
    }

    /// Adds a finding about the resource that is being read.
    pub(crate) fn report(&mut self, kind: FindingKind, span: Span, path: &Path<'_>, message: impl Into<String>) -> Draft<'_> {
        let finding = Finding {
            kind,
            location: self.source.at(span),
            resource: self.resource.clone(),
            path: printable(path.to_string()),
            message: printable(message.into()),
            help: None,
            fix: None,
        };
        self.add(finding)
    }

    /// Adds a finding about any resource.
    pub(crate) fn add(&mut self, finding: Finding) -> Draft<'_> {
        // The first error is kept even past the limit: without it the load would succeed.
        let is_error = finding.severity() == Severity::Error;
        let is_first_error = is_error && self.errors == 0;
        self.errors += usize::from(is_error);
        if self.findings.len() < self.limit || is_first_error {
            self.findings.push(finding);
            Draft(self.findings.last_mut())
        } else {
            Draft(None)
        }
    }

    /// A reporter that stands where this one does and has found nothing yet.
    pub(crate) fn sibling(&self) -> Self {
        Self { source: self.source.clone(), ..Self::new(self.limit) }
    }

    /// Adds what another reporter found, as if this one had found it last.
    pub(crate) fn append(&mut self, other: Self) {
        let kept = other.findings.iter().filter(|finding| finding.severity() == Severity::Error).count();
        for finding in other.findings {
            self.add(finding);
        }
        self.errors += other.errors.saturating_sub(kept);
        self.fatal |= other.fatal;
    }

    /// Notes that not even a lenient load can go on.
    pub(crate) fn fail(&mut self) {
        self.fatal = true;
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.fatal
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// How many errors there were so far, kept or not.
    pub(crate) fn errors(&self) -> usize {
        self.errors
    }

    /// All findings.
    pub(crate) fn into_findings(self) -> Vec<Finding> {
        self.findings
    }
}

/// The finding just reported, to which a way out can be added.
pub(crate) struct Draft<'r>(Option<&'r mut Finding>);

impl Draft<'_> {
    /// Says what to write instead.
    pub(crate) fn help(self, help: impl Into<Cow<'static, str>>) -> Self {
        let Self(Some(finding)) = self else { return self };
        finding.help = Some(match help.into() {
            Cow::Borrowed(ours) => Cow::Borrowed(ours),
            Cow::Owned(quoting) => Cow::Owned(printable(quoting)),
        });
        Self(Some(finding))
    }

    /// Offers a change of the text.
    pub(crate) fn fix(self, span: Span, replacement: impl Into<String>) -> Self {
        let Self(Some(finding)) = self else { return self };
        finding.fix = Some(Fix { span, replacement: replacement.into() });
        Self(Some(finding))
    }
}
