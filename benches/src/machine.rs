//! What figures were measured on.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::{Instant, SystemTime};

use crate::figure::float;
use crate::random::Random;

/// A processor and what ran on it.
///
/// ```
/// let machine = authz_benches::Machine::look(std::path::Path::new("."));
/// println!("{}-{}: {:.1} ns from L2", machine.date, machine.slug(), machine.l2_load);
/// ```
#[derive(Clone, Debug)]
pub struct Machine {
    /// Its name, as the kernel has it.
    pub processor: String,
    /// Such as `32 KiB L1d`.
    pub caches: Vec<String>,
    /// The compiler.
    pub rustc: String,
    /// What was measured, `-dirty` if nobody else has it.
    pub commit: String,
    /// `2026-04-01`, of Greenwich.
    pub date: String,
    /// Nanoseconds of a load from the second cache whose address the load before it gave.
    pub l2_load: f64,
    /// Over how many bytes those loads went.
    pub l2_bytes: usize,
}

impl Machine {
    /// Looks at this machine, and at the commit that a folder is of; what is not to be found is `unknown`.
    pub fn look(folder: &Path) -> Self {
        let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, model)| model.trim()));
        let caches = caches();
        let l2 = caches.iter().find(|cache| cache.level == 2).map_or(1 << 20, |cache| cache.bytes);
        let l2_bytes = l2 / 2;
        let commit = say("git", &["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"], folder);
        Self {
            processor: model.unwrap_or("unknown processor").into(),
            caches: caches.iter().map(|cache| format!("{} KiB L{}{}", cache.bytes >> 10, cache.level, cache.kind)).collect(),
            rustc: say("rustc", &["--version"], folder),
            commit,
            date: date(),
            l2_load: dependent_load(l2_bytes),
            l2_bytes,
        }
    }

    /// The processor as part of a folder's name, such as `amd-epyc-7763`.
    pub fn slug(&self) -> String {
        let kept: String = self.processor.to_lowercase().replace("(r)", "").replace("(tm)", "");
        let words = kept.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty() && *word != "cpu");
        words.collect::<Vec<_>>().join("-")
    }
}

fn say(program: &str, arguments: &[&str], folder: &Path) -> String {
    let output = Command::new(program).args(arguments).current_dir(folder).output();
    output.map_or_else(|_| "unknown".into(), |output| String::from_utf8_lossy(&output.stdout).trim().into())
}

struct Cache {
    level: u8,
    kind: &'static str,
    bytes: usize,
}

fn caches() -> Vec<Cache> {
    let read = |n: u8, name: &str| {
        let text = fs::read_to_string(format!("/sys/devices/system/cpu/cpu0/cache/index{n}/{name}")).ok()?;
        Some(text.trim().to_owned())
    };
    let cache = |n| {
        let kind = match read(n, "type")?.as_str() {
            "Data" => "d",
            "Instruction" => "i",
            _ => "",
        };
        let kibibytes: usize = read(n, "size")?.trim_end_matches('K').parse().ok()?;
        Some(Cache { level: read(n, "level")?.parse().ok()?, kind, bytes: kibibytes << 10 })
    };
    (0..8).map_while(cache).collect()
}

/// Walks through a buffer of this size, line by line in random order, each step to where the one before says.
fn dependent_load(bytes: usize) -> f64 {
    const LINE: usize = 16;
    let lines = bytes / 64;
    let mut order: Vec<usize> = (0..lines).collect();
    Random::new(1).shuffle(&mut order);
    let mut buffer = vec![0_u32; lines * LINE];
    for (from, to) in order.iter().zip(order.iter().cycle().skip(1)) {
        if let Some(slot) = buffer.get_mut(from * LINE) {
            *slot = u32::try_from(to * LINE).unwrap_or(0);
        }
    }
    let mut times: Vec<f64> = (0..15)
        .map(|_| {
            let (mut at, steps, start) = (0_u32, lines * 20, Instant::now());
            for _ in 0..steps {
                at = usize::try_from(at).ok().and_then(|at| buffer.get(at)).copied().unwrap_or(0);
            }
            black_box(at);
            start.elapsed().as_secs_f64() * 1e9 / float(steps)
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Today, from the number of days since 1970, by the calendar's cycles of 400 years.
fn date() -> String {
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    // Years begin in March here, so that leap days come last.
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{}-{month:02}-{day:02}", era * 400 + year_of_era + next)
}
