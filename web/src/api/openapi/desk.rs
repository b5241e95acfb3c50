//! The help desk's part of the description: tickets, what is written under them, and clients.

use schemars::{Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::{Hand, answer, asked, asked_after};
use crate::api::{
    clients::{Client, Clients},
    ticket_commands::{TicketChange, TicketRequest},
    ticket_comments::{Comment, CommentRequest, Comments},
    ticket_pauses::Pauses,
    tickets::{Ticket, Tickets},
};

/// What goes in and out.
pub(super) struct Schemas {
    request: Schema,
    change: Schema,
    comment_request: Schema,
    tickets: Schema,
    ticket: Schema,
    comments: Schema,
    comment: Schema,
    pauses: Schema,
    clients: Schema,
    client: Schema,
}

impl Schemas {
    pub(super) fn of(given: &mut SchemaGenerator, told: &mut SchemaGenerator) -> Self {
        Self {
            request: given.subschema_for::<TicketRequest>(),
            change: given.subschema_for::<TicketChange>(),
            comment_request: given.subschema_for::<CommentRequest>(),
            tickets: told.subschema_for::<Tickets>(),
            ticket: told.subschema_for::<Ticket>(),
            comments: told.subschema_for::<Comments>(),
            comment: told.subschema_for::<Comment>(),
            pauses: told.subschema_for::<Pauses>(),
            clients: told.subschema_for::<Clients>(),
            client: told.subschema_for::<Client>(),
        }
    }
}

pub(super) fn number(what: &str) -> Value {
    json!({ "name": "id", "in": "path", "required": true, "description": what, "schema": { "type": "integer", "format": "int64" } })
}

fn made(what: &str, schema: &Schema) -> Value {
    let mut made = answer(what, schema);
    made["headers"] = json!({
        "Idempotency-Replayed": { "description": "`true`: this is the answer to an earlier request.", "schema": { "const": "true" } },
    });
    made
}

pub(super) fn of_words(name: &str, what: &str, words: &[&str]) -> Value {
    asked(name, what, json!({ "type": "string", "enum": words }))
}

/// What is written under a ticket.
pub(super) fn comments(hand: &Hand, operation: [&str; 3], schema: &Schema, no_ticket: &Value) -> Value {
    let after = asked("after", "The comment that the page before ended with.", json!({ "type": "integer", "format": "int64" }));
    let mut comments = hand.list(operation, &[number("The ticket's number."), after], &answer("The oldest first.", schema));
    comments["responses"]["404"] = no_ticket.clone();
    comments
}

/// When time stood still for a ticket.
pub(super) fn pauses(hand: &Hand, [operation, summary]: [&str; 2], schema: &Schema, no_ticket: &Value) -> Value {
    json!({
        "operationId": operation,
        "summary": summary,
        "description": "Needs the scope tickets:read, in the name of somebody who works at the desk.",
        "parameters": [number("The ticket's number.")],
        "responses": hand.common(json!({ "200": answer("The latest first, 200 at most.", schema), "404": no_ticket })),
    })
}

/// Its paths.
pub(super) fn paths(hand: &Hand, schemas: &Schemas, idempotency_key: &Value) -> Value {
    let integer = json!({ "type": "integer", "format": "int64" });
    let moment = json!({ "type": "string", "format": "date-time" });
    let no_ticket = hand.refused("There is no such ticket among those that the person sees.");
    let body = |schema: &Schema| json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    let mut opened = made("The ticket is opened, or was under the same idempotency key.", &schemas.ticket);
    opened["headers"]["Location"] = json!({ "description": "Where to see it.", "schema": { "type": "string" } });
    json!({
        "/api/v1/tickets": {
            "get": hand.list(
                [
                    "listTickets",
                    "List tickets",
                    "Needs the scope tickets:read. Those that whoever the token was made for may see: an agent everybody's, somebody of a client that client's.",
                ],
                &[
                    of_words("status", "Where they stand; `live`: not resolved.", &["all", "live", "new", "open", "waiting_client", "resolved", "closed"]),
                    of_words("priority", "How much depends on them.", &["low", "normal", "high", "urgent"]),
                    of_words("category", "What they are about.", &["access", "hardware", "network", "software", "billing", "other"]),
                    asked("tag", "A word that they are found by.", json!({ "type": "string" })),
                    asked("client", "Whose they are.", integer.clone()),
                    asked("assignee", "Who is at them: the number of an account, `me` or `nobody`.", json!({ "type": "string" })),
                    asked("overdue", "`true`: those alone with a deadline that has passed and is not kept; `false`: the others.", json!({ "type": "boolean" })),
                    asked("opened_from", "Opened at that time or later.", moment.clone()),
                    asked("opened_before", "Opened before that time.", moment),
                    of_words("order", "`newest`, unless it is said; `deadline`: the next one first, those without one last.", &["newest", "deadline"]),
                    asked_after(),
                ],
                &answer("The newest first, or as it was asked for.", &schemas.tickets),
            ),
            "post": {
                "operationId": "openTicket",
                "summary": "Open a ticket",
                "description": "Needs the scope tickets:write. It is opened in the name of whoever the token was made for.",
                "parameters": [idempotency_key],
                "requestBody": body(&schemas.request),
                "responses": hand.common(json!({
                    "201": opened,
                    "400": hand.refused("The body or a header cannot be read."),
                    "409": hand.refused("The client has no contract, and is not served without one."),
                    "413": hand.refused("The body is too large."),
                    "415": hand.refused("The body is not application/json."),
                    "422": hand.refused("No ticket can be opened of that; every mistake is told. Or the idempotency key was used for another request."),
                })),
            },
        },
        "/api/v1/tickets/{id}": {
            "get": {
                "operationId": "showTicket",
                "summary": "See a ticket",
                "description": "Needs the scope tickets:read.",
                "parameters": [number("Its number.")],
                "responses": hand.common(json!({ "200": answer("The ticket.", &schemas.ticket), "404": no_ticket })),
            },
            "patch": {
                "operationId": "changeTicket",
                "summary": "Change a ticket's priority, what it is about, its assignee or where it stands, or make it void",
                "description": "Needs the scope tickets:write. All of it is done, or nothing. Who belongs to a client opens tickets again, and nothing else.",
                "parameters": [number("Its number.")],
                "requestBody": body(&schemas.change),
                "responses": hand.common(json!({
                    "200": answer("The ticket, changed.", &schemas.ticket),
                    "400": hand.refused("The body cannot be read."),
                    "404": no_ticket,
                    "409": hand.refused("The ticket is of another version by now, or where it stands that is not done; or, for who belongs to a client, it goes on in another one."),
                    "413": hand.refused("The body is too large."),
                    "415": hand.refused("The body is not application/json."),
                    "422": hand.refused("It describes no change; every mistake is told."),
                })),
            },
        },
        "/api/v1/tickets/{id}/comments": {
            "get": comments(
                hand,
                ["listComments", "Read what is written under a ticket", "Needs the scope tickets:read. Notes among agents are for agents."],
                &schemas.comments,
                &no_ticket,
            ),
            "post": {
                "operationId": "comment",
                "summary": "Write under a ticket",
                "description": "Needs the scope tickets:write. An agent's word to the client keeps the promise of a first answer; a client's word ends the wait for them, and opens again what was resolved.",
                "parameters": [number("The ticket's number."), idempotency_key],
                "requestBody": body(&schemas.comment_request),
                "responses": hand.common(json!({
                    "201": made("The comment is written, or was under the same idempotency key.", &schemas.comment),
                    "400": hand.refused("The body or a header cannot be read."),
                    "404": no_ticket,
                    "409": hand.refused("The ticket is closed, or the client has no contract any more; or, for who belongs to a client, it goes on in another one."),
                    "413": hand.refused("The body is too large."),
                    "415": hand.refused("The body is not application/json."),
                    "422": hand.refused("The text cannot be taken, or the idempotency key was used for another request."),
                })),
            },
        },
        "/api/v1/tickets/{id}/pauses": { "get": pauses(hand, ["listPauses", "See when time stood still for a ticket"], &schemas.pauses, &no_ticket) },
        "/api/v1/clients": { "get": hand.list(
            ["listClients", "List the clients", "Needs the scope clients:read. An agent sees all, somebody of a client that one."],
            &[
                asked("name", "What is in their names, whatever the case and the accents.", json!({ "type": "string" })),
                asked("after", "The client that the page before ended with.", integer),
            ],
            &answer("By their names.", &schemas.clients),
        ) },
        "/api/v1/clients/{id}": { "get": {
            "operationId": "showClient",
            "summary": "See a client",
            "description": "Needs the scope clients:read.",
            "parameters": [number("Its number.")],
            "responses": hand.common(json!({
                "200": answer("The client.", &schemas.client),
                "404": hand.refused("There is no such client among those that the person sees."),
            })),
        } },
    })
}
