//! Sets from a folder: `NAME.yaml`, `NAME.STREAM.csv` and `NAME.STREAM.expect`.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::error::BenchError;
use crate::input::Input;
use crate::query::{Query, Stream};

/// The environment variable that names the folder.
pub const FOLDER: &str = "AUTHZ_BENCH_DATA";

const HEADER: &str = "src_ip,dst_ip,dst_port,principal,sni";

/// A folder of sets.
///
/// A stream's table has the header `src_ip,dst_ip,dst_port,principal,sni`; an empty principal is a
/// connection in plaintext, an empty `sni` one without a server name. Beside it, `.expect` has one
/// byte for each line, `A` or `D`.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder at a path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The folder that [`FOLDER`] names, if it is set.
    pub fn from_environment() -> Option<Self> {
        std::env::var_os(FOLDER).filter(|path| !path.is_empty()).map(Self::new)
    }

    /// The names of its sets, in order.
    ///
    /// # Errors
    ///
    /// The folder cannot be read.
    pub fn names(&self) -> Result<Vec<String>, BenchError> {
        let mut names: Vec<String> =
            self.files()?.into_iter().filter_map(|file| Some(file.strip_suffix(".yaml")?.to_owned())).collect();
        names.sort_by_key(|name| (name.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned(), name.len(), name.clone()));
        Ok(names)
    }

    /// A set with all its streams. Verdicts are still to be [checked](Input::check).
    ///
    /// # Errors
    ///
    /// A file that is missing or that cannot be read.
    pub fn read(&self, name: &str) -> Result<Input, BenchError> {
        let text = read(&self.0.join(format!("{name}.yaml")))?;
        let mut streams = Vec::new();
        let mut files = self.files()?;
        files.sort_unstable();
        for file in files {
            let stream =
                file.strip_prefix(name).and_then(|rest| rest.strip_prefix('.')).and_then(|rest| rest.strip_suffix(".csv"));
            if let Some(stream) = stream {
                let table = self.0.join(&file);
                let queries = queries(&read(&table)?).map_err(|why| BenchError::new(format!("{file}: {why}")))?;
                let expected = read(&table.with_extension("expect"))?;
                let allowed: Vec<bool> = expected.trim_end().chars().map(|verdict| verdict == 'A').collect();
                if allowed.len() != queries.len() || expected.trim_end().contains(|c| !matches!(c, 'A' | 'D')) {
                    return Err(BenchError::new(format!("{file}: `.expect` does not have one `A` or `D` for each line")));
                }
                streams.push(Stream { name: stream.into(), queries, allowed });
            }
        }
        Input::load(name, text, streams)
    }

    /// Writes a set with all its streams, so that other programs can be asked the same.
    ///
    /// # Errors
    ///
    /// A file cannot be written.
    pub fn write(&self, input: &Input) -> Result<(), BenchError> {
        write(&self.0.join(format!("{}.yaml", input.name)), &input.text)?;
        for stream in &input.streams {
            let path = |kind: &str| self.0.join(format!("{}.{}.{kind}", input.name, stream.name));
            let mut table = format!("{HEADER}\n");
            for Query { source, destination, principal, sni } in &stream.queries {
                let (principal, sni) = (principal.as_deref().unwrap_or(""), sni.as_deref().unwrap_or(""));
                let (address, port) = (destination.ip(), destination.port());
                table.push_str(&format!("{source},{address},{port},{principal},{sni}\n"));
            }
            write(&path("csv"), &table)?;
            let expected: String = stream.allowed.iter().map(|allowed| if *allowed { 'A' } else { 'D' }).collect();
            write(&path("expect"), &expected)?;
        }
        Ok(())
    }

    fn files(&self) -> Result<Vec<String>, BenchError> {
        let entries = fs::read_dir(&self.0).map_err(|error| BenchError::new(format!("{}: {error}", self.0.display())))?;
        Ok(entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect())
    }
}

fn read(path: &Path) -> Result<String, BenchError> {
    fs::read_to_string(path).map_err(|error| BenchError::new(format!("{}: {error}", path.display())))
}

fn write(path: &Path, text: &str) -> Result<(), BenchError> {
    fs::write(path, text).map_err(|error| BenchError::new(format!("{}: {error}", path.display())))
}

fn queries(table: &str) -> Result<Vec<Query>, String> {
    let mut lines = table.lines();
    if lines.next() != Some(HEADER) {
        return Err(format!("the header is not `{HEADER}`"));
    }
    lines.enumerate().map(|(n, line)| query(line).ok_or_else(|| format!("line {} is not a connection", n + 2))).collect()
}

fn query(line: &str) -> Option<Query> {
    let mut fields = line.split(',');
    let (source, address, port) = (fields.next()?, fields.next()?, fields.next()?);
    let mut optional = || Some(fields.next()?).map(|text| (!text.is_empty()).then(|| text.into()));
    let (principal, sni) = (optional()?, optional()?);
    let destination = SocketAddr::new(address.parse().ok()?, port.parse().ok()?);
    fields.next().is_none().then_some(Query { source: source.parse().ok()?, destination, principal, sni })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_line_by_line() {
        let table = format!("{HEADER}\n10.0.0.1,fd00::1,80,spiffe://td/ns/a/sa/b,x.example\n10.0.0.1,10.0.0.2,0,,\n");
        let queries = queries(&table).unwrap();
        assert_eq!(queries[0].principal.as_deref(), Some("spiffe://td/ns/a/sa/b"));
        assert_eq!(queries[0].sni.as_deref(), Some("x.example"));
        assert!(queries[1].principal.is_none() && queries[1].sni.is_none());
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        let line = |line: &str| queries(&format!("{HEADER}\n{line}\n")).unwrap_err();
        for text in ["10.0.0.1,10.0.0.2,80,", "10.0.0.1,10.0.0.2,80,,,", "10.0.0.1,10.0.0.2,65536,,", "x,10.0.0.2,1,,"] {
            assert_eq!(line(text), "line 2 is not a connection", "{text}");
        }
        assert!(queries("a,b\n").unwrap_err().starts_with("the header"));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let path = std::env::temp_dir().join(format!("authz-benches-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        let folder = Folder::new(&path);
        let written = Input::generate("mesh-10").unwrap();
        folder.write(&written).unwrap();
        assert_eq!(folder.names().unwrap(), ["mesh-10"]);
        let read = folder.read("mesh-10").unwrap();
        read.check(16).unwrap();
        assert_eq!(read.text, written.text);
        assert_eq!(read.streams.len(), written.streams.len());
        for stream in &read.streams {
            assert_eq!(written.stream(&stream.name).unwrap(), stream);
        }

        let put = |name: &str, text: &str| fs::write(path.join(name), text).unwrap();
        put("mesh-10.one.csv", &format!("{HEADER}\n192.0.2.1,192.0.2.2,1,,\n"));
        put("mesh-10.one.expect", "A");
        let error = folder.read("mesh-10").unwrap().check(1).unwrap_err().to_string();
        assert!(error.starts_with("mesh-10 one 0: decide says Deny, not Allow"), "{error}");
        put("mesh-10.one.expect", "AD");
        assert!(folder.read("mesh-10").is_err());
        fs::remove_dir_all(&path).unwrap();
    }
}
