//! The store of files, by S3's protocol: S3_ENDPOINT, S3_BUCKET, S3_REGION, S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY.

use std::time::Duration;

use aws_sdk_s3::{
    Client, Config,
    config::{
        BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation, retry::RetryConfig,
        timeout::TimeoutConfig,
    },
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
    types::{CompletedMultipartUpload, CompletedPart},
};
use bytes::Bytes;
use clap::Args;
use jobs::ports::{
    blobs::{BlobTrouble, Blobs, Bucket, BucketSettings, File, MOST_LISTED},
    mailer::BoxFuture,
};
use secrecy::{ExposeSecret, SecretString};

use crate::settings::Mistakes;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long one try of a request may take.
const TRY: Duration = Duration::from_secs(10);
/// How long a request may take with all its tries.
const TOTAL: Duration = Duration::from_secs(30);
/// The same for a part of a large file.
const PART_TRY: Duration = Duration::from_secs(60);
const PART_TOTAL: Duration = Duration::from_secs(150);
/// The job tries again anyway, and knows how long to wait.
const TRIES: u32 = 2;

/// Where files are kept. Without S3_ENDPOINT no certificate is issued and no report made.
#[derive(Debug, Args)]
pub struct S3Args {
    /// Where the store of files answers, for example https://s3.eu-west-1.amazonaws.com. Without it no certificates are issued and no
    /// reports made. Uploads that are never completed are taken away by us; a rule of the bucket that ends them after a week does no harm.
    #[arg(long, env = "S3_ENDPOINT")]
    pub s3_endpoint: Option<String>,
    /// The bucket that the files are in. It must exist; nobody but us needs to read it.
    #[arg(long, env = "S3_BUCKET", default_value = "faena")]
    pub s3_bucket: String,
    /// The store's region; stores that have none take any.
    #[arg(long, env = "S3_REGION", default_value = "us-east-1")]
    pub s3_region: String,
    /// Who we are to the store.
    #[arg(long, env = "S3_ACCESS_KEY_ID")]
    pub s3_access_key_id: Option<String>,
    /// And how it knows.
    #[arg(long, env = "S3_SECRET_ACCESS_KEY", hide_env_values = true)]
    pub s3_secret_access_key: Option<SecretString>,
}

impl S3Args {
    /// Reads the values; connects to nothing. The outer option: nothing is wrong; the inner: there is a store.
    pub fn checked(&self, mistakes: &mut Mistakes) -> Option<Option<S3>> {
        let settings = BucketSettings {
            endpoint: self.s3_endpoint.as_deref(),
            region: self.s3_region.trim(),
            name: self.s3_bucket.trim(),
            access_key_id: self.s3_access_key_id.as_deref(),
            secret_access_key: self.s3_secret_access_key.as_ref(),
        };
        let bucket = settings.read().map_err(|found| found.iter().for_each(|(setting, problem)| mistakes.add(setting, problem)));
        bucket.ok().map(|bucket| bucket.as_ref().map(S3::new))
    }
}

/// A bucket.
#[derive(Debug, Clone)]
pub struct S3 {
    client: Client,
    bucket: String,
}

impl S3 {
    /// Behind that bucket's settings. Connects when it is first asked.
    #[must_use]
    pub fn new(bucket: &Bucket) -> Self {
        let key = Credentials::new(&bucket.access_key_id, bucket.secret_access_key.expose_secret(), None, None, "settings");
        let https = aws_smithy_http_client::tls::Provider::Rustls(aws_smithy_http_client::tls::rustls_provider::CryptoMode::Ring);
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(aws_smithy_http_client::Builder::new().tls_provider(https).build_https())
            .endpoint_url(bucket.endpoint.as_str())
            .region(Region::new(bucket.region.clone()))
            .credentials_provider(key)
            // Stores of other makers have no name of its own for each bucket, and know not all of Amazon's checksums.
            .force_path_style(true)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .retry_config(RetryConfig::standard().with_max_attempts(TRIES))
            .timeout_config(
                TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(TRY).operation_timeout(TOTAL).build(),
            )
            .build();
        Self { client: Client::from_conf(config), bucket: bucket.name.clone() }
    }

    /// Whether the bucket is there for us.
    ///
    /// # Errors
    /// What it says.
    pub async fn check(&self) -> Result<(), String> {
        // A HEAD has no body that says why, and so a wrong key and a missing bucket are told apart by a list.
        let asked = self.client.list_objects_v2().bucket(&self.bucket).max_keys(1).send().await;
        asked.map(drop).map_err(|error| trouble(&error).to_string())
    }
}

