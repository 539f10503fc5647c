//! Instructions that the code takes, as callgrind counts them, compared with those it took when someone last
//! looked.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::command::Command;
use crate::need::TOOLS;

/// Where the counts stand that a run is compared with.
const BASELINE: &str = "benches/instructions.toml";

/// How many decisions one run of a stream makes.
const DECISIONS: f64 = 4096.0;

/// What the file says about itself.
const HEAD: &str = "\
# Instructions, counted by callgrind: of `allows`, `resolved` (its peer looked up before) and `decide`
# per decision, of the others in all.
# `cargo xtask test --only instructions` compares; `cargo xtask bench --accept` writes this file.
#
# Hashes are seeded at random, which moves the counts by some 0.3 % from run to run. What moves one by
# more than `tolerance` per cent, up or down, is for somebody to look at; another compiler may.
";

/// Counts and compares with the baseline.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    let (tolerance, was) = read_baseline(root)?;
    let is = count(root)?;
    let complaints = compare(tolerance, &was, &is);
    for (case, count) in &is {
        println!("{case:40} {count:>14.1}");
    }
    if complaints.is_empty() { Ok(()) } else { Err(complaints.join("\n")) }
}

/// Counts, and writes the baseline.
pub(crate) fn accept(root: &Path) -> Result<(), String> {
    let tolerance = read_baseline(root).map_or(5.0, |(tolerance, _)| tolerance);
    let mut text = format!("{HEAD}\ntolerance = {tolerance}\n\n[instructions]\n");
    for (case, count) in count(root)? {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\"{case}\" = {count:.1}");
    }
    let path = root.join(BASELINE);
    fs::write(&path, &text).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("{text}\nwritten: {BASELINE}");
    Ok(())
}

fn read_baseline(root: &Path) -> Result<(f64, BTreeMap<String, f64>), String> {
    let text = fs::read_to_string(root.join(BASELINE))
        .map_err(|error| format!("{BASELINE}: {error}; `cargo xtask bench --accept` writes it"))?;
    parse_baseline(&text).ok_or(format!("{BASELINE}: not what `cargo xtask bench --accept` writes"))
}

fn parse_baseline(text: &str) -> Option<(f64, BTreeMap<String, f64>)> {
    let mut tolerance = None;
    let mut counts = BTreeMap::new();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', '[']));
    for line in lines {
        let (key, value) = line.split_once(" = ")?;
        match key.strip_prefix('"').and_then(|key| key.strip_suffix('"')) {
            Some(case) => drop(counts.insert(case.to_owned(), value.parse().ok()?)),
            None if key == "tolerance" => tolerance = Some(value.parse().ok()?),
            None => return None,
        }
    }
    Some((tolerance?, counts))
}

/// Runs the benchmarks. Their compiler flags are the project's own: a machine's would change the code.
fn count(root: &Path) -> Result<BTreeMap<String, f64>, String> {
    let runner = root.join(TOOLS).join("bin/gungraun-runner").display().to_string();
    let command = Command::new("cargo bench --quiet --package authz-benches --bench instructions")
        .environment("GUNGRAUN_RUNNER", runner)
        .environment("GUNGRAUN_COLOR", "never");
    println!("$ {command}");
    let output = command.stdout(root)?;
    let counts = parse_output(&output);
    if counts.is_empty() { Err(format!("`{command}` counts nothing:\n{output}")) } else { Ok(counts) }
}

/// Takes the counts out of what gungraun prints:
///
/// ```text
/// instructions::instructions::allows mesh_10_zipf:(stream("mesh-10", "zipf"))
///   Instructions:         7909938|1121721   (+605.161%) [+7.05161x]
/// ```
fn parse_output(text: &str) -> BTreeMap<String, f64> {
    let mut counts = BTreeMap::new();
    let mut case = None;
    for line in text.lines() {
        if let Some((function, rest)) = line.strip_prefix("instructions::instructions::").and_then(|line| line.split_once(' ')) {
            let id = rest.split(':').next().unwrap_or_default();
            case = Some((function, format!("{function} {}", id.replace('_', " "))));
        } else if let Some(number) = line.trim().strip_prefix("Instructions:")
            && let Some((function, name)) = case.take()
            && let Ok(count) = number.split('|').next().unwrap_or_default().trim().parse::<f64>()
        {
            let is_stream = matches!(function, "allows" | "resolved" | "decide");
            counts.insert(name, if is_stream { count / DECISIONS } else { count });
        }
    }
    counts
}

fn compare(tolerance: f64, was: &BTreeMap<String, f64>, is: &BTreeMap<String, f64>) -> Vec<String> {
    let mut complaints = Vec::new();
    for (case, is) in is {
        match was.get(case) {
            None => complaints.push(format!("`{case}` takes {is:.1} instructions and is not in {BASELINE}")),
            Some(was) => {
                let change = (is / was - 1.0) * 100.0;
                if change.abs() > tolerance {
                    complaints.push(format!("`{case}` took {was:.1} instructions and takes {is:.1}: {change:+.1} %"));
                }
            }
        }
    }
    for case in was.keys().filter(|case| !is.contains_key(*case)) {
        complaints.push(format!("`{case}` is in {BASELINE} and was not counted"));
    }
    if !complaints.is_empty() {
        complaints.push(format!("more than {tolerance} % is too much; to accept it: cargo xtask bench --accept"));
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "instructions::instructions::allows mesh_10_zipf:(stream(\"mesh-10\", \"zipf\"))
  Instructions:                                    8192000|1121721              (+605.161%) [+7.05161x]
instructions::instructions::compile mesh_1000:(policies(\"mesh-1000\"))
  Instructions:                                   43706675|N/A                  (*********)
";

    #[test]
    fn counts_are_taken_out_of_what_is_printed() {
        let counts = parse_output(PRINTED);
        assert_eq!(counts, BTreeMap::from([("allows mesh 10 zipf".into(), 2000.0), ("compile mesh 1000".into(), 43_706_675.0)]));
    }

    #[test]
    fn a_baseline_reads_as_it_is_written() {
        let text = format!("{HEAD}\ntolerance = 5\n\n[instructions]\n\"allows mesh 10 zipf\" = 2000.0\n");
        let expected = BTreeMap::from([("allows mesh 10 zipf".into(), 2000.0)]);
        assert_eq!(parse_baseline(&text), Some((5.0, expected)));
        assert_eq!(parse_baseline("tolerance = x"), None);
    }

    #[test]
    fn what_changes_by_more_than_the_tolerance_is_named() {
        let counts = |pairs: &[(&str, f64)]| pairs.iter().map(|(case, count)| ((*case).to_owned(), *count)).collect();
        let was = counts(&[("a", 100.0), ("b", 100.0), ("c", 100.0)]);
        let is = counts(&[("a", 104.0), ("b", 94.0), ("d", 1.0)]);
        let complaints = compare(5.0, &was, &is);
        assert_eq!(complaints.len(), 4, "{complaints:?}");
        assert_eq!(complaints[0], "`b` took 100.0 instructions and takes 94.0: -6.0 %");
        assert!(complaints[3].ends_with("cargo xtask bench --accept"));
        assert!(compare(5.0, &was, &was).is_empty());
    }
}
