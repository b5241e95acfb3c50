//! Which mail server, how to speak with it, and in whose name: SMTP_URL, SMTP_CA_FILE, MAIL_FROM, MAIL_RETURN_PATH, DKIM_KEY_FILE and
//! DKIM_SELECTOR.

use std::{
    fmt, fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use lettre::transport::smtp::{
    authentication::Credentials,
    client::{Certificate, TlsParameters},
    extension::ClientId,
};
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::{Sender, Smtp, dkim::Dkim};
use crate::settings::Mistakes;

/// How letters leave.
#[derive(Debug, Default, Args)]
pub struct SmtpArgs {
    /// The mail server: smtp://user:password@host:port (port 587 unless given; STARTTLS is required, except on this machine itself
    /// with neither password nor SMTP_CA_FILE) or smtps://… (port 465). Special characters in user and password are percent-encoded.
    #[arg(long, env = "SMTP_URL", hide_env_values = true)]
    pub smtp_url: Option<SecretString>,
    /// A PEM file with certificates of authorities to trust besides the usual ones.
    #[arg(long, env = "SMTP_CA_FILE")]
    pub smtp_ca_file: Option<PathBuf>,
    /// Whom letters come from, for example: CompilandoCode <hola@compilandocode.example>
    #[arg(long, env = "MAIL_FROM")]
    pub mail_from: Option<String>,
    /// Where letters that cannot be delivered come back to, each under a tag of its own: bounces@your.domain stands for
    /// bounces+TAG@your.domain. `worker receive-report` reads what arrives there. Default: to MAIL_FROM, where nobody reads them.
    #[arg(long, env = "MAIL_RETURN_PATH")]
    pub mail_return_path: Option<String>,
    /// The file with the DKIM key of MAIL_FROM's domain: RSA (`openssl genrsa -traditional 2048`) or Ed25519 (32 random bytes in
    /// base64). Its public half stands in the DNS at DKIM_SELECTOR._domainkey.DOMAIN.
    #[arg(long, env = "DKIM_KEY_FILE")]
    pub dkim_key_file: Option<PathBuf>,
    /// The name under which the DKIM key stands in the DNS.
    #[arg(long, env = "DKIM_SELECTOR")]
    pub dkim_selector: Option<String>,
}

impl SmtpArgs {
    /// Reads the values; connects to nothing.
    pub fn checked(&self, mistakes: &mut Mistakes) -> Option<Smtp> {
        let sender = match given(self.mail_from.as_deref()) {
            Some(from) => mistakes.note("MAIL_FROM", Sender::parse(from)),
            None => mistakes.note("MAIL_FROM", Err("is not set")),
        };
        let sender = sender.and_then(|sender| self.signed_and_returned(sender, mistakes));
        let ca_file = self.smtp_ca_file.as_deref().filter(|path| !path.as_os_str().is_empty());
        let settings = match self.smtp_url.as_ref().filter(|url| !url.expose_secret().trim().is_empty()) {
            Some(url) => {
                let settings = SmtpSettings::parse(url, ca_file);
                settings.map_err(|found| found.iter().for_each(|(setting, mistake)| mistakes.add(setting, mistake))).ok()
            }
            None => mistakes.note("SMTP_URL", Err("is not set")),
        };
        Some(Smtp::new(settings?, sender?))
    }

    fn signed_and_returned(&self, sender: Sender, mistakes: &mut Mistakes) -> Option<Sender> {
        let domain = sender.domain().to_owned();
        let sender = match given(self.mail_return_path.as_deref()) {
            Some(returns) => mistakes.note("MAIL_RETURN_PATH", sender.with_returns(returns)),
            None => Some(sender),
        };
        let key_file = self.dkim_key_file.as_deref().filter(|path| !path.as_os_str().is_empty());
        let dkim = match (key_file, given(self.dkim_selector.as_deref())) {
            (None, None) => return sender,
            (Some(file), Some(selector)) => {
                Dkim::read(file, selector, &domain).map_err(|(setting, mistake)| mistakes.add(setting, mistake)).ok()
            }
            (None, Some(_)) => mistakes.note("DKIM_KEY_FILE", Err("is not set, and DKIM_SELECTOR is")),
            (Some(_), None) => mistakes.note("DKIM_SELECTOR", Err("is not set, and DKIM_KEY_FILE is")),
        };
        Some(sender?.with_dkim(dkim?))
    }
}

fn given(value: Option<&str>) -> Option<&str> {
    value.map(str::trim).filter(|value| !value.is_empty())
}

/// Checked settings. Printing them shows neither user nor password.
#[derive(Clone)]
pub struct SmtpSettings {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) encryption: Encryption,
    pub(super) login: Option<Credentials>,
    pub(super) hello: ClientId,
    pub(super) limits: Limits,
}

