//! Secret arguments: sealed wherever a job waits, opened in the attempt, and printed nowhere.

use std::{
    borrow::Cow,
    cell::Cell,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::URL_SAFE_NO_PAD},
};
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned, de::Error as _, ser::Error as _};
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// The field of a sealed value.
pub(crate) const SEAL: &str = "$secret";
/// What stands for a secret wherever people look.
pub(crate) const REDACTED: &str = "[secret]";
const FORMAT: &str = "v2";
const NONCE_BYTES: usize = 24;
const KEY_BYTES: usize = 32;

/// An argument of a job that nobody may read along the way: a card's token, a password. In Redis and Postgres it is sealed
/// (XChaCha20-Poly1305); logs, pages and commands show `[secret]`; the attempt reads it with [`Secret::expose`].
///
/// Sealing needs a [`Keyring`]; without one such a job cannot be enqueued.
///
/// ```
/// # use queue::Secret;
/// let card = Secret::new("4111 1111 1111 1111".to_owned());
/// assert_eq!(format!("{card:?} {card}"), "[secret] [secret]");
/// assert_eq!(card.expose(), "4111 1111 1111 1111");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// This value is secret.
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value. It is the reader's to keep it.
    #[must_use]
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl<T> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    #[serde(rename = "$secret")]
    seal: String,
}

impl<T: Serialize> Serialize for Secret<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let keyring = Keyring::installed().ok_or_else(|| {
            S::Error::custom("a secret argument cannot be sealed: no keyring is installed (the setting SECRET_ARGS_KEYS)")
        })?;
        let plain = Zeroizing::new(serde_json::to_vec(&self.0).map_err(S::Error::custom)?);
        let seal = KIND.get().map(|kind| keyring.seal(kind, &plain));
        let seal = seal.ok_or_else(|| S::Error::custom("a secret is sealed as an argument of a job, and of none else"))?;
        Sealed { seal }.serialize(serializer)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if PLAIN_IS_TAKEN.get() {
            let value = Value::deserialize(deserializer)?;
            let sealed = value.as_object().is_some_and(|fields| fields.contains_key(SEAL));
            return match sealed {
                true => open(value.get(SEAL).and_then(Value::as_str).unwrap_or_default()),
                // What serde would say of a wrong value may quote it.
                false => T::deserialize(value).map(Self).map_err(|_| "a secret argument has the wrong type".to_owned()),
            }
            .map_err(D::Error::custom);
        }
        let sealed = Sealed::deserialize(deserializer)
            .map_err(|_| D::Error::custom("a secret argument is not sealed: enqueue the job with Faena's own library or API"))?;
        open(&sealed.seal).map_err(D::Error::custom)
    }
}

/// As its value, marked `writeOnly`: the mark is what a door that cannot seal goes by.
impl<T: JsonSchema> JsonSchema for Secret<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Secret_of_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = generator.subschema_for::<T>();
        schema.insert("writeOnly".to_owned(), true.into());
        schema
    }
}

/// Whether a sealed value stands somewhere in these arguments.
pub(crate) fn holds_a_seal(args: &Value) -> bool {
    match args {
        Value::Array(values) => values.iter().any(holds_a_seal),
        Value::Object(fields) => fields.contains_key(SEAL) || fields.values().any(holds_a_seal),
        _ => false,
    }
}

fn open<T: DeserializeOwned>(seal: &str) -> Result<Secret<T>, String> {
    let keyring = Keyring::installed().ok_or("a secret argument cannot be opened: no keyring is installed (SECRET_ARGS_KEYS)")?;
    let kind = KIND.get().ok_or("a secret is opened as an argument of a job, and of none else")?;
    let plain = keyring.open(kind, seal).map_err(|error| format!("a secret argument cannot be opened: {error}"))?;
    serde_json::from_slice(&plain).map(Secret).map_err(|_| "a secret argument has the wrong type".to_owned())
}

/// Seals a text for a place of ours that is no argument of a job: a column of a table. It opens for that place alone, and for no job. `None`: no
/// keyring is installed (the setting SECRET_ARGS_KEYS).
#[must_use]
pub fn seal_for(place: &str, plain: &str) -> Option<String> {
    Keyring::installed().map(|keyring| keyring.seal(&no_kind(place), plain.as_bytes()))
}

/// Opens what [`seal_for`] has sealed for that place.
///
/// # Errors
/// Why it cannot be opened, in words that say nothing of it.
pub fn open_for(place: &str, seal: &str) -> Result<Secret<String>, String> {
    let keyring = Keyring::installed().ok_or("no keyring is installed (SECRET_ARGS_KEYS)")?;
    let plain = keyring.open(&no_kind(place), seal)?;
    String::from_utf8(plain.to_vec()).map(Secret).map_err(|_| "it is no text".to_owned())
}

