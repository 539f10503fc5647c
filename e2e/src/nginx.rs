//! Debian's nginx with the module: started by a configuration for people, reloaded, and read by its logs.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::libc;

use crate::process::{Process, children, debian, put, run};
use crate::{artifact, wait_for};

/// An nginx that runs. It ends with this value.
#[derive(Debug)]
pub struct Nginx(Process);

/// How many workers [`configuration`] asks for.
pub const WORKERS: usize = 2;

/// A configuration whose `stream` block holds this.
pub fn configuration(stream: &str) -> String {
    format!(
        "load_module modules/ngx_stream_module.so;\n\
         load_module modules/ngx_stream_authz_module.so;\n\
         worker_processes {WORKERS};\n\
         error_log error.log notice;\n\
         events {{ worker_connections 4096; }}\n\
         stream {{\n\
             log_format authz '$remote_addr $server_port $status $bytes_sent $authz_verdict $authz_reason $authz_policy \
             $authz_rule $authz_shadow';\n\
             access_log access.log authz;\n\
             {stream}\n\
         }}\n"
    )
}

/// What nginx is told whatever its configuration says: as Debian's service, it stays in the foreground.
const GLOBALS: &str = "daemon off; user root; pid nginx.pid;";

impl Nginx {
    /// A folder with `nginx.conf`, other files and the modules.
    pub fn folder(configuration: &str, files: &[(&str, &str)]) -> PathBuf {
        let folder = artifact::folder("nginx");
        let modules = folder.join("modules");
        fs::create_dir(&modules).expect("a folder of the test's own");
        symlink(debian("usr/lib/nginx/modules/ngx_stream_module.so"), modules.join("ngx_stream_module.so")).expect("a link");
        symlink(artifact::path(artifact::NGINX_MODULE), modules.join("ngx_stream_authz_module.so")).expect("a link");
        put(&folder, "nginx.conf", configuration);
        files.iter().for_each(|(name, text)| put(&folder, name, text));
        folder
    }

    /// Whether `nginx -t` takes what the folder holds, and what it says.
    pub fn check(folder: &Path) -> (bool, String) {
        run(Command::new(debian("usr/sbin/nginx")).args(arguments(folder)).arg("-t"))
    }

    /// Starts one and waits until its workers listen.
    pub fn start(configuration: &str, files: &[(&str, &str)]) -> Self {
        Self::start_below(&[], configuration, files)
    }

    /// Starts one below another program, such as valgrind, whose words stand before its own.
    pub fn start_below(words: &[&str], configuration: &str, files: &[(&str, &str)]) -> Self {
        let folder = Self::folder(configuration, files);
        let own = [debian("usr/sbin/nginx").display().to_string()].into_iter().chain(arguments(&folder));
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).chain(own).collect();
        let mut nginx = Self(Process::start(&words, folder));
        wait_for("that nginx serves", || {
            assert!(!nginx.0.has_ended(), "nginx ended before it served:\n{}", nginx.0.log());
            if nginx.listening().is_empty() { Err(nginx.0.log()) } else { Ok(()) }
        });
        nginx
    }

    /// Replaces a file of its folder.
    pub fn put(&self, name: &str, text: &str) {
        put(&self.0.folder, name, text);
    }

    /// Whether `nginx -t` takes what its folder holds now, and what it says.
    pub fn check_again(&self) -> (bool, String) {
        Self::check(&self.0.folder)
    }

    /// Has it read its configuration again, and waits until workers of before accept no more connections.
    pub fn reload(&self) {
        let before = self.listening();
        self.0.signal(libc::SIGHUP);
        wait_for("that other workers accept", || {
            let now = self.listening();
            if now.is_disjoint(&before) && !now.is_empty() { Ok(()) } else { Err(self.error_log()) }
        });
    }

    /// Has it read its configuration again, which it must refuse.
    pub fn reload_in_vain(&self) {
        let before = (self.listening(), self.error_log().matches("[emerg]").count());
        self.0.signal(libc::SIGHUP);
        wait_for("a refusal", || match self.error_log() {
            log if log.matches("[emerg]").count() > before.1 => Ok(()),
            log => Err(log),
        });
        assert_eq!(self.listening(), before.0, "other workers accept");
    }

    /// The workers that accept connections.
    fn listening(&self) -> BTreeSet<i32> {
        let master = self.0.master();
        let sockets = sockets(master, |state| state == LISTENS);
        children(master).into_iter().filter(|worker| open_files(*worker).iter().any(|file| sockets.contains(file))).collect()
    }

    /// Has it end when its connections have, and waits for that.
    pub fn quit(&mut self) {
        self.0.signal(libc::SIGQUIT);
        wait_for("the end of nginx", || if self.0.has_ended() { Ok(()) } else { Err(self.error_log()) });
    }

    /// What files of its folder hold whose names start so, by their names.
    pub fn files(&self, start: &str) -> Vec<(String, String)> {
        let files = fs::read_dir(&self.0.folder).into_iter().flatten().flatten();
        let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
        names.filter(|name| name.starts_with(start)).map(|name| (name.clone(), self.0.text(&name))).collect()
    }

    /// What it wrote to its error log so far.
    pub fn error_log(&self) -> String {
        self.0.text("error.log")
    }

    /// The lines of the access log, once there are as many.
    pub fn access_log(&self, lines: usize) -> Vec<String> {
        wait_for(&format!("{lines} lines in the access log"), || {
            let text = self.0.text("access.log");
            let found: Vec<String> = text.lines().map(str::to_owned).collect();
            if found.len() >= lines { Ok(found) } else { Err(text) }
        })
    }

    /// How many connections its workers have open, to clients and upstreams.
    pub fn connections(&self) -> usize {
        let master = self.0.master();
        let sockets = sockets(master, |state| state != LISTENS);
        let of = |worker: i32| open_files(worker).iter().filter(|file| sockets.contains(*file)).count();
        children(master).into_iter().map(of).sum()
    }

    /// The memory of its workers, in KiB.
    pub fn resident_kib(&self) -> u64 {
        let of = |worker: i32| {
            let status = fs::read_to_string(format!("/proc/{worker}/status")).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
            line.trim().trim_end_matches("kB").trim().parse().unwrap_or(0_u64)
        };
        children(self.0.master()).into_iter().map(of).sum()
    }
}

fn arguments(folder: &Path) -> [String; 8] {
    let prefix = format!("{}/", folder.display());
    let globals = GLOBALS.into();
    ["-e".into(), "stderr".into(), "-p".into(), prefix, "-c".into(), "nginx.conf".into(), "-g".into(), globals]
}

/// What the kernel's tables call a socket that listens.
const LISTENS: &str = "0A";

/// The TCP sockets in the network of a process that are in one of some states, as open files name them.
fn sockets(process: i32, is_wanted: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let table = |name: &str| fs::read_to_string(format!("/proc/{process}/net/{name}")).unwrap_or_default();
    let lines = [table("tcp"), table("tcp6")].concat();
    let fields = lines.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let wanted = fields.filter(|fields| fields.get(3).is_some_and(|state| is_wanted(state)));
    wanted.filter_map(|fields| Some(format!("socket:[{}]", fields.get(9)?))).collect()
}

fn open_files(process: i32) -> Vec<String> {
    let files = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    files.filter_map(|file| Some(fs::read_link(file.path()).ok()?.to_string_lossy().into_owned())).collect()
}