/// How the way to the server is protected.
#[derive(Clone)]
pub(super) enum Encryption {
    /// Not at all: on the machine itself only, and without a login.
    None,
    /// From STARTTLS on (RFC 3207); a server that does not offer it gets no letter.
    StartTls(TlsParameters),
    /// From the first byte (RFC 8314, 3).
    Implicit(TlsParameters),
}

/// How long each part of sending a letter may take. lettre bounds the connect only.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Until the server's port has answered.
    pub(super) connect: Duration,
    /// Until the session is ready: connected, encrypted, logged in.
    pub(super) open: Duration,
    /// For sender and recipient.
    pub(super) conversation: Duration,
    /// Until the server wants the body.
    pub(super) data: Duration,
    /// From the body's first byte to the final answer. RFC 5321 (4.5.3.2.6) would wait ten minutes; but a slot and a person wait
    /// too, and the longer wait seldom brings an answer.
    pub(super) body: Duration,
    /// Whether a kept session still lives.
    pub(super) alive: Duration,
    /// For a goodbye.
    pub(super) quit: Duration,
}

impl Limits {
    pub(super) const DEFAULT: Self = Self {
        connect: Duration::from_secs(10),
        open: Duration::from_secs(30),
        conversation: Duration::from_secs(30),
        data: Duration::from_secs(20),
        body: Duration::from_secs(60),
        alive: Duration::from_secs(5),
        quit: Duration::from_secs(2),
    };
}

impl SmtpSettings {
    /// Reads the values of SMTP_URL and SMTP_CA_FILE; connects to nothing.
    ///
    /// # Errors
    /// Every mistake, with the name of its setting. None shows the URL, which may hold a password.
    pub fn parse(url: &SecretString, ca_file: Option<&Path>) -> Result<Self, Vec<(&'static str, String)>> {
        let mut mistakes = Vec::new();
        let authorities = ca_file.map(read_authorities).transpose();
        let authorities = authorities.map_err(|mistake| mistakes.push(("SMTP_CA_FILE", mistake)));
        let server = Server::read(url.expose_secret());
        let server = server.map_err(|found| mistakes.extend(found.into_iter().map(|mistake| ("SMTP_URL", mistake))));
        let (Ok(authorities), Ok(Server { implicit, host, port, login, on_this_machine })) = (authorities, server) else {
            return Err(mistakes);
        };
        // A login or an authority of one's own says that encryption is meant, wherever the server is.
        let plain = !implicit && on_this_machine && login.is_none() && authorities.is_none();
        let encryption = if plain {
            Encryption::None
        } else {
            let tls =
                authorities.into_iter().fold(TlsParameters::builder(host.clone()), |tls, found| tls.add_root_certificate(found));
            let tls = tls.build().map_err(|error| vec![("SMTP_CA_FILE", format!("cannot be used: {error}"))])?;
            if implicit { Encryption::Implicit(tls) } else { Encryption::StartTls(tls) }
        };
        Ok(Self { host, port, encryption, login, hello: hello(), limits: Limits::DEFAULT })
    }
}

