//! The mail server's certificates: one of an authority of our own that clients can be told to trust, one that nobody can.

use std::fs;
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// The two ways to answer a TLS handshake.
pub(crate) struct Tls {
    /// Its certificate is signed by the authority in `ca_file`.
    pub trusted: TlsAcceptor,
    /// Its certificate is signed by an authority that is kept nowhere.
    pub untrusted: TlsAcceptor,
    /// PEM of the trusted one's authority.
    pub ca_file: PathBuf,
}

struct Issued {
    ca: String,
    certificate: String,
    key: String,
}

impl Tls {
    /// Reuses the certificates of an earlier start, or makes new ones for localhost and these addresses.
    pub(crate) fn open(data: &Path, addresses: &[IpAddr]) -> anyhow::Result<Self> {
        let ca_file = data.join("ca.pem");
        let certificate_file = data.join("smtp.pem");
        let key_file = data.join("smtp.key");

        let trusted = match (fs::read_to_string(&certificate_file), fs::read_to_string(&key_file)) {
            (Ok(certificate), Ok(key)) if ca_file.exists() => acceptor(&certificate, &key),
            _ => {
                let issued = issue("Faena sandbox authority", addresses)?;
                write(&key_file, &issued.key, 0o600)?;
                write(&certificate_file, &issued.certificate, 0o644)?;
                write(&ca_file, &issued.ca, 0o644)?;
                acceptor(&issued.certificate, &issued.key)
            }
        };
        let trusted = trusted.with_context(|| format!("using {}", certificate_file.display()))?;
        let stranger = issue("Nobody knows this authority", addresses)?;
        let untrusted = acceptor(&stranger.certificate, &stranger.key)?;
        let ca_file = ca_file.canonicalize().context("finding the authority's file")?;
        Ok(Self { trusted, untrusted, ca_file })
    }
}

/// An authority made for the purpose, and a certificate that it signed. The authority's key is forgotten.
fn issue(authority_name: &str, addresses: &[IpAddr]) -> anyhow::Result<Issued> {
    let mut authority = CertificateParams::new(Vec::new()).context("an authority's parameters")?;
    authority.distinguished_name.push(DnType::CommonName, authority_name);
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority_key = KeyPair::generate().context("an authority's key")?;
    let authority_certificate = authority.self_signed(&authority_key).context("signing an authority")?;
    let issuer = Issuer::new(authority, authority_key);

    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    names.extend(addresses.iter().map(IpAddr::to_string).filter(|name| !["127.0.0.1", "::1"].contains(&name.as_str())));
    let mut server = CertificateParams::new(names).context("a server's parameters")?;
    server.distinguished_name.push(DnType::CommonName, "Faena sandbox");
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    let server_key = KeyPair::generate().context("a server's key")?;
    let certificate = server.signed_by(&server_key, &issuer).context("signing a server's certificate")?;

    Ok(Issued { ca: authority_certificate.pem(), certificate: certificate.pem(), key: server_key.serialize_pem() })
}

fn acceptor(certificate: &str, key: &str) -> anyhow::Result<TlsAcceptor> {
    let chain =
        CertificateDer::pem_slice_iter(certificate.as_bytes()).collect::<Result<Vec<_>, _>>().context("reading a certificate")?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).context("reading a key")?;
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).context("using a certificate")?;
    Ok(Arc::new(config).into())
}

fn write(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))
}
