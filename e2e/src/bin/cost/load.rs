//! What else the machine had to do meanwhile, which no figure shows by itself.

use std::fs;
use std::thread::available_parallelism;

/// A moment of the machine, as the kernel tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Load {
    /// How many processes ran or wanted to in the last 1, 5 and 15 minutes, on average.
    average: String,
    /// Since the start, of all processors: what a hypervisor gave to others, and all time.
    stolen: u64,
    all: u64,
}

impl Load {
    /// Now.
    pub(crate) fn now() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self::parse(&read("/proc/loadavg"), &read("/proc/stat")).expect("the kernel's own format")
    }

    fn parse(loadavg: &str, stat: &str) -> Option<Self> {
        let average = loadavg.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
        // user, nice, system, idle, iowait, irq, softirq, steal; guests are in the first two.
        let times = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace().take(8);
        let times: Vec<u64> = times.map(str::parse).collect::<Result<_, _>>().ok()?;
        Some(Self { average, stolen: *times.get(7)?, all: times.iter().sum() })
    }

    /// The rows of a table: from this moment to another.
    pub(crate) fn rows(&self, end: &Self) -> String {
        let cores = available_parallelism().map_or(0, usize::from);
        let share = |stolen: u64, all: u64| u32::try_from(stolen * 10_000 / all.max(1)).map_or(f64::NAN, f64::from) / 100.0;
        let steal = share(end.stolen.saturating_sub(self.stolen), end.all.saturating_sub(self.all));
        format!(
            "| cores | {cores} |\n| load average | {} before, {} after |\n| stolen meanwhile | {steal:.2} % |\n",
            self.average, end.average
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_stolen_is_that_of_the_time_in_between() {
        let before = Load::parse("0.50 0.40 0.30 1/100 4242\n", "cpu  100 0 100 700 0 0 0 100 9 9\ncpu0 1\n").unwrap();
        let after = Load::parse("2.00 1.00 0.50 1/100 4243\n", "cpu  200 0 100 1585 0 0 0 115 9 9\n").unwrap();
        let rows = before.rows(&after);
        assert!(rows.contains("| load average | 0.50 0.40 0.30 before, 2.00 1.00 0.50 after |"), "{rows}");
        assert!(rows.contains("| stolen meanwhile | 1.50 % |"), "{rows}");
        assert!(rows.starts_with("| cores | ") && !rows.starts_with("| cores | 0 "), "{rows}");
        assert_eq!(Load::parse("1 2 3", "cpu  1 2 3\n"), None);
        assert!(Load::now().all > 0);
    }
}
