//! A stand-in for Slack's incoming webhooks: it takes messages, remembers when each came, and answers as it is told.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Instant,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::OwnedMutexGuard,
};

/// How it answers a message.
#[derive(Debug, Clone, Copy)]
pub enum Answer {
    /// With this status, this word, and `Retry-After` where it is given (s).
    Says(u16, &'static str, Option<u64>),
    /// It takes the message, and the connection ends without an answer.
    Cut,
}

/// A message that came.
#[derive(Debug, Clone)]
pub struct Heard {
    /// When.
    pub at: Instant,
    /// Where, as a path.
    pub path: String,
    /// What it says where no blocks are shown.
    pub text: String,
    /// What it shows.
    pub shown: String,
    /// The addresses that are links in what it shows.
    pub links: Vec<String>,
    /// The status that it was answered with; 0: none.
    pub status: u16,
}

/// The running stand-in. It answers `ok` unless it was told otherwise.
#[derive(Debug, Clone)]
pub struct Slack {
    /// Where it listens.
    pub origin: String,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    heard: Arc<Mutex<Vec<Heard>>>,
    gate: Arc<tokio::sync::Mutex<()>>,
}

impl Slack {
    /// Starts it. It ends with the test's runtime.
    ///
    /// # Panics
    /// There is no free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let origin = format!("http://{}", listener.local_addr().expect("an address"));
        let slack = Self { origin, answers: Arc::default(), heard: Arc::default(), gate: Arc::default() };
        let own = slack.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let own = own.clone();
                tokio::spawn(async move { own.serve(connection).await });
            }
        });
        slack
    }

    /// Has it answer the next messages so, in this order.
    ///
    /// # Panics
    /// A holder of the lock panicked.
    pub fn answer(&self, answers: impl IntoIterator<Item = Answer>) {
        self.answers.lock().expect("the lock").extend(answers);
    }

    /// Has it answer nobody for as long as this is kept.
    pub async fn hold(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.gate).lock_owned().await
    }

    /// What came so far.
    ///
    /// # Panics
    /// A holder of the lock panicked.
    #[must_use]
    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().expect("the lock").clone()
    }

    /// The settings of a worker that has one channel, `ops`, whose webhook ends in `secret`.
    #[must_use]
    pub fn settings(&self, secret: &str) -> [(&'static str, String); 2] {
        [("SLACK_WEBHOOKS", format!("ops={}/services/{secret}", self.origin)), ("SLACK_ORIGINS", self.origin.clone())]
    }

    /// One request after the other, until one cannot be read or is not to be answered.
    async fn serve(&self, connection: TcpStream) -> Option<()> {
        let mut connection = BufReader::new(connection);
        loop {
            let (mut line, mut path, mut length) = (String::new(), String::new(), 0);
            while connection.read_line(&mut line).await.ok()? > 0 && line.trim_end() != "" {
                if let Some(rest) = line.strip_prefix("POST ") {
                    rest.split(' ').next()?.clone_into(&mut path);
                } else if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().ok()?;
                }
                line.clear();
            }
            let mut body = vec![0; length];
            connection.read_exact(&mut body).await.ok()?;
            let message: Value = serde_json::from_slice(&body).ok()?;
            let answer = self.answers.lock().ok()?.pop_front().unwrap_or(Answer::Says(200, "ok", None));
            let status = if let Answer::Says(status, ..) = answer { status } else { 0 };
            let (shown, links) = shown(&message)?;
            let heard = Heard { at: Instant::now(), path, text: message["text"].as_str()?.to_owned(), shown, links, status };
            self.heard.lock().ok()?.push(heard);
            drop(self.gate.lock().await);
            let Answer::Says(status, word, retry_after) = answer else { return None };
            let later = retry_after.map_or_else(String::new, |seconds| format!("retry-after: {seconds}\r\n"));
            let said = format!("HTTP/1.1 {status} so\r\ncontent-length: {}\r\n{later}\r\n{word}", word.len());
            connection.get_mut().write_all(said.as_bytes()).await.ok()?;
        }
    }
}

/// What a message shows, line by line, and what is a link in it: as Slack's documents have it. Nothing: Slack would not take it.
fn shown(message: &Value) -> Option<(String, Vec<String>)> {
    let blocks = message["blocks"].as_array().filter(|blocks| blocks.len() <= 50)?;
    let (mut lines, mut links) = (Vec::new(), Vec::new());
    for block in blocks {
        match block["type"].as_str()? {
            "section" => lines.push(marked_up(&block["text"], &mut links)?),
            "rich_text" => {
                for section in block["elements"].as_array()? {
                    lines.push(elements(section, &mut links)?);
                }
            }
            _ => return None,
        }
    }
    (message["unfurl_links"] == false).then(|| (lines.join("\n"), links))
}

/// A line of rich text: what each element is its type says, and no sign in it.
fn elements(section: &Value, links: &mut Vec<String>) -> Option<String> {
    let elements = section["elements"].as_array().filter(|_| section["type"] == "rich_text_section")?;
    let mut line = String::new();
    for element in elements {
        let text = element["text"].as_str().filter(|text| (1..=3000).contains(&text.chars().count()))?;
        match element["type"].as_str()? {
            "text" => {}
            "link" => links.push(element["url"].as_str()?.to_owned()),
            _ => return None,
        }
        line.push_str(text);
    }
    Some(line)
}

/// A text object. In `mrkdwn` what stands in angle brackets is a link, every address too unless the text is `verbatim`, and marks about words are no signs.
fn marked_up(text: &Value, links: &mut Vec<String>) -> Option<String> {
    let words = text["text"].as_str().filter(|words| (1..=3000).contains(&words.chars().count()))?;
    if text["type"] == "plain_text" {
        return Some(words.to_owned());
    }
    let meant = words.split('<').skip(1).filter_map(|rest| rest.split_once('>')).map(|(inside, _)| inside);
    links.extend(meant.map(|inside| inside.split('|').next().unwrap_or_default().to_owned()));
    if text["verbatim"] != true {
        let bare = words.split(|c: char| c.is_whitespace() || "<>|".contains(c)).filter(|word| word.contains("://"));
        links.extend(bare.map(str::to_owned));
    }
    let mut shown = words.to_owned();
    for mark in ['*', '_', '~', '`'] {
        let parts: Vec<&str> = shown.split(mark).collect();
        shown = if parts.len() > 2 { parts.concat() } else { shown.clone() };
    }
    Some(shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
}
