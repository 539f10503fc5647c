//! `cargo xtask demo envoy`: Istio's TCP task on an Envoy of one's own, step by step.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::rust_version::read;
use crate::{build, envoy};

/// Where Envoy listens, and where the service does.
const ENVOY: &str = "127.0.0.1";
const SERVICE: &str = "127.0.0.2";
const PORTS: [u16; 3] = [9000, 9001, 9002];
/// Envoy's own page.
const ADMIN: &str = "127.0.0.1:9901";

/// Nothing takes longer unless it fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// One policy and what is said about it.
struct Step {
    title: &'static str,
    /// Its `spec`; nothing where there is no policy.
    spec: &'static str,
    /// Which of the ports are open.
    open: [bool; 3],
    remark: &'static str,
}

const STEPS: [Step; 5] = [
    Step { title: "No policy", spec: "", open: [true; 3], remark: "Nothing applies to the workload, so everything is allowed." },
    Step {
        title: "Allow the ports 9000 and 9001",
        spec: "
  selector: {matchLabels: {app: tcp-echo}}
  action: ALLOW
  rules:
  - to:
    - operation: {ports: [\"9000\", \"9001\"]}
",
        open: [true, true, false],
        remark: "Once an ALLOW policy applies, what no rule allows is denied: port 9002 too, which nobody named.",
    },
    Step {
        title: "Add a field that TCP does not have",
        spec: "
  selector: {matchLabels: {app: tcp-echo}}
  action: ALLOW
  rules:
  - to:
    - operation: {methods: [GET], ports: [\"9000\"]}
",
        open: [false; 3],
        remark: "There are no methods in TCP, so the rule cannot match; the policy still applies, and nothing is left that allows.",
    },
    Step {
        title: "The same field in a DENY policy",
        spec: "
  selector: {matchLabels: {app: tcp-echo}}
  action: DENY
  rules:
  - to:
    - operation: {methods: [GET]}
",
        open: [false; 3],
        remark: "A DENY rule loses the field and keeps the rest; nothing is left of this one, so it denies every connection.",
    },
    Step {
        title: "A DENY policy that names the port as well",
        spec: "
  selector: {matchLabels: {app: tcp-echo}}
  action: DENY
  rules:
  - to:
    - operation: {methods: [GET], ports: [\"9000\"]}
",
        open: [false, true, true],
        remark: "The port is left, so only 9000 is denied. Name the port, and an HTTP policy does not close the others.",
    },
];

/// Builds the filters, starts Envoy and a service, and walks through the steps with each kind of filter or one.
pub(crate) fn envoy(root: &Path, kind: Kind) -> Result<(), String> {
    let modules = build::envoy(root)?;
    let envoy = envoy::provide(root)?;
    let folder = root.join("target/demo");
    let ecds = folder.join("ecds");
    fs::create_dir_all(&ecds).map_err(|error| format!("{}: {error}", ecds.display()))?;
    fs::copy(&modules.wasm, folder.join("authz_proxy_wasm.wasm")).map_err(|error| format!("{}: {error}", folder.display()))?;
    for port in PORTS {
        serve(port).map_err(|error| format!("the service on {SERVICE}:{port}: {error}"))?;
    }
    let example = root.join("examples/envoy").join(kind.folder());
    let demo = Demo { ecds, resource: read(&example.join("ecds/authz.yaml"))? };
    demo.put(0, "")?;
    println!("\n$ envoy -c examples/envoy/{}/ecds.yaml\n", kind.folder());
    let log = folder.join("connections.log");
    let mut command = Command::new(envoy);
    command
        .args(["--concurrency", "1", "--use-dynamic-base-id", "--log-level", "error", "--file-flush-interval-msec", "10", "-c"])
        .arg(example.join("ecds.yaml"));
    command.current_dir(&folder).stdin(Stdio::null()).stdout(create(&log)?).stderr(create(&folder.join("envoy.log"))?);
    if let Some(place) = modules.native.parent() {
        command.env("ENVOY_DYNAMIC_MODULES_SEARCH_PATH", place);
    }
    let mut running = Running(command.spawn().map_err(|error| format!("Envoy: {error}"))?);
    let mut log = Lines { path: log, read: 0 };
    for (version, step) in (1..).zip(STEPS) {
        println!("── {version}. {}", step.title);
        if version > 1 {
            let before = reloads()?;
            demo.put(version, step.spec)?;
            wait("Envoy takes the policy", &mut running, || Ok(reloads()? > before))?;
            println!("{}", policy(step.spec).trim_end());
        } else {
            wait("Envoy serves", &mut running, || Ok(reloads().is_ok_and(|count| count > 0)))?;
        }
        println!();
        for (port, is_open) in PORTS.into_iter().zip(step.open) {
            println!("$ echo \"port {port}\" | nc {ENVOY} {port}");
            let answer = ask(port).map_err(|error| format!("{ENVOY}:{port}: {error}"))?;
            match &answer {
                Some(answer) => println!("{answer}\nconnection succeeded"),
                None => println!("connection rejected"),
            }
            println!("  {}", log.next(&mut running)?);
            if answer.is_some() != is_open {
                return Err(format!("port {port} should have been {}", if is_open { "open" } else { "closed" }));
            }
        }
        println!("\n{}\n", step.remark);
    }
    println!("The configurations are in examples/envoy; what Envoy said is in target/demo.");
    Ok(())
}

/// Which of the two filters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    #[default]
    Native,
    Wasm,
}

impl Kind {
    fn folder(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Wasm => "wasm",
        }
    }
}

fn create(path: &Path) -> Result<File, String> {
    File::create(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// The policy as one would apply it.
fn policy(spec: &str) -> String {
    let head = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: tcp-policy, namespace: foo}\nspec:";
    format!("{head}{spec}")
}

/// Puts policies where Envoy finds them.
struct Demo {
    ecds: PathBuf,
    /// The file of the example, whose policies are replaced.
    resource: String,
}

impl Demo {
    fn put(&self, version: usize, spec: &str) -> Result<(), String> {
        let key = "policies: |";
        let (head, _) = self.resource.split_once(key).ok_or("the example has no `policies`")?;
        let indent = head.len() - head.trim_end_matches(' ').len();
        let policies = if spec.is_empty() {
            "policies: []\n".to_owned()
        } else {
            let lines = policy(spec);
            let lines = lines.lines().map(|line| format!("{:indent$}  {line}\n", ""));
            format!("{key}\n{}", lines.collect::<String>())
        };
        let text = format!("{}{policies}", head.replace("version_info: \"1\"", &format!("version_info: \"{version}\"")));
        let (new, place) = (self.ecds.join("new"), self.ecds.join("authz.yaml"));
        fs::write(&new, text).and_then(|()| fs::rename(&new, &place)).map_err(|error| format!("{}: {error}", place.display()))
    }
}

/// Says hello to every line.
fn serve(port: u16) -> io::Result<()> {
    let listener = TcpListener::bind((SERVICE, port))?;
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || -> io::Result<()> {
                for line in BufReader::new(&stream).lines() {
                    writeln!(&stream, "hello {}", line?)?;
                }
                Ok(())
            });
        }
    });
    Ok(())
}

/// What the service answers through Envoy; nothing where the connection is closed first.
fn ask(port: u16) -> io::Result<Option<String>> {
    let mut stream = TcpStream::connect((ENVOY, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // A connection that is refused may be gone before a byte was sent.
    let _ = writeln!(stream, "port {port}").and_then(|()| stream.shutdown(Shutdown::Write));
    let mut answer = String::new();
    match stream.read_to_string(&mut answer) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
        Err(error) => return Err(error),
    }
    Ok(Some(answer.trim_end().to_owned()).filter(|answer| !answer.is_empty()))
}

/// How many configurations of the filter Envoy has taken.
fn reloads() -> Result<u64, String> {
    let ask = || -> io::Result<String> {
        let mut stream = TcpStream::connect(ADMIN)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET /stats?filter=authz.config_reload HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().map_err(|error| format!("{ADMIN}: {error}"))?;
    let count = answer.lines().find_map(|line| line.split_once("config_reload: ")?.1.trim().parse().ok());
    count.ok_or_else(|| format!("{ADMIN} counts no configurations"))
}

/// Asks until the answer is yes.
fn wait(what: &str, running: &mut Running, mut holds: impl FnMut() -> Result<bool, String>) -> Result<(), String> {
    let start = Instant::now();
    while !holds()? {
        if let Ok(Some(status)) = running.0.try_wait() {
            return Err(format!("Envoy ended ({status}) before {what}; target/demo/envoy.log says why"));
        }
        if start.elapsed() > PATIENCE {
            return Err(format!("it did not happen within {PATIENCE:?} that {what}; see target/demo/envoy.log"));
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// The lines of a file that grows.
struct Lines {
    path: PathBuf,
    read: usize,
}

impl Lines {
    fn next(&mut self, running: &mut Running) -> Result<String, String> {
        let mut found = None;
        wait("Envoy logs the connection", running, || {
            let text = read(&self.path)?;
            let whole = text.rfind('\n').map_or("", |end| text.get(..end).unwrap_or_default());
            found = whole.lines().nth(self.read).map(str::to_owned);
            Ok(found.is_some())
        })?;
        self.read += 1;
        Ok(found.unwrap_or_default())
    }
}

/// An Envoy, ended with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already is ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
