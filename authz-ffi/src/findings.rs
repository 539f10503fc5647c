//! What is to be said about policy texts, as C reads it.

use std::ffi::c_char;
use std::fmt;

use authz_core::{Finding, Severity};

use crate::boundary::{Caller, guard, guard_or};
use crate::status::{authz_status, named, number};
use crate::text::authz_text;

/// How much a finding weighs.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum authz_severity {
    /// Worth knowing; nothing is wrong.
    Note = 0,
    /// Accepted, and probably not what was meant.
    Warning = 1,
    /// Not accepted: a strict load fails.
    Error = 2,
}

number!(authz_severity);

/// The name of an `authz_severity`: `note`, `warning` or `error`; `?` for a number that is none.
#[unsafe(no_mangle)]
pub extern "C" fn authz_severity_name(severity: u32) -> *const c_char {
    let names = [
        (authz_severity::Note.number(), c"note"),
        (authz_severity::Warning.number(), c"warning"),
        (authz_severity::Error.number(), c"error"),
    ];
    named(severity, &names)
}

/// One thing to be said about a text. All texts are borrowed from the `authz_findings`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct authz_finding {
    /// How much it weighs.
    pub severity: authz_severity,
    /// The line of its first character, from 1; 0 where the place is not known.
    pub line: u32,
    /// The column of its first character, in characters, from 1.
    pub column: u32,
    /// The line just behind its last character.
    pub end_line: u32,
    /// The column just behind its last character.
    pub end_column: u32,
    /// Zero.
    pub reserved: u32,
    /// The stable name of its kind, such as `bad-ip-block`.
    pub code: authz_text,
    /// The name of the source it is in.
    pub source: authz_text,
    /// The resource, as `namespace/name`; empty where it is about the text itself.
    pub resource: authz_text,
    /// The field, as in `spec.rules[0].to[1].operation.ports[0]`; empty where it is about the whole resource.
    pub path: authz_text,
    /// What is the matter.
    pub message: authz_text,
    /// What to write instead, where the message does not say it already; else empty.
    pub help: authz_text,
    /// All of it in one line, as a log wants it: `policies.yaml:8:27: error[bad-ip-block]: shop/web: …`.
    pub text: authz_text,
}

impl authz_finding {
    const NONE: Self = Self {
        severity: authz_severity::Note,
        line: 0,
        column: 0,
        end_line: 0,
        end_column: 0,
        reserved: 0,
        code: authz_text::EMPTY,
        source: authz_text::EMPTY,
        resource: authz_text::EMPTY,
        path: authz_text::EMPTY,
        message: authz_text::EMPTY,
        help: authz_text::EMPTY,
        text: authz_text::EMPTY,
    };

    fn lend(finding: &Finding, text: &str) -> Self {
        let span = finding.location().span();
        Self {
            severity: match finding.severity() {
                Severity::Note => authz_severity::Note,
                Severity::Warning => authz_severity::Warning,
                Severity::Error => authz_severity::Error,
            },
            line: span.start.line,
            column: span.start.column,
            end_line: span.end.line,
            end_column: span.end.column,
            reserved: 0,
            code: authz_text::lend(finding.code()),
            source: authz_text::lend(finding.location().source()),
            resource: authz_text::lend_optional(finding.resource()),
            path: authz_text::lend(finding.path()),
            message: authz_text::lend(finding.message()),
            help: authz_text::lend_optional(finding.help()),
            text: authz_text::lend(text),
        }
    }
}

/// Everything that is to be said about the texts of a load, in the order of the texts.
///
/// Owned by the caller, who frees it with `authz_findings_free`, whatever became of the policies. It does not change,
/// so threads may share it.
pub struct authz_findings(Vec<(Finding, String)>);

impl fmt::Debug for authz_findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(finding, _)| finding)).finish()
    }
}

impl authz_findings {
    pub(crate) fn new(findings: &[Finding]) -> Self {
        Self(findings.iter().map(|finding| (finding.clone(), finding.to_string())).collect())
    }
}

/// How many findings there are; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_findings_len(findings: *const authz_findings) -> usize {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard_or(0, || caller.borrow(findings).map_or(0, |findings| findings.0.len()))
}

/// The finding at an index from 0; `AUTHZ_STATUS_RANGE` past the end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_findings_get(
    findings: *const authz_findings,
    index: usize,
    finding: *mut authz_finding,
) -> authz_status {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard(|| {
        let out = caller.out(finding, authz_finding::NONE)?;
        let (finding, text) = caller.borrow(findings)?.0.get(index).ok_or(authz_status::Range)?;
        out.write(authz_finding::lend(finding, text));
        Ok(())
    })
}

/// Frees findings; NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_findings_free(findings: *mut authz_findings) {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard_or((), || caller.free(findings));
}
