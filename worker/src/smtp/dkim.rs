//! The signature by which servers know that a letter is its domain's own (RFC 6376): DKIM_KEY_FILE and DKIM_SELECTOR.

use std::{fmt, fs, path::Path, sync::Arc};

use lettre::{
    Message,
    message::{
        dkim::{DkimCanonicalization, DkimCanonicalizationType, DkimConfig, DkimSigningAlgorithm, DkimSigningKey},
        header::HeaderName,
    },
};
use secrecy::{ExposeSecret as _, SecretString};

/// What is signed. A name that stands twice is also signed as one that does not come again, so that nobody can put a second one before
/// it (RFC 6376, 8.15); likewise the headers of which our letters have none. Both headers of RFC 8058 have to be covered (its 4).
const SIGNED: [&str; 17] = [
    "From",
    "From",
    "To",
    "To",
    "Subject",
    "Subject",
    "Date",
    "Date",
    "Message-ID",
    "Message-ID",
    "MIME-Version",
    "Content-Language",
    "Auto-Submitted",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Reply-To",
    "Cc",
];

/// A domain's signing key. Printing it shows no key.
#[derive(Clone)]
pub(super) struct Dkim {
    config: Arc<DkimConfig>,
}

impl Dkim {
    /// Reads the key: an RSA key of 2,048 bits or more in PKCS #1 (`openssl genrsa -traditional 2048`), or the 32 bytes of an Ed25519 key
    /// in base64 (`openssl rand -base64 32`; RFC 8463).
    pub(super) fn read(file: &Path, selector: &str, domain: &str) -> Result<Self, (&'static str, String)> {
        let fits = |label: &str| {
            (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        if !selector.split('.').all(fits) {
            return Err(("DKIM_SELECTOR", format!("{selector:?} is not a name such as \"faena2026\"")));
        }
        let wrong = |what: &str| ("DKIM_KEY_FILE", format!("{} {what}", file.display()));
        let text =
            fs::read_to_string(file).map(SecretString::from).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
        let text = text.expose_secret().trim();
        let key = if text.starts_with("-----BEGIN RSA PRIVATE KEY-----") {
            // What signers should at least use (RFC 8301, 3.2). The PEM text of a shorter key is shorter than this.
            if text.len() < 1600 {
                return Err(wrong("has fewer than 2,048 bits"));
            }
            DkimSigningKey::new(text, DkimSigningAlgorithm::Rsa)
        } else if text.starts_with("-----BEGIN") {
            return Err(wrong("is no PKCS #1 key: convert it by `openssl rsa -traditional`"));
        } else {
            DkimSigningKey::new(text, DkimSigningAlgorithm::Ed25519)
        };
        let key = key.map_err(|_| wrong("holds neither an RSA key (PKCS #1, PEM) nor 32 bytes in base64"))?;
        let relaxed = DkimCanonicalization { header: DkimCanonicalizationType::Relaxed, body: DkimCanonicalizationType::Relaxed };
        let signed = SIGNED.map(HeaderName::new_from_ascii_str).to_vec();
        Ok(Self { config: Arc::new(DkimConfig::new(selector.to_owned(), domain.to_owned(), key, signed, relaxed)) })
    }

    /// Puts the signature on a letter that is otherwise done.
    pub(super) fn sign(&self, message: &mut Message) {
        message.sign(&self.config);
    }
}

impl fmt::Debug for Dkim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dkim").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn read(key: &str, selector: &str) -> Result<Dkim, (&'static str, String)> {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(key.as_bytes()).expect("a key");
        Dkim::read(file.path(), selector, "compilandocode.example")
    }

    #[test]
    fn what_cannot_sign_is_told_with_its_setting_and_without_the_key() {
        let seed = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
        assert!(read(&format!("{seed}\n"), "faena2026").is_ok());
        assert!(read(seed, "s1.eu_west").is_ok());
        let short = format!("-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----", "A".repeat(800));
        let bent = format!("-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----", "A".repeat(1600));
        for (key, selector, setting, words) in [
            (seed, "", "DKIM_SELECTOR", "not a name"),
            (seed, "a b", "DKIM_SELECTOR", "not a name"),
            (seed, "a..b", "DKIM_SELECTOR", "not a name"),
            ("", "s1", "DKIM_KEY_FILE", "neither"),
            ("hunter2hunter2", "s1", "DKIM_KEY_FILE", "neither"),
            (&short, "s1", "DKIM_KEY_FILE", "fewer than 2,048 bits"),
            (&bent, "s1", "DKIM_KEY_FILE", "neither"),
            ("-----BEGIN PRIVATE KEY-----", "s1", "DKIM_KEY_FILE", "openssl rsa -traditional"),
        ] {
            let (told, mistake) = read(key, selector).expect_err(words);
            assert!(told == setting && mistake.contains(words) && !mistake.contains("hunter2"), "{told}: {mistake}");
        }
        let gone = Dkim::read(Path::new("/nowhere/dkim.pem"), "s1", "x.example").expect_err("no file");
        assert!(gone.0 == "DKIM_KEY_FILE" && gone.1.contains("cannot be read"), "{gone:?}");
    }
}
