//! What must be true of both businesses at rest, by what people and providers have done.

use std::collections::HashMap;

use faena_tests::sandbox::S3_BUCKET;
use jobs::help_desk::number::TicketId;

use super::Businesses;
use crate::judge::Finding;

/// A letter's row: its key, its state, its Message-ID, and how often it left or may have.
type LetterRow = (String, String, String, i32);

/// What somebody who completed the course has: how many certificates, under which key the file must be and what it must come to, and how many letters.
#[derive(sqlx::FromRow)]
struct Held {
    person: i64,
    certificates: i64,
    key: Option<String>,
    sha256: Option<String>,
    letters: i64,
}

impl Businesses {
    /// Judges everything that has ever happened in this world.
    pub(crate) async fn judge(&self) -> anyhow::Result<Vec<Finding>> {
        let mut findings = Vec::new();
        for (plan, sale, what) in faena_tests::sales::wrong_sales(&self.db).await? {
            let of = format!("{} {}", plan.unwrap_or_default(), sale.unwrap_or_default());
            findings.push(Finding::general("a sale is not as it must be", format!("{of}: {what}")));
        }
        self.judge_messages(&mut findings).await?;
        self.judge_certificates(&mut findings).await?;
        self.judge_letters(&mut findings).await?;
        self.judge_deadlines(&mut findings).await?;
        self.judge_chat(&mut findings).await?;
        self.judge_ends(&mut findings).await?;
        Ok(findings)
    }

    /// What the web has taken is written down, once, and somebody has looked into it.
    async fn judge_messages(&self, findings: &mut Vec<Finding>) -> anyhow::Result<()> {
        let wrong: Vec<(String, i64)> = sqlx::query_as(
            "select told, count(e.event_id) filter (where e.processed_at is not null)
             from unnest($1::text[]) told left join school.payment_events e on e.event_id = told group by told
             having count(e.event_id) <> 1 or count(e.processed_at) <> 1",
        )
        .bind(self.told())
        .fetch_all(&self.db)
        .await?;
        findings.extend(wrong.into_iter().map(|(message, looked)| {
            Finding::general("a message of a provider's was lost", format!("{message}: looked into {looked} times"))
        }));
        Ok(())
    }

    /// Whoever completed the course has one certificate, and its file is what was signed.
    async fn judge_certificates(&self, findings: &mut Vec<Finding>) -> anyhow::Result<()> {
        let graduates = self.graduates();
        let held: Vec<Held> = sqlx::query_as(
            "select u as person, count(c.id) as certificates, min('certificates/' || c.id || '/' || encode(c.pdf_sha256, 'hex') || '.pdf') as key,
                    min(encode(c.pdf_sha256, 'hex')) as sha256, count(m.id) filter (where m.state in ('sent', 'unknown')) as letters
             from unnest($1::bigint[]) u
             left join school.certificates c on c.user_id = u and c.issued_at is not null
             left join mail.messages m on m.dedupe_key = 'certificate:' || c.id
             group by u",
        )
        .bind(graduates.iter().map(|user| user.0).collect::<Vec<_>>())
        .fetch_all(&self.db)
        .await?;
        let s3 = self.sandbox.s3(3);
        for Held { person, certificates, key, sha256, letters } in held {
            if (certificates, letters) != (1, 1) {
                let what = format!("user {person}: {certificates} certificates, {letters} letters about them");
                findings.push(Finding::general("a certificate is not as it must be", what));
            } else if let Some((key, sha256)) = key.zip(sha256) {
                match sha256_of(&s3, &key).await {
                    Ok(found) if found == sha256 => {}
                    Ok(found) => {
                        let what = format!("user {person}, {key}: the SHA-256 of what is there is {found}");
                        findings.push(Finding::general("a certificate's file is not what was signed", what));
                    }
                    Err(error) => {
                        let what = format!("user {person}, {key}: {error:#}");
                        findings.push(Finding::general("a certificate has no file", what));
                    }
                }
            }
        }
        Ok(())
    }

    /// A letter that is said to be sent is there; one whose answer nobody heard may be, and may be there twice where a second was worth it.
    async fn judge_letters(&self, findings: &mut Vec<Finding>) -> anyhow::Result<()> {
        let mut copies: HashMap<String, i32> = HashMap::new();
        for letter in self.sandbox.mails_now(None).await? {
            *copies.entry(letter.message_id.unwrap_or_default()).or_default() += 1;
        }
        let rows: Vec<LetterRow> =
            sqlx::query_as("select dedupe_key, state, message_id, sends from mail.messages").fetch_all(&self.db).await?;
        for (key, state, message_id, sends) in rows {
            let there = copies.remove(&message_id).unwrap_or(0);
            let is_right = match state.as_str() {
                "sent" => there >= 1 && there <= sends,
                "unknown" => there <= sends,
                // Nobody refuses letters here; what is not wanted any more never left.
                "failed" | "withheld" => there == 0,
                _ => false,
            };
            if !is_right || sends > 2 {
                findings.push(Finding::general(
                    "a letter is not as it must be",
                    format!("{key}: {state}, left {sends} times, {there} there"),
                ));
            }
        }
        findings.extend(copies.into_keys().map(|id| Finding::general("a letter that nobody wrote", id)));
        Ok(())
    }

