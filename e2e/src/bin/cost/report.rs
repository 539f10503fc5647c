//! The page that people read, and the figures that programs do.

use std::fmt::{self, Write as _};

use authz_benches::Machine;
use authz_e2e::Chain;

use crate::load::Load;
use crate::rounds::{AT_ONCE, Effort, Round};
use crate::statistics::{Estimate, median};
use crate::variant::{COMPARISONS, Comparison, NONE, VARIANTS};

/// What was measured on one kind of connection.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    pub(crate) chain: Chain,
    pub(crate) effort: Effort,
    pub(crate) rounds: Vec<Round>,
}

/// A variant's row.
#[derive(Clone, Copy, Debug)]
struct Row {
    name: &'static str,
    key: &'static str,
    /// Of the worker and of all threads, in µs.
    worker: f64,
    all: f64,
    ratio: Estimate,
}

fn place(key: &str) -> usize {
    VARIANTS.iter().position(|variant| variant.key == key).expect("the key of a variant")
}

impl Measured {
    fn name(&self) -> &'static str {
        if self.chain == Chain::Plain { "plaintext" } else { "mutual TLS" }
    }

    /// For each round, in parts of what a connection without a filter cost in it.
    fn parts<'m>(&'m self, part: impl Fn(&dyn Fn(&str) -> f64) -> f64 + 'm) -> Vec<f64> {
        let of = |round: &Round| {
            let cost = |key: &str| round.costs[place(key)].worker;
            part(&cost) / cost(NONE)
        };
        self.rounds.iter().map(of).collect()
    }

    fn row(&self, number: usize) -> Row {
        let variant = VARIANTS[number];
        let ratio = Estimate::of(&self.parts(|cost| cost(variant.key)));
        let costs = || self.rounds.iter().map(|round| round.costs[number]);
        let (worker, all) = (median(costs().map(|cost| cost.worker).collect()), median(costs().map(|cost| cost.all).collect()));
        Row { name: variant.name, key: variant.key, worker, all, ratio }
    }

    fn difference(&self, comparison: &Comparison) -> Estimate {
        Estimate::of(&self.parts(|cost| cost(comparison.of) - cost(comparison.with)))
    }

    /// What a comparison says of a bound: it is one of plaintext, where a filter is the largest part of the costs.
    fn verdict(&self, comparison: &Comparison, difference: Estimate) -> Option<(f64, &'static str)> {
        let bound = comparison.bound.filter(|_| self.chain == Chain::Plain)?;
        Some((bound, difference.against(bound).word()))
    }

    /// The tables.
    pub(crate) fn tables(&self) -> Result<String, fmt::Error> {
        let mut page = String::new();
        let Effort { rounds, batch, warm_up } = self.effort;
        writeln!(page, "## Over {}\n", self.name())?;
        writeln!(
            page,
            "{rounds} rounds of {batch} connections for each listener, {AT_ONCE} at a time, after {warm_up} that do not count.\n"
        )?;
        writeln!(page, "| before the TCP proxy | CPU per connection | ratio to no filter |\n|---|---:|---:|")?;
        for number in 0..VARIANTS.len() {
            let Row { name, key, worker, ratio: Estimate { median, low, high }, .. } = self.row(number);
            let ratio = if key == NONE { "1".into() } else { format!("{median:.3} [{low:.3}, {high:.3}]") };
            writeln!(page, "| {name} | {worker:.1} µs | {ratio} |")?;
        }
        writeln!(page, "\n| difference, in parts of no filter | | bound | |\n|---|---:|---:|---|")?;
        for comparison in COMPARISONS {
            let difference = self.difference(comparison);
            let Estimate { median, low, high } = difference;
            let (bound, verdict) = match self.verdict(comparison, difference) {
                Some((bound, verdict)) => (format!("≤ {bound}"), format!("**{verdict}**")),
                None => Default::default(),
            };
            let name = |key| VARIANTS[place(key)].name;
            let of = format!("{} − {}", name(comparison.of), name(comparison.with));
            writeln!(page, "| {of} | {median:+.3} [{low:+.3}, {high:+.3}] | {bound} | {verdict} |")?;
        }
        page.push_str(
            "\nUnless `fields: all` stands there, Envoy is told no fields of connections that pass, as by default: of those that are denied alone.\n",
        );
        Ok(page)
    }

    /// The same as CSV, without its head: [`FIGURES`].
    pub(crate) fn figures(&self) -> Result<String, fmt::Error> {
        let (mut text, chain) = (String::new(), self.name());
        for number in 0..VARIANTS.len() {
            let Row { key, worker, all, ratio: Estimate { median, low, high }, .. } = self.row(number);
            writeln!(text, "{chain},cost,{key},,{worker:.3},{all:.3},{median:.5},{low:.5},{high:.5},,")?;
        }
        for comparison in COMPARISONS {
            let difference = self.difference(comparison);
            let Estimate { median, low, high } = difference;
            let (bound, verdict) = self
                .verdict(comparison, difference)
                .map_or_else(Default::default, |(bound, verdict)| (bound.to_string(), verdict));
            writeln!(
                text,
                "{chain},difference,{},{},,,{median:.5},{low:.5},{high:.5},{bound},{verdict}",
                comparison.of, comparison.with
            )?;
        }
        Ok(text)
    }

    /// Every batch as CSV, without its head: [`BATCHES`].
    pub(crate) fn batches(&self) -> Result<String, fmt::Error> {
        let (mut text, chain) = (String::new(), self.name());
        for (number, round) in self.rounds.iter().enumerate() {
            for ((variant, cost), turn) in VARIANTS.iter().zip(&round.costs).zip(&round.turns) {
                writeln!(text, "{chain},{number},{turn},{},{:.3},{:.3}", variant.key, cost.worker, cost.all)?;
            }
        }
        Ok(text)
    }
}