/// No kind of job has a blank in its name.
fn no_kind(place: &str) -> String {
    format!("place {place}")
}

thread_local! {
    static PLAIN_IS_TAKEN: Cell<bool> = const { Cell::new(false) };
    /// Of which kind the job is whose arguments are written or read just now: serde hands nothing of that to a field.
    static KIND: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// Writes or reads the arguments of a job of this kind. A seal is opened as an argument of the kind that it was made for, and of no other: who may
/// enqueue, and has seen a seal, cannot have another job read it.
pub(crate) fn of_kind<R>(kind: &'static str, work: impl FnOnce() -> R) -> R {
    struct Restored(Option<&'static str>);
    impl Drop for Restored {
        fn drop(&mut self) {
            KIND.set(self.0);
        }
    }
    let _restored = Restored(KIND.replace(Some(kind)));
    work()
}

/// Reads arguments whose secrets are given as they are, because they come from a person or a program and not from a queue.
pub(crate) fn unsealed<R>(read: impl FnOnce() -> R) -> R {
    struct Restored(bool);
    impl Drop for Restored {
        fn drop(&mut self) {
            PLAIN_IS_TAKEN.set(self.0);
        }
    }
    let _restored = Restored(PLAIN_IS_TAKEN.replace(true));
    read()
}

/// A job's arguments as people may see them: what is sealed reads `[secret]`.
#[must_use]
pub fn redacted(args: &str) -> String {
    if !args.contains(SEAL) {
        return args.to_owned();
    }
    match serde_json::from_str::<Value>(args) {
        Ok(mut value) => {
            redact(&mut value);
            value.to_string()
        }
        Err(_) => format!("{REDACTED} (what cannot be decoded, and holds a secret)"),
    }
}

/// `edited`, arguments that somebody saw as [`redacted`] shows `stored`: what still reads `[secret]` is what was sealed there.
#[must_use]
pub fn with_secrets_of(stored: &str, edited: &str) -> String {
    let values = (serde_json::from_str::<Value>(stored), serde_json::from_str::<Value>(edited));
    let (true, (Ok(stored), Ok(mut value))) = (edited.contains(REDACTED), values) else { return edited.to_owned() };
    restore(&stored, &mut value);
    value.to_string()
}

fn restore(stored: &Value, edited: &mut Value) {
    match (stored, edited) {
        (Value::Object(fields), edited) if fields.contains_key(SEAL) && *edited == REDACTED => *edited = stored.clone(),
        (Value::Object(stored), Value::Object(edited)) => {
            for (name, value) in edited {
                restore(stored.get(name).unwrap_or(&Value::Null), value);
            }
        }
        (Value::Array(stored), Value::Array(edited)) => {
            stored.iter().zip(edited).for_each(|(stored, edited)| restore(stored, edited));
        }
        _ => {}
    }
}

fn redact(value: &mut Value) {
    match value {
        Value::Object(fields) if fields.contains_key(SEAL) => *value = json!(REDACTED),
        Value::Object(fields) => fields.values_mut().for_each(redact),
        Value::Array(values) => values.iter_mut().for_each(redact),
        _ => {}
    }
}

/// The keys with which secret arguments are sealed: the first seals, all open. To replace a key, put the new one before it, and take the
/// old one out when no job that it sealed is wanted any more.
#[derive(Clone)]
pub struct Keyring(Arc<Vec<(String, XChaCha20Poly1305)>>);

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(id, _)| id)).finish()
    }
}

/// Why a text is no keyring. It says nothing of the keys themselves.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// There is no key in it.
    #[error("has no key; write id:key, the key being 32 random bytes in base64 or hexadecimal")]
    Empty,
    /// An id is missing, too long, or has other characters.
    #[error("the {0}. key has no id of 1 to 32 letters, digits, - and _ before a colon")]
    Id(usize),
    /// Two keys have one id.
    #[error("two keys have the id {0:?}")]
    Twice(String),
    /// The key is not 32 bytes in base64 or hexadecimal.
    #[error("the key {0:?} is not 32 bytes in base64 or hexadecimal (for example: openssl rand -hex 32)")]
    Key(String),
    /// The key's bytes repeat.
    #[error("the key {0:?} is not random (for example: openssl rand -hex 32)")]
    NotRandom(String),
}

static INSTALLED: RwLock<Option<Keyring>> = RwLock::new(None);

