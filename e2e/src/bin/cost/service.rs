//! The service behind Envoy: it says what it hears.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

/// More than there are connections at a time, so that nobody waits for one of them.
const THREADS: usize = 32;

/// Starts it at all addresses and answers at which port. It runs until the process ends.
///
/// Its threads wait for connections themselves: to start one for each would take time from the core that Envoy is
/// measured on.
pub(crate) fn start() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    for _ in 0..THREADS {
        let listener = listener.try_clone().expect("a file descriptor");
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // Its other side may have gone; the one who counts the answers is the client.
                let _ = echo(stream);
            }
        });
    }
    port
}

fn echo(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; 64];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            count => stream.write_all(&buffer[..count])?,
        }
    }
}