impl fmt::Debug for SmtpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encryption = match self.encryption {
            Encryption::None => "none",
            Encryption::StartTls(_) => "starttls",
            Encryption::Implicit(_) => "implicit",
        };
        f.debug_struct("SmtpSettings")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("encryption", &encryption)
            .field("login", &self.login.is_some())
            .finish_non_exhaustive()
    }
}

/// What SMTP_URL says.
struct Server {
    implicit: bool,
    host: String,
    port: u16,
    login: Option<Credentials>,
    on_this_machine: bool,
}

impl Server {
    fn read(text: &str) -> Result<Self, Vec<String>> {
        let url = Url::parse(text.trim())
            .map_err(|error| vec![format!("is no URL ({error}); write smtp://host:port or smtps://user:password@host:port")])?;
        let mut mistakes = Vec::new();
        if !matches!(url.scheme(), "smtp" | "smtps") {
            mistakes.push(format!("begins with {}: and must begin with smtp:// or smtps://", url.scheme()));
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            mistakes
                .push("has something after host and port; a password's special characters must be percent-encoded".to_owned());
        }
        if url.port() == Some(0) {
            mistakes.push("has port 0".to_owned());
        }
        let host = url.host_str().filter(|host| !host.is_empty()).and_then(|host| Host::parse(host).ok());
        if host.is_none() {
            mistakes.push("names no host".to_owned());
        }
        let login = login_of(&url).map_err(|mistake| mistakes.push(mistake));
        let (true, Some(host), Ok(login)) = (mistakes.is_empty(), host, login) else { return Err(mistakes) };
        let implicit = url.scheme() == "smtps";
        let (host, on_this_machine) = match host {
            Host::Domain(name) => {
                let local = name == "localhost" || name.ends_with(".localhost");
                (name, local)
            }
            Host::Ipv4(ip) => (ip.to_string(), ip.is_loopback()),
            Host::Ipv6(ip) => (ip.to_string(), ip.is_loopback()),
        };
        Ok(Self { implicit, host, port: url.port().unwrap_or(if implicit { 465 } else { 587 }), login, on_this_machine })
    }
}

fn login_of(url: &Url) -> Result<Option<Credentials>, String> {
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        ("", Some(_)) => Err("has a password without a user".to_owned()),
        (_, None | Some("")) => Err("has a user without a password".to_owned()),
        (user, Some(password)) => {
            let decoded = (percent_decoded(user), percent_decoded(password));
            let (Some(user), Some(password)) = decoded else {
                return Err("has a user or password whose percent-encoding is not UTF-8 text".to_owned());
            };
            Ok(Some(Credentials::new(user, password)))
        }
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        if let Some(byte) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    // SASL forbids NUL in both (RFC 4616, 2).
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

fn read_authorities(path: &Path) -> Result<Certificate, String> {
    let pem = fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    // lettre takes a file without certificates for one with none to add.
    if !pem.windows(27).any(|line| line == b"-----BEGIN CERTIFICATE-----") {
        return Err(format!("{} holds no PEM certificate", path.display()));
    }
    Certificate::from_pem(&pem).map_err(|error| format!("{} holds no usable certificate: {error}", path.display()))
}

/// The machine's full name, else an address literal: servers may refuse a bare name (RFC 5321, 4.1.4).
fn hello() -> ClientId {
    match ClientId::default() {
        ClientId::Domain(name) if name.contains('.') && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b)) => {
            ClientId::Domain(name)
        }
        _ => ClientId::Ipv4(Ipv4Addr::LOCALHOST),
    }
}

#[cfg(test)]
mod tests {
    use jobs::ports::mailer::PATIENCE;

    use super::*;

    fn parse(url: &str) -> Result<SmtpSettings, Vec<(&'static str, String)>> {
        SmtpSettings::parse(&url.into(), None)
    }

    fn shape(url: &str) -> (String, u16, &'static str, bool) {
        let settings = parse(url).expect(url);
        let encryption = match settings.encryption {
            Encryption::None => "none",
            Encryption::StartTls(_) => "starttls",
            Encryption::Implicit(_) => "implicit",
        };
        (settings.host, settings.port, encryption, settings.login.is_some())
    }