impl Keyring {
    /// Reads `id:key,id2:key2`.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, KeyringError> {
        let mut keys: Vec<(String, XChaCha20Poly1305)> = Vec::new();
        for (place, entry) in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).enumerate() {
            let (id, key) = entry.split_once(':').ok_or(KeyringError::Id(place + 1))?;
            let well_named =
                (1..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
            if !well_named {
                return Err(KeyringError::Id(place + 1));
            }
            if keys.iter().any(|(other, _)| other == id) {
                return Err(KeyringError::Twice(id.to_owned()));
            }
            let key = Zeroizing::new(key_bytes(key).ok_or_else(|| KeyringError::Key(id.to_owned()))?);
            let mut seen = Zeroizing::new(key.to_vec());
            seen.sort_unstable();
            seen.dedup();
            if seen.len() < KEY_BYTES / 2 {
                return Err(KeyringError::NotRandom(id.to_owned()));
            }
            keys.push((id.to_owned(), XChaCha20Poly1305::new(&(*key).into())));
        }
        if keys.is_empty() { Err(KeyringError::Empty) } else { Ok(Self(Arc::new(keys))) }
    }

    /// Makes this the keyring of the process. Values are sealed and opened where they are serialized, which nothing can be handed to.
    pub fn install(self) {
        *INSTALLED.write().unwrap_or_else(PoisonError::into_inner) = Some(self);
    }

    fn installed() -> Option<Self> {
        INSTALLED.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// `v2.key id.nonce.ciphertext`; what stands before the nonce is authenticated too, and for which kind of job it is.
    fn seal(&self, kind: &str, plain: &[u8]) -> String {
        let (id, cipher) = &self.0[0];
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let head = format!("{FORMAT}.{id}");
        let aad = format!("{head}.{kind}");
        let payload = Payload { msg: plain, aad: aad.as_bytes() };
        // It fails for messages of more than 256 GiB.
        let sealed = cipher.encrypt(&XNonce::from(nonce), payload).unwrap_or_default();
        format!("{head}.{}.{}", URL_SAFE_NO_PAD.encode(nonce), URL_SAFE_NO_PAD.encode(sealed))
    }

    fn open(&self, kind: &str, seal: &str) -> Result<Zeroizing<Vec<u8>>, String> {
        let parts: Vec<&str> = seal.split('.').collect();
        let [format, id, nonce, sealed] = parts[..] else { return Err("it is no sealed value".to_owned()) };
        if format != FORMAT {
            return Err(format!("it was sealed in the format {format:?}, which this binary does not know"));
        }
        let Some((_, cipher)) = self.0.iter().find(|(known, _)| known == id) else {
            return Err(format!("it was sealed with the key {id:?}, which SECRET_ARGS_KEYS does not have (any more)"));
        };
        let nonce = URL_SAFE_NO_PAD.decode(nonce).ok().and_then(|nonce| <[u8; NONCE_BYTES]>::try_from(nonce).ok());
        let (Some(nonce), Ok(sealed)) = (nonce, URL_SAFE_NO_PAD.decode(sealed)) else {
            return Err("it is no sealed value".to_owned());
        };
        let aad = format!("{format}.{id}.{kind}");
        let payload = Payload { msg: &sealed, aad: aad.as_bytes() };
        let opened = cipher.decrypt(&XNonce::from(nonce), payload);
        opened.map(Zeroizing::new).map_err(|_| {
            format!("it was sealed for another job than {kind}, or changed since, or the key {id:?} is another one now")
        })
    }
}

