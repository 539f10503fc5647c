//! What was asked for on the command line.

use crate::bench::BenchOptions;
use crate::demo::Kind;
use crate::playground::Form;

/// How the commands are called.
pub(crate) const USAGE: &str = "\
usage: cargo xtask test [OPTIONS]
       cargo xtask bench [OPTIONS]
       cargo xtask build envoy|web
       cargo xtask demo envoy [--wasm]
       cargo xtask playground [--single-file]

test runs every test of the project and stops at the first step that fails.

  --only STEP         run this step only; may repeat
  --skip STEP         leave this step out; may repeat
  --fuzz-seconds N    run each fuzz target for N seconds; 0 builds them only [default: 60]
  --list              name the steps

bench times decisions, compiles and loads with criterion; or, with an option:

  --report            measure everything and write benches/results/<date>-<processor>
  --peers             compare with other engines; with --report, in its results
  --envoy             measure what a real Envoy pays for the filters, into benches/results/<date>-<processor>-envoy
  --accept            count instructions and take them as those to compare with
  --quick             fewer inputs and rounds

build envoy builds what Envoy loads, the filter in WebAssembly and the dynamic module, and checks it.

build web builds the npm package, the engine in WebAssembly with JavaScript and types around it.

demo envoy starts an Envoy and a service, and walks through Istio's TCP task with the dynamic module, or with
the filter in WebAssembly.

playground builds the page that shows what policies do, serves it and prints its address; or, with an option:

  --single-file       build it as one HTML file, and print where it is";

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Help,
    Test(Options),
    Bench(BenchOptions),
    BuildEnvoy,
    BuildWeb,
    DemoEnvoy(Kind),
    Playground(Form),
}

/// Which steps to run, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) only: Vec<String>,
    pub(crate) skip: Vec<String>,
    pub(crate) fuzz_seconds: u32,
    pub(crate) list: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { only: Vec::new(), skip: Vec::new(), fuzz_seconds: 60, list: false }
    }
}

/// Reads the arguments behind `cargo xtask`.
pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Request, String> {
    match arguments.next().as_deref() {
        Some("test") => {}
        Some("bench") => return parse_bench(arguments),
        Some("build") => return parse_build(arguments),
        Some("demo") => return parse_demo(arguments),
        Some("playground") => return parse_playground(arguments),
        Some("help" | "--help" | "-h") => return Ok(Request::Help),
        Some(other) => return Err(format!("`{other}` is not a command; write `test`, `bench`, `build`, `demo` or `playground`")),
        None => return Err("a command is missing; write `test`, `bench`, `build`, `demo` or `playground`".into()),
    }
    let mut options = Options::default();
    while let Some(argument) = arguments.next() {
        let (name, inline) = match argument.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (argument.as_str(), None),
        };
        let mut value = || inline.clone().or_else(|| arguments.next()).ok_or(format!("`{name}` needs a value"));
        match name {
            "--only" => options.only.push(value()?),
            "--skip" => options.skip.push(value()?),
            "--fuzz-seconds" => {
                let text = value()?;
                options.fuzz_seconds = text.parse().map_err(|_| format!("`{text}` is not a number of seconds"))?;
            }
            "--list" if inline.is_none() => options.list = true,
            "--help" | "-h" => return Ok(Request::Help),
            _ => return Err(format!("`{argument}` is not an option")),
        }
    }
    Ok(Request::Test(options))
}

fn parse_bench(arguments: impl Iterator<Item = String>) -> Result<Request, String> {
    let mut options = BenchOptions::default();
    for argument in arguments {
        match argument.as_str() {
            "--report" => options.report = true,
            "--accept" => options.accept = true,
            "--peers" => options.peers = true,
            "--envoy" => options.envoy = true,
            "--quick" => options.quick = true,
            "--help" | "-h" => return Ok(Request::Help),
            _ => return Err(format!("`{argument}` is not an option")),
        }
    }
    Ok(Request::Bench(options))
}

