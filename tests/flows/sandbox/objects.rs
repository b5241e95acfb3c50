//! S3 serves the client that the product uses, and misbehaves as told.

use std::time::{Duration, Instant};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Credentials, Region};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use faena_tests::sandbox::{HttpRule, S3_BUCKET, Sandbox};

async fn put(s3: &Client, key: &str, body: &[u8]) -> Result<(), SdkError<aws_sdk_s3::operation::put_object::PutObjectError>> {
    s3.put_object().bucket(S3_BUCKET).key(key).body(body.to_vec().into()).send().await.map(drop)
}

async fn get(s3: &Client, key: &str) -> anyhow::Result<Vec<u8>> {
    Ok(s3.get_object().bucket(S3_BUCKET).key(key).send().await?.body.collect().await?.to_vec())
}

#[tokio::test]
async fn objects_are_put_got_listed_and_deleted_and_outlive_a_restart() -> anyhow::Result<()> {
    let mut sandbox = Sandbox::start().await?;
    let s3 = sandbox.s3(1);
    for key in ["certificados/uno.pdf", "certificados/año dos.pdf", "videos/tres.mp4"] {
        put(&s3, key, key.as_bytes()).await?;
    }
    assert_eq!(get(&s3, "certificados/año dos.pdf").await?, "certificados/año dos.pdf".as_bytes());

    let listed = s3.list_objects_v2().bucket(S3_BUCKET).prefix("certificados/").send().await?;
    assert_eq!(listed.contents().len(), 2);
    let range = s3.get_object().bucket(S3_BUCKET).key("videos/tres.mp4").range("bytes=7-10").send().await?;
    assert_eq!(range.body.collect().await?.to_vec(), b"tres");
    let head = s3.head_object().bucket(S3_BUCKET).key("videos/tres.mp4").send().await?;
    assert_eq!(head.content_length(), Some(15));

    sandbox.restart().await?;
    assert_eq!(get(&s3, "certificados/uno.pdf").await?, b"certificados/uno.pdf");
    s3.delete_object().bucket(S3_BUCKET).key("certificados/uno.pdf").send().await?;
    let error = s3.get_object().bucket(S3_BUCKET).key("certificados/uno.pdf").send().await.expect_err("a deleted object");
    assert!(error.as_service_error().is_some_and(|error| error.is_no_such_key()), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn a_multipart_upload_becomes_one_object() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let s3 = sandbox.s3(1);
    let upload = s3.create_multipart_upload().bucket(S3_BUCKET).key("videos/largo.mp4").send().await?;
    let id = upload.upload_id().expect("an upload's id");
    let pieces = [vec![b'a'; 5 * 1024 * 1024], vec![b'b'; 1_000]];
    let mut parts = Vec::new();
    for (number, piece) in (1..).zip(&pieces) {
        let part = s3.upload_part().bucket(S3_BUCKET).key("videos/largo.mp4").upload_id(id).part_number(number);
        let part = part.body(piece.clone().into()).send().await?;
        parts.push(CompletedPart::builder().part_number(number).set_e_tag(part.e_tag).build());
    }
    let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    let complete = s3.complete_multipart_upload().bucket(S3_BUCKET).key("videos/largo.mp4").upload_id(id);
    complete.multipart_upload(parts).send().await?;
    assert_eq!(get(&s3, "videos/largo.mp4").await?, pieces.concat());
    Ok(())
}

#[tokio::test]
async fn presigned_addresses_open_without_credentials_and_nothing_else_does() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let s3 = sandbox.s3(1);
    let soon = PresigningConfig::expires_in(Duration::from_secs(60))?;
    let http = reqwest::Client::new();

    let upload = s3.put_object().bucket(S3_BUCKET).key("subida.txt").presigned(soon.clone()).await?;
    assert!(http.put(upload.uri()).body("hola").send().await?.status().is_success());
    let download = s3.get_object().bucket(S3_BUCKET).key("subida.txt").presigned(soon).await?;
    assert_eq!(http.get(download.uri()).send().await?.text().await?, "hola");

    let bare = format!("{}/{S3_BUCKET}/subida.txt", sandbox.s3_url());
    assert_eq!(http.get(&bare).send().await?.status(), 403);
    let stranger = aws_sdk_s3::Config::builder()
        .behavior_version_latest()
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(sandbox.s3_url())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("faena-demo", "wrong", None, None, "test"))
        .force_path_style(true)
        .build();
    let error = put(&Client::from_conf(stranger), "x", b"x").await.expect_err("a wrong secret");
    assert_eq!(error.code(), Some("SignatureDoesNotMatch"));
    Ok(())
}