    #[test]
    fn encryption_is_left_out_only_on_the_machine_itself_and_only_without_a_login() {
        assert_eq!(shape("smtp://127.0.0.1:2525"), ("127.0.0.1".to_owned(), 2525, "none", false));
        assert_eq!(shape("smtp://localhost"), ("localhost".to_owned(), 587, "none", false));
        assert_eq!(shape("smtp://[::1]:25/"), ("::1".to_owned(), 25, "none", false));
        assert_eq!(shape("smtp://a:b@127.0.0.1:2525"), ("127.0.0.1".to_owned(), 2525, "starttls", true));
        assert_eq!(shape("smtp://mail.example"), ("mail.example".to_owned(), 587, "starttls", false));
        assert_eq!(shape("smtp://10.0.0.1:25"), ("10.0.0.1".to_owned(), 25, "starttls", false));
        assert_eq!(shape("smtp://localhost.example"), ("localhost.example".to_owned(), 587, "starttls", false));
        assert_eq!(
            shape("smtps://a:b@correo.educación.example"),
            ("correo.xn--educacin-13a.example".to_owned(), 465, "implicit", true)
        );
    }

    #[test]
    fn logins_are_percent_decoded() {
        let settings = parse("smtps://ana%40example.com:p%C3%A4ss%2F%25w+@mail.example").expect("settings");
        assert_eq!(settings.login, Some(Credentials::new("ana@example.com".to_owned(), "päss/%w+".to_owned())));
        assert!(parse("smtps://a:%ff@mail.example").is_err());
        assert!(parse("smtps://a:b%00c@mail.example").is_err());
    }

    #[test]
    fn every_mistake_is_listed_and_none_shows_the_password() {
        let url = "http://:hunter2@:0/box?x".into();
        let found = SmtpSettings::parse(&url, Some(Path::new("/nowhere/ca.pem"))).expect_err("mistakes");
        assert!(found.len() >= 2, "{found:?}");
        let mut all = Vec::new();
        for url in [
            "ftp://user:hunter2@mail.example/x",
            "smtp://:hunter2@mail.example",
            "smtp://user@mail.example",
            "hunter2",
            "smtp:hunter2",
            "smtp://a:hunter2/@x",
        ] {
            all.extend(parse(url).expect_err(url));
        }
        assert!(all.len() >= 7, "{all:?}");
        assert!(all.iter().chain(&found).all(|(_, mistake)| !mistake.contains("hunter2")), "{all:?}");
    }

    #[test]
    fn a_file_without_certificates_is_a_mistake() {
        let url = "smtps://mail.example".into();
        for pem in ["", "-----BEGIN PRIVATE KEY-----", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let file = tempfile::NamedTempFile::new().expect("a file");
            fs::write(file.path(), pem).expect("written");
            let found = SmtpSettings::parse(&url, Some(file.path())).expect_err(pem);
            assert_eq!(found[0].0, "SMTP_CA_FILE");
        }
    }

    #[test]
    fn secrets_do_not_print() {
        let args = SmtpArgs {
            smtp_url: Some("smtps://user:hunter2@mail.example".into()),
            smtp_ca_file: None,
            mail_from: Some("Faena <hola@mail.example>".to_owned()),
            ..SmtpArgs::default()
        };
        let mut mistakes = Mistakes::default();
        let smtp = args.checked(&mut mistakes).expect("a mailer");
        for printed in [format!("{args:?}"), format!("{smtp:?}")] {
            assert!(!printed.contains("hunter2"), "{printed}");
        }
    }

    #[test]
    fn a_letter_is_answered_for_within_the_ports_patience() {
        let Limits { connect: _, open, conversation, data, body, alive, quit: _ } = Limits::DEFAULT;
        assert!(alive + open + conversation + data + body < PATIENCE);
    }
}
