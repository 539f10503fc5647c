//! Measures what Envoy pays for a filter, beside Envoy's own RBAC filter and beside filters that do nothing, and
//! writes tables and figures under `benches/results/`. `cargo xtask bench --envoy` builds and names what it needs.

#![forbid(unsafe_code)]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a measurement that cannot be made, or is not what it should be, has to end without a figure"
)]

mod bootstrap;
mod policies;
mod service;
mod variant;

mod cpu;
mod load;
mod memory;
mod rounds;
mod statistics;

mod report;

use std::error::Error;
use std::fs;
use std::path::Path;

use authz_benches::Machine;
use authz_e2e::{Chain, scenario};

use crate::load::Load;
use crate::report::Measured;
use crate::rounds::Effort;

/// How much, in plaintext and over TLS, where a connection takes several times as long.
const FULL: [Effort; 2] = [Effort { rounds: 200, batch: 160, warm_up: 2000 }, Effort { rounds: 60, batch: 40, warm_up: 1000 }];
const QUICK: [Effort; 2] = [Effort { rounds: 25, batch: 80, warm_up: 800 }, Effort { rounds: 7, batch: 16, warm_up: 304 }];

fn main() -> Result<(), Box<dyn Error>> {
    let mut is_quick = false;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--quick" => is_quick = true,
            _ => return Err(format!("`{argument}` is not an option; write `--quick` or nothing").into()),
        }
    }
    let root = scenario::root();
    let machine = Machine::look(&root);
    let command = if is_quick { "cargo xtask bench --envoy --quick" } else { "cargo xtask bench --envoy" };
    let before = Load::now();
    let mut page = String::new();
    let (mut figures, mut batches) = (String::from(report::FIGURES), String::from(report::BATCHES));
    let efforts = if is_quick { QUICK } else { FULL };
    for (chain, effort) in [Chain::Plain, Chain::Mutual].into_iter().zip(efforts) {
        let measured = Measured { chain, effort, rounds: rounds::measure(chain, effort) };
        let tables = measured.tables()?;
        println!("{tables}");
        page.push_str(&tables);
        page.push('\n');
        figures.push_str(&measured.figures()?);
        batches.push_str(&measured.batches()?);
    }
    let memory = memory::table()?;
    println!("{memory}");
    page.push_str(&memory);
    let page = report::head(&machine, command, &before, &Load::now())? + &page;
    if !is_known(&machine.commit) {
        println!(
            "nothing is written: this is {}, and figures are of a commit that others have; commit and measure again",
            machine.commit
        );
        return Ok(());
    }
    let results = Path::new("benches/results").join(format!("{}-{}-envoy", machine.date, machine.slug()));
    let folder = root.join(&results);
    fs::create_dir_all(&folder)?;
    for (name, text) in [("README.md", page), ("figures.csv", figures), ("batches.csv", batches)] {
        fs::write(folder.join(name), text)?;
    }
    println!("written: {}", results.display());
    Ok(())
}

/// Whether others can have what was measured.
fn is_known(commit: &str) -> bool {
    commit != "unknown" && !commit.is_empty() && !commit.ends_with("-dirty")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_code_that_nobody_else_has_are_not_written() {
        assert!(is_known("a85fed9c0ffe"));
        assert!(!is_known("a85fed9c0ffe-dirty") && !is_known("unknown") && !is_known(""));
    }
}
