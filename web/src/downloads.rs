//! Links to files in the store: signed by us, good for a while, and for whoever has them.

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
use secrecy::ExposeSecret as _;
use url::Url;

use crate::problem::Problem;

/// The link to a file, good for that long from now.
///
/// # Errors
/// Our own fault: a key that is no path.
pub(crate) fn link(bucket: &Bucket, key: &str, good_for: Duration) -> Result<Url, Problem> {
    signed(bucket, key, good_for, SystemTime::now()).map_err(|error| Problem::Internal(error.context("signing a link to a file")))
}

/// By query parameters (<https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>).
fn signed(bucket: &Bucket, key: &str, good_for: Duration, now: SystemTime) -> anyhow::Result<Url> {
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
    let request = SignableRequest::new("GET", url.as_str(), std::iter::empty(), SignableBody::UnsignedPayload)
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
        let link = signed(&bucket, "test.txt", Duration::from_secs(86_400), now).expect("a link");
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
