//! Measures everything and writes tables, raw figures and plots under `results/`. `cargo xtask bench
//! --report` runs it, after `memory`, whose figures it takes, and with `--peers` after the comparison with other
//! engines.

mod figure;
mod measure;
mod page;
mod plot;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use authz_benches::{Folder, INPUTS, Input, Machine, QUICK_INPUTS};

use crate::figure::Figures;
use crate::measure::Effort;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (mut is_quick, mut memory, mut peers) = (false, None, None);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => is_quick = true,
            "--memory" => memory = Some(fs::read_to_string(arguments.next().ok_or("`--memory` needs a file")?)?),
            // What the comparison with other engines left there.
            "--peers" => peers = Some(PathBuf::from(arguments.next().ok_or("`--peers` needs a folder")?)),
            // So that `memory` is asked about the same.
            "--inputs" => {
                println!("{}", if is_quick { QUICK_INPUTS } else { INPUTS }.join(" "));
                return Ok(());
            }
            _ => return Err(format!("`{argument}` is not an option").into()),
        }
    }
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let machine = Machine::look(package);
    println!("{}: a dependent load from L2 takes {:.1} ns", machine.processor, machine.l2_load);
    let effort = if is_quick { Effort::QUICK } else { Effort::FULL };
    let mut figures = Figures::default();
    for name in if is_quick { QUICK_INPUTS } else { INPUTS } {
        measure::input(&Input::generate(name)?, effort, &mut figures)?;
    }
    if let Some(folder) = Folder::from_environment() {
        for name in folder.names()? {
            let mut input = folder.read(&name)?;
            input.name = format!("folder/{name}");
            measure::input(&input, effort, &mut figures)?;
        }
    }
    let results = package.join("results").join(format!("{}-{}", machine.date, machine.slug()));
    fs::create_dir_all(&results)?;
    fs::write(results.join("figures.csv"), figures.to_csv())?;
    let instructions = fs::read_to_string(package.join("instructions.toml")).unwrap_or_default();
    let mut page = page::write(&machine, &figures, memory.as_deref().unwrap_or(""), &instructions, is_quick, peers.is_some())?;
    if let Some(peers) = peers {
        page.push('\n');
        page.push_str(&fs::read_to_string(peers.join("peers.md"))?);
        fs::copy(peers.join("peers.csv"), results.join("peers.csv"))?;
    }
    fs::write(results.join("README.md"), page)?;
    fs::write(results.join("rules.svg"), plot::rules(&figures)?)?;
    fs::write(results.join("prefixes.svg"), plot::prefixes(&figures)?)?;
    println!("written: benches/results/{}-{}", machine.date, machine.slug());
    Ok(())
}
