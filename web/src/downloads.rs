//! Links to files in the store: signed by us, good for a while, and for whoever has them. And whether there still is such a file.

use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings, UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use jobs::ports::blobs::Bucket;
use reqwest::{Client, Method, StatusCode, redirect::Policy};
use secrecy::ExposeSecret as _;
use url::Url;

use crate::problem::Problem;

/// How long the store may take to say whether there is a file: somebody waits for the page.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long the question is good for.
const ASKED_FOR: Duration = Duration::from_secs(30);

/// Asks the store of files.
#[derive(Debug)]
pub(crate) struct Files {
    client: Client,
    /// Where it answers us, if not where it answers browsers.
    endpoint: Option<Url>,
}

impl Files {
    /// Connects to nothing.
    ///
    /// # Errors
    /// This machine's certificates cannot be read.
    pub(crate) fn new(endpoint: Option<Url>) -> reqwest::Result<Self> {
        let client = Client::builder().timeout(PATIENCE).redirect(Policy::none()).user_agent("faena").build()?;
        Ok(Self { client, endpoint })
    }

    /// Whether the store says that there is no such file. One that does not say so leaves the word to whoever follows the link.
    pub(crate) async fn has_lost(&self, bucket: &Bucket, key: &str) -> bool {
        let mut bucket = bucket.clone();
        if let Some(endpoint) = &self.endpoint {
            bucket.endpoint.clone_from(endpoint);
        }
        let question = match signed(Method::HEAD.as_str(), &bucket, key, ASKED_FOR, SystemTime::now()) {
            Ok(question) => question,
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "the store cannot be asked for a file");
                return false;
            }
        };
        match self.client.head(question).send().await {
            Ok(answer) => answer.status() == StatusCode::NOT_FOUND,
            Err(error) => {
                // Its address would be a link to the file.
                tracing::warn!(error = %error.without_url(), "the store did not say whether it has a file");
                false
            }
        }
    }
}

/// The link to a file, good for that long from now.
///
/// # Errors
/// Our own fault: a key that is no path.
pub(crate) fn link(bucket: &Bucket, key: &str, good_for: Duration) -> Result<Url, Problem> {
    signed(Method::GET.as_str(), bucket, key, good_for, SystemTime::now())
        .map_err(|error| Problem::Internal(error.context("signing a link to a file")))
}

/// By query parameters (<https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>).
fn signed(method: &str, bucket: &Bucket, key: &str, good_for: Duration, now: SystemTime) -> anyhow::Result<Url> {
    let mut url = bucket.endpoint.clone();
    let mut path = url.path_segments_mut().map_err(|()| anyhow::anyhow!("an endpoint without paths"))?;
    path.pop_if_empty().push(&bucket.name).extend(key.split('/'));
    drop(path);
    let identity =
        Credentials::new(&bucket.access_key_id, bucket.secret_access_key.expose_secret(), None, None, "settings").into();
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(good_for);
    // As S3 has it, unlike its sisters.
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(&bucket.region)
        .name("s3")
        .time(now)
        .settings(settings)
        .build()
        .context("putting together what signs")?
        .into();
    let request = SignableRequest::new(method, url.as_str(), std::iter::empty(), SignableBody::UnsignedPayload)
        .context("reading the link")?;
    let (instructions, _) = sign(request, &params).context("signing")?.into_parts();
    url.query_pairs_mut().extend_pairs(instructions.params());
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the page above, which has its bucket in the host's name and so signs another path: what stands here was computed from
    /// its secret with Python's hmac and hashlib, step by step as the page says.
    #[test]
    fn a_link_is_signed_as_the_protocol_says() {
        let bucket = Bucket {
            endpoint: "https://s3.amazonaws.com".parse().expect("a URL"),
            region: "us-east-1".to_owned(),
            name: "examplebucket".to_owned(),
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
        };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_369_353_600);
        let link = signed("GET", &bucket, "test.txt", Duration::from_secs(86_400), now).expect("a link");
        let parameter = |name: &str| link.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned());
        assert_eq!(link.path(), "/examplebucket/test.txt");
        assert_eq!(parameter("X-Amz-Date").as_deref(), Some("20130524T000000Z"));
        assert_eq!(parameter("X-Amz-Expires").as_deref(), Some("86400"));
        assert_eq!(
            parameter("X-Amz-Signature").as_deref(),
            Some("733255ef022bec3f2a8701cd61d4b371f3f28c9f193a1f02279211d48d5193d7")
        );
    }
}
