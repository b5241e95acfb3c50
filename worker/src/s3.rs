//! The store of files, by S3's protocol: S3_ENDPOINT, S3_BUCKET, S3_REGION, S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY.

use std::time::Duration;

use aws_sdk_s3::{
    Client, Config,
    config::{
        BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation, retry::RetryConfig,
        timeout::TimeoutConfig,
    },
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
};
use clap::Args;
use jobs::ports::{
    blobs::{BlobTrouble, Blobs, Bucket, BucketSettings, File},
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
/// The job tries again anyway, and knows how long to wait.
const TRIES: u32 = 2;

/// Where files are kept. Without S3_ENDPOINT no certificate is issued.
#[derive(Debug, Args)]
pub struct S3Args {
    /// Where the store of files answers, for example https://s3.eu-west-1.amazonaws.com. Without it no certificates are issued.
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
                .content_disposition(format!("attachment; filename=\"{}\"", file.name))
                // The key is made of the content, so what is fetched once is good for ever.
                .cache_control("private, max-age=31536000, immutable")
                .body(file.bytes.to_vec().into());
            put.send().await.map(drop).map_err(|error| trouble(&error))
        })
    }
}

/// Codes: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
fn trouble<E>(error: &SdkError<E>) -> BlobTrouble
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    let words: String = DisplayErrorContext(error).to_string().chars().filter(|c| !c.is_control()).take(400).collect();
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default();
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
