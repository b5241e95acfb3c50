//! What programs that check certificates and credentials ask for: public keys, and lists of those that count no more. Read by anybody, from
//! pages of others too.

use axum::{
    Json,
    extract::{Path, State},
    http::header,
    response::{IntoResponse as _, Response},
};
use jobs::{
    certificates::signing::{KeyId, PublicKey},
    ports::links::signing_key,
};
use serde_json::{Value, json};

use crate::{
    app::App,
    problem::{Doing as _, Problem},
};

/// How long somebody may go on with what they have: a revoked credential is known as such after that.
const GOOD_FOR: &str = "public, max-age=300";

/// `GET /.well-known/jwks.json`: every key that has ever signed (RFC 7517, 5).
pub(crate) async fn keys(State(app): State<App>) -> Result<Response, Problem> {
    let keys = PublicKey::all(&app.db).await.doing("listing the public keys")?;
    let keys: Vec<Value> = keys.iter().map(|key| jwk(&app, key)).collect();
    Ok(open("application/jwk-set+json", Json(json!({ "keys": keys })).into_response()))
}

/// `GET /certificate-keys/{name}`: one key, as `kid` in a token names it.
pub(crate) async fn key(State(app): State<App>, Path(name): Path<String>) -> Result<Response, Problem> {
    let id: KeyId = name.parse().map_err(|_| Problem::NotFound)?;
    let key = PublicKey::find(&app.db, &id).await.doing("looking up a public key")?.ok_or(Problem::NotFound)?;
    Ok(open("application/jwk+json", Json(jwk(&app, &key)).into_response()))
}

/// `GET /credentials/status/{list}`: which credentials of a list count no more.
pub(crate) async fn status(State(app): State<App>, Path(list): Path<String>) -> Result<Response, Problem> {
    let list: i32 = list.parse().map_err(|_| Problem::NotFound)?;
    let credential: Option<String> = sqlx::query_scalar("select credential from school.status_lists where list = $1")
        .bind(list)
        .fetch_optional(&app.db)
        .await
        .doing("looking up a status list")?;
    Ok(open("application/vc+jwt", credential.ok_or(Problem::NotFound)?.into_response()))
}

fn jwk(app: &App, key: &PublicKey) -> Value {
    key.jwk(signing_key(&app.settings.public_url, &key.id).as_str())
}

fn open(content_type: &'static str, response: Response) -> Response {
    let headers =
        [(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, GOOD_FOR), (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
    (headers, response).into_response()
}
