//! Runs steps one after another and reports.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::step::Step;

/// Runs the steps, up to the first that fails.
pub(crate) fn run(root: &Path, steps: Vec<Step>) -> ExitCode {
    let start = Instant::now();
    let count = steps.len();
    for (passed, step) in steps.into_iter().enumerate() {
        println!("\n== {}: {}", step.name, step.about);
        let begin = Instant::now();
        let outcome = step.run(root);
        let took = seconds(begin.elapsed());
        match outcome {
            Ok(()) => println!("== {}: passed in {took}", step.name),
            Err(failure) => {
                println!("== {}: failed after {took}: {}", step.name, failure.why);
                println!("== to see it again, at the root of the project: {}", failure.again);
                let left = count - passed - 1;
                if left > 0 {
                    println!("== steps that did not run: {left}");
                }
                println!("\n{passed} passed, 1 failed");
                return ExitCode::FAILURE;
            }
        }
    }
    println!("\n== all steps in {}\n\n{count} passed, 0 failed", seconds(start.elapsed()));
    ExitCode::SUCCESS
}

/// A duration as people time a test run: `4.2 s`, `3 min 20 s`.
fn seconds(duration: Duration) -> String {
    match duration.as_secs() {
        0..60 => format!("{:.1} s", duration.as_secs_f64()),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Command;

    #[test]
    fn a_run_stops_at_the_first_failure() {
        let step = |line: &str| Step::new("example", "an example").runs(Command::new(line));
        let root = Path::new("/");
        assert_eq!(run(root, vec![step("true"), step("true")]), ExitCode::SUCCESS);
        assert_eq!(run(root, vec![step("false"), step("no-such-program")]), ExitCode::FAILURE);
    }

    #[test]
    fn durations_read_as_people_say_them() {
        assert_eq!(seconds(Duration::from_millis(4240)), "4.2 s");
        assert_eq!(seconds(Duration::from_secs(200)), "3 min 20 s");
    }
}