fn key_bytes(text: &str) -> Option<[u8; KEY_BYTES]> {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
    const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
    let readings = [hex::decode(text).ok(), STANDARD.decode(text).ok(), URL_SAFE.decode(text).ok()];
    readings.into_iter().flatten().find_map(|bytes| Zeroizing::new(bytes).as_slice().try_into().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "old:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const NEW: &str = "new:202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f";

    fn keyring(text: &str) -> Keyring {
        Keyring::parse(text).unwrap()
    }

    #[test]
    fn what_is_sealed_is_opened_by_a_keyring_that_still_has_its_key() {
        let (before, during, after) = (keyring(OLD), keyring(&format!("{NEW},{OLD}")), keyring(NEW));
        let (old, new) = (before.seal("charge", b"4111"), during.seal("charge", b"4111"));

        assert!(old.starts_with("v2.old.") && new.starts_with("v2.new.") && !old.contains("4111"));
        assert_eq!(during.open("charge", &old).unwrap().as_slice(), b"4111");
        assert_eq!(after.open("charge", &new).unwrap().as_slice(), b"4111");
        let gone = after.open("charge", &old).unwrap_err();
        assert_eq!(gone, "it was sealed with the key \"old\", which SECRET_ARGS_KEYS does not have (any more)");
        assert_ne!(before.seal("charge", b"4111"), old, "a nonce serves once");
    }

    #[test]
    fn a_seal_that_was_touched_is_not_opened() {
        let keyring = keyring(&format!("{OLD},{NEW}"));
        let seal = keyring.seal("charge", b"4111");
        for place in 0..seal.len() {
            let mut bytes = seal.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            let touched = String::from_utf8(bytes).unwrap();
            assert!(keyring.open("charge", &touched).is_err(), "{touched}");
        }
        let elsewhere = keyring.open("refund", &seal).unwrap_err();
        assert!(elsewhere.starts_with("it was sealed for another job than refund"), "{elsewhere}");
        let renamed = seal.replace("v2.old.", "v2.new.");
        assert!(
            keyring.open("charge", &renamed).is_err()
                && keyring.open("charge", "").is_err()
                && keyring.open("charge", "v2.old..").is_err()
        );
    }

    #[test]
    fn a_keyring_that_protects_nothing_is_refused_without_quoting_it() {
        let refused = |text: &str| Keyring::parse(text).unwrap_err();
        assert_eq!(refused(" , "), KeyringError::Empty);
        assert_eq!(refused("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="), KeyringError::Id(1));
        assert_eq!(refused(&format!("{OLD},a b:x")), KeyringError::Id(2));
        assert_eq!(refused(&format!("{OLD},{OLD}")), KeyringError::Twice("old".to_owned()));
        assert_eq!(refused("k:c2hvcnQ="), KeyringError::Key("k".to_owned()));
        assert_eq!(refused(&format!("k:{}", "ab".repeat(32))), KeyringError::NotRandom("k".to_owned()));
        assert_eq!(format!("{:?}", keyring(OLD)), "[\"old\"]");
    }

    #[test]
    fn people_see_that_there_is_a_secret_and_nothing_else() {
        let args = r#"{"user":7,"cards":[{"$secret":"v2.old.AAAA.BBBB"}],"note":"say $secret"}"#;
        assert_eq!(redacted(args), r#"{"cards":["[secret]"],"note":"say $secret","user":7}"#);
        assert_eq!(redacted(r#"{"b":1,"a":2}"#), r#"{"b":1,"a":2}"#);
        assert!(!redacted("{\"x\":{\"$secret\":\"v2.old.AAAA.BBBB\"}, oops").contains("BBBB"));
    }

    #[test]
    fn who_edits_what_they_saw_keeps_the_secrets_that_they_did_not_see() {
        let stored = r#"{"user":7,"cards":[{"$secret":"v2.old.AAAA.BBBB"}]}"#;
        let edited = |text: &str| serde_json::from_str::<Value>(&with_secrets_of(stored, text)).unwrap();
        assert_eq!(
            edited(r#"{"user":8,"cards":["[secret]"],"note":"[secret]"}"#),
            json!({"user": 8, "cards": [{"$secret": "v2.old.AAAA.BBBB"}], "note": "[secret]"})
        );
        assert_eq!(edited(r#"{"user":8,"cards":["4111"]}"#), json!({"user": 8, "cards": ["4111"]}));
        assert_eq!(with_secrets_of(stored, "{oops [secret]"), "{oops [secret]");
    }

    #[test]
    fn its_schema_says_that_it_is_written_and_not_read_back() {
        let schema = schemars::schema_for!(Charge).to_value();
        let card = &schema["properties"]["card"];
        assert_eq!((&card["type"], &card["writeOnly"]), (&json!("string"), &json!(true)), "{schema}");
    }

    #[derive(Debug, Serialize, Deserialize, JsonSchema)]
    struct Charge {
        user: i64,
        card: Secret<String>,
    }

    #[test]
    fn a_field_is_sealed_where_it_is_written_and_opened_where_it_is_read() {
        keyring(OLD).install();
        let charge = Charge { user: 7, card: Secret::new("4111".to_owned()) };

        let written = of_kind("charge", || serde_json::to_string(&charge)).unwrap();
        let read: Charge = of_kind("charge", || serde_json::from_str(&written)).unwrap();

        assert!(written.starts_with(r#"{"user":7,"card":{"$secret":"v2.old."#) && !written.contains("4111"), "{written}");
        assert_eq!((read.user, read.card.expose().as_str()), (7, "4111"));
        assert_eq!(format!("{read:?}"), "Charge { user: 7, card: [secret] }");

        let plain = r#"{"user":7,"card":"4111"}"#;
        let refused = serde_json::from_str::<Charge>(plain).unwrap_err().to_string();
        assert!(refused.starts_with("a secret argument is not sealed") && !refused.contains("4111"), "{refused}");
        assert_eq!(unsealed(|| serde_json::from_str::<Charge>(plain)).unwrap().card.expose(), "4111");
        let wrong = unsealed(|| serde_json::from_str::<Charge>(r#"{"user":7,"card":4111}"#)).unwrap_err().to_string();
        assert!(wrong.starts_with("a secret argument has the wrong type") && !wrong.contains("4111"), "{wrong}");
    }
}
