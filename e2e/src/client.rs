//! A peer of Envoy's: plaintext or TLS, from an address of its choice, with or without a PROXY header.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, HandshakeKind, SignatureScheme, StreamOwned, SupportedProtocolVersion,
};
use socket2::{Domain, Socket, Type};

use crate::TIMEOUT;
use crate::certificates::Identity;

/// Someone who connects.
#[derive(Clone, Debug)]
pub struct Client {
    to: SocketAddr,
    from: Option<IpAddr>,
    header: Option<SocketAddr>,
    tls: Option<Tls>,
}

#[derive(Clone, Debug)]
struct Tls {
    config: Arc<ClientConfig>,
    name: Option<String>,
}

/// What became of a connection, as its peer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Upstream's bytes arrived.
    Answer(String),
    /// The connection was closed, and nothing arrived before.
    Closed,
}

impl Client {
    /// Someone who connects to this address, in plaintext, from whatever address the kernel chooses.
    pub fn to(to: impl Into<SocketAddr>) -> Self {
        Self { to: to.into(), from: None, header: None, tls: None }
    }

    /// From this address.
    pub fn from(mut self, from: impl Into<IpAddr>) -> Self {
        self.from = Some(from.into());
        self
    }

    /// The same, with its sessions, to another address.
    pub fn redirected(&self, to: impl Into<SocketAddr>) -> Self {
        Self { to: to.into(), ..self.clone() }
    }

    /// With a PROXY header, version 2, that says the connection came from there.
    pub fn on_behalf_of(mut self, client: impl Into<IpAddr>) -> Self {
        self.header = Some(SocketAddr::new(client.into(), 4242));
        self
    }

    /// Over TLS, with this certificate or none.
    pub fn over_tls(self, identity: Option<&Identity>) -> Self {
        self.over_tls_to(identity, None)
    }

    /// Over TLS, asking for a server name or for none.
    pub fn over_tls_to(self, identity: Option<&Identity>, name: Option<&str>) -> Self {
        self.over_versions(identity, name, rustls::ALL_VERSIONS)
    }

    fn over_versions(
        mut self,
        identity: Option<&Identity>,
        name: Option<&str>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        let mut config = tls_config(identity, versions);
        config.enable_sni = name.is_some();
        self.tls = Some(Tls { config: Arc::new(config), name: name.map(str::to_owned) });
        self
    }

    /// Over version 1.2 of TLS, with this certificate or none.
    pub fn over_tls_1_2(self, identity: Option<&Identity>) -> Self {
        self.over_tls_1_2_to(identity, None)
    }

    /// Over version 1.2 of TLS, asking for a server name or for none.
    pub fn over_tls_1_2_to(self, identity: Option<&Identity>, name: Option<&str>) -> Self {
        self.over_versions(identity, name, &[&rustls::version::TLS12])
    }

    /// Connects, and sends the PROXY header if there is one. The handshake starts with the first byte.
    ///
    /// # Errors
    ///
    /// When the kernel refuses, and for a name that nobody may ask for.
    pub fn connect(&self) -> io::Result<Conversation> {
        let socket = Socket::new(Domain::for_address(self.to), Type::STREAM, None)?;
        if let Some(from) = self.from {
            socket.bind(&SocketAddr::new(from, 0).into())?;
        }
        socket.connect_timeout(&self.to.into(), TIMEOUT)?;
        let mut stream = TcpStream::from(socket);
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        if let Some(from) = self.header {
            stream.write_all(&proxy_header(from, self.to))?;
        }
        let stream = match &self.tls {
            None => Stream::Plain(stream),
            Some(Tls { config, name }) => {
                let name = match name {
                    Some(name) => ServerName::try_from(name.clone()).map_err(io::Error::other)?,
                    None => self.to.ip().into(),
                };
                let session = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
                Stream::Tls(Box::new(StreamOwned::new(session, stream)))
            }
        };
        Ok(Conversation { stream })
    }

    /// Connects, says a line and waits for a line or the end.
    ///
    /// # Errors
    ///
    /// When neither comes.
    pub fn ask(&self, line: &str) -> io::Result<Seen> {
        match self.connect() {
            Ok(mut conversation) => conversation.ask(line),
            Err(error) => ended(error),
        }
    }

    /// Connects, is silent and waits for a line or the end.
    ///
    /// # Errors
    ///
    /// When neither comes.
    pub fn listen(&self) -> io::Result<Seen> {
        match self.connect() {
            Ok(mut conversation) => conversation.listen(),
            Err(error) => ended(error),
        }
    }
}

