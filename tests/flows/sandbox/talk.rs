//! A client that says exactly what it is told, for what no decent client would say.

use anyhow::{Context, bail};
use faena_tests::wait::PATIENCE;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// A session in clear text.
pub(super) struct Talk(BufReader<TcpStream>);

impl Talk {
    /// Connects and reads the greeting.
    pub(super) async fn open(addr: &str) -> anyhow::Result<Self> {
        let mut talk = Self(BufReader::new(TcpStream::connect(addr).await.context("connecting")?));
        let greeting = talk.hear().await?;
        if !greeting.starts_with("220 ") {
            bail!("greeted with {greeting}");
        }
        Ok(talk)
    }

    /// Connects, says EHLO, and starts a message to this address, as far as RCPT.
    pub(super) async fn open_message(addr: &str, to: &str) -> anyhow::Result<Self> {
        let mut talk = Self::open(addr).await?;
        for line in ["EHLO test.example".to_owned(), "MAIL FROM:<a@example.com>".to_owned(), format!("RCPT TO:<{to}>")] {
            let reply = talk.say(&line).await?;
            if !reply.starts_with("250") {
                bail!("{line} was answered {reply}");
            }
        }
        Ok(talk)
    }

    /// Says a line and hears the reply, whose lines are joined by `\n`.
    pub(super) async fn say(&mut self, line: &str) -> anyhow::Result<String> {
        self.send(format!("{line}\r\n").as_bytes()).await?;
        self.hear().await
    }

    /// Sends these bytes.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.0.get_mut().write_all(bytes).await.context("sending")
    }

    /// Hears a reply; an error when the connection ends instead.
    pub(super) async fn hear(&mut self) -> anyhow::Result<String> {
        let mut reply = String::new();
        loop {
            let mut line = String::new();
            let reading = tokio::time::timeout(PATIENCE, self.0.read_line(&mut line));
            if reading.await.context("no reply came")?.context("hearing")? == 0 {
                bail!("the connection ended");
            }
            reply.push_str(line.trim_end());
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(reply);
            }
            reply.push('\n');
        }
    }
}
