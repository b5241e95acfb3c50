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

/// `GET /.well-known/did.json`: the same keys, for whoever resolves the school as `did:web` (W3C CCG, did:web method, 2.3).
pub(crate) async fn did(State(app): State<App>) -> Result<Response, Problem> {
    let keys = PublicKey::all(&app.db).await.doing("listing the public keys")?;
    let home = &app.settings.public_url;
    // A colon parts the method's own segments, so that of a port is spelled otherwise.
    let port = home.port().map(|port| format!("%3A{port}")).unwrap_or_default();
    let did = format!("did:web:{}{port}", home.host_str().unwrap_or_default());
    let names: Vec<String> = keys.iter().map(|key| format!("{did}#{}", key.id)).collect();
    let methods: Vec<Value> = keys
        .iter()
        .zip(&names)
        .map(|(key, name)| json!({ "id": name, "type": "JsonWebKey", "controller": did, "publicKeyJwk": jwk(&app, key) }))
        .collect();
    let document = json!({
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/jwk/v1"],
        "id": did,
        // What credentials name as their issuer: why, says `issuer_id` where they are made.
        "alsoKnownAs": [home.as_str().trim_end_matches('/')],
        "verificationMethod": methods,
        "assertionMethod": names,
    });
    Ok(open("application/did+json", Json(document).into_response()))
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
