//! `authz explain`: decides one connection and prints the whole way to the decision.

use crate::check::{answer, colored};
use crate::console::{Console, Format};
use crate::exit::{Answer, Failure};
use crate::question::Question;

pub(crate) fn run(question: &Question, console: Console) -> Result<Answer, Failure> {
    question.ask(console, |authorizer, connection| {
        let explanation = authorizer.explain(connection);
        match question.output {
            Format::Json => console.print_json(&explanation)?,
            Format::Text => console.print(&colored(&explanation.to_string()))?,
        }
        Ok(answer(explanation.decision.verdict()))
    })?
}