    /// Each deadline is told of once a level, none is passed over, and each who is to know has a letter about each alert, once.
    async fn judge_deadlines(&self, findings: &mut Vec<Finding>) -> anyhow::Result<()> {
        let tickets = self.tickets();
        let lost: Vec<(TicketId,)> =
            sqlx::query_as("select t from unnest($1::bigint[]) t where not exists (select from desk.tickets where id = t)")
                .bind(tickets.iter().map(|ticket| ticket.0).collect::<Vec<_>>())
                .fetch_all(&self.db)
                .await?;
        findings.extend(lost.into_iter().map(|(ticket,)| Finding::general("a ticket was lost", ticket.to_string())));
        let wrong: Vec<(i64, String)> = sqlx::query_as(include_str!("deadlines.sql")).fetch_all(&self.db).await?;
        findings.extend(
            wrong
                .into_iter()
                .map(|(ticket, what)| Finding::general("a deadline is not as it must be", format!("ticket {ticket}: {what}"))),
        );
        Ok(())
    }

    /// Each alert that was the worst of its deadline and of interest is said in the chat: once, or twice where nobody knows whether it was heard. A storm is one message, which counts those that it
    /// does not name.
    async fn judge_chat(&self, findings: &mut Vec<Finding>) -> anyhow::Result<()> {
        let notices: Vec<(i64, Option<String>, i32, String)> = sqlx::query_as(
            "select a.id, n.state, coalesce(n.sends, 0), coalesce(n.text, '')
             from desk.alerts a join desk.sla_clocks c on c.id = a.clock_id
             left join core.chat_notices n on (n.channel, n.key) = ('desk', 'sla:' || a.id)
             -- What was answered, or came to worse before the next look or before its turn, need not be said any more.
             where n.state <> 'withdrawn' or (c.state = 'running' and c.level = a.level)
             union all
             -- So are tickets that nobody had taken up by then.
             select n.id, n.state, n.sends, n.text from core.chat_notices n
             where n.channel = 'desk' and n.key like 'ticket:%' and n.state <> 'withdrawn'",
        )
        .fetch_all(&self.db)
        .await?;
        let heard: Vec<String> = self.slack.heard().into_iter().map(|heard| heard.text).collect();
        for (alert, state, sends, text) in &notices {
            // The address of the ticket follows; no two alerts say the same before it.
            let sentence = text.split(" http").next().unwrap_or_default();
            let named = heard.iter().filter(|message| message.contains(sentence)).count();
            let has_left = matches!(state.as_deref(), Some("sent" | "unknown")) && (1..=2).contains(sends);
            if !has_left || named > usize::try_from(*sends).unwrap_or(0) {
                let what = format!("alert or notice {alert}: {state:?}, left {sends} times, named {named} times");
                findings.push(Finding::general("an alert was not said as it must be", what));
            }
        }
        let counted: usize = heard.iter().map(|message| count_of(message)).sum();
        let (sent, left) = notices.iter().fold((0, 0), |(sent, left), (_, state, sends, _)| {
            (sent + usize::from(state.as_deref() == Some("sent")), left + usize::try_from(*sends).unwrap_or(0))
        });
        if counted < sent || counted > left {
            let what = format!("{counted} heard, {sent} said to be sent, {left} left");
            findings.push(Finding::general("alerts were not said as they must be", what));
        }
        Ok(())
    }

    /// Nothing died but letters of which nobody knows whether they arrived; a look at the platform that came late is replaced by the next.
    async fn judge_ends(&self, findings: &mut Vec<Finding>) -> anyhow::Result<()> {
        let dead: Vec<(String, Option<String>)> = sqlx::query_as(
            "select j.name, j.reason from faena.jobs j
             where j.state = 'dead' and j.name <> 'watch_platform'
               and not exists (select from mail.messages m where m.id = j.id and m.state = 'unknown')",
        )
        .fetch_all(&self.db)
        .await?;
        findings.extend(dead.into_iter().map(|(name, reason)| {
            Finding::general("dead though not told to fail", format!("{name}: {}", reason.unwrap_or_default()))
        }));
        Ok(())
    }
}

/// The SHA-256 of a file of the store, in hexadecimal digits.
async fn sha256_of(s3: &aws_sdk_s3::Client, key: &str) -> anyhow::Result<String> {
    let file = s3.get_object().bucket(S3_BUCKET).key(key).send().await?.body.collect().await?.to_vec();
    let digest = ring::digest::digest(&ring::digest::SHA256, &file);
    Ok(digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Of how many notices a message is made.
fn count_of(message: &str) -> usize {
    message.split_once(" avisos").and_then(|(count, _)| count.parse().ok()).unwrap_or(1)
}
