//! `worker accounts`: who the people are, and what they may do.

use anyhow::Context as _;
use clap::{Args, Subcommand};
use jobs::accounts::{
    amend::{Amendment, By as ByWhom, Wanted, Whose, amend, list},
    email_address::EmailAddress,
    role::Role,
};
use schedules::Tz;
use serde_json::json;

use crate::{
    cli::{By, Form, a_page},
    operate::{tell_json, tell_line, time},
    settings::{StoreArgs, Stores},
};

#[derive(Debug, Subcommand)]
pub(crate) enum AccountsCommand {
    /// List accounts by address: what each person is to the house, and by which clock they live.
    List {
        /// Only those of this role: learner, instructor, agent, manager, client, operator or admin.
        #[arg(long, value_parser = a_role)]
        role: Option<Role>,
        /// Only those whose name or address has this in it.
        #[arg(long, default_value = "")]
        find: String,
        /// Go on after this address.
        #[arg(long, default_value = "")]
        after: String,
        /// How many a page has.
        #[arg(long, default_value_t = 100, value_parser = a_page)]
        limit: usize,
        #[command(flatten)]
        form: Form,
        #[command(flatten)]
        stores: StoreArgs,
    },
    /// Change somebody's role or time zone, or close or reopen their account. People make their accounts themselves, as learners.
    Change {
        /// Their address.
        #[arg(value_parser = an_address)]
        email: EmailAddress,
        #[command(flatten)]
        change: ChangeArgs,
        #[command(flatten)]
        by: By,
        #[command(flatten)]
        form: Form,
        #[command(flatten)]
        stores: StoreArgs,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct ChangeArgs {
    /// What they are to the house: learner, instructor, agent, manager, client, operator or admin.
    #[arg(long, value_parser = a_role)]
    role: Option<Role>,
    /// By which clock their days, letters and reports go, for example America/Bogota.
    #[arg(long)]
    time_zone: Option<Tz>,
    /// Close the account: nobody comes in by it, and no letter goes to it.
    #[arg(long, conflicts_with = "reopen")]
    close: bool,
    /// Let them in again.
    #[arg(long)]
    reopen: bool,
}

fn a_role(text: &str) -> Result<Role, String> {
    let roles = Role::ALL.map(Role::as_str).join(", ");
    text.parse().map_err(|_| format!("the roles are {roles}"))
}

fn an_address(text: &str) -> Result<EmailAddress, String> {
    EmailAddress::parse(text).map_err(|problem| problem.to_string())
}

impl AccountsCommand {
    pub(crate) fn stores(&self) -> &StoreArgs {
        match self {
            Self::List { stores, .. } | Self::Change { stores, .. } => stores,
        }
    }
}

pub(crate) async fn accounts(stores: &Stores, command: AccountsCommand) -> anyhow::Result<()> {
    let db = stores.pool(1);
    match command {
        AccountsCommand::List { role, find, after, limit, form, .. } => {
            let wanted = Wanted { find: &find, role, closed: None };
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let found = list(&db, wanted, &after, limit).await.context("reading the accounts")?;
            if form.json {
                return tell_json(&json!({ "accounts": found }));
            }
            for account in found {
                let closed = account.disabled_at.map(|at| format!(", closed {}", time(Some(at)))).unwrap_or_default();
                tell_line!("{:<36} {:<11} {:<20} {}{closed}", account.email, account.role, account.time_zone, account.full_name);
            }
        }
        AccountsCommand::Change { email, change: ChangeArgs { role, time_zone, close, reopen }, by, form, .. } => {
            let closed = (close || reopen).then_some(close);
            let amendment = Amendment { role, time_zone, closed };
            let user = amend(&db, Whose::Address(&email), amendment, ByWhom::Name(&by.actor)).await?;
            if form.json {
                let standing = json!({
                    "email": user.email, "role": user.role, "time_zone": user.time_zone, "closed": user.disabled_at.is_some()
                });
                return tell_json(&standing);
            }
            tell_line!("{}, {}{}", user.role, user.time_zone, if user.disabled_at.is_some() { ", closed" } else { "" });
        }
    }
    Ok(())
}
