//! A proxy that Debian packages, as a process with a folder of its own: it and its workers end with the value.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use crate::{artifact, wait_for};

/// A master process and its workers, in a process namespace that ends with the master.
#[derive(Debug)]
pub(crate) struct Process {
    namespace: Child,
    pub(crate) folder: PathBuf,
}

/// A program of an unpacked package, with the libraries that came with it.
pub(crate) fn program(command: &mut Command) -> &mut Command {
    command.env("LD_LIBRARY_PATH", artifact::path(artifact::LIBRARIES))
}

/// Where an unpacked package has a file.
pub(crate) fn debian(path: &str) -> PathBuf {
    artifact::path(artifact::DEBIAN).join(path)
}

/// Runs a command to its end, and answers whether it succeeded and what it said.
pub(crate) fn run(command: &mut Command) -> (bool, String) {
    let Output { status, stdout, stderr } = program(command).stdin(Stdio::null()).output().expect("a program that was unpacked");
    (status.success(), [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat())
}

/// Writes a file of a folder, which may be in a folder of that.
pub(crate) fn put(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap_or(folder)).expect("a folder of the test's own");
    fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

impl Process {
    /// Starts a program, with its arguments, in a folder; what it says goes to `log` there.
    pub(crate) fn start(words: &[String], folder: PathBuf) -> Self {
        let log = File::create(folder.join("log")).expect("a folder of the test's own");
        let both = log.try_clone().expect("a file");
        // Should the test's process be killed, the namespace is, and with it the workers.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child"]).args(words);
        let namespace = program(&mut command)
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(both)
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("setpriv, of the package util-linux: {error}"));
        Self { namespace, folder }
    }

    /// The master's number outside of its namespace.
    pub(crate) fn master(&self) -> i32 {
        wait_for("the master process", || match children(self.namespace.id().try_into().expect("a number of a process"))[..] {
            [master] => Ok(master),
            _ => Err(self.log()),
        })
    }

    /// Sends the master a signal once it takes it: the first process of a namespace never hears of others.
    pub(crate) fn signal(&self, number: i32) {
        let master = self.master();
        let signal = Signal::try_from(number).expect("a number of `libc`");
        wait_for(&format!("that the master takes {signal}"), || {
            let status = fs::read_to_string(format!("/proc/{master}/status")).unwrap_or_default();
            let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or_default().trim().to_owned();
            let is_caught = u64::from_str_radix(&caught, 16).is_ok_and(|caught| caught >> (number - 1) & 1 == 1);
            if is_caught { Ok(()) } else { Err(caught) }
        });
        signal::kill(Pid::from_raw(master), signal).expect("the master runs");
    }

    /// What it has said so far.
    pub(crate) fn log(&self) -> String {
        self.text("log")
    }

    /// What a file of the folder holds; nothing if there is none.
    pub(crate) fn text(&self, file: &str) -> String {
        fs::read(self.folder.join(file)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.namespace.try_wait(), Ok(None))
    }
}

/// The processes that a process has started.
pub(crate) fn children(process: i32) -> Vec<i32> {
    let text = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|number| number.parse().ok()).collect()
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended already is ended.
        let _ = self.namespace.kill();
        let _ = self.namespace.wait();
        if std::thread::panicking() {
            eprintln!("what the proxy left is in {}:\n{}", self.folder.display(), self.log());
        } else {
            // What nobody will look at.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}