/// The head of [`Measured::figures`].
pub(crate) const FIGURES: &str = "chain,figure,variant,minus,worker_us,all_threads_us,parts,low,high,bound,verdict\n";
/// The head of [`Measured::batches`].
pub(crate) const BATCHES: &str = "chain,round,turn,variant,worker_us,all_threads_us\n";

/// What stands above the tables.
pub(crate) fn head(machine: &Machine, command: &str, before: &Load, after: &Load) -> Result<String, fmt::Error> {
    let Machine { date, processor, caches, rustc, commit, .. } = machine;
    let mut page = String::new();
    writeln!(page, "# What Envoy pays for a filter: {date}, {processor}\n")?;
    writeln!(page, "| | |\n|---|---|")?;
    writeln!(page, "| processor | {processor} |\n| caches | {} |", caches.join(", "))?;
    page.push_str(&before.rows(after));
    writeln!(page, "| compiler | {rustc}, release profile; `wasm` profile and wasm-opt for WebAssembly |")?;
    writeln!(page, "| commit | {commit} |\n| command | `{command}` |\n")?;
    page.push_str(
        "One Envoy 1.40 with one worker and a listener for each row, all before the same service. A connection connects, says a\n\
         byte, hears it back, closes, and waits for the end. The figures are the time that Envoy's worker thread ran on a processor,\n\
         as the kernel's scheduler counts it; client and service are not in them. In each round every listener has a batch of\n\
         connections, in an order that is shuffled anew. Ratios and differences are those within a round, to the listener\n\
         without a filter; given are their medians, with 95 % confidence intervals by the bootstrap. *No filter, once more* shows what is\n\
         noise. A bound is met if the whole interval is at or below it, exceeded if the whole is above, and undecided otherwise.\n\n\
         Before anything counted, every filter that decides had refused an outsider; afterwards each had counted every\n\
         connection as allowed, and every byte had come back. All have the same policies: each lets a CIDR block, or over TLS an identity,\n\
         connect to the port, and the last one matches. Envoy's filter has them in the form that Istio translates them to.\n\n\
         [`figures.csv`](figures.csv) has the tables, [`batches.csv`](batches.csv) every batch.\n\n",
    );
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rounds::Cost;

    /// Rounds on a machine that gets slower and slower; what the variants cost beside each other stays.
    fn measured(chain: Chain, cost_of: impl Fn(&str) -> f64) -> Measured {
        let round = |number: usize| {
            let slowness = 1.0 + authz_benches::float(number) / 10.0;
            let cost = |key| Cost { worker: 100.0 * slowness * cost_of(key), all: 110.0 * slowness };
            Round { costs: VARIANTS.iter().map(|variant| cost(variant.key)).collect(), turns: (0..VARIANTS.len()).collect() }
        };
        Measured { chain, effort: Effort { rounds: 21, batch: 10, warm_up: 10 }, rounds: (0..21).map(round).collect() }
    }

    fn row<'t>(tables: &'t str, start: &str) -> &'t str {
        tables.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start}:\n{tables}"))
    }

    #[test]
    fn what_all_variants_suffer_is_in_no_ratio_and_no_difference() {
        let measured = measured(Chain::Plain, |key| match key {
            "nothing_wasm" => 1.1,
            "wasm_1000" => 1.24,
            "wasm_recipe" => 1.26,
            "module_1000" => 1.03,
            "wasm_fields" => 1.27,
            _ => 1.0,
        });
        let tables = measured.tables().unwrap();
        assert_eq!(row(&tables, "| no filter |"), "| no filter | 200.0 µs | 1 |");
        assert_eq!(
            row(&tables, "| the WebAssembly filter, 1,000 policies |").split(" | ").nth(2),
            Some("1.240 [1.240, 1.240] |")
        );
        let difference = row(&tables, "| the WebAssembly filter, 1,000 policies −");
        assert!(difference.ends_with("| +0.140 [+0.140, +0.140] | ≤ 0.15 | **met** |"), "{difference}");
        let difference = row(&tables, "| the same behind `set_filter_state` −");
        assert!(difference.ends_with("| +0.160 [+0.160, +0.160] | ≤ 0.15 | **exceeded** |"), "{difference}");
        let difference = row(&tables, "| the WebAssembly filter, 1,000 policies, `fields: all` −");
        assert!(difference.ends_with("| +0.170 [+0.170, +0.170] | ≤ 0.15 | **exceeded** |"), "{difference}");
        let difference = row(&tables, "| the dynamic module, 1,000 policies, `fields: all` −");
        assert!(difference.ends_with("| ≤ 0.03 | **met** |"), "{difference}");
        assert!(tables.contains("told no fields of connections that pass"), "{tables}");
        let difference = row(&tables, "| no filter, once more −");
        assert!(difference.ends_with("| +0.000 [+0.000, +0.000] |  |  |"), "{difference}");
    }

    #[test]
    fn bounds_are_those_of_plaintext() {
        let tables = measured(Chain::Mutual, |_| 1.0).tables().unwrap();
        assert!(tables.contains("## Over mutual TLS") && !tables.contains("**"), "{tables}");
    }

    #[test]
    fn the_page_says_how_busy_the_machine_was() {
        let (machine, load) = (Machine::look(std::path::Path::new(".")), Load::now());
        let head = head(&machine, "command", &load, &load).unwrap();
        assert!(["| cores |", "| load average |", "| stolen meanwhile |"].iter().all(|row| head.contains(row)), "{head}");
    }

    #[test]
    fn each_line_of_figures_has_as_many_fields_as_its_head() {
        let measured = measured(Chain::Plain, |_| 1.0);
        for (head, lines) in [(FIGURES, measured.figures().unwrap()), (BATCHES, measured.batches().unwrap())] {
            let fields = |line: &str| line.matches(',').count();
            assert!(lines.lines().all(|line| fields(line) == fields(head)), "{head}{lines}");
        }
        assert_eq!(measured.figures().unwrap().lines().count(), VARIANTS.len() + COMPARISONS.len());
        assert_eq!(measured.batches().unwrap().lines().count(), 21 * VARIANTS.len());
    }
}
