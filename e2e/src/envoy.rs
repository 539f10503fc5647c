//! Envoy as a process: started, waited for, asked, and ended.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::certificates::Authority;
use crate::config::{self, Door, Listener};
use crate::{TIMEOUT, artifact, wait_for};

/// An Envoy that runs. It ends with this value.
#[derive(Debug)]
pub struct Envoy {
    process: Child,
    admin: SocketAddr,
    folder: PathBuf,
}

impl Envoy {
    /// Starts one with a worker and waits until it serves.
    pub fn start(listeners: &[Listener], authority: &Authority) -> Self {
        Self::try_start(listeners, authority, 1).unwrap_or_else(|log| panic!("Envoy ended before it served:\n{log}"))
    }

    /// Starts one and waits until it serves.
    ///
    /// # Errors
    ///
    /// Its log, if it ends instead.
    pub fn try_start(listeners: &[Listener], authority: &Authority, workers: usize) -> Result<Self, String> {
        Self::try_start_with(workers, |admin, folder| config::bootstrap(listeners, authority, admin, &folder.join("access.log")))
    }

    /// Starts one with a worker and a configuration of any kind, which is told where its admin interface has to be,
    /// and waits until it serves.
    pub fn start_with(bootstrap: impl FnOnce(SocketAddr) -> Value) -> Self {
        Self::try_start_with(1, |admin, _| bootstrap(admin)).unwrap_or_else(|log| panic!("Envoy ended before it served:\n{log}"))
    }

    fn try_start_with(workers: usize, bootstrap: impl FnOnce(SocketAddr, &Path) -> Value) -> Result<Self, String> {
        let folder = artifact::folder("envoy");
        // Nobody else is in the test's network to take the port in between.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let admin = free.expect("a free port");
        let file = folder.join("envoy.json");
        fs::write(&file, bootstrap(admin, &folder).to_string()).expect("a folder of the test's own");
        Self::run(&file, folder, admin, workers)
    }

    /// Starts one by a configuration for people, in a folder that `prepare` puts what it names into. Its admin
    /// interface has to be at 127.0.0.1:9901.
    pub fn by_file(file: &Path, prepare: impl FnOnce(&Path)) -> Self {
        let folder = artifact::folder("example");
        prepare(&folder);
        let admin = SocketAddr::from(([127, 0, 0, 1], 9901));
        Self::run(file, folder, admin, 1).unwrap_or_else(|log| panic!("{}: {log}", file.display()))
    }

