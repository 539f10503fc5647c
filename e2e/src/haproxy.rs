//! Debian's HAProxy with the module: started by a configuration for people.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::libc;

use crate::process::{Process, debian, put, run};
use crate::{artifact, wait_for};

/// A HAProxy that runs. It ends with this value.
#[derive(Debug)]
pub struct HaProxy(Process);

impl HaProxy {
    /// A folder with files, of which `haproxy.cfg` is the configuration, and the module.
    pub fn folder(files: &[(&str, &str)]) -> PathBuf {
        let folder = artifact::folder("haproxy");
        symlink(artifact::path(artifact::HAPROXY_MODULE), folder.join("authz.so")).expect("a link");
        files.iter().for_each(|(name, text)| put(&folder, name, text));
        folder
    }

    /// Whether `haproxy -c` takes what the folder holds, and what it says.
    pub fn check(folder: &Path) -> (bool, String) {
        run(Command::new(debian("usr/sbin/haproxy")).current_dir(folder).args(["-c", "-f", "haproxy.cfg"]))
    }

    /// Starts one and waits until it serves.
    pub fn start(files: &[(&str, &str)]) -> Self {
        let folder = Self::folder(files);
        let binary = debian("usr/sbin/haproxy").display().to_string();
        let words: Vec<String> = [&binary, "-W", "-db", "-f", "haproxy.cfg"].map(String::from).to_vec();
        let mut haproxy = Self(Process::start(&words, folder));
        haproxy.wait_for_workers(1);
        haproxy
    }

    /// Replaces a file of its folder.
    pub fn put(&self, name: &str, text: &str) {
        put(&self.0.folder, name, text);
    }

    /// Whether `haproxy -c` takes what its folder holds now, and what it says.
    pub fn check_again(&self) -> (bool, String) {
        Self::check(&self.0.folder)
    }

    /// Has it read its configuration again, and waits until it has decided whether to take it.
    pub fn reload(&mut self) {
        let (loaded, failed) = (self.count(LOADED), self.count(FAILED));
        self.0.signal(libc::SIGUSR2);
        wait_for(
            "a reload",
            || {
                if self.count(LOADED) > loaded || self.count(FAILED) > failed { Ok(()) } else { Err(self.log()) }
            },
        );
    }

    fn wait_for_workers(&mut self, workers: usize) {
        wait_for("that HAProxy serves", || {
            assert!(!self.0.has_ended(), "HAProxy ended before it served:\n{}", self.0.log());
            if self.count(LOADED) >= workers { Ok(()) } else { Err(self.log()) }
        });
    }

    fn count(&self, what: &str) -> usize {
        self.log().matches(what).count()
    }

    /// What it has said so far, also about connections.
    pub fn log(&self) -> String {
        self.0.log()
    }
}

/// What the master says once it has a new worker.
const LOADED: &str = "Loading success.";
/// What it says of a configuration that it does not take.
const FAILED: &str = "Loading failure!";
