//! `worker school`: what the school decides for itself.

use anyhow::Context as _;
use clap::Args;
use jobs::{
    accounts::time_zone,
    school::{AfterRefund, Decision, School, decide},
};
use schedules::Tz;

use crate::{
    cli::{By, Form},
    operate::{tell_json, tell_line},
    settings::{StoreArgs, Stores},
};

#[derive(Debug, Args)]
pub(crate) struct SchoolArgs {
    /// By which clock a day of the business begins and ends in the statistics and reports of sales, for example America/Bogota. By another one all days
    /// are rolled up again.
    #[arg(long, value_parser = a_zone)]
    time_zone: Option<Tz>,
    /// What becomes of the certificate of a course when all its money goes back: keep or revoke.
    #[arg(long)]
    certificates_after_refund: Option<AfterRefund>,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    form: Form,
    #[command(flatten)]
    pub(crate) stores: StoreArgs,
}

fn a_zone(text: &str) -> Result<Tz, String> {
    time_zone::parse(text).ok_or_else(|| "there is no such time zone; one is America/Bogota".to_owned())
}

pub(crate) async fn school(stores: &Stores, args: SchoolArgs) -> anyhow::Result<()> {
    let SchoolArgs { time_zone, certificates_after_refund, by, form, .. } = args;
    let db = stores.pool(1);
    let decision = Decision { time_zone, certificates_after_refund };
    let school = if time_zone.is_some() || certificates_after_refund.is_some() {
        decide(&db, decision, &by.actor).await?
    } else {
        School::read(&db).await.context("reading what the school decides")?
    };
    if form.json {
        return tell_json(&school);
    }
    tell_line!("time zone: {}", school.time_zone);
    tell_line!("certificates after a refund: {}", school.certificates_after_refund);
    Ok(())
}
