//! What the mail server's rules mean.

use std::time::Duration;

use faena_tests::sandbox::{At, SmtpAct, SmtpRule};

use crate::script::{MAX_DELAY, Rule};

impl Rule for SmtpRule {
    fn times(&self) -> Option<u32> {
        self.times
    }

    fn delay(&self) -> Option<Duration> {
        if let SmtpAct::DelayMs(ms) = self.act { Some(Duration::from_millis(ms)) } else { None }
    }

    fn refuses(&self) -> bool {
        self.act == SmtpAct::Refuse
    }

    fn mistake(&self) -> Option<String> {
        match (&self.act, self.at) {
            (SmtpAct::Reply { code, .. }, _) if !(200..600).contains(code) => {
                Some(format!("{code} is not a reply code (200 to 599)"))
            }
            (SmtpAct::DelayMs(_), _) if self.delay().is_some_and(|delay| delay > MAX_DELAY) => {
                Some(format!("a delay is at most {MAX_DELAY:?}"))
            }
            (SmtpAct::Reply { .. } | SmtpAct::DelayMs(_) | SmtpAct::Cut, None) => Some("`at` is missing".to_owned()),
            (SmtpAct::KeepAndCut, at) if at != Some(At::Body) => Some("keep_and_cut is for the body".to_owned()),
            (SmtpAct::Refuse | SmtpAct::NoStarttls | SmtpAct::UntrustedCertificate, Some(_)) => {
                Some("refuse, no_starttls and untrusted_certificate take no `at`".to_owned())
            }
            (SmtpAct::Refuse, None) if self.times.is_some() => {
                Some("refuse takes no `times`: it holds until it is removed".to_owned())
            }
            (_, at) if self.to.is_some() && !matches!(at, Some(At::Rcpt | At::Data | At::Body)) => {
                Some("`to` is for rcpt, data and body".to_owned())
            }
            _ => None,
        }
    }
}

/// Whether a rule fires at this point, where these recipients are concerned.
pub(super) fn fires(rule: &SmtpRule, at: At, recipients: &[String]) -> bool {
    rule.at == Some(at) && rule.to.as_ref().is_none_or(|wanted| recipients.iter().any(|recipient| is_for(recipient, wanted)))
}

/// Whether a recipient is the wanted address, or of the wanted `@domain`.
fn is_for(recipient: &str, wanted: &str) -> bool {
    let (recipient, wanted) = (recipient.to_lowercase(), wanted.to_lowercase());
    if wanted.starts_with('@') { recipient.ends_with(&wanted) } else { recipient == wanted }
}
