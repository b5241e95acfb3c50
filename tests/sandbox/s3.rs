//! S3 with the real protocol, its objects kept as files.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use axum::Router;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Request, Response, StatusCode};
use faena_tests::sandbox::HttpRule;
use hyper::body::Incoming;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio_util::sync::CancellationToken;

use crate::door::Door;
use crate::http_faults::{self, StandIn};
use crate::script::{self, Script};
use crate::settings::Settings;

/// The running S3 endpoint.
pub(crate) struct S3 {
    /// Where it listens.
    pub addr: SocketAddr,
    door: Door,
    script: Arc<Script<HttpRule>>,
}

/// Starts it, with its first bucket.
pub(crate) fn start(settings: &Settings, stop: &CancellationToken) -> anyhow::Result<S3> {
    let root = settings.data.join("s3");
    // A bucket is a folder of the file system's root.
    let bucket = root.join(&settings.s3_bucket);
    std::fs::create_dir_all(&bucket).with_context(|| format!("cannot make the bucket {}", bucket.display()))?;
    let files = FileSystem::new(&root).map_err(|error| anyhow!("cannot use the folder {}: {error:?}", root.display()))?;
    let mut builder = S3ServiceBuilder::new(files);
    builder.set_auth(SimpleAuth::from_single(settings.s3_access_key.clone(), settings.s3_secret_key.clone()));

    let script = Script::new();
    let objects = Objects { service: builder.build(), root };
    let door = http_faults::serve(objects, Arc::clone(&script), settings.s3, "--s3", stop)?;
    Ok(S3 { addr: door.addr, door, script })
}

impl S3 {
    /// Its share of the API.
    pub(crate) fn routes(&self) -> Router {
        script::routes("s3", Arc::clone(&self.script), vec![self.door.clone()])
    }
}

struct Objects {
    service: S3Service,
    root: PathBuf,
}

impl Objects {
    /// The upload in parts that a request is about, if there is none: s3s-fs takes that for somebody else's.
    fn lacks_upload(&self, request: &Request<Incoming>) -> bool {
        let upload =
            request.uri().query().into_iter().flat_map(|query| query.split('&')).find_map(|part| part.strip_prefix("uploadId="));
        let is_name = |name: &str| name.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        upload.is_some_and(|name| !is_name(name) || !self.root.join(format!(".upload-{name}.json")).is_file())
    }
}

impl StandIn for Objects {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        if self.lacks_upload(&request) {
            let body = r#"<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>NoSuchUpload</Code><Message>The upload was completed or thrown away, or never begun.</Message></Error>"#;
            let mut response = Response::new(Body::from(body));
            *response.status_mut() = StatusCode::NOT_FOUND;
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
            return response;
        }
        match self.service.call(request.map(s3s::Body::from)).await {
            Ok(response) => response.map(Body::new),
            Err(error) => {
                tracing::error!(?error, "S3 could not answer");
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                response
            }
        }
    }

    /// Codes: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
    fn error(&self, status: StatusCode, path: &str) -> (&'static str, String) {
        let code = match status.as_u16() {
            403 => "AccessDenied",
            404 => "NoSuchKey",
            409 => "OperationAborted",
            429 => "TooManyRequests",
            500 => "InternalError",
            503 => "SlowDown",
            501 => "NotImplemented",
            400..500 => "InvalidRequest",
            _ => "ServiceUnavailable",
        };
        let resource = path.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let body = format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>{code}</Code><Message>The sandbox was told to answer so.</Message><Resource>{resource}</Resource></Error>"#
        );
        ("application/xml", body)
    }
}
