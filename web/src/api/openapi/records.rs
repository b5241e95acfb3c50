//! The rest of the help desk's part of the description: articles, alerts, and tickets that were put away.

use schemars::{Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::{
    Hand, answer, asked, asked_after,
    desk::{comments, number, of_words, pauses},
};
use crate::api::{
    alerts::{Alert, Alerts},
    articles::{Article, Articles},
    ticket_comments::Comments,
    ticket_pauses::Pauses,
    tickets::{Ticket, Tickets},
};

/// What goes out.
pub(super) struct Schemas {
    articles: Schema,
    article: Schema,
    alerts: Schema,
    alert: Schema,
    tickets: Schema,
    ticket: Schema,
    comments: Schema,
    pauses: Schema,
}

impl Schemas {
    pub(super) fn of(told: &mut SchemaGenerator) -> Self {
        Self {
            articles: told.subschema_for::<Articles>(),
            article: told.subschema_for::<Article>(),
            alerts: told.subschema_for::<Alerts>(),
            alert: told.subschema_for::<Alert>(),
            tickets: told.subschema_for::<Tickets>(),
            ticket: told.subschema_for::<Ticket>(),
            comments: told.subschema_for::<Comments>(),
            pauses: told.subschema_for::<Pauses>(),
        }
    }
}

/// Their paths.
pub(super) fn paths(hand: &Hand, schemas: &Schemas) -> [Value; 3] {
    [articles(hand, schemas), alerts(hand, schemas), archived_tickets(hand, schemas)]
}

fn articles(hand: &Hand, schemas: &Schemas) -> Value {
    let name = json!({
        "name": "id",
        "in": "path",
        "required": true,
        "description": "Its number, or its slug. What is all digits is a number.",
        "schema": { "type": "string" },
    });
    json!({
        "/api/v1/articles": { "get": hand.list(
            ["listArticles", "List or search the articles", "Needs the scope articles:read. Published ones: an agent reads all, somebody of a client those that are for its people."],
            &[
                asked("q", "What they hold, all of it: words in any form and without regard to accents, phrases between quotation marks. The last word may be the beginning of one.", json!({ "type": "string", "maxLength": 200 })),
                of_words("language", "In which language.", &["es", "en"]),
                asked_after(),
            ],
            &answer("Those that hold what is asked for, the closest first; if nothing is, the latest first.", &schemas.articles),
        ) },
        "/api/v1/articles/{id}": { "get": {
            "operationId": "showArticle",
            "summary": "Read an article",
            "description": "Needs the scope articles:read.",
            "parameters": [name, of_words("language", "Of two with one slug that one; `es` if left out.", &["es", "en"])],
            "responses": hand.common(json!({
                "200": answer("The article.", &schemas.article),
                "400": hand.refused("The query cannot be read."),
                "404": hand.refused("There is no such article among those that are published for the person."),
            })),
        } },
    })
}

fn alerts(hand: &Hand, schemas: &Schemas) -> Value {
    let integer = json!({ "type": "integer", "format": "int64" });
    let no_alert = hand.refused("There is no such alert of a ticket at the desk.");
    json!({
        "/api/v1/alerts": { "get": hand.list(
            ["listAlerts", "List what was told about deadlines", "Needs the scope alerts:read, in the name of somebody who works at the desk."],
            &[
                of_words("state", "`open`: those that wait for somebody; `acknowledged`: those of which somebody has taken note.", &["all", "open", "acknowledged"]),
                of_words("kind", "What had become of the deadline.", &["warning", "breach", "escalation"]),
                asked("ticket", "Of which ticket.", integer.clone()),
                asked("client", "Of whose tickets.", integer),
                asked("assignee", "Of the tickets of whom: the number of an account, `me` or `nobody`.", json!({ "type": "string" })),
                asked_after(),
            ],
            &answer("The latest first.", &schemas.alerts),
        ) },
        "/api/v1/alerts/{id}": { "get": {
            "operationId": "showAlert",
            "summary": "See what was told about a deadline",
            "description": "Needs the scope alerts:read, in the name of somebody who works at the desk.",
            "parameters": [number("Its number.")],
            "responses": hand.common(json!({ "200": answer("The alert.", &schemas.alert), "404": no_alert })),
        } },
        "/api/v1/alerts/{id}/acknowledge": { "post": {
            "operationId": "acknowledgeAlert",
            "summary": "Take note of an alert",
            "description": "Needs the scope alerts:write, in the name of somebody who works at the desk. The first to take note stays the one who did.",
            "parameters": [number("Its number.")],
            "responses": hand.common(json!({
                "200": answer("The alert, with who took note of it first.", &schemas.alert),
                "404": no_alert,
            })),
        } },
    })
}

fn archived_tickets(hand: &Hand, schemas: &Schemas) -> Value {
    let no_ticket = hand.refused("No such ticket was put away, among those that the person sees.");
    let moment = json!({ "type": "string", "format": "date-time" });
    json!({
        "/api/v1/archived-tickets": { "get": hand.list(
            ["listArchivedTickets", "List tickets that were put away", "Needs the scope tickets:read. What was closed years ago and is only read: an agent sees everybody's, somebody of a client that client's."],
            &[
                asked("title", "Words of their titles, eight at most, whatever the case and the accents.", json!({ "type": "string" })),
                asked("client", "Whose they are.", json!({ "type": "integer", "format": "int64" })),
                asked("opened_from", "Opened at that time or later.", moment.clone()),
                asked("opened_before", "Opened before that time.", moment),
                asked_after(),
            ],
            &answer("The newest first.", &schemas.tickets),
        ) },
        "/api/v1/archived-tickets/{id}": { "get": {
            "operationId": "showArchivedTicket",
            "summary": "See a ticket that was put away",
            "description": "Needs the scope tickets:read.",
            "parameters": [number("Its number.")],
            "responses": hand.common(json!({
                "200": answer("The ticket.", &schemas.ticket),
                "404": no_ticket,
            })),
        } },
        "/api/v1/archived-tickets/{id}/comments": { "get": comments(
            hand,
            [
                "listArchivedComments",
                "Read what is written under a ticket that was put away",
                "Needs the scope tickets:read. Notes among agents are for agents.",
            ],
            &schemas.comments,
            &no_ticket,
        ) },
        "/api/v1/archived-tickets/{id}/pauses": { "get": pauses(
            hand,
            ["listArchivedPauses", "See when time stood still for a ticket that was put away"],
            &schemas.pauses,
            &no_ticket,
        ) },
    })
}
