//! The door to the store of files: S3, or whatever speaks its protocol.

use std::fmt;

use bytes::Bytes;
use secrecy::{ExposeSecret as _, SecretString};
use url::{Host, Url};

use super::mailer::BoxFuture;

/// Keeps files by their keys.
pub trait Blobs: fmt::Debug + Send + Sync {
    /// Keeps a file. Kept again under its key, it replaces the one that is there.
    fn put<'a>(&'a self, key: &'a str, file: File<'a>) -> BoxFuture<'a, Result<(), BlobTrouble>>;

    /// Begins a file that comes in parts: nobody sees it before it is complete. What is in `file` is only its kind and name. The answer is the
    /// store's name for the upload.
    fn begin<'a>(&'a self, key: &'a str, file: File<'a>) -> BoxFuture<'a, Result<String, BlobTrouble>>;

    /// Sends the part of that number, from 1 to [`MOST_PARTS`]. The answer is the part's tag. Sent again, it replaces itself.
    fn put_part<'a>(
        &'a self,
        key: &'a str,
        upload: &'a str,
        number: i32,
        bytes: Bytes,
    ) -> BoxFuture<'a, Result<String, BlobTrouble>>;

    /// Makes the file of its parts, in their order, by their tags: from then on it is there.
    fn complete<'a>(&'a self, key: &'a str, upload: &'a str, tags: &'a [String]) -> BoxFuture<'a, Result<(), BlobTrouble>>;

    /// Throws away what came of an upload. One that is not there any more is as good.
    fn abort<'a>(&'a self, key: &'a str, upload: &'a str) -> BoxFuture<'a, Result<(), BlobTrouble>>;

    /// The uploads under that key that are neither complete nor thrown away. A store that cannot tell says none.
    fn unfinished<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Vec<String>, BlobTrouble>>;

    /// The keys that begin so and come after that one, in the order of their bytes: [`MOST_LISTED`] of them, or all that there are.
    fn list<'a>(&'a self, prefix: &'a str, after: Option<&'a str>) -> BoxFuture<'a, Result<Vec<String>, BlobTrouble>>;

    /// Removes a file. One that is not there is as good.
    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), BlobTrouble>>;
}

/// Each part but the last has so many bytes at least (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>).
pub const LEAST_PART: usize = 5 * 1024 * 1024;
/// A file has so many parts at most (same page).
pub const MOST_PARTS: i32 = 10_000;

/// A list has so many keys at most (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>).
pub const MOST_LISTED: usize = 1000;

/// A file on its way to the store.
#[derive(Debug, Clone, Copy)]
pub struct File<'a> {
    /// What is in it.
    pub bytes: &'a [u8],
    /// What that is, for whoever fetches it (RFC 9110, 8.3).
    pub content_type: &'a str,
    /// What it is called where somebody saves it; letters, digits and dashes.
    pub name: &'a str,
}

/// Why the store has no such file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlobTrouble {
    /// It may be different later.
    #[error("the store of files: {0}")]
    Away(String),
    /// It does not let us in, or has no such bucket: only a person can help.
    #[error("the store of files refuses: {0} (see S3_ENDPOINT, S3_BUCKET, S3_REGION, S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY)")]
    Refused(String),
}

/// A bucket, and the key to it. Printing it shows no secret.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// Where the store answers.
    pub endpoint: Url,
    /// Its region, part of every signature.
    pub region: String,
    /// The bucket's name.
    pub name: String,
    /// Whose key it is.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: SecretString,
}

/// What worker and web were told about the store.
#[derive(Debug)]
pub struct BucketSettings<'a> {
    /// S3_ENDPOINT.
    pub endpoint: Option<&'a str>,
    /// S3_REGION.
    pub region: &'a str,
    /// S3_BUCKET.
    pub name: &'a str,
    /// S3_ACCESS_KEY_ID.
    pub access_key_id: Option<&'a str>,
    /// S3_SECRET_ACCESS_KEY.
    pub secret_access_key: Option<&'a SecretString>,
}

