//! What is done to a client: `POST /clientes/{id}/contratos`, `…/personas`, `…/personas/invitar`, `…/personas/quitar`.

use std::sync::Arc;

use axum::{
    extract::{Extension, Path, State},
    response::Response,
};
use chrono::{DateTime, Utc};
use jobs::{
    accounts::{email_address::EmailAddress, full_name::FullName, locale::Locale, user::UserId},
    help_desk::{
        actor::Actor,
        client::SeenClient,
        client_draft::{self, ContractDraft, LONGEST_REFERENCE, Newcomer, add_contact, remove_contact},
        number::ContractId,
        rule_change::Followed,
        trouble::DeskError,
    },
    text::line,
};
use serde::Deserialize;
use sqlx::PgConnection;

use super::{
    client::{ClientPage, ContractForm, NewcomerForm},
    client_form::number,
    desk_rules::{Done, in_one, refusal, saved},
    new_ticket::text_problem,
    register::{email_problem, name_problem},
    tickets::actor,
};
use crate::{
    app::App,
    forms::{Field, Sent, day},
    page::{Page, key},
    paths,
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// What the form of a contract sends.
#[derive(Debug, Deserialize)]
pub(crate) struct Contract {
    version: i32,
    /// Empty: a new one.
    contract: String,
    reference: String,
    starts_on: String,
    /// Empty: until somebody ends it.
    ends_on: String,
}

/// Who should open tickets for the client.
#[derive(Debug, Deserialize)]
pub(crate) struct Addition {
    version: i32,
    email: String,
    /// Empty: they have an account.
    #[serde(default)]
    full_name: String,
    /// None: that of the page.
    #[serde(default)]
    language: Option<Locale>,
}

/// Who should no more, or should get their letter again.
#[derive(Debug, Deserialize)]
pub(crate) struct Chosen {
    version: i32,
    person: i64,
}

/// What a handler of this file is given.
type Given = (State<App>, Extension<Arc<Visit>>, Page, Path<String>);

/// Writes a contract, and leads back to the client.
pub(crate) async fn write_contract(
    app: State<App>,
    visit: Extension<Arc<Visit>>,
    page: Page,
    id: Path<String>,
    Sent(form): Sent<Contract>,
) -> Result<Response, Problem> {
    let over = match form.contract.as_str() {
        "" => None,
        contract => Some(ContractId(contract.parse().map_err(|_| Problem::BadRequest)?)),
    };
    let (fields, draft) = read(&page, over, &form);
    let given = (app, visit, page, id);
    let Some(draft) = draft else { return wrong(given, |page| page.contract_form = fields).await };
    let problem = match act(&given, form.version, async |tx, _, actor, seen| draft.write(tx, actor, seen, over).await).await {
        Err(DeskError::ReferenceTaken) => key("contract-reference-taken"),
        Err(DeskError::ContractsOverlap) => key("contracts-overlap"),
        done => return answer(given, done).await,
    };
    let problem = Some(given.2.text(problem));
    let fields = if problem == Some(given.2.text(key("contract-reference-taken"))) {
        ContractForm { reference: Field { problem, ..fields.reference }, ..fields }
    } else {
        ContractForm { starts_on: Field { problem, ..fields.starts_on }, ..fields }
    };
    wrong(given, |page| page.contract_form = fields).await
}

fn read(page: &Page, over: Option<ContractId>, form: &Contract) -> (ContractForm, Option<ContractDraft>) {
    let reference = line(&form.reference, LONGEST_REFERENCE);
    let (starts_on, ends_on) = (day(&form.starts_on), day(&form.ends_on));
    let no_day = || page.text(key("report-no-day"));
    let mut fields = ContractForm {
        over,
        reference: Field {
            problem: reference.as_ref().err().map(|what| text_problem(page, *what)),
            ..Field::of(&form.reference)
        },
        starts_on: Field { problem: starts_on.is_none().then(no_day), ..Field::of(&form.starts_on) },
        ends_on: Field {
            problem: (ends_on.is_none() && !form.ends_on.trim().is_empty()).then(no_day),
            ..Field::of(&form.ends_on)
        },
    };
    if starts_on.zip(ends_on).is_some_and(|(from, to)| to < from) {
        fields.ends_on.problem = Some(page.text(key("report-backwards")));
    }
    let draft = match (reference, starts_on) {
        (Ok(reference), Some(starts_on)) if !fields.is_wrong() => Some(ContractDraft { reference, starts_on, ends_on }),
        _ => None,
    };
    (fields, draft)
}

/// Lets somebody open tickets for the client.
pub(crate) async fn add_person(
    app: State<App>,
    visit: Extension<Arc<Visit>>,
    page: Page,
    id: Path<String>,
    Sent(form): Sent<Addition>,
) -> Result<Response, Problem> {
    let given = (app, visit, page, id);
    let page = &given.2;
    let (mut email, mut full_name) = (Field::of(&form.email), Field::of(&form.full_name));
    let address = EmailAddress::parse(&form.email).map_err(|what| email.problem = Some(email_problem(page, what)));
    let name = match form.full_name.trim() {
        "" => Ok(None),
        typed => FullName::parse(typed).map(Some).map_err(|what| full_name.problem = Some(name_problem(page, what))),
    };
    let language = form.language.unwrap_or(page.locale);
    if let (Ok(address), Ok(name)) = (address, name) {
        let newcomer = Newcomer { email: &address, full_name: name.as_ref(), locale: language };
        match act(&given, form.version, async |tx, _, actor, seen| add_contact(tx, actor, seen, &newcomer).await).await {
            Err(DeskError::NoSuchPerson) => email.problem = Some(page.text(key("client-no-such-person"))),
            Err(DeskError::PersonElsewhere) => email.problem = Some(page.text(key("client-person-elsewhere"))),
            Err(DeskError::NoAccount) => full_name.problem = Some(page.text(key("client-no-account"))),
            done => return answer(given, done).await,
        }
    }
    wrong(given, |page| page.newcomer = NewcomerForm { email, full_name, language }).await
}

/// Sends somebody their invitation again.
pub(crate) async fn invite_again(
    app: State<App>,
    visit: Extension<Arc<Visit>>,
    page: Page,
    id: Path<String>,
    Sent(form): Sent<Chosen>,
) -> Result<Response, Problem> {
    let given = (app, visit, page, id);
    let done = act(&given, form.version, async |tx, _, actor, seen| {
        client_draft::invite_again(tx, actor, seen, UserId(form.person)).await
    });
    let done = done.await;
    answer(given, done).await
}

/// Somebody opens no more tickets for the client.
pub(crate) async fn remove_person(
    app: State<App>,
    visit: Extension<Arc<Visit>>,
    page: Page,
    id: Path<String>,
    Sent(form): Sent<Chosen>,
) -> Result<Response, Problem> {
    let given = (app, visit, page, id);
    let done = act(&given, form.version, async |tx, _, actor, seen| remove_contact(tx, actor, seen, UserId(form.person)).await);
    let done = done.await;
    answer(given, done).await
}

/// Does it in one transaction, in the visitor's name, to the client as it was seen.
async fn act(
    given: &Given,
    version: i32,
    does: impl AsyncFnOnce(&mut PgConnection, DateTime<Utc>, &Actor, SeenClient) -> Result<(), DeskError>,
) -> Result<(), DeskError> {
    let (State(app), Extension(visit), _, Path(id)) = given;
    let (Ok(client), Some(person)) = (number(id), visit.person()) else { return Err(DeskError::NoSuchClient) };
    let actor = Actor::find(&app.db, person.id).await?;
    in_one(app, async |tx, at| does(tx, at, &actor, SeenClient { client, version }).await).await
}

/// Leads back to the client; or shows it as it is now, with why nothing was done.
async fn answer(given: Given, done: Result<(), DeskError>) -> Result<Response, Problem> {
    let (State(app), Extension(visit), page, Path(id)) = given;
    // Whoever is nobody here any more is told so.
    actor(&app, &visit).await?;
    let id = number(&id)?;
    match done {
        Ok(()) => Ok(saved(&page.to(paths::CLIENT, "id", id), Followed { tickets: 0, is_done: true })),
        Err(error) => {
            let why = refusal(&page, error).doing("changing a client")?;
            ClientPage::load(&app, page, id, &Done::default()).await?.refused(why)
        }
    }
}

/// Shows the client again, with what was typed and what is wrong with it.
async fn wrong(given: Given, fill: impl FnOnce(&mut ClientPage)) -> Result<Response, Problem> {
    let (State(app), _, page, Path(id)) = given;
    let mut page = ClientPage::load(&app, page, number(&id)?, &Done::default()).await?;
    fill(&mut page);
    page.wrong()
}
