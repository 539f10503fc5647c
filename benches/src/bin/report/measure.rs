//! Timing, in rounds that go through everything in turn, so that a slow minute of the machine hurts all alike.

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use authz_benches::{Input, Kind, SUBJECTS, Stream, Subject, float, workload, yaml_scalars};
use authz_core::{Connection, Mesh, PolicySet};

use crate::figure::{Figure, Figures, Question};

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// The most rounds.
    rounds: usize,
    /// The time that each subject gets on each stream, about.
    time: Duration,
}

impl Effort {
    pub(crate) const FULL: Self = Self { rounds: 25, time: Duration::from_millis(600) };
    pub(crate) const QUICK: Self = Self { rounds: 9, time: Duration::from_millis(150) };
}

/// The least time that one measurement takes: far above what the clock costs.
const SPAN: Duration = Duration::from_millis(2);

/// The fewest rounds, whatever they take.
const FEWEST: usize = 3;

/// Measures everything about one input.
pub(crate) fn input(input: &Input, effort: Effort, figures: &mut Figures) -> Result<(), Box<dyn Error>> {
    let size = match &input.set {
        Some(set) if set.kind == Kind::BlockList => input.prefixes(),
        Some(set) => set.rules(),
        None => 0,
    };
    // The plain evaluator walks through every prefix.
    input.check(if size > 10_000 { 8 } else { 64 })?;
    let figure = |question, stream: &str, subject, mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        let median = times.get(times.len() / 2).copied().unwrap_or_default();
        let min = times.first().copied().unwrap_or_default();
        let (input, bytes) = (input.name.clone(), input.text.len());
        Figure { question, input, size, bytes, stream: stream.into(), subject, median, min, rounds: times.len() }
    };
    for (stream, subject, times) in decisions(input, effort) {
        figures.0.push(figure(Question::Decide, stream, subject, times));
    }
    let compile = work(effort, &mut [&mut || drop(black_box(input.policies.authorizer_for(&workload())))]);
    let load = work(
        effort,
        &mut [&mut || drop(black_box(PolicySet::from_yaml(&input.text, &Mesh::default()))), &mut || {
            black_box(yaml_scalars(&input.text));
        }],
    );
    for ((question, subject), times) in
        [(Question::Compile, "compile"), (Question::Load, "load"), (Question::Load, "YAML events")]
            .into_iter()
            .zip(compile.into_iter().chain(load))
    {
        figures.0.push(figure(question, "", subject, times));
    }
    println!("{}: measured", input.name);
    Ok(())
}

/// A subject on a stream, with the nanoseconds per decision of each round.
struct Cell<'i> {
    stream: &'i Stream,
    connections: Vec<Connection<'i>>,
    subject: &'static Subject,
    runs: u32,
    rounds: usize,
    times: Vec<f64>,
}

fn decisions(input: &Input, effort: Effort) -> Vec<(&str, &'static str, Vec<f64>)> {
    let mut cells = Vec::new();
    for stream in &input.streams {
        for subject in SUBJECTS {
            let mut connections = stream.connections();
            let mut took = time(input, subject, &connections, 1);
            // A matcher that looks at every rule takes seconds for a stream.
            while took > Duration::from_millis(60) && connections.len() > 256 {
                connections.truncate(connections.len() / 2);
                took /= 2;
            }
            let runs = u32::try_from(SPAN.as_nanos() / took.as_nanos().max(1)).unwrap_or(1).max(1);
            let round = (took * (runs + 1)).as_secs_f64();
            let rounds = (1..effort.rounds).take_while(|n| round * float(*n) < effort.time.as_secs_f64()).count().max(FEWEST);
            cells.push(Cell { stream, connections, subject, runs, rounds, times: Vec::new() });
        }
    }
    for round in 0..effort.rounds {
        for cell in cells.iter_mut().filter(|cell| round < cell.rounds) {
            let took = time(input, cell.subject, &cell.connections, cell.runs);
            let decisions = float(cell.connections.len()) * f64::from(cell.runs);
            cell.times.push(took.as_secs_f64() * 1e9 / decisions);
        }
    }
    cells.into_iter().map(|cell| (cell.stream.name.as_str(), cell.subject.name, cell.times)).collect()
}

/// The time of so many runs, after one that is not counted.
fn time(input: &Input, subject: &Subject, connections: &[Connection<'_>], runs: u32) -> Duration {
    let mut took = Duration::ZERO;
    (subject.with)(&input.authorizer, connections, &mut |run| {
        black_box(run());
        let start = Instant::now();
        for _ in 0..runs {
            black_box(run());
        }
        took = start.elapsed();
    });
    took
}

/// The nanoseconds of each of several pieces of work, in turn.
fn work(effort: Effort, pieces: &mut [&mut dyn FnMut()]) -> Vec<Vec<f64>> {
    let mut times = vec![Vec::new(); pieces.len()];
    let start = Instant::now();
    for round in 0..effort.rounds {
        if round >= FEWEST && start.elapsed() > effort.time {
            break;
        }
        for (piece, times) in pieces.iter_mut().zip(&mut times) {
            // As often as a measurement is long.
            let begin = Instant::now();
            let mut runs = 0;
            while runs == 0 || begin.elapsed() < SPAN {
                piece();
                runs += 1;
            }
            times.push(begin.elapsed().as_secs_f64() * 1e9 / f64::from(runs));
        }
    }
    times
}
