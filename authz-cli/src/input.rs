//! Every file that this program reads: paths, folders, globs and standard input become named texts.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use authz_core::Limits;
use glob::MatchOptions;
use walkdir::{DirEntry, WalkDir};

use crate::exit::Failure;

/// What messages call standard input.
pub(crate) const STDIN: &str = "<stdin>";

/// One text and the name that messages call it by.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The path as the user wrote it, or `<stdin>`.
    pub(crate) name: String,
    pub(crate) text: String,
    /// Whether it was found in a folder rather than named.
    pub(crate) is_found: bool,
    /// Where files that it names are; standard input names them relative to the working folder.
    folder: PathBuf,
}

/// What the paths of a command line hold.
#[derive(Debug, Default)]
pub(crate) struct Input {
    pub(crate) sources: Vec<Source>,
    /// The folders and globs without a file.
    pub(crate) barren: Vec<String>,
}

/// Reads everything that `paths` stand for, each file once.
///
/// A path is a file, `-` for standard input, a folder that is searched for files with one of the
/// `extensions`, or a glob. Hidden files and folders are not searched.
pub(crate) fn read(paths: &[PathBuf], extensions: &[&str]) -> Result<Input, Failure> {
    let limit = u64::try_from(Limits::default().bytes).unwrap_or(u64::MAX);
    let mut reader = Reader { extensions, seen: HashSet::new(), left: limit, input: Input::default() };
    for path in paths {
        reader.read(path)?;
    }
    Ok(reader.input)
}

/// Reads a file that a text names.
pub(crate) fn read_beside(source: &Source, path: &str) -> Result<String, String> {
    let limit = u64::try_from(Limits::default().bytes).unwrap_or(u64::MAX);
    let file = source.folder.join(path);
    File::open(&file)
        .map_err(|error| unreadable(&file, &error))
        .and_then(|open| text(&open, &file, limit))
        .map_err(|failure| failure.to_string())
}

struct Reader<'e> {
    extensions: &'e [&'e str],
    /// The files that were read, by their one true path.
    seen: HashSet<PathBuf>,
    /// How many bytes may still come.
    left: u64,
    input: Input,
}

impl Reader<'_> {
    fn read(&mut self, path: &Path) -> Result<(), Failure> {
        if path.as_os_str() == "-" {
            return self.stdin();
        }
        match path.metadata() {
            Ok(metadata) if metadata.is_dir() => self.folder(path),
            Ok(_) => self.file(path, false),
            Err(error) => match path.to_str() {
                Some(pattern) if error.kind() == io::ErrorKind::NotFound && pattern.contains(['*', '?', '[']) => {
                    self.glob(pattern)
                }
                _ => Err(unreadable(path, &error)),
            },
        }
    }

    fn stdin(&mut self) -> Result<(), Failure> {
        let path = Path::new(STDIN);
        if self.seen.insert(path.into()) {
            let text = text(io::stdin().lock(), path, self.left)?;
            self.push(path, PathBuf::new(), text, false);
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, is_found: bool) -> Result<(), Failure> {
        // Pipes and other files without a true path are read as often as they are named.
        if let Ok(truly) = path.canonicalize()
            && !self.seen.insert(truly)
        {
            return Ok(());
        }
        let file = File::open(path).map_err(|error| unreadable(path, &error))?;
        let text = text(&file, path, self.left)?;
        let folder = path.parent().map_or_else(PathBuf::new, Path::to_owned);
        self.push(path, folder, text, is_found);
        Ok(())
    }

    fn push(&mut self, path: &Path, folder: PathBuf, text: String, is_found: bool) {
        let bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
        self.left = self.left.saturating_sub(bytes);
        self.input.sources.push(Source { name: path.display().to_string(), text, is_found, folder });
    }

    fn folder(&mut self, folder: &Path) -> Result<(), Failure> {
        let mut is_barren = true;
        let is_shown = |entry: &DirEntry| entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.');
        for entry in WalkDir::new(folder).follow_links(true).sort_by_file_name().into_iter().filter_entry(is_shown) {
            match entry {
                Ok(entry) if entry.file_type().is_dir() || !self.is_wanted(entry.path()) => {}
                Ok(entry) => {
                    is_barren = false;
                    self.file(entry.path(), true)?;
                }
                // A link back to a folder on the way: all of it is read already.
                Err(error) if error.loop_ancestor().is_some() => {}
                Err(error) => {
                    let path = error.path().unwrap_or(folder).to_owned();
                    return Err(unreadable(&path, &error.into_io_error().unwrap_or_else(|| io::ErrorKind::Other.into())));
                }
            }
        }
        if is_barren {
            let wanted: Vec<String> = self.extensions.iter().map(|extension| format!("*.{extension}")).collect();
            self.input.barren.push(format!("folder `{}` holds no file {}", folder.display(), wanted.join(" or ")));
        }
        Ok(())
    }

    fn is_wanted(&self, path: &Path) -> bool {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        extension.is_some_and(|extension| self.extensions.contains(&extension.as_str()))
    }

    /// Takes what a shell would have put in the glob's place.
    fn glob(&mut self, pattern: &str) -> Result<(), Failure> {
        let options = MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };
        let matches = glob::glob_with(pattern, options)
            .map_err(|error| Failure::new(format!("`{pattern}` is neither a file nor a glob: {}", error.msg)))?;
        let mut is_barren = true;
        for path in matches {
            is_barren = false;
            let path = path.map_err(|error| unreadable(error.path(), error.error()))?;
            if path.is_dir() {
                self.folder(&path)?;
            } else {
                self.file(&path, false)?;
            }
        }
        if is_barren {
            self.input.barren.push(format!("no file matches `{pattern}`"));
        }
        Ok(())
    }
}

/// Reads a text of at most `limit` bytes, without its byte order mark.
fn text(reader: impl Read, path: &Path, limit: u64) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    reader.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
        let most = Limits::default().bytes;
        return Err(Failure::new(format!("`{}` is too long: a run reads at most {most} bytes; split the input", path.display())));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let start = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes().iter().take(start).filter(|byte| **byte == b'\n').count();
        Failure::new(format!("`{}` is not UTF-8 (line {line}, byte {}); save it as UTF-8", path.display(), start + 1))
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let path = path.display();
    Failure::new(match error.kind() {
        io::ErrorKind::NotFound => format!("there is no file or folder `{path}`"),
        io::ErrorKind::PermissionDenied => format!("`{path}` may not be read: permission denied"),
        _ => format!("`{path}` cannot be read: {error}"),
    })
}