impl BucketSettings<'_> {
    /// The bucket; `None`: there is no store.
    ///
    /// # Errors
    /// Every setting that is wrong, and why.
    pub fn read(&self) -> Result<Option<Bucket>, Vec<(&'static str, String)>> {
        let Some(endpoint) = given(self.endpoint) else { return Ok(None) };
        let mut mistakes = Vec::new();
        let mut note = |setting, problem: String| mistakes.push((setting, problem));
        let endpoint = endpoint_url(endpoint).map_err(|problem| note("S3_ENDPOINT", problem)).ok();
        if !is_bucket_name(self.name) {
            note("S3_BUCKET", "takes 3 to 63 small letters, digits, dots and dashes".to_owned());
        }
        if self.region.is_empty() || !self.region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            note("S3_REGION", "takes letters, digits and dashes".to_owned());
        }
        let access_key_id = given(self.access_key_id);
        if access_key_id.is_none() {
            note("S3_ACCESS_KEY_ID", "is missing, and S3_ENDPOINT is not".to_owned());
        }
        let secret = self.secret_access_key.filter(|secret| !secret.expose_secret().trim().is_empty());
        if secret.is_none() {
            note("S3_SECRET_ACCESS_KEY", "is missing, and S3_ENDPOINT is not".to_owned());
        }
        match (endpoint, access_key_id, secret) {
            (Some(endpoint), Some(access_key_id), Some(secret)) if mistakes.is_empty() => Ok(Some(Bucket {
                endpoint,
                region: self.region.to_owned(),
                name: self.name.to_owned(),
                access_key_id: access_key_id.to_owned(),
                secret_access_key: secret.clone(),
            })),
            _ => Err(mistakes),
        }
    }
}

fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

/// Learners' names travel there, so it is https anywhere but on this machine. (The keys themselves never travel: they sign.)
pub fn endpoint_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => return Err("names no host".to_owned()),
    };
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    match url.scheme() {
        _ if !is_bare => Err("must be scheme, host and port only".to_owned()),
        "https" => Ok(url),
        "http" if is_here => Ok(url),
        _ => Err("must be https anywhere but on this machine: files would travel in clear".to_owned()),
    }
}

/// The rule of the protocol's inventor (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>), without its
/// subtleties.
fn is_bucket_name(name: &str) -> bool {
    (3..=63).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b))
        && name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(endpoint: &str, name: &str, key: Option<&str>) -> Result<Option<Bucket>, Vec<(&'static str, String)>> {
        let secret = key.map(SecretString::from);
        BucketSettings {
            endpoint: Some(endpoint),
            region: "us-east-1",
            name,
            access_key_id: key,
            secret_access_key: secret.as_ref(),
        }
        .read()
    }

    #[test]
    fn a_bucket_is_there_or_not_or_every_mistake_is_told() {
        let bucket = read("https://s3.example", "faena", Some("hunter2")).expect("no mistake").expect("a bucket");
        assert!(!format!("{:?}", bucket.secret_access_key).contains("hunter2"), "secrets do not print");
        assert!(read(" ", "", None).expect("nothing is wrong").is_none());
        let names = |found: Vec<(&'static str, String)>| found.into_iter().map(|(setting, _)| setting).collect::<Vec<_>>();
        let found = names(read("http://s3.example", "A", None).expect_err("mistakes"));
        assert_eq!(found, ["S3_ENDPOINT", "S3_BUCKET", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"]);
    }

    #[test]
    fn files_do_not_travel_in_clear() {
        for good in ["http://127.0.0.1:9000", "http://[::1]:9", "http://localhost:1/", "https://s3.example:8443"] {
            assert!(endpoint_url(good).is_ok(), "{good}");
        }
        for bad in
            ["http://10.0.0.1", "s3.example", "ftp://127.0.0.1", "https://s3.example/bucket", "https://a@s3.example", "data:x"]
        {
            assert!(endpoint_url(bad).is_err(), "{bad}");
        }
    }
}
