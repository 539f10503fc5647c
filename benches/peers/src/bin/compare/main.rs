//! Compares the peers, prints tables and writes `peers.csv` and `peers.md`. `cargo xtask bench --peers` runs it,
//! after `authz-bench-peers-memory`, whose figures it takes.
//!
//! `authz-bench-peers [--quick] [--memory FILE] [--out FOLDER] [--inputs] [NAME...]`

mod measure;
mod table;

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::path::PathBuf;

use authz_bench_peers::{PEERS, Peer, check};
use authz_benches::Input;

use crate::measure::Effort;
use crate::table::Tables;

const INPUTS: &[&str] = &[
    "mesh-1",
    "mesh-10",
    "mesh-100",
    "mesh-1000",
    "mesh-10000",
    "block4-1000",
    "block4-10000",
    "block4-100000",
    "block4-1000000",
    "route4-1000000",
    "block6-1000",
    "block6-10000",
    "block6-100000",
    "block6-1000000",
];

const QUICK_INPUTS: &[&str] =
    &["mesh-1", "mesh-10", "mesh-100", "mesh-1000", "block4-1000", "block4-100000", "block6-1000", "block6-100000"];

fn main() -> Result<(), Box<dyn Error>> {
    let (mut is_quick, mut lists_inputs, mut memory, mut folder) = (false, false, String::new(), PathBuf::from("."));
    let mut names = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("`{argument}` needs a value"));
        match argument.as_str() {
            "--quick" => is_quick = true,
            "--inputs" => lists_inputs = true,
            "--memory" => memory = fs::read_to_string(value()?)?,
            "--out" => folder = value()?.into(),
            option if option.starts_with('-') => return Err(format!("`{option}` is not an option").into()),
            _ => names.push(argument),
        }
    }
    if names.is_empty() {
        names = if is_quick { QUICK_INPUTS } else { INPUTS }.iter().map(|name| (*name).into()).collect();
    }
    // So that `authz-bench-peers-memory` is asked about the same.
    if lists_inputs {
        println!("{}", names.join(" "));
        return Ok(());
    }
    let mut tables = Tables { heap: heap(&memory), ..Tables::default() };
    for name in names {
        compare(&Input::generate(&name)?, if is_quick { Effort::QUICK } else { Effort::FULL }, &mut tables)?;
    }
    let page = tables.to_markdown()?;
    println!("\n{page}");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("peers.csv"), tables.to_csv())?;
    fs::write(folder.join("peers.md"), page)?;
    println!("written: peers.csv and peers.md in {}", folder.display());
    Ok(())
}

/// Checks all peers against the subject, then measures those that are fast enough.
fn compare(input: &Input, effort: Effort, tables: &mut Tables) -> Result<(), Box<dyn Error>> {
    // The plain evaluator walks through every prefix.
    input.check(if input.prefixes() > 10_000 { 8 } else { 64 })?;
    let mut peers: Vec<&Peer> = Vec::new();
    for peer in PEERS.iter().filter(|peer| peer.is_for(input)) {
        match peer.takes(input) {
            Ok(()) => peers.push(peer),
            Err(why) => {
                println!("{}: {} is skipped: {why}", input.name, peer.name);
                tables.skipped.push(format!("{} on {}: {why}", peer.name, input.name));
            }
        }
    }
    for peer in &peers {
        let checked = check(peer, input, usize::MAX)?;
        println!("{}: {} agrees on all {checked} connections", input.name, peer.name);
    }
    measure::input(input, &peers, effort, tables)?;
    println!("{}: measured", input.name);
    Ok(())
}

/// Live and peak bytes by input and peer, from what `authz-bench-peers-memory` prints.
fn heap(csv: &str) -> HashMap<(String, String), (u64, u64)> {
    let lines = csv.lines().skip(1).filter_map(|line| {
        let (input, rest) = line.split_once(",\"")?;
        let (peer, rest) = rest.split_once("\",")?;
        let (live, peak) = rest.split_once(',')?;
        Some(((input.into(), peer.into()), (live.parse().ok()?, peak.parse().ok()?)))
    });
    lines.collect()
}
