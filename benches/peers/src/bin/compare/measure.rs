//! Timing, in rounds that go through all peers in turn, so that a slow minute of the machine hurts all alike.

use std::hint::black_box;
use std::time::{Duration, Instant};

use authz_bench_peers::{Built, Peer, Staged};
use authz_benches::{BenchError, Input, Kind, Query, Set};

use crate::table::{Figure, Tables};

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// The most rounds.
    rounds: usize,
    /// The time that each peer gets on each stream, about.
    time: Duration,
    /// The streams.
    streams: &'static [&'static str],
}

impl Effort {
    pub(crate) const FULL: Self =
        Self { rounds: 25, time: Duration::from_millis(600), streams: &["uniform", "zipf", "hit", "miss", "worst"] };
    pub(crate) const QUICK: Self = Self { rounds: 9, time: Duration::from_millis(150), streams: &["zipf", "hit", "miss"] };
}

/// The least time that one measurement takes: far above what the clock costs.
const SPAN: Duration = Duration::from_millis(2);

/// The most time that one run through a stream takes; of a longer stream only the beginning is run.
const LONGEST: Duration = Duration::from_millis(60);

/// The fewest connections of a stream that are run, however long it takes.
const SHORTEST: usize = 128;

/// The fewest rounds, whatever they take.
const FEWEST: usize = 3;

/// A peer on a stream, with the nanoseconds per decision of each round.
struct Cell<'i> {
    place: usize,
    stream: &'i str,
    queries: &'i [Query],
    runs: u32,
    rounds: usize,
    times: Vec<f64>,
}

/// Measures all peers on one input.
pub(crate) fn input(input: &Input, peers: &[&'static Peer], effort: Effort, tables: &mut Tables) -> Result<(), BenchError> {
    let size = match &input.set {
        Some(set) if set.kind == Kind::BlockList => input.prefixes(),
        set => set.as_ref().map_or(0, Set::rules),
    };
    let staged = peers.iter().map(|peer| (peer.stage)(input)).collect::<Result<Vec<_>, _>>()?;
    let figure = |peer: &'static Peer, stream: Option<&str>, mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        let median = times.get(times.len() / 2).copied().unwrap_or_default();
        let min = times.first().copied().unwrap_or_default();
        Figure { input: input.name.clone(), size, stream: stream.map(Into::into), peer, median, min, rounds: times.len() }
    };
    for (peer, times) in peers.iter().zip(builds(&staged, effort)?) {
        tables.figures.push(figure(peer, None, times));
    }
    let mut engines = staged.iter().map(|staged| staged.build()).collect::<Result<Vec<_>, _>>()?;
    for cell in decisions(input, &mut engines, effort)? {
        if let Some(peer) = peers.get(cell.place) {
            tables.figures.push(figure(peer, Some(cell.stream), cell.times));
        }
    }
    Ok(())
}

fn decisions<'i>(input: &'i Input, engines: &mut [Box<dyn Built>], effort: Effort) -> Result<Vec<Cell<'i>>, BenchError> {
    let mut cells = Vec::new();
    for stream in input.streams.iter().filter(|stream| effort.streams.contains(&stream.name.as_str())) {
        for (place, engine) in engines.iter_mut().enumerate() {
            let mut queries = stream.queries.as_slice();
            // A few tell how many can be run.
            let (some, _) = queries.split_at(queries.len().min(64));
            let each = time(engine.as_mut(), some, 1)? / u32::try_from(some.len().max(1)).unwrap_or(1);
            while whole(each, queries) > LONGEST && queries.len() > SHORTEST {
                queries = queries.split_at(queries.len() / 2).0;
            }
            let took = whole(each, queries);
            let runs = u32::try_from(SPAN.as_nanos() / took.as_nanos().max(1)).unwrap_or(1).max(1);
            let round = (took * (runs + 1)).as_secs_f64();
            let rounds = (1..effort.rounds).take_while(|n| round * float(*n) < effort.time.as_secs_f64()).count().max(FEWEST);
            cells.push(Cell { place, stream: &stream.name, queries, runs, rounds, times: Vec::new() });
        }
    }
    for round in 0..effort.rounds {
        for cell in cells.iter_mut().filter(|cell| round < cell.rounds) {
            let Some(engine) = engines.get_mut(cell.place) else { continue };
            let took = time(engine.as_mut(), cell.queries, cell.runs)?;
            cell.times.push(took.as_secs_f64() * 1e9 / (float(cell.queries.len()) * f64::from(cell.runs)));
        }
    }
    Ok(cells)
}

fn whole(each: Duration, queries: &[Query]) -> Duration {
    each.max(Duration::from_nanos(1)) * u32::try_from(queries.len()).unwrap_or(u32::MAX)
}

/// The time of so many runs, after one that is not counted.
fn time(engine: &mut dyn Built, queries: &[Query], runs: u32) -> Result<Duration, BenchError> {
    let mut took = Duration::ZERO;
    engine.with(queries, &mut |run| {
        black_box(run());
        let start = Instant::now();
        for _ in 0..runs {
            black_box(run());
        }
        took = start.elapsed();
    })?;
    Ok(took)
}

/// The nanoseconds of builds, in turn. What the engine takes to go away is not counted.
fn builds(staged: &[Box<dyn Staged>], effort: Effort) -> Result<Vec<Vec<f64>>, BenchError> {
    let mut times = vec![Vec::new(); staged.len()];
    let mut spent = vec![Duration::ZERO; staged.len()];
    for round in 0..effort.rounds {
        for ((staged, times), spent) in staged.iter().zip(&mut times).zip(&mut spent) {
            if round >= FEWEST && *spent > effort.time {
                continue;
            }
            let (mut took, mut runs) = (Duration::ZERO, 0);
            while runs == 0 || took < SPAN {
                let start = Instant::now();
                let engine = staged.build()?;
                took += start.elapsed();
                drop(engine);
                runs += 1;
            }
            *spent += took;
            times.push(took.as_secs_f64() * 1e9 / f64::from(runs));
        }
    }
    Ok(times)
}

/// A count as a number to divide by.
fn float(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}
