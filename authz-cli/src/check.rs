//! `authz check`: decides one connection and says why in a line or two.

use std::fmt::Write;

use authz_core::{Decision, Reason, Verdict};

use crate::console::{Console, DIM, Format, GREEN, RED, printable};
use crate::exit::{Answer, Failure};
use crate::question::Question;

pub(crate) fn run(question: &Question, console: Console) -> Result<Answer, Failure> {
    question.ask(console, |authorizer, connection| {
        let decision = authorizer.decide(connection);
        match question.output {
            Format::Json => console.print_json(&decision)?,
            Format::Text => {
                let mut text = format!("{decision}\n");
                match decision.reason() {
                    Reason::NoAllowMatch => {
                        for miss in authorizer.explain(connection).nearest {
                            let _ = writeln!(text, "  nearest: {miss}");
                        }
                    }
                    Reason::UnknownFact(needs) => {
                        let options = question.connection.left_out(needs);
                        if !options.is_empty() {
                            let _ = writeln!(text, "  left out: {}", options.join(", "));
                        }
                    }
                    _ => {}
                }
                text.push_str(&beside(&decision));
                console.print(&colored(&text))?;
            }
        }
        Ok(answer(decision.verdict()))
    })?
}

/// The exit of a command that decides.
pub(crate) fn answer(verdict: Verdict) -> Answer {
    match verdict {
        Verdict::Allow => Answer::Yes,
        Verdict::Deny => Answer::No,
    }
}

/// A printed decision or explanation, made safe and with the verdict in its colour.
pub(crate) fn colored(text: &str) -> String {
    let text = printable(text).replace("\n  nearest: ", &format!("\n  {DIM}nearest:{DIM:#} "));
    match (text.strip_prefix("allow"), text.strip_prefix("deny")) {
        (Some(rest), _) => format!("{GREEN}allow{GREEN:#}{rest}"),
        (None, Some(rest)) => format!("{RED}deny{RED:#}{rest}"),
        (None, None) => text,
    }
}

/// What travels beside a decision and does not change it.
fn beside(decision: &Decision<'_>) -> String {
    let mut text = String::new();
    if let Some(rule) = decision.audit() {
        let _ = writeln!(text, "audit: {rule} matches ({})", rule.location());
    }
    let _ = write!(text, "{}", decision.dry_run());
    text
}