impl Blobs for S3 {
    fn put<'a>(&'a self, key: &'a str, file: File<'a>) -> BoxFuture<'a, Result<(), BlobTrouble>> {
        Box::pin(async move {
            let put = self
                .client
                .put_object()
                .bucket(&self.bucket)
                .key(key)
                .content_type(file.content_type)
                .content_disposition(disposition(file.name))
                .cache_control(CACHED)
                .body(file.bytes.to_vec().into());
            put.send().await.map(drop).map_err(|error| trouble(&error))
        })
    }

    fn begin<'a>(&'a self, key: &'a str, file: File<'a>) -> BoxFuture<'a, Result<String, BlobTrouble>> {
        Box::pin(async move {
            let begin = self
                .client
                .create_multipart_upload()
                .bucket(&self.bucket)
                .key(key)
                .content_type(file.content_type)
                .content_disposition(disposition(file.name))
                .cache_control(CACHED);
            let begun = begin.send().await.map_err(|error| trouble(&error))?;
            begun.upload_id.ok_or_else(|| BlobTrouble::Away("it gave the upload no name".to_owned()))
        })
    }

    fn put_part<'a>(
        &'a self,
        key: &'a str,
        upload: &'a str,
        number: i32,
        bytes: Bytes,
    ) -> BoxFuture<'a, Result<String, BlobTrouble>> {
        Box::pin(async move {
            let part = self.client.upload_part().bucket(&self.bucket).key(key).upload_id(upload).part_number(number);
            // A part is thousands of times larger than other requests, and so is the time that it may take.
            let patience = TimeoutConfig::builder().operation_attempt_timeout(PART_TRY).operation_timeout(PART_TOTAL).build();
            let part = part.body(bytes.into()).customize().config_override(Config::builder().timeout_config(patience));
            let taken = part.send().await.map_err(|error| trouble(&error))?;
            taken.e_tag.ok_or_else(|| BlobTrouble::Away("it gave the part no tag".to_owned()))
        })
    }

    fn complete<'a>(&'a self, key: &'a str, upload: &'a str, tags: &'a [String]) -> BoxFuture<'a, Result<(), BlobTrouble>> {
        Box::pin(async move {
            let part = |(number, tag): (i32, &String)| CompletedPart::builder().part_number(number).e_tag(tag).build();
            let parts = CompletedMultipartUpload::builder().set_parts(Some((1..).zip(tags).map(part).collect())).build();
            let complete = self.client.complete_multipart_upload().bucket(&self.bucket).key(key).upload_id(upload);
            // The store may put thousands of parts together while the request waits.
            let patience = TimeoutConfig::builder().operation_attempt_timeout(PART_TRY).operation_timeout(PART_TOTAL).build();
            let complete =
                complete.multipart_upload(parts).customize().config_override(Config::builder().timeout_config(patience));
            complete.send().await.map(drop).map_err(|error| trouble(&error))
        })
    }

    fn abort<'a>(&'a self, key: &'a str, upload: &'a str) -> BoxFuture<'a, Result<(), BlobTrouble>> {
        Box::pin(async move {
            match self.client.abort_multipart_upload().bucket(&self.bucket).key(key).upload_id(upload).send().await {
                Err(error) if code(&error) != "NoSuchUpload" => Err(trouble(&error)),
                _ => Ok(()),
            }
        })
    }

    fn unfinished<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Vec<String>, BlobTrouble>> {
        Box::pin(async move {
            match self.client.list_multipart_uploads().bucket(&self.bucket).prefix(key).send().await {
                Ok(found) => Ok(found
                    .uploads
                    .unwrap_or_default()
                    .into_iter()
                    .filter(|upload| upload.key.as_deref() == Some(key))
                    .filter_map(|upload| upload.upload_id)
                    .collect()),
                // Not every maker's store can tell.
                Err(error) if code(&error) == "NotImplemented" => Ok(Vec::new()),
                Err(error) => Err(trouble(&error)),
            }
        })
    }

    fn list<'a>(&'a self, prefix: &'a str, after: Option<&'a str>) -> BoxFuture<'a, Result<Vec<String>, BlobTrouble>> {
        Box::pin(async move {
            let list = self
                .client
                .list_objects_v2()
                .bucket(&self.bucket)
                .prefix(prefix)
                .set_start_after(after.map(str::to_owned))
                .max_keys(i32::try_from(MOST_LISTED).unwrap_or(i32::MAX));
            let found = list.send().await.map_err(|error| trouble(&error))?;
            Ok(found.contents.unwrap_or_default().into_iter().filter_map(|object| object.key).collect())
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), BlobTrouble>> {
        Box::pin(async move {
            match self.client.delete_object().bucket(&self.bucket).key(key).send().await {
                Err(error) if code(&error) != "NoSuchKey" => Err(trouble(&error)),
                _ => Ok(()),
            }
        })
    }
}

/// A key is never used for other bytes, so what is fetched once is good for ever.
const CACHED: &str = "private, max-age=31536000, immutable";

fn disposition(name: &str) -> String {
    format!("attachment; filename=\"{name}\"")
}

fn code<E: ProvideErrorMetadata>(error: &SdkError<E>) -> &str {
    error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default()
}

/// Codes: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
fn trouble<E>(error: &SdkError<E>) -> BlobTrouble
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    let words: String = DisplayErrorContext(error).to_string().chars().filter(|c| !c.is_control()).take(400).collect();
    let code = code(error);
    let needs_person = [
        "AccessDenied",
        "AccountProblem",
        "AllAccessDisabled",
        "AuthorizationHeaderMalformed",
        "InvalidAccessKeyId",
        "InvalidBucketName",
        "NoSuchBucket",
        "PermanentRedirect",
        "SignatureDoesNotMatch",
    ];
    if needs_person.contains(&code) { BlobTrouble::Refused(code.to_owned()) } else { BlobTrouble::Away(words) }
}