fn parse_build(mut arguments: impl Iterator<Item = String>) -> Result<Request, String> {
    match (arguments.next().as_deref(), arguments.next()) {
        (Some("envoy"), None) => Ok(Request::BuildEnvoy),
        (Some("web"), None) => Ok(Request::BuildWeb),
        (Some("--help" | "-h"), None) => Ok(Request::Help),
        (Some("envoy" | "web"), Some(other)) => Err(format!("`{other}` is not an option")),
        (Some(other), _) => Err(format!("`{other}` is nothing to build; write `envoy` or `web`")),
        (None, _) => Err("what to build is missing; write `envoy` or `web`".into()),
    }
}

fn parse_playground(mut arguments: impl Iterator<Item = String>) -> Result<Request, String> {
    match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => Ok(Request::Playground(Form::Files)),
        (Some("--single-file"), None) => Ok(Request::Playground(Form::SingleFile)),
        (Some("--help" | "-h"), None) => Ok(Request::Help),
        (Some("--single-file"), Some(other)) => Err(format!("`{other}` is not an option")),
        (Some(other), _) => Err(format!("`{other}` is not an option")),
    }
}

fn parse_demo(mut arguments: impl Iterator<Item = String>) -> Result<Request, String> {
    match (arguments.next().as_deref(), arguments.next().as_deref(), arguments.next()) {
        (Some("envoy"), None, None) => Ok(Request::DemoEnvoy(Kind::Native)),
        (Some("envoy"), Some("--wasm"), None) => Ok(Request::DemoEnvoy(Kind::Wasm)),
        (Some("--help" | "-h"), None, None) => Ok(Request::Help),
        (Some("envoy"), Some("--wasm"), Some(other)) => Err(format!("`{other}` is not an option")),
        (Some("envoy"), Some(other), _) => Err(format!("`{other}` is not an option")),
        (Some(other), ..) => Err(format!("there is no demo of `{other}`; write `envoy`")),
        (None, ..) => Err("what to show is missing; write `envoy`".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Request, String> {
        parse(line.split_whitespace().map(String::from))
    }

    #[test]
    fn options_are_read_in_both_spellings() {
        let expected = Options { only: vec!["fmt".into(), "doc".into()], skip: vec!["doc".into()], fuzz_seconds: 5, list: true };
        let request = read("test --only fmt --only=doc --skip doc --fuzz-seconds=5 --list");
        assert_eq!(request, Ok(Request::Test(expected)));
        assert_eq!(read("test"), Ok(Request::Test(Options::default())));
        assert_eq!(read("build envoy"), Ok(Request::BuildEnvoy));
        assert_eq!(read("playground --single-file"), Ok(Request::Playground(Form::SingleFile)));
        assert_eq!(read("demo envoy --wasm"), Ok(Request::DemoEnvoy(Kind::Wasm)));
        let expected = BenchOptions { report: true, peers: true, accept: false, envoy: true, quick: true };
        assert_eq!(read("bench --quick --report --peers --envoy"), Ok(Request::Bench(expected)));
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        let table = [
            ("", "a command is missing; write `test`, `bench`, `build`, `demo` or `playground`"),
            ("tset", "`tset` is not a command; write `test`, `bench`, `build`, `demo` or `playground`"),
            ("test --only", "`--only` needs a value"),
            ("test --fuzz-seconds soon", "`soon` is not a number of seconds"),
            ("test --list=yes", "`--list=yes` is not an option"),
            ("bench --list", "`--list` is not an option"),
            ("build", "what to build is missing; write `envoy` or `web`"),
            ("build nginx", "`nginx` is nothing to build; write `envoy` or `web`"),
            ("playground --fast", "`--fast` is not an option"),
            ("build envoy --fast", "`--fast` is not an option"),
            ("demo", "what to show is missing; write `envoy`"),
            ("demo nginx", "there is no demo of `nginx`; write `envoy`"),
            ("demo envoy --fast", "`--fast` is not an option"),
            ("test fmt", "`fmt` is not an option"),
        ];
        for (line, error) in table {
            assert_eq!(read(line), Err(error.into()), "{line}");
        }
    }
}
