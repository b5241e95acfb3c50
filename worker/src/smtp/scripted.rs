//! A mail server for tests that behaves but for what a script says.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// Where in a conversation the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    Greeting,
    Ehlo,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    Body,
    Rset,
}

/// What it does there, instead of behaving.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    /// Says this, a line or several.
    Say(&'static str),
    /// Closes the connection.
    Cut,
    /// Says nothing more.
    Hang,
}

/// What it offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offer {
    Plain,
    StartTls,
    Implicit,
}

/// A running server; it ends with its test.
pub(super) struct Server {
    pub(super) addr: SocketAddr,
    /// The server's own certificate, which a client must be told to trust.
    pub(super) ca_file: tempfile::NamedTempFile,
    state: Arc<State>,
}

struct State {
    offer: Offer,
    tls: TlsAcceptor,
    script: Mutex<VecDeque<(At, Act)>>,
    lines: Mutex<Vec<String>>,
    letters: Mutex<Vec<Vec<u8>>>,
    connections: Mutex<usize>,
}

impl Server {
    pub(super) async fn start(offer: Offer, script: &[(At, Act)]) -> Self {
        let certified =
            rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key)
            .expect("a certificate of ours");
        let ca_file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(ca_file.path(), certified.cert.pem()).expect("written");
        let state = Arc::new(State {
            offer,
            tls: TlsAcceptor::from(Arc::new(config)),
            script: Mutex::new(script.iter().copied().collect()),
            lines: Mutex::default(),
            letters: Mutex::default(),
            connections: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("an address");
        let serving = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *serving.connections.lock().expect("unpoisoned") += 1;
                let state = serving.clone();
                // How a connection ends is seen from the other side.
                tokio::spawn(async move { drop(state.connection(stream).await) });
            }
        });
        Self { addr, ca_file, state }
    }

    /// Every line that clients sent, but those of letters.
    pub(super) fn lines(&self) -> Vec<String> {
        self.state.lines.lock().expect("unpoisoned").clone()
    }

    /// The letters as they came, dots unstuffed.
    pub(super) fn letters(&self) -> Vec<Vec<u8>> {
        self.state.letters.lock().expect("unpoisoned").clone()
    }

    pub(super) fn connections(&self) -> usize {
        *self.state.connections.lock().expect("unpoisoned")
    }
}

/// Whether the conversation goes on, and how.
enum Next {
    GoOn,
    Encrypt,
    End,
}

impl State {
    async fn connection(&self, stream: TcpStream) -> io::Result<()> {
        if self.offer == Offer::Implicit {
            return self.converse(self.tls.accept(stream).await?, true, true).await.map(drop);
        }
        if let (Next::Encrypt, stream) = self.converse(stream, false, true).await? {
            self.converse(self.tls.accept(stream).await?, true, false).await?;
        }
        Ok(())
    }

    async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        encrypted: bool,
        greet: bool,
    ) -> io::Result<(Next, S)> {
        let mut stream = BufReader::new(stream);
        if greet && !self.answer(&mut stream, At::Greeting, "220 mail.example ESMTP").await? {
            return Ok((Next::End, stream.into_inner()));
        }
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok((Next::End, stream.into_inner()));
            }
            self.lines.lock().expect("unpoisoned").push(line.trim_end().to_owned());
            match self.command(&mut stream, line.trim_end(), encrypted).await? {
                Next::GoOn => {}
                next => return Ok((next, stream.into_inner())),
            }
        }
    }

    async fn command<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut BufReader<S>,
        line: &str,
        encrypted: bool,
    ) -> io::Result<Next> {
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let (at, usual) = match &*verb {
            "EHLO" if encrypted => (At::Ehlo, "250-mail.example\r\n250 AUTH PLAIN LOGIN"),
            "EHLO" if self.offer == Offer::StartTls => (At::Ehlo, "250-mail.example\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN"),
            "EHLO" => (At::Ehlo, "250-mail.example\r\n250 AUTH PLAIN LOGIN"),
            "STARTTLS" => (At::StartTls, "220 go ahead"),
            "AUTH" => (At::Auth, "235 2.7.0 welcome"),
            "MAIL" => (At::Mail, "250 2.1.0 ok"),
            "RCPT" => (At::Rcpt, "250 2.1.5 ok"),
            "DATA" => (At::Data, "354 go ahead"),
            "RSET" => (At::Rset, "250 2.0.0 ok"),
            "QUIT" => {
                stream.write_all(b"221 2.0.0 bye\r\n").await?;
                return Ok(Next::End);
            }
            _ => {
                stream.write_all(b"500 5.5.1 what?\r\n").await?;
                return Ok(Next::GoOn);
            }
        };
        let went_on = self.answer(stream, at, usual).await?;
        Ok(match at {
            _ if !went_on => Next::End,
            At::StartTls => Next::Encrypt,
            At::Data => {
                self.letter(stream).await?;
                if self.answer(stream, At::Body, "250 2.0.0 queued as 42").await? { Next::GoOn } else { Next::End }
            }
            _ => Next::GoOn,
        })
    }

    async fn letter<S: AsyncRead + Unpin>(&self, stream: &mut BufReader<S>) -> io::Result<()> {
        let mut letter = Vec::new();
        loop {
            let mut line = Vec::new();
            if stream.read_until(b'\n', &mut line).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line == b".\r\n" {
                self.letters.lock().expect("unpoisoned").push(letter);
                return Ok(());
            }
            letter.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
    }

    /// Whether the conversation goes on after it.
    async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut BufReader<S>,
        at: At,
        usual: &str,
    ) -> io::Result<bool> {
        let act = {
            let mut script = self.script.lock().expect("unpoisoned");
            let place = script.iter().position(|(place, _)| *place == at);
            place.and_then(|place| script.remove(place)).map(|(_, act)| act)
        };
        let words = match act {
            None => usual,
            Some(Act::Say(words)) => words,
            Some(Act::Cut) => return Ok(false),
            Some(Act::Hang) => std::future::pending().await,
        };
        stream.write_all(format!("{words}\r\n").as_bytes()).await?;
        stream.flush().await?;
        // A refused DATA is followed by no letter, a refused STARTTLS by no handshake.
        Ok(!(words.starts_with("421") || (matches!(at, At::StartTls) && !words.starts_with("220"))))
    }
}
