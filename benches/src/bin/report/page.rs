//! The page that people read.

use std::fmt::{self, Write as _};

use authz_benches::{Machine, SUBJECTS, bytes, float, nanoseconds};

use crate::figure::{Figure, Figures, Question};

/// What the inputs of a table have in their names, and what it is called.
const TABLES: [(&str, &[&str]); 4] = [
    ("Mesh policies, by number of rules", &["mesh-"]),
    ("Access lists, by number of rules", &["acl-", "fw-", "ipc-"]),
    ("Block lists, by number of prefixes", &["block4-", "route4-", "block6-"]),
    ("Sets of a folder", &["folder/"]),
];

pub(crate) fn write(
    machine: &Machine,
    figures: &Figures,
    memory: &str,
    instructions: &str,
    is_quick: bool,
    has_peers: bool,
) -> Result<String, fmt::Error> {
    let mut page = String::new();
    let option = format!("{}{}", if has_peers { " --peers" } else { "" }, if is_quick { " --quick" } else { "" });
    let Machine { processor, caches, rustc, commit, date, l2_load, l2_bytes } = machine;
    writeln!(page, "# Benchmarks of {date}, {processor}\n")?;
    writeln!(page, "| | |\n|---|---|")?;
    writeln!(page, "| processor | {processor} |\n| caches | {} |", caches.join(", "))?;
    writeln!(
        page,
        "| compiler | {rustc}, release profile |\n| commit | {commit} |\n| command | `cargo xtask bench --report{option}` |"
    )?;
    writeln!(page, "| a dependent load from L2 | {l2_load:.1} ns, over {} KiB |\n", l2_bytes >> 10)?;
    writeln!(
        page,
        "One thread. Each figure is the median of several rounds, with the minimum in brackets; rounds go through all subjects"
    )?;
    writeln!(
        page,
        "and streams of an input in turn. Before anything was timed, every verdict was compared with the expected one, and a"
    )?;
    writeln!(
        page,
        "sample with the plain evaluator's. `×` is the median in dependent loads from L2, measured in the same run, which"
    )?;
    writeln!(
        page,
        "makes machines comparable. [`figures.csv`](figures.csv) has the raw figures. The inputs are generated from a fixed seed,"
    )?;
    writeln!(page, "`authz-benches` says how; a stream has 4,096 connections.\n")?;
    writeln!(page, "![ns by number of rules](rules.svg)\n\n![ns by number of prefixes](prefixes.svg)\n")?;
    writeln!(page, "## Nanoseconds per decision\n")?;
    for subject in SUBJECTS {
        writeln!(page, "- **{}**: {}", subject.name, subject.about)?;
    }
    for (title, names) in TABLES {
        decisions(&mut page, title, names, figures, *l2_load)?;
    }
    compile(&mut page, figures)?;
    load(&mut page, figures)?;
    if !memory.is_empty() {
        heap(&mut page, memory)?;
    }
    if !instructions.is_empty() {
        writeln!(
            page,
            "\n## Instructions\n\nWhat `cargo xtask test --only instructions` holds, from `benches/instructions.toml`:\n"
        )?;
        writeln!(page, "| case | instructions |\n|---|---:|")?;
        for (case, count) in instructions.lines().filter_map(|line| line.split_once("\" = ")) {
            writeln!(page, "| {} | {count} |", case.trim_start_matches('"'))?;
        }
    }
    Ok(page)
}

fn decisions(page: &mut String, title: &str, names: &[&str], figures: &Figures, l2_load: f64) -> fmt::Result {
    let is_here = |figure: &&Figure| names.iter().any(|name| figure.input.starts_with(name));
    let here: Vec<&Figure> = figures.of(Question::Decide).filter(is_here).collect();
    if here.is_empty() {
        return Ok(());
    }
    writeln!(page, "\n### {title}\n")?;
    let subjects = SUBJECTS.iter().map(|subject| subject.name);
    writeln!(page, "| input | stream | {} |", subjects.clone().collect::<Vec<_>>().join(" | "))?;
    writeln!(page, "|---|---|{}", "---:|".repeat(SUBJECTS.len()))?;
    // A row is what differs in the subject alone.
    for row in here.chunk_by(|one, other| one.input == other.input && one.stream == other.stream) {
        let Some(first) = row.first() else { continue };
        write!(page, "| {} | {} |", first.input.trim_start_matches("folder/"), first.stream)?;
        for figure in row {
            write!(page, " {} ({}) ×{:.1} |", nanoseconds(figure.median), nanoseconds(figure.min), figure.median / l2_load)?;
        }
        writeln!(page)?;
    }
    Ok(())
}

fn compile(page: &mut String, figures: &Figures) -> fmt::Result {
    writeln!(page, "\n## Compile: from loaded policies to an authorizer\n")?;
    writeln!(page, "| input | time | per rule or prefix |\n|---|---:|---:|")?;
    for figure in figures.of(Question::Compile) {
        let Figure { input, median, min, size, .. } = figure;
        let each = if *size == 0 { String::new() } else { nanoseconds(median / float(*size)) };
        writeln!(page, "| {input} | {} ({}) | {each} |", nanoseconds(*median), nanoseconds(*min))?;
    }
    Ok(())
}

fn load(page: &mut String, figures: &Figures) -> fmt::Result {
    writeln!(page, "\n## Load: from text to policies, beside the YAML reader alone\n")?;
    writeln!(page, "| input | bytes | load | YAML events | ratio |\n|---|---:|---:|---:|---:|")?;
    let all: Vec<&Figure> = figures.of(Question::Load).collect();
    for pair in all.chunks(2) {
        let [load, yaml] = pair else { continue };
        let (median, events) = (nanoseconds(load.median), nanoseconds(yaml.median));
        let (min, events_min) = (nanoseconds(load.min), nanoseconds(yaml.min));
        let ratio = load.median / yaml.median;
        writeln!(page, "| {} | {} | {median} ({min}) | {events} ({events_min}) | {ratio:.2} |", load.input, load.bytes)?;
    }
    Ok(())
}

fn heap(page: &mut String, memory: &str) -> fmt::Result {
    writeln!(page, "\n## Bytes of the heap\n")?;
    writeln!(
        page,
        "*Live* is what a load or a compile leaves, *peak* what it takes at the most; both besides the text, and compile besides the"
    )?;
    writeln!(page, "loaded policies. A buffer that grows counts twice while it is copied.\n")?;
    writeln!(page, "| input | text | load, live | load, peak | compile, live | compile, peak | compiled, per rule or prefix |")?;
    writeln!(page, "|---|---:|---:|---:|---:|---:|---:|")?;
    for line in memory.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let [input, rules, prefixes, text, load_live, load_peak, live, peak] = fields.as_slice() else { continue };
        let number = |text: &str| text.parse::<usize>().unwrap_or(0);
        let is_list = ["block", "route"].iter().any(|name| input.starts_with(name));
        let size = number(if is_list { prefixes } else { rules });
        let each = float(number(live)) / float(size.max(1));
        let bytes = |text: &str| bytes(text.parse().unwrap_or(0));
        let (text, load_live, load_peak, live, peak) =
            (bytes(text), bytes(load_live), bytes(load_peak), bytes(live), bytes(peak));
        writeln!(page, "| {input} | {text} | {load_live} | {load_peak} | {live} | {peak} | {each:.1} B |")?;
    }
    Ok(())
}
