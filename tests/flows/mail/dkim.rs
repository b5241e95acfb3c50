//! Letters are signed, and a verifier that is not ours believes the signature.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::Hash,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use faena_tests::{sandbox::Sandbox, stores::Stores};
use mail_auth::{
    AuthenticatedMessage, DkimResult, MessageAuthenticator, Parameters, ResolverCache, Txt,
    common::{cache::NoCache, parse::TxtRecordParser as _, verify::DomainKey},
};
use queue::operations::State;

use super::{
    ADDRESS, mailer, reaches, start_engine,
    streams::{Which, enqueue, registry, somebody},
};

/// RFC 8463, A.2: everybody knows this key.
const ED25519_KEY: &str = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
const ED25519_RECORD: &str = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
/// The public half of dkim_rsa.pem, which signs nobody's letters.
const RSA_RECORD: &str = "v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAtJcWAVCIxJr4Wt+q1PW0g8OEt04nad0Xzuxa1ByiG5qX6xDfTCeEzqdtmhuMrEFFmkg28P1K7dlWGzL/gfoktX3ValPb1sQvuqnc9qahlWVS2u5zGBX2QXIA2YQ0COF2llFmiOd2H5MenhP6q2BMxWo+USNFj6pFgBlSlEkRMWjJHrXdGIdRUHhl2auoERW2dFSVrkLhKThhyTBH5l39WQ+af5dVK4MjNxDRUF0B3mWE7kzOfz5FBuz3YPONNQekp/do4e2iYitZDEt+ixjJkFQlI1RuT7ShirbjFIQbjk2fpo0SHnghyc2H+xx3YWkHJrJ6zuCPtCKGYgs/Et+NbwIDAQAB";

/// What the DNS would say.
struct Dns(HashMap<Box<str>, Txt>);

impl ResolverCache<Box<str>, Txt> for Dns {
    fn get<Q: Hash + Eq + ?Sized>(&self, name: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
    {
        self.0.get(name).cloned()
    }

    fn remove<Q: Hash + Eq + ?Sized>(&self, _: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
    {
        None
    }

    fn insert(&self, _: Box<str>, _: Txt, _: Instant) {}
}

/// The verifier's word for the letter's one signature.
async fn verdict(letter: &[u8], record: &str) -> DkimResult {
    let key = Txt::DomainKey(Arc::new(DomainKey::parse(record.as_bytes()).unwrap()));
    let dns = Dns(HashMap::from([("faena2026._domainkey.compilandocode.example.".into(), key)]));
    let message = AuthenticatedMessage::parse(letter).unwrap();
    let parameters = Parameters {
        params: &message,
        cache_txt: Some(&dns),
        cache_mx: None::<&NoCache<_, _>>,
        cache_ptr: None::<&NoCache<_, _>>,
        cache_ipv4: None::<&NoCache<_, _>>,
        cache_ipv6: None::<&NoCache<_, _>>,
    };
    let found = MessageAuthenticator::new_cloudflare().unwrap().verify_dkim(parameters).await;
    assert_eq!(found.len(), 1, "one signature");
    found[0].result().clone()
}

/// A letter as the mail server kept it.
async fn source(sandbox: &Sandbox) -> Vec<u8> {
    let letter = sandbox.mail_to(ADDRESS).await.unwrap();
    let file = walk(&sandbox.data_dir()).into_iter().find(|path| path.ends_with(format!("{}.eml", letter.id))).unwrap();
    std::fs::read(file).unwrap()
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

fn changed(letter: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(letter.to_vec()).unwrap();
    assert!(text.contains(from), "{text}");
    text.replacen(from, to, 1).into_bytes()
}

#[tokio::test]
async fn a_verifier_believes_the_signature_and_notices_every_change() {
    let keys = tempfile::tempdir().unwrap();
    let (ed25519, rsa) = (keys.path().join("ed25519"), keys.path().join("rsa"));
    std::fs::write(&ed25519, ED25519_KEY).unwrap();
    std::fs::write(&rsa, include_str!("dkim_rsa.pem")).unwrap();
    for (key, record) in [(rsa, RSA_RECORD), (ed25519, ED25519_RECORD)] {
        let (stores, sandbox) = (Stores::fresh().await, Sandbox::start().await.unwrap());
        let mail = mailer(&sandbox.smtp_url(), |args| {
            args.dkim_key_file = Some(key.clone());
            args.dkim_selector = Some("faena2026".to_owned());
        });
        let _engine = start_engine(&stores, registry(), Arc::new(mail));
        let user_id = somebody(&stores).await;
        let id = enqueue(&stores, user_id, Which::Broadcast, 0).await;
        reaches(&stores, id, State::Completed).await;

        let letter = source(&sandbox).await;

        assert_eq!(verdict(&letter, record).await, DkimResult::Pass, "{}", String::from_utf8_lossy(&letter));
        let signed = String::from_utf8(letter.clone()).unwrap().replace("\r\n ", "").replace("\r\n\t", "");
        let covered = signed.split("h=").nth(1).unwrap().split(';').next().unwrap().replace(' ', "");
        let names: Vec<&str> = covered.split(':').collect();
        for twice in ["from", "to", "subject", "date"] {
            assert_eq!(names.iter().filter(|name| **name == twice).count(), 2, "{twice} in {covered}");
        }
        for once in ["list-unsubscribe", "list-unsubscribe-post", "message-id", "reply-to"] {
            assert!(names.contains(&once), "{once} in {covered}");
        }
        for (from, to) in [
            ("List-Unsubscribe: <https://compilandocode", "List-Unsubscribe: <https://elsewhere"),
            ("List-Unsubscribe-Post: ", "List-Unsubscribe-Post: not "),
            ("From: ", "From: another@elsewhere.example\r\nFrom: "),
            ("Subject: ", "Subject: x\r\nSubject: "),
            ("From: ", "Reply-To: another@elsewhere.example\r\nFrom: "),
        ] {
            assert_ne!(verdict(&changed(&letter, from, to), record).await, DkimResult::Pass, "{from} became {to}");
        }
        let mut longer = letter.clone();
        longer.extend_from_slice(b"more\r\n");
        assert_ne!(verdict(&longer, record).await, DkimResult::Pass);
    }
}
