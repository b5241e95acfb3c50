//! Channels of Slack, by incoming webhooks: SLACK_WEBHOOKS and SLACK_ORIGINS.
//!
//! <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>

use std::{collections::BTreeMap, time::Duration};

use clap::Args;
use jobs::{
    chat::{
        channel::ChannelName,
        webhook::{Origins, Webhook, WebhookProblem},
    },
    ports::{
        chat::{Chat, ChatTrouble, Door, Line, Message},
        mailer::BoxFuture,
    },
};
use reqwest::{Client, Response, StatusCode, redirect::Policy};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::{
    http::{chain, retry_after},
    settings::Mistakes,
};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer may take in all.
const TOTAL: Duration = Duration::from_secs(15);
/// Slack's answers are a word.
const MOST_BYTES: usize = 4096;
/// When it says "later" and not when.
const SHORT_WAIT: Duration = Duration::from_secs(30);
/// No wait that it asks for is longer.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// Which channels there are.
#[derive(Debug, Args)]
pub struct SlackArgs {
    /// Incoming webhooks of Slack by the names that notices use, for example ops=https://hooks.slack.com/services/…,desk=https://… Whoever knows
    /// one can write into its channel. One that an administrator has set at /admin/chat counts instead. Without any, nothing is said in a chat.
    #[arg(long, env = "SLACK_WEBHOOKS", hide_env_values = true)]
    pub slack_webhooks: Option<SecretString>,
    /// Where webhooks may lead, as origins separated by commas: a service that takes what Slack takes must be named here. Workers ask nobody else. The web
    /// must have the same.
    #[arg(long, env = "SLACK_ORIGINS", default_value = Origins::SLACK)]
    pub slack_origins: String,
}

impl SlackArgs {
    /// Reads the values; connects to nothing.
    pub fn checked(&self, mistakes: &mut Mistakes) -> Option<Slack> {
        let origins = mistakes.note("SLACK_ORIGINS", Origins::parse(&self.slack_origins));
        let given = self.slack_webhooks.as_ref().map(|given| given.expose_secret().trim()).unwrap_or_default();
        let origins = origins?;
        let webhooks = mistakes.note("SLACK_WEBHOOKS", webhooks(given, &origins));
        let client =
            Client::builder().connect_timeout(CONNECT).timeout(TOTAL).redirect(Policy::none()).user_agent("faena").build();
        let client = mistakes.note("SLACK_WEBHOOKS", client.map_err(|error| chain(&error)));
        Some(Slack { client: client?, webhooks: webhooks?, origins })
    }
}

/// What is wrong is told by the channel's name: the rest is secret.
fn webhooks(text: &str, origins: &Origins) -> Result<BTreeMap<String, Webhook>, String> {
    let mut webhooks = BTreeMap::new();
    for (place, entry) in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).enumerate() {
        let (name, url) = entry.split_once('=').ok_or_else(|| format!("its entry {} is not name=https://…", place + 1))?;
        let (name, url) = (name.trim(), url.trim());
        let known = ChannelName::parse(name)
            .ok_or_else(|| format!("the name of its entry {} is not 1 to 40 of a-z, 0-9, _ and -, a letter first", place + 1))?;
        let webhook = Webhook::parse(url, origins).map_err(|problem| match problem {
            WebhookProblem::NoAddress => format!("what {name} has is no web address"),
            WebhookProblem::Elsewhere => format!("what {name} has does not lead to one of SLACK_ORIGINS"),
        })?;
        if webhooks.insert(known.as_str().to_owned(), webhook).is_some() {
            return Err(format!("{name} is there twice"));
        }
    }
    Ok(webhooks)
}

/// The channels. Printing it shows their names only.
pub struct Slack {
    client: Client,
    webhooks: BTreeMap<String, Webhook>,
    origins: Origins,
}

impl std::fmt::Debug for Slack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slack").field("channels", &self.webhooks.keys()).finish_non_exhaustive()
    }
}

impl Chat for Slack {
    fn fingerprint(&self, channel: &str) -> Option<[u8; 32]> {
        self.webhooks.get(channel).map(Webhook::fingerprint)
    }

    fn read_webhook(&self, text: &str) -> Result<Webhook, WebhookProblem> {
        Webhook::parse(text, &self.origins)
    }

    fn post<'a>(&'a self, door: Door<'a>, message: &'a Message) -> BoxFuture<'a, Result<(), ChatTrouble>> {
        Box::pin(async move {
            let webhook = match door {
                Door::Webhook(webhook) => webhook,
                Door::Setting(channel) => {
                    self.webhooks.get(channel).ok_or_else(|| ChatTrouble::Refused { words: "no such channel".to_owned() })?
                }
            };
            let sent = self.client.post(webhook.expose()).json(&body(message)).send().await;
            match sent {
                Ok(response) => judge(response).await,
                // Nobody was reached: it cannot have arrived.
                Err(error) if error.is_connect() => Err(ChatTrouble::Away { words: chain(&error.without_url()) }),
                Err(error) => Err(ChatTrouble::Unknown { words: chain(&error.without_url()) }),
            }
        })
    }
}

/// Rich text, in which words, links and mentions are elements of different types: no sign that people have typed is markup, nobody is mentioned, and there are no
/// links but ours (<https://docs.slack.dev/reference/block-kit/blocks/rich-text-block>). What notifications show is no markup either (`mrkdwn`), and there are no
/// previews of our pages (<https://docs.slack.dev/messaging/unfurling-links-in-messages>).
fn body(message: &Message) -> Value {
    let blocks: Vec<Value> = message.parts.iter().map(|part| rich_text(part)).collect();
    json!({ "text": message.text, "mrkdwn": false, "blocks": blocks, "unfurl_links": false, "unfurl_media": false })
}