    fn run(file: &Path, folder: PathBuf, admin: SocketAddr, workers: usize) -> Result<Self, String> {
        let log = File::create(folder.join("log")).expect("a folder of the test's own");
        let module = artifact::path(artifact::MODULE);
        // Should the test's process be killed, Envoy is too.
        let process = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .arg(artifact::path(artifact::ENVOY))
            .arg("--config-path")
            .arg(file)
            .args(["--concurrency", &workers.to_string(), "--disable-hot-restart", "--file-flush-interval-msec", "10"])
            .args(["--log-level", "warning", "--component-log-level", "wasm:info,dynamic_modules:info"])
            .env("ENVOY_DYNAMIC_MODULES_SEARCH_PATH", module.parent().unwrap_or(&folder))
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("setpriv, of the package util-linux: {error}"));
        let mut envoy = Self { process, admin, folder };
        let ended = wait_for("that Envoy serves", || match envoy.process.try_wait() {
            Ok(Some(status)) => Ok(Some(status)),
            _ => match envoy.try_get("/ready") {
                Ok(body) if body.starts_with("LIVE") => Ok(None),
                seen => Err(format!("{seen:?}\n{}", envoy.log())),
            },
        });
        match ended {
            None => Ok(envoy),
            Some(status) => Err(format!("{status}\n{}", envoy.log())),
        }
    }

    /// What the admin interface answers.
    pub fn get(&self, path: &str) -> String {
        self.try_get(path).unwrap_or_else(|why| panic!("GET {path}: {why}\n{}", self.log()))
    }

    fn try_get(&self, path: &str) -> Result<String, String> {
        let ask = || {
            let mut stream = TcpStream::connect_timeout(&self.admin, TIMEOUT)?;
            stream.set_read_timeout(Some(TIMEOUT))?;
            stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n").as_bytes())?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok::<_, std::io::Error>(answer)
        };
        let answer = ask().map_err(|error| error.to_string())?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or(format!("{answer:?}"))?;
        let is_chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
        if is_chunked { joined(body).ok_or(format!("{answer:?}")) } else { Ok(body.to_owned()) }
    }

    /// A counter or gauge, 0 if there is none.
    pub fn stat(&self, name: &str) -> u64 {
        let pattern: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '.' }).collect();
        let text = self.get(&format!("/stats?filter=^{pattern}$"));
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.map_or(0, |value| value.trim().parse().unwrap_or_else(|_| panic!("{name}: {value}")))
    }

    /// A counter of the filter's, by its name in the configuration.
    pub fn counter(&self, door: Door, name: &str) -> u64 {
        match door {
            Door::Wasm => self.stat(&format!("wasmcustom.{name}")),
            Door::Module => self.stat(&format!("dynamicmodulescustom.{name}")),
        }
    }

    /// Waits until a counter or gauge has a value.
    pub fn wait_for_stat(&self, name: &str, expected: u64) {
        wait_for(&format!("{name} = {expected}"), || match self.stat(name) {
            seen if seen == expected => Ok(()),
            seen => Err(seen.to_string()),
        });
    }

    /// Puts another configuration where Envoy discovers it, and waits until every worker has it.
    ///
    /// # Errors
    ///
    /// When Envoy refuses it.
    pub fn update(&self, folder: &Path, door: Door, version: usize, configuration: &str) -> Result<(), String> {
        let counts = || {
            let text = self.get(&format!("/stats?filter=^{DISCOVERY}"));
            let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(DISCOVERY)?.strip_prefix(name)?.parse().ok());
            [".config_reload: ", ".update_success: ", ".update_rejected: "].map(|name| value(name).unwrap_or(0_u64))
        };
        let before = counts();
        config::put_discovered(folder, door, version, configuration);
        wait_for(&format!("the update to version {version}"), || {
            let [reloads, successes, refusals] = counts();
            match () {
                // Once the first has been counted, every worker has it; also if it is refused.
                () if reloads > before[0] && successes > before[1] => Ok(Ok(())),
                () if refusals > before[2] => Ok(Err("it was refused".into())),
                () => Err(format!("{:?}", counts())),
            }
        })
    }

    /// What Envoy wrote to its log so far.
    pub fn log(&self) -> String {
        fs::read(self.folder.join("log")).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// The lines of the access log, once there are as many.
    pub fn access_log(&self, lines: usize) -> Vec<String> {
        wait_for(&format!("{lines} lines in the access log"), || {
            let text = fs::read_to_string(self.folder.join("access.log")).unwrap_or_default();
            let found: Vec<String> = text.lines().map(str::to_owned).collect();
            if found.len() >= lines { Ok(found) } else { Err(text) }
        })
    }

    /// The number of its process.
    pub fn process(&self) -> u32 {
        self.process.id()
    }

    /// The memory that it has, in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("Envoy runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process has memory");
        line.trim().trim_end_matches("kB").trim().parse().expect("a number")
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }
}

/// The text of chunks, each with its length in front.
fn joined(mut chunks: &str) -> Option<String> {
    let mut body = String::new();
    loop {
        let (length, rest) = chunks.split_once("\r\n")?;
        let length = usize::from_str_radix(length, 16).ok()?;
        if length == 0 {
            return Some(body);
        }
        body.push_str(rest.get(..length)?);
        chunks = rest.get(length..)?.strip_prefix("\r\n")?;
    }
}

const DISCOVERY: &str = "extension_config_discovery.network_filter.authz";

impl Drop for Envoy {
    fn drop(&mut self) {
        // One that has ended already is ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("the end of Envoy's log, of which all is in {}:", self.folder.display());
            lines.iter().skip(lines.len().saturating_sub(30)).for_each(|line| eprintln!("{line}"));
        } else {
            // What nobody will look at.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}
