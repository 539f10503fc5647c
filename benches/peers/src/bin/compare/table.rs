//! What was measured, for people and for programs.

use std::collections::HashMap;
use std::fmt::{self, Write as _};

use authz_bench_peers::{Peer, versions};
use authz_benches::{bytes, nanoseconds};

/// Nanoseconds of a decision, or of a build.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub(crate) input: String,
    /// Rules, or prefixes where the input is a list of them.
    pub(crate) size: usize,
    /// None for a build.
    pub(crate) stream: Option<String>,
    pub(crate) peer: &'static Peer,
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) rounds: usize,
}

/// All figures, in the order in which they were measured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tables {
    pub(crate) figures: Vec<Figure>,
    /// Live and peak bytes by input and peer.
    pub(crate) heap: HashMap<(String, String), (u64, u64)>,
    /// What was not measured, and why.
    pub(crate) skipped: Vec<String>,
}

/// The inputs of a table, by the start of their names, and what it is called.
const TABLES: [(&str, &[&str]); 2] = [
    ("Policies, by number of rules", &["mesh-", "acl-", "fw-", "ipc-"]),
    ("Block lists, by number of prefixes", &["block", "route"]),
];

const INTRODUCTION: &str = "\
Other engines on the same policies and connections, in the same run, each after it agreed with `authz-core` on every
connection of every stream. A decision starts with a connection in the form that the engine wants, prepared beforehand. Figures are
medians with the minimum in brackets; rounds go through all peers and streams of an input in turn. Of slow engines only the
beginning of a stream is timed. A build starts from the text of the policies, `linear`'s from plain data, and those of block lists from
policies or prefixes that are parsed already. `peers.csv` has the raw figures.
";

impl Tables {
    pub(crate) fn to_csv(&self) -> String {
        let mut text = String::from("question,input,size,stream,peer,median_ns,min_ns,rounds,live_bytes,peak_bytes\n");
        for figure in &self.figures {
            let Figure { input, size, stream, peer: Peer { name, .. }, median, min, rounds } = figure;
            let (question, heap) = match stream {
                Some(_) => ("decide", ",".into()),
                None => ("build", self.heap(figure).map_or(",".into(), |(live, peak)| format!("{live},{peak}"))),
            };
            let stream = stream.as_deref().unwrap_or_default();
            text.push_str(&format!("{question},{input},{size},{stream},\"{name}\",{median:.2},{min:.2},{rounds},{heap}\n"));
        }
        text
    }

    /// A section of a page.
    pub(crate) fn to_markdown(&self) -> Result<String, fmt::Error> {
        let mut page = String::from("## Peers\n\n");
        writeln!(page, "{INTRODUCTION}")?;
        let versions: Vec<String> = versions().iter().map(|(name, version)| format!("{name} {version}")).collect();
        writeln!(page, "Versions: {}.", versions.join(", "))?;
        for (title, names) in TABLES {
            let is_here = |figure: &&Figure| names.iter().any(|name| figure.input.starts_with(name));
            let here: Vec<&Figure> = self.figures.iter().filter(is_here).collect();
            if !here.is_empty() {
                writeln!(page, "\n### {title}\n")?;
                self.table(&mut page, &here)?;
            }
        }
        if !self.skipped.is_empty() {
            writeln!(page, "\nNot measured:\n")?;
            self.skipped.iter().try_for_each(|what| writeln!(page, "- {what}"))?;
        }
        Ok(page)
    }

    fn heap(&self, figure: &Figure) -> Option<&(u64, u64)> {
        self.heap.get(&(figure.input.clone(), figure.peer.name.into()))
    }

    fn table(&self, page: &mut String, here: &[&Figure]) -> fmt::Result {
        let mut peers: Vec<&Peer> = Vec::new();
        for figure in here {
            if !peers.iter().any(|peer| peer.name == figure.peer.name) {
                peers.push(figure.peer);
            }
        }
        for peer in &peers {
            writeln!(page, "- **{}**: {}", peer.name, peer.about)?;
        }
        let names = peers.iter().map(|peer| peer.name).collect::<Vec<_>>().join(" | ");
        writeln!(page, "\n| input | stream | {names} |\n|---|---|{}", "---:|".repeat(peers.len()))?;
        let mut rows: Vec<(&str, Option<&str>)> = Vec::new();
        for figure in here {
            let row = (figure.input.as_str(), figure.stream.as_deref());
            if !rows.contains(&row) {
                rows.push(row);
            }
        }
        for (input, stream) in &rows {
            let is_row = |figure: &&&Figure| figure.input == *input && figure.stream.as_deref() == *stream;
            let cell = |peer: &&Peer| here.iter().filter(is_row).find(|figure| figure.peer.name == peer.name);
            let times = peers.iter().map(|peer| match cell(peer) {
                Some(figure) => format!("{} ({})", nanoseconds(figure.median), nanoseconds(figure.min)),
                None => "–".into(),
            });
            writeln!(page, "| {input} | {} | {} |", stream.unwrap_or("*build*"), times.collect::<Vec<_>>().join(" | "))?;
            if stream.is_none() && !self.heap.is_empty() {
                let bytes = peers.iter().map(|peer| cell(peer).and_then(|figure| self.heap(figure)).map_or("–".into(), heap));
                writeln!(page, "| {input} | *heap, live (peak)* | {} |", bytes.collect::<Vec<_>>().join(" | "))?;
            }
        }
        Ok(())
    }
}

fn heap((live, peak): &(u64, u64)) -> String {
    format!("{} ({})", bytes(*live), bytes(*peak))
}
