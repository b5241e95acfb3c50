//! What operators are told about certificates, in both languages.

use super::{certificate::CertificateId, serial::Serial};

/// The key of the notice about a certificate that cannot be issued.
pub(super) fn key(certificate: CertificateId) -> String {
    format!("certificate:{certificate}")
}

/// A certificate cannot be issued until somebody has done something.
pub(super) fn cannot_be_issued(certificate: CertificateId, serial: &Serial, problem: &str) -> String {
    format!(
        "No se puede emitir el certificado {serial}. / Certificate {serial} cannot be issued. ({problem}) (/admin/certificates/{certificate})"
    )
}
