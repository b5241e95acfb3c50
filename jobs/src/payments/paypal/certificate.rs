//! The certificates that PayPal signs with: each is believed as far as a chain leads from it to an authority that we know.

use std::{fmt, time::Duration};

use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime, pem::PemObject as _};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert, ring::RSA_PKCS1_2048_8192_SHA256};

/// The roots of DigiCert, who signs PayPal's certificates, as Mozilla's list has them.
const DIGICERT: &str = include_str!("digicert.pem");
/// The most bytes that a chain may have: one of three certificates has a tenth.
pub const MAX_BYTES: usize = 64 * 1024;
/// The most certificates in a chain.
const MAX_CERTIFICATES: usize = 8;

/// Why a certificate is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// It is none.
    #[error("the certificate cannot be read")]
    Unreadable,
    /// No chain leads from it to an authority that we know.
    #[error("the certificate is by an unknown authority")]
    Authority,
    /// It is somebody else's.
    #[error("the certificate is not PayPal's for messages")]
    Name,
    /// Its time, or that of one above it, is over.
    #[error("the certificate has expired")]
    Expired,
    /// Its time, or that of one above it, has not begun.
    #[error("the certificate is not valid yet")]
    Early,
    /// Something else about it is wrong.
    #[error("the certificate cannot be used: {0}")]
    Unusable(String),
}

/// A certificate and those above it, as they came. Whether it is believed depends on the moment.
#[derive(Clone, PartialEq, Eq)]
pub struct Chain(Vec<CertificateDer<'static>>);

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chain of {}", self.0.len())
    }
}

impl Chain {
    /// Reads PEM: the signer's certificate first.
    ///
    /// # Errors
    /// It is none, or more than anybody needs.
    pub fn read(pem: &[u8]) -> Result<Self, Untrusted> {
        if pem.len() > MAX_BYTES {
            return Err(Untrusted::Unreadable);
        }
        let chain: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|_| Untrusted::Unreadable)?;
        if chain.is_empty() || chain.len() > MAX_CERTIFICATES { Err(Untrusted::Unreadable) } else { Ok(Self(chain)) }
    }
}

/// Whom we believe, and about whom.
#[derive(Debug, Clone)]
pub struct Trust {
    anchors: Vec<TrustAnchor<'static>>,
    name: ServerName<'static>,
}

impl Trust {
    /// Believes these authorities (PEM; `None`: DigiCert) about that name.
    ///
    /// # Errors
    /// There is no authority, or the name is none.
    pub fn new(authorities: Option<&[u8]>, name: &str) -> Result<Self, Untrusted> {
        let pem = authorities.unwrap_or(DIGICERT.as_bytes());
        let certificates: Vec<_> =
            CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|_| Untrusted::Unreadable)?;
        let anchors: Vec<_> = certificates
            .iter()
            .map(|certificate| anchor_from_trusted_cert(certificate).map(|anchor| anchor.to_owned()))
            .collect::<Result<_, _>>()
            .map_err(|_| Untrusted::Unreadable)?;
        let name = ServerName::try_from(name.to_owned()).map_err(|_| Untrusted::Name)?;
        if anchors.is_empty() { Err(Untrusted::Unreadable) } else { Ok(Self { anchors, name }) }
    }

    /// Whether the chain is PayPal's at that moment.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, chain: &Chain, now_s: i64) -> Result<(), Untrusted> {
        let (signer, above) = chain.0.split_first().ok_or(Untrusted::Unreadable)?;
        let signer = EndEntityCert::try_from(signer).map_err(|_| Untrusted::Unreadable)?;
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now_s.try_into().unwrap_or(0)));
        signer
            .verify_for_usage(ALL_VERIFICATION_ALGS, &self.anchors, above, now, KeyUsage::server_auth(), None, None)
            .map_err(why)?;
        signer.verify_is_valid_for_subject_name(&self.name).map_err(|_| Untrusted::Name)
    }

    /// Whether the chain is PayPal's at that moment, and its key has signed that. The algorithm is the one that PayPal names,
    /// RSA PKCS#1 with SHA-256, whatever a certificate would allow.
    ///
    /// # Errors
    /// The chain is not believed. The inner answer is that about the signature.
    pub(super) fn has_signed(&self, chain: &Chain, message: &[u8], signature: &[u8], now_s: i64) -> Result<bool, Untrusted> {
        self.check(chain, now_s)?;
        let signer = chain.0.first().ok_or(Untrusted::Unreadable)?;
        let signer = EndEntityCert::try_from(signer).map_err(|_| Untrusted::Unreadable)?;
        Ok(signer.verify_signature(RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok())
    }
}

fn why(error: webpki::Error) -> Untrusted {
    use webpki::Error;
    match error {
        Error::CertExpired { .. } => Untrusted::Expired,
        Error::CertNotValidYet { .. } => Untrusted::Early,
        Error::UnknownIssuer => Untrusted::Authority,
        // One of the same name with another key: its signature does not fit.
        Error::InvalidSignatureForPublicKey => Untrusted::Authority,
        other => Untrusted::Unusable(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authorities_that_are_built_in_are_digicerts() {
        let trust = Trust::new(None, "messageverificationcerts.paypal.com").expect("authorities");
        assert_eq!(trust.anchors.len(), 4);
        assert!(trust.anchors.iter().all(|anchor| String::from_utf8_lossy(&anchor.subject).contains("DigiCert")));
    }

    #[test]
    fn what_is_no_chain_is_none() {
        for pem in ["", "no", "-----BEGIN CERTIFICATE-----\n%%\n-----END CERTIFICATE-----\n"] {
            assert_eq!(Chain::read(pem.as_bytes()), Err(Untrusted::Unreadable), "{pem}");
        }
        assert_eq!(Chain::read(DIGICERT.repeat(3).as_bytes()), Err(Untrusted::Unreadable), "too many");
        assert!(Trust::new(Some(b"nothing"), "a.example").is_err());
        assert!(Trust::new(None, "no name").is_err());
    }
}
