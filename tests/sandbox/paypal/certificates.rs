//! The certificates of the stand-in's signer, all for one key: a good one, and such as must not be believed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use faena_tests::sandbox::PAYPAL_KEY_PEM;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};

/// Whose certificates sign messages where no real money moves.
const NAME: &str = "messageverificationcerts.sandbox.paypal.com";
/// The names of those that are served.
const NAMES: [&str; 4] = ["CERT-good", "CERT-expired", "CERT-other-name", "CERT-stranger"];

/// What is served, and who vouches for it.
pub(super) struct Certificates {
    /// The authority's certificate.
    pub(super) roots_file: PathBuf,
    served: Vec<(&'static str, String)>,
}

impl Certificates {
    /// Reuses those of an earlier start: who has been told of the authority is not told again.
    pub(super) fn open(data: &Path) -> anyhow::Result<Self> {
        let folder = data.join("paypal");
        fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let file = |name: &str| folder.join(format!("{name}.pem"));
        if !NAMES.iter().all(|name| file(name).is_file()) || !file("roots").is_file() {
            let (root, chains) = issue()?;
            for (name, pem) in chains {
                fs::write(file(name), pem).context("writing a certificate")?;
            }
            fs::write(file("roots"), root).context("writing an authority")?;
        }
        let served = NAMES.iter().map(|name| Ok((*name, fs::read_to_string(file(name))?)));
        Ok(Self {
            roots_file: file("roots").canonicalize().context("finding the authority's file")?,
            served: served.collect::<std::io::Result<_>>().context("reading a certificate")?,
        })
    }

    pub(super) fn answer(&self, name: &str) -> Response<Body> {
        let served = self.served.iter().find(|(served, _)| *served == name);
        let (status, body) = match (served, name) {
            (Some((_, pem)), _) => (StatusCode::OK, pem.clone()),
            (None, "CERT-huge") => (StatusCode::OK, "-".repeat(1 << 20)),
            (None, "CERT-moved") => (StatusCode::FOUND, String::new()),
            _ => (StatusCode::NOT_FOUND, String::new()),
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-pem-file"));
        if status == StatusCode::FOUND {
            response.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/v1/notifications/certs/CERT-good"));
        }
        response
    }
}

type Authority = (String, Issuer<'static, KeyPair>);

fn authority(name: &str, above: Option<&Issuer<'static, KeyPair>>) -> anyhow::Result<Authority> {
    let mut params = CertificateParams::new(Vec::new()).context("an authority's parameters")?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate().context("an authority's key")?;
    let certificate = match above {
        Some(above) => params.signed_by(&key, above),
        None => params.self_signed(&key),
    };
    Ok((certificate.context("signing an authority")?.pem(), Issuer::new(params, key)))
}

/// The root, and the chains below it by their names.
fn issue() -> anyhow::Result<(String, Vec<(&'static str, String)>)> {
    let (root_pem, root) = authority("Faena sandbox root for PayPal", None)?;
    let (middle_pem, middle) = authority("Faena sandbox authority for PayPal", Some(&root))?;
    // By another key, and named alike.
    let (_, stranger) = authority("Faena sandbox authority for PayPal", None)?;
    let chains = [
        ("CERT-good", leaf(NAME, 2099, &middle)?),
        ("CERT-expired", leaf(NAME, 2020, &middle)?),
        ("CERT-other-name", leaf("paypal.com.evil.example", 2099, &middle)?),
        ("CERT-stranger", leaf(NAME, 2099, &stranger)?),
    ];
    Ok((root_pem, chains.map(|(name, leaf)| (name, format!("{leaf}{middle_pem}"))).to_vec()))
}

fn leaf(name: &str, until_year: i32, issuer: &Issuer<'static, KeyPair>) -> anyhow::Result<String> {
    let key = KeyPair::from_pem(PAYPAL_KEY_PEM).context("reading the signer's key")?;
    let mut params = CertificateParams::new(vec![name.to_owned()]).context("a certificate's parameters")?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2019, 1, 1);
    params.not_after = date_time_ymd(until_year, 1, 1);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params.signed_by(&key, issuer).context("signing a certificate")?.pem())
}