fn rich_text(lines: &[Line]) -> Value {
    let section = |line: &Line| {
        let words = (!line.words.is_empty()).then(|| json!({ "type": "text", "text": line.words }));
        let link = line.link.as_ref().map(|(url, label)| json!({ "type": "link", "url": url.as_str(), "text": label }));
        let blank = (words.is_some() && link.is_some()).then(|| json!({ "type": "text", "text": " " }));
        let elements: Vec<Value> = words.into_iter().chain(blank).chain(link).collect();
        json!({ "type": "rich_text_section", "elements": elements })
    };
    json!({ "type": "rich_text", "elements": lines.iter().map(section).collect::<Vec<_>>() })
}

async fn judge(mut response: Response) -> Result<(), ChatTrouble> {
    let (status, wait) = (response.status(), retry_after(&response).map(|wait| wait.min(LONGEST_WAIT)));
    if status.is_success() {
        return Ok(());
    }
    let mut said = Vec::new();
    while let Ok(Some(piece)) = response.chunk().await {
        said.extend_from_slice(&piece);
        if said.len() > MOST_BYTES {
            break;
        }
    }
    Err(sort(status, wait, &String::from_utf8_lossy(&said)))
}

fn sort(status: StatusCode, wait: Option<Duration>, said: &str) -> ChatTrouble {
    let said: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
    let words = format!("{} {said}", status.as_u16()).trim_end().to_owned();
    match status.as_u16() {
        429 => ChatTrouble::Quiet { wait: wait.unwrap_or(SHORT_WAIT), words },
        // no_service, channel_not_found; channel_is_archived; action_prohibited, team_disabled, invalid_token.
        403 | 404 | 410 => ChatTrouble::Gone { words },
        // Somebody in between gave up waiting, or lost the answer.
        408 | 502 | 504 => ChatTrouble::Unknown { words },
        500.. => ChatTrouble::Away { words },
        _ => ChatTrouble::Refused { words },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(webhooks: &str, origins: &str) -> (Option<Slack>, String) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let args = SlackArgs { slack_webhooks: Some(webhooks.into()), slack_origins: origins.to_owned() };
        assert!(!format!("{args:?}").contains("T000"), "secrets do not print");
        let mut mistakes = Mistakes::default();
        let slack = args.checked(&mut mistakes);
        assert!(!format!("{slack:?}{mistakes}").contains("T000"), "secrets do not print");
        (slack, mistakes.as_slice().join("; "))
    }

    #[test]
    fn a_webhook_leads_to_slack_and_nowhere_else() {
        let slack = "https://hooks.slack.com";
        let (read, mistakes) =
            checked("ops=https://hooks.slack.com/services/T000/B/x, desk=https://hooks.slack.com/services/T000/B/y", slack);
        let read = read.expect(&mistakes);
        assert_ne!(read.fingerprint("ops"), read.fingerprint("desk"));
        assert_eq!(read.fingerprint("nobody"), None);
        for elsewhere in [
            "ops=http://hooks.slack.com/T000",
            "ops=https://169.254.169.254/T000",
            "ops=https://hooks.slack.com.evil.example/T000",
            "ops=https://hooks.slack.com:8443/T000",
            "ops=https://u:T000@hooks.slack.com/",
            "ops=file:///T000",
        ] {
            assert_eq!(
                checked(elsewhere, slack).1,
                "SLACK_WEBHOOKS: what ops has does not lead to one of SLACK_ORIGINS",
                "{elsewhere}"
            );
        }
        assert!(checked("https://hooks.slack.com/T000", slack).1.contains("its entry 1 is not name="));
        assert!(checked("Ops=https://hooks.slack.com/T000", slack).1.contains("the name of its entry 1"));
        assert!(checked("a=https://hooks.slack.com/1,a=https://hooks.slack.com/2", slack).1.contains("a is there twice"));
        assert_eq!(checked(" ", slack).0.expect("nothing is wrong").fingerprint("ops"), None, "no channel");
        assert!(
            checked("a=http://a.example/", "http://a.example").1.contains("SLACK_ORIGINS: \"http://a.example\" must be https")
        );
        assert_eq!(checked("a=http://127.0.0.1:9/T000", "http://127.0.0.1:9").1, "");
    }

    #[test]
    fn an_answer_says_whether_to_wait_to_try_again_or_to_give_up() {
        let sorted = |status: u16, wait: Option<u64>| {
            sort(StatusCode::from_u16(status).expect("a status"), wait.map(Duration::from_secs), "no_service\n")
        };
        assert_eq!(sorted(404, None), ChatTrouble::Gone { words: "404 no_service".to_owned() });
        assert!(matches!((sorted(403, None), sorted(410, None)), (ChatTrouble::Gone { .. }, ChatTrouble::Gone { .. })));
        assert!(matches!(sorted(429, Some(7)), ChatTrouble::Quiet { wait, .. } if wait.as_secs() == 7));
        assert!(matches!(sorted(429, None), ChatTrouble::Quiet { wait, .. } if wait.as_secs() == 30));
        assert!(matches!(sorted(400, None), ChatTrouble::Refused { .. }));
        assert!(matches!((sorted(500, None), sorted(503, None)), (ChatTrouble::Away { .. }, ChatTrouble::Away { .. })));
        assert!(matches!(sorted(504, None), ChatTrouble::Unknown { .. }));
    }
}
