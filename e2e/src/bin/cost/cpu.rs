//! What Envoy's threads have run on a processor so far, as the kernel's scheduler counts it.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// Envoy's worker, which does everything that connections cost, and its other threads.
#[derive(Clone, Debug)]
pub(crate) struct Cpu {
    worker: PathBuf,
    tasks: PathBuf,
}

/// Time on a processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) worker: Duration,
    pub(crate) all: Duration,
}

impl Cpu {
    /// Of a process whose only worker has started.
    pub(crate) fn of(process: u32) -> Self {
        let tasks = PathBuf::from(format!("/proc/{process}/task"));
        let folders = fs::read_dir(&tasks).expect("Envoy runs").flatten().map(|entry| entry.path());
        let is_worker =
            |folder: &PathBuf| fs::read_to_string(folder.join("comm")).is_ok_and(|name| name.trim() == "wrk:worker_0");
        let worker = folders.into_iter().find(is_worker).expect("Envoy has a worker");
        Self { worker: worker.join("schedstat"), tasks }
    }

    /// Up to now. The kernel counts a thread when it stops running, so this is to be asked when the worker has
    /// nothing to do.
    pub(crate) fn ran(&self) -> Ran {
        let read = |path: PathBuf| fs::read_to_string(path).ok().as_deref().and_then(parse);
        let worker = read(self.worker.clone()).expect("the worker runs, and the kernel has CONFIG_SCHED_INFO");
        let folders = fs::read_dir(&self.tasks).expect("Envoy runs").flatten();
        // A thread that has ended meanwhile is none of those that last.
        let all = folders.filter_map(|entry| read(entry.path().join("schedstat"))).sum();
        Ran { worker, all }
    }
}

impl Ran {
    /// What was run since then.
    pub(crate) fn since(self, before: Self) -> Self {
        Self { worker: self.worker.saturating_sub(before.worker), all: self.all.saturating_sub(before.all) }
    }
}

/// The first of three numbers: nanoseconds on a processor, nanoseconds of waiting for one, and how often it ran.
fn parse(schedstat: &str) -> Option<Duration> {
    schedstat.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_is_the_time_on_a_processor() {
        assert_eq!(parse("1500000 20 3\n"), Some(Duration::from_micros(1500)));
        assert_eq!(parse(""), None);
    }
}
