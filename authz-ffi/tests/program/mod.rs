//! A C or C++ program: compiled against the library of this test run, then run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of this package.
pub(crate) fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A folder for what a test makes.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c").join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The static library that cargo built for this run; it lies beside the test's own executable.
pub(crate) fn library() -> PathBuf {
    let path = std::env::current_exe().unwrap().with_file_name("libauthz.a");
    assert!(path.exists(), "{} is missing", path.display());
    path
}

/// Runs a command; answers what it printed.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{out}\n{err}", output.status);
    out.into_owned()
}

/// A source file.
pub(crate) struct Program(PathBuf);

impl Program {
    /// One of `tests/c`.
    pub(crate) fn of_tests(name: &str) -> Self {
        Self(here("tests/c").join(name))
    }

    /// One somewhere else.
    pub(crate) fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Compiles it, every warning an error, and links it with a static library.
    pub(crate) fn build(&self, compiler: &str, options: &[&str], library: &Path) -> Built {
        let name = self.0.file_stem().unwrap().to_string_lossy().into_owned();
        // One executable for each way to build it, so that tests may run at once.
        let way: String = options.concat().chars().filter(char::is_ascii_alphanumeric).collect();
        let executable = scratch("programs").join(format!("{name}-{compiler}-{way}-{}", std::process::id()));
        let mut command = Command::new(compiler);
        command.args(["-Wall", "-Wextra", "-Wpedantic", "-Werror"]).args(options);
        command.arg("-I").arg(here("../include")).arg("-I").arg(here("tests/c")).arg(&self.0).arg(library);
        command.args(["-lpthread", "-ldl", "-lm"]).arg("-o").arg(&executable);
        run(&mut command);
        Built(executable)
    }
}

/// A program that can be run. The file goes with it.
pub(crate) struct Built(PathBuf);

impl Built {
    /// Runs it, under another program if one is given; answers what it printed.
    pub(crate) fn run(&self, under: &[&str]) -> String {
        match under {
            [] => run(&mut Command::new(&self.0)),
            [first, rest @ ..] => run(Command::new(first).args(rest).arg(&self.0)),
        }
    }
}

impl Drop for Built {
    fn drop(&mut self) {
        // One that stays is overwritten by the next run.
        let _ = fs::remove_file(&self.0);
    }
}

/// The first program of the README, and what it is said to print.
pub(crate) fn readme_program() -> (String, String) {
    let readme = fs::read_to_string(here("README.md")).unwrap();
    let block = |language: &str| {
        let (_, rest) = readme.split_once(&format!("```{language}\n")).unwrap();
        rest.split_once("```").unwrap().0.to_owned()
    };
    (block("c"), block("text"))
}
