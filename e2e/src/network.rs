//! A network of the test's own: a namespace in which it has all addresses and ports to itself.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::IpAddr;
use std::process::{Command, Stdio};
use std::thread;

/// A network of which `lo` is the only interface.
///
/// It is that of the thread that [`Network::run`] makes, of threads that this one makes, and of their processes;
/// with the last of them it is gone.
#[derive(Debug)]
pub struct Network(());

impl Network {
    /// Does `work` in a network of its own; a panic in it is one here.
    pub fn run<T: Send>(work: impl FnOnce(&Network) -> T + Send) -> T {
        let own = || {
            nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).unwrap_or_else(|error| {
                panic!("a network namespace cannot be made ({error}); run as root, or under `unshare --map-root-user`")
            });
            let network = Network(());
            network.ip("link set lo up\n");
            work(&network)
        };
        let outcome = thread::scope(|scope| scope.spawn(own).join());
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Makes addresses ours, and says which the kernel refuses to.
    pub fn add(&self, addresses: impl IntoIterator<Item = IpAddr>) -> Vec<IpAddr> {
        // A socket may be bound to a broadcast address, and connects from another then; nobody may connect to one.
        let is_ours = |address: &IpAddr| {
            let socket = std::net::UdpSocket::bind((*address, 0));
            socket.is_ok_and(|socket| socket.connect((*address, 9)).is_ok())
        };
        let addresses: BTreeSet<IpAddr> = addresses.into_iter().collect();
        let mut lines = String::new();
        for address in addresses.iter().filter(|address| !address.is_unspecified() && !is_ours(address)) {
            let (bits, options) = if address.is_ipv4() { (32, "") } else { (128, " nodad") };
            let _ = writeln!(lines, "address add {address}/{bits} dev lo{options}");
        }
        self.ip(&lines);
        addresses.into_iter().filter(|address| !is_ours(address)).collect()
    }

    /// Runs commands of `ip`, a line each; those that fail are passed over.
    fn ip(&self, lines: &str) {
        let mut ip = Command::new("ip")
            .args(["-force", "-batch", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("ip, of the package iproute2: {error}"));
        // Its input is closed behind this, which ends it.
        ip.stdin.take().expect("its input is a pipe").write_all(lines.as_bytes()).expect("ip reads its input");
        ip.wait().expect("ip ends");
    }
}
