//! `worker tokens`: who may come in by the API.

use anyhow::Context;
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use jobs::access::api_token::{ApiToken, NewApiToken, Scope};
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::{
    cli::{By, Form},
    operate::{tell_json, tell_line, time},
    settings::{StoreArgs, Stores},
};

#[derive(Debug, Subcommand)]
pub(crate) enum TokensCommand {
    /// Make a token and print it. It is printed this once: only its hash is kept.
    Create {
        #[command(flatten)]
        new: NewArgs,
        #[command(flatten)]
        by: By,
        #[command(flatten)]
        form: Form,
        #[command(flatten)]
        stores: StoreArgs,
    },
    /// List the tokens, ended ones too.
    List {
        #[command(flatten)]
        form: Form,
        #[command(flatten)]
        stores: StoreArgs,
    },
    /// End a token at once.
    Revoke {
        /// Its name.
        name: String,
        #[command(flatten)]
        by: By,
        #[command(flatten)]
        form: Form,
        #[command(flatten)]
        stores: StoreArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// The program that will bear it, for example billing.
    name: String,
    /// What it allows: jobs:enqueue, jobs:read, schedules:read, schedules:write, reports:read, reports:write, tickets:read,
    /// tickets:write, clients:read, articles:read, alerts:read or alerts:write; may be repeated.
    #[arg(long = "scope", required = true)]
    scopes: Vec<Scope>,
    /// Only for jobs of this name; may be repeated. Without it: for all.
    #[arg(long = "job")]
    jobs: Vec<String>,
    /// The address of whoever in whose name the program asks; the scopes of reports, tickets, clients, articles and alerts need one. It sees and does what that person may.
    #[arg(long = "as")]
    person: Option<String>,
    /// When it ends by itself (RFC 3339).
    #[arg(long)]
    expires_at: Option<DateTime<Utc>>,
}

impl TokensCommand {
    pub(crate) fn stores(&self) -> &StoreArgs {
        match self {
            Self::Create { stores, .. } | Self::List { stores, .. } | Self::Revoke { stores, .. } => stores,
        }
    }
}

pub(crate) async fn tokens(stores: &Stores, command: TokensCommand) -> anyhow::Result<()> {
    let db = stores.pool(1);
    match command {
        TokensCommand::Create { new: NewArgs { name, scopes, jobs, person, expires_at }, by, form, .. } => {
            let new = NewApiToken { name, scopes, job_names: (!jobs.is_empty()).then_some(jobs), person, expires_at };
            let (token, secret) = ApiToken::create(&db, &new, &by.actor).await.context("making the token")?;
            if form.json {
                return tell_json(&json!({ "token": secret.expose_secret(), "details": token }));
            }
            tell_line!("{}", secret.expose_secret());
        }
        TokensCommand::List { form, .. } => {
            let tokens = ApiToken::list(&db).await.context("reading the tokens")?;
            if form.json {
                return tell_json(&json!({ "tokens": tokens }));
            }
            for token in tokens {
                let jobs = token.job_names.as_ref().map_or_else(|| "all jobs".to_owned(), |names| names.join(","));
                let standing = match (token.revoked_at, token.expires_at) {
                    (Some(at), _) => format!("revoked {} by {}", time(Some(at)), token.revoked_by.unwrap_or_default()),
                    (None, Some(at)) if at <= Utc::now() => format!("expired {}", time(Some(at))),
                    (None, Some(at)) => format!("expires {}", time(Some(at))),
                    (None, None) => "stands".to_owned(),
                };
                let used = token.last_used_at.map_or_else(|| "never used".to_owned(), |at| format!("used {}", time(Some(at))));
                tell_line!("{:<24} {:<24} {jobs:<24} {standing}, {used}", token.name, token.scopes.join(","));
            }
        }
        TokensCommand::Revoke { name, by, form, .. } => {
            let outcome = if ApiToken::revoke(&db, &name, &by.actor).await.context("ending the token")? {
                "revoked"
            } else {
                "was revoked already"
            };
            if form.json {
                return tell_json(&json!({ "name": name, "outcome": outcome.replace(' ', "_") }));
            }
            tell_line!("{outcome}");
        }
    }
    Ok(())
}