/// A client keeps the sessions of its connections and resumes them.
fn tls_config(identity: Option<&Identity>, versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .expect("a provider with its own versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone(provider)));
    match identity {
        Some(identity) => {
            config.with_client_auth_cert(identity.chain.clone(), identity.key.clone_key()).expect("a key of its certificate")
        }
        None => config.with_no_client_auth(),
    }
}

/// A connection.
#[derive(Debug)]
pub struct Conversation {
    stream: Stream,
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Conversation {
    /// Says a line and waits for a line or the end.
    ///
    /// # Errors
    ///
    /// When neither comes.
    pub fn ask(&mut self, line: &str) -> io::Result<Seen> {
        match self.say(line) {
            Ok(()) => self.listen(),
            Err(error) => ended(error),
        }
    }

    /// Completes the TLS handshake, as far as the client can tell.
    ///
    /// # Errors
    ///
    /// When the server ends it.
    pub fn handshake(&mut self) -> io::Result<()> {
        match &mut self.stream {
            Stream::Plain(_) => Ok(()),
            Stream::Tls(stream) => {
                while stream.conn.is_handshaking() {
                    stream.conn.complete_io(&mut stream.sock)?;
                }
                Ok(())
            }
        }
    }

    /// Whether the TLS session is one that an earlier connection began.
    pub fn is_resumed(&self) -> bool {
        match &self.stream {
            Stream::Plain(_) => false,
            Stream::Tls(stream) => stream.conn.handshake_kind() == Some(HandshakeKind::Resumed),
        }
    }

    /// Says a line.
    ///
    /// # Errors
    ///
    /// As writing to a connection that is closed.
    pub fn say(&mut self, line: &str) -> io::Result<()> {
        let line = format!("{line}\n");
        match &mut self.stream {
            Stream::Plain(stream) => stream.write_all(line.as_bytes()),
            Stream::Tls(stream) => stream.write_all(line.as_bytes()).and_then(|()| stream.flush()),
        }
    }

    /// Waits for a line or the end.
    ///
    /// # Errors
    ///
    /// When neither comes.
    pub fn listen(&mut self) -> io::Result<Seen> {
        let mut bytes = Vec::new();
        let mut byte = [0];
        loop {
            let read = match &mut self.stream {
                Stream::Plain(stream) => stream.read(&mut byte),
                Stream::Tls(stream) => stream.read(&mut byte),
            };
            match read {
                Ok(0) if bytes.is_empty() => return Ok(Seen::Closed),
                Ok(0) => return Err(io::Error::other(format!("the end after {:?}", String::from_utf8_lossy(&bytes)))),
                Ok(_) if byte == *b"\n" => return Ok(Seen::Answer(String::from_utf8_lossy(&bytes).into_owned())),
                Ok(_) => bytes.extend(byte),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if bytes.is_empty() => return ended(error),
                Err(error) => return Err(error),
            }
        }
    }

    /// Ends its own side of the connection.
    ///
    /// # Errors
    ///
    /// When the connection is closed already.
    pub fn half_close(&mut self) -> io::Result<()> {
        match &mut self.stream {
            Stream::Plain(stream) => stream.shutdown(Shutdown::Write),
            Stream::Tls(stream) => {
                stream.conn.send_close_notify();
                stream.flush()?;
                stream.sock.shutdown(Shutdown::Write)
            }
        }
    }
}

/// An end without ceremony is one, too: a reset, or TLS without a goodbye.
fn ended(error: io::Error) -> io::Result<Seen> {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => Ok(Seen::Closed),
        _ => Err(error),
    }
}

/// A PROXY header, version 2, for TCP.
fn proxy_header(from: SocketAddr, to: SocketAddr) -> Vec<u8> {
    let mut addresses = Vec::new();
    let family = match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            addresses.extend(from.octets());
            addresses.extend(to.octets());
            0x11
        }
        (from, to) => {
            for address in [from, to] {
                addresses.extend(match address {
                    IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
                    IpAddr::V6(address) => address.octets(),
                });
            }
            0x21
        }
    };
    addresses.extend(from.port().to_be_bytes());
    addresses.extend(to.port().to_be_bytes());
    let length = u16::try_from(addresses.len()).expect("36 at most");
    [&b"\r\n\r\n\0\r\nQUIT\n\x21"[..], &[family], &length.to_be_bytes(), &addresses].concat()
}

/// Takes any server: who Envoy is does not matter here, who its peers are does.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
