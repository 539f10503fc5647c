//! The services behind Envoy: one that speaks first, and the one of Istio's TCP task.

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// A service that counts its connections. It runs until the process ends.
#[derive(Clone, Debug)]
pub struct Upstream {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    bytes: Arc<AtomicUsize>,
}

const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

impl Upstream {
    /// A service that says `220 hello` as soon as someone connects, and `250` and the line to each line, as those of
    /// mail do.
    pub fn server_first() -> Self {
        Self::start(ANY_PORT, |stream, bytes| {
            let say = |answer: &str| {
                let is_said = (&stream).write_all(answer.as_bytes()).is_ok();
                bytes.fetch_add(if is_said { answer.len() } else { 0 }, Ordering::SeqCst);
                is_said
            };
            let mut lines = BufReader::new(&stream).lines();
            let mut goes_on = say("220 hello\n");
            while goes_on && let Some(Ok(line)) = lines.next() {
                goes_on = say(&format!("250 {line}\n"));
            }
        })
    }

    /// The tcp-echo of Istio's task: to each line it says `hello` and the line.
    pub fn echo() -> Self {
        Self::echo_at(ANY_PORT)
    }

    /// The same at an address.
    pub fn echo_at(address: SocketAddr) -> Self {
        Self::start(address, |stream, bytes| {
            let mut writer = &stream;
            for line in BufReader::new(&stream).lines() {
                let Ok(line) = line else { return };
                let answer = format!("hello {line}\n");
                if writer.write_all(answer.as_bytes()).is_err() {
                    return;
                }
                bytes.fetch_add(answer.len(), Ordering::SeqCst);
            }
        })
    }

    fn start(address: SocketAddr, serve: fn(TcpStream, &AtomicUsize)) -> Self {
        let listener = TcpListener::bind(address).expect("a free address");
        let address = listener.local_addr().expect("an address");
        let upstream = Self { address, connections: Arc::default(), bytes: Arc::default() };
        let counts = upstream.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                counts.connections.fetch_add(1, Ordering::SeqCst);
                let bytes = Arc::clone(&counts.bytes);
                // Many at a time, each with little to do.
                let connection = thread::Builder::new().stack_size(64 << 10);
                let _ = connection.spawn(move || serve(stream, &bytes));
            }
        });
        upstream
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections it has accepted.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// How many bytes it has sent.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::SeqCst)
    }
}
