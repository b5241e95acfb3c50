//! One connection's bytes: bounded lines in, replies out, TLS in between, every word in the dialogue.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::dialogue::Dialogue;

/// The longest time for a TLS handshake, or for the client to take a reply.
const PROMPT: Duration = Duration::from_secs(30);

/// Why a session ended.
pub(super) enum Ended {
    /// The client said QUIT.
    Quit,
    /// The server said 421, or greeted with a refusal.
    Refused,
    /// The client went away.
    HungUp,
    /// A rule cut the connection.
    Cut,
    /// Nothing came for too long.
    Idle,
    /// The sandbox stops.
    Stopped,
    /// The client would not stop sending.
    TooMuch,
    /// The TLS handshake failed.
    Tls(io::Error),
    /// The connection broke.
    Broken(io::Error),
}

/// A line of the client's, with its end.
pub(super) enum Line {
    Whole(Vec<u8>),
    /// The rest of it was dropped.
    TooLong,
}

/// A connection, encrypted or not.
pub(super) struct Wire {
    stream: BufReader<Box<dyn Stream>>,
    pub dialogue: Arc<Dialogue>,
    idle: Duration,
    stop: CancellationToken,
}

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for T {}

impl Wire {
    pub(super) fn new(stream: impl Stream + 'static, dialogue: Arc<Dialogue>, idle: Duration, stop: CancellationToken) -> Self {
        Self { stream: buffered(stream), dialogue, idle, stop }
    }

    /// The client's next line, of at most `limit` bytes.
    pub(super) async fn line(&mut self, limit: usize) -> Result<Line, Ended> {
        tokio::select! {
            line = tokio::time::timeout(self.idle, read_line(&mut self.stream, limit)) => line.map_err(|_| Ended::Idle)?,
            () = self.stop.cancelled() => Err(Ended::Stopped),
        }
    }

    /// Says this; the lines of the text become a multi-line reply.
    pub(super) async fn reply(&mut self, code: u16, text: &str) -> Result<(), Ended> {
        let lines: Vec<_> = text.lines().collect();
        let Some((last, others)) = lines.split_last() else { return self.say(&format!("{code} \r\n")).await };
        let mut reply: String = others.iter().map(|line| format!("{code}-{line}\r\n")).collect();
        reply.push_str(&format!("{code} {last}\r\n"));
        self.say(&reply).await
    }

    /// Sends what is already a reply.
    pub(super) async fn say(&mut self, reply: &str) -> Result<(), Ended> {
        for line in reply.lines() {
            self.dialogue.server(line);
        }
        let sending = async {
            self.stream.get_mut().write_all(reply.as_bytes()).await?;
            self.stream.get_mut().flush().await
        };
        tokio::time::timeout(PROMPT, sending).await.map_err(|_| Ended::Idle)?.map_err(Ended::Broken)
    }

    /// Waits as a rule asked, unless the sandbox stops.
    pub(super) async fn wait(&self, delay: Duration) -> Result<(), Ended> {
        if delay.is_zero() {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(delay) => Ok(()),
            () = self.stop.cancelled() => Err(Ended::Stopped),
        }
    }

    /// Goes on over TLS. What the client sent before the handshake is dropped: nobody vouches for it.
    pub(super) async fn encrypt(&mut self, acceptor: &TlsAcceptor) -> Result<(), Ended> {
        let clear = std::mem::replace(&mut self.stream, buffered(tokio::io::empty())).into_inner();
        let handshake = tokio::time::timeout(PROMPT, acceptor.accept(clear));
        self.stream = buffered(handshake.await.map_err(|_| Ended::Idle)?.map_err(Ended::Tls)?);
        self.dialogue.happened("encrypted");
        Ok(())
    }

    /// Takes leave of the client: encrypted streams say goodbye, so that it sees an end and not an attack.
    pub(super) async fn close(&mut self) {
        let _ = tokio::time::timeout(Duration::from_secs(1), self.stream.get_mut().shutdown()).await;
    }
}

fn buffered(stream: impl Stream + 'static) -> BufReader<Box<dyn Stream>> {
    BufReader::new(Box::new(stream))
}

async fn read_line(stream: &mut BufReader<Box<dyn Stream>>, limit: usize) -> Result<Line, Ended> {
    let mut line = Vec::new();
    let mut too_long = false;
    loop {
        let ready = stream.fill_buf().await.map_err(Ended::Broken)?;
        if ready.is_empty() {
            return Err(Ended::HungUp);
        }
        let end = ready.iter().position(|&byte| byte == b'\n').map(|at| at + 1);
        let taken = end.unwrap_or(ready.len());
        too_long |= line.len() + taken > limit;
        if !too_long {
            line.extend_from_slice(&ready[..taken]);
        }
        stream.consume(taken);
        if end.is_some() {
            return Ok(if too_long { Line::TooLong } else { Line::Whole(line) });
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quit => f.write_str("the client said QUIT"),
            Self::Refused => f.write_str("the server refused to go on"),
            Self::HungUp => f.write_str("the client hung up"),
            Self::Cut => f.write_str("cut by a rule"),
            Self::Idle => f.write_str("nothing came for too long"),
            Self::Stopped => f.write_str("the sandbox stopped"),
            Self::TooMuch => f.write_str("the client would not stop sending"),
            Self::Tls(error) => write!(f, "TLS failed: {error}"),
            Self::Broken(error) => write!(f, "the connection broke: {error}"),
        }
    }
}