#[tokio::test]
async fn an_error_status_is_s3s_own_and_a_retry_passes() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let rule = || HttpRule::status(503).method("put").path("/faena/videos/").once();
    sandbox.misbehave_s3([rule()]).await?;
    put(&sandbox.s3(1), "otros/a", b"x").await?;
    let error = put(&sandbox.s3(1), "videos/a", b"x").await.expect_err("a 503");
    assert_eq!(error.code(), Some("SlowDown"));
    let state = sandbox.s3_misbehaviour().await?;
    assert_eq!((state.rules[0].left, state.fired[0].met.as_str()), (Some(0), "PUT /faena/videos/a"));

    sandbox.misbehave_s3([rule()]).await?;
    put(&sandbox.s3(2), "videos/a", b"x").await?;
    sandbox.behave_s3().await?;
    assert!(sandbox.s3_misbehaviour().await?.rules.is_empty());
    Ok(())
}

#[tokio::test]
async fn connections_are_cut_before_and_after_the_work() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let s3 = sandbox.s3(1);
    sandbox.misbehave_s3([HttpRule::cut().once(), HttpRule::keep_and_cut().once()]).await?;
    for key in ["antes", "despues"] {
        let error = put(&s3, key, b"x").await.expect_err("a cut connection");
        assert!(matches!(error, SdkError::DispatchFailure(_)), "{error:?}");
    }
    assert!(get(&s3, "antes").await.is_err());
    assert_eq!(get(&s3, "despues").await?, b"x");
    Ok(())
}

#[tokio::test]
async fn a_download_breaks_off_in_the_middle() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let s3 = sandbox.s3(1);
    put(&s3, "largo", &vec![b'x'; 1_000_000]).await?;
    for bytes in [0, 10, 300_000] {
        sandbox.misbehave_s3([HttpRule::cut_after_bytes(bytes).method("GET").once()]).await?;
        let mut body = s3.get_object().bucket(S3_BUCKET).key("largo").send().await?.body;
        let mut received = 0;
        let broken = loop {
            match body.next().await {
                Some(Ok(piece)) => received += piece.len() as u64,
                Some(Err(_)) => break true,
                None => break false,
            }
        };
        assert!(broken, "{received} bytes came and the client noticed nothing");
        assert!(received <= bytes, "{received} of {bytes} bytes came");
    }
    assert_eq!(get(&s3, "largo").await?.len(), 1_000_000);
    Ok(())
}

#[tokio::test]
async fn a_delay_waits_and_a_shut_port_refuses() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let s3 = sandbox.s3(1);
    let delay = Duration::from_millis(300);
    sandbox.misbehave_s3([HttpRule::delay(delay).once()]).await?;
    let start = Instant::now();
    put(&s3, "a", b"x").await?;
    assert!(start.elapsed() >= delay);

    sandbox.misbehave_s3([HttpRule::refuse()]).await?;
    let addr = sandbox.s3_url().trim_start_matches("http://");
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
    sandbox.behave_s3().await?;
    assert_eq!(get(&s3, "a").await?, b"x");
    assert!(sandbox.misbehave_s3([HttpRule::status(200)]).await.is_err(), "200 is no error");
    Ok(())
}
