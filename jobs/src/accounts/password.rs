//! Passwords: which are strong enough, and how they are hashed and compared.

use std::{sync::Arc, time::Duration};

use argon2::{
    Argon2, Params,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc},
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
    time::timeout,
};

/// A password that may be used: long enough, short enough, hard enough to guess.
#[derive(Debug)]
pub struct StrongPassword(SecretString);

/// Why a password may not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordProblem {
    /// Fewer than [`StrongPassword::MIN_CHARS`].
    #[error("the password has fewer than {} characters", StrongPassword::MIN_CHARS)]
    TooShort,
    /// More than [`StrongPassword::MAX_BYTES`].
    #[error("the password has more than {} bytes", StrongPassword::MAX_BYTES)]
    TooLong,
    /// It would be guessed.
    #[error("the password is easy to guess: {0:?}")]
    Weak(Weakness),
}

/// What makes a password easy to guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    /// It is among the passwords that everybody tries first, or close to one.
    Common,
    /// It holds the person's own name or address, or the name of this house.
    Personal,
    /// Names or a single word of the dictionary.
    Word,
    /// Keys that lie side by side.
    Keyboard,
    /// The same again and again.
    Repeat,
    /// `abc`, `6543`.
    Sequence,
    /// A date or a year.
    Date,
    /// Nothing of the above, yet too little.
    Simple,
}

/// Guessed first at a place like this one, whatever a general dictionary thinks of them.
const HOUSE_WORDS: &str = "faena compilandocode compilando contraseña contrasena clave secreto bienvenido programacion curso \
                           teamo tequiero colombia bogota";

impl StrongPassword {
    /// The fewest characters.
    pub const MIN_CHARS: usize = 10;
    /// The most bytes: more adds no strength and costs time.
    pub const MAX_BYTES: usize = 128;

    /// Judges a password. `personal` are texts that an attacker would try for this person: their name, their address.
    /// It works for some milliseconds; call it where blocking is allowed.
    ///
    /// # Errors
    /// It is too short, too long, or would be guessed.
    pub fn judge(password: SecretString, personal: &[&str]) -> Result<Self, PasswordProblem> {
        let typed = password.expose_secret();
        if typed.chars().count() < Self::MIN_CHARS {
            return Err(PasswordProblem::TooShort);
        }
        if typed.len() > Self::MAX_BYTES {
            return Err(PasswordProblem::TooLong);
        }
        let mut guessable: Vec<String> = personal
            .iter()
            .flat_map(|text| std::iter::once(*text).chain(text.split(|c: char| !c.is_alphanumeric())))
            .chain(HOUSE_WORDS.split_whitespace())
            .filter(|word| word.chars().count() > 2)
            .map(str::to_lowercase)
            .collect();
        guessable.sort_by_key(|word| std::cmp::Reverse(word.len()));

        // What is left without the words that an attacker would begin with has to be strong by itself.
        let lowered = typed.to_lowercase();
        let rest = guessable.iter().fold(lowered.clone(), |rest, word| rest.replace(word, " "));
        if rest != lowered && zxcvbn::zxcvbn(&rest, &[]).score() < STRONG {
            return Err(PasswordProblem::Weak(Weakness::Personal));
        }
        let entropy = zxcvbn::zxcvbn(typed, &[]);
        if entropy.score() < STRONG {
            return Err(PasswordProblem::Weak(weakness(&entropy)));
        }
        Ok(Self(password))
    }
}

/// Three of four: at least 10^8 guesses, out of reach of the throttled logins of this house.
const STRONG: zxcvbn::Score = zxcvbn::Score::Three;

fn weakness(entropy: &zxcvbn::Entropy) -> Weakness {
    use zxcvbn::feedback::Warning as W;
    match entropy.feedback().and_then(zxcvbn::feedback::Feedback::warning) {
        Some(W::StraightRowsOfKeysAreEasyToGuess | W::ShortKeyboardPatternsAreEasyToGuess) => Weakness::Keyboard,
        Some(W::RepeatsLikeAaaAreEasyToGuess | W::RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess) => Weakness::Repeat,
        Some(
            W::ThisIsATop10Password
            | W::ThisIsATop100Password
            | W::ThisIsACommonPassword
            | W::ThisIsSimilarToACommonlyUsedPassword,
        ) => Weakness::Common,
        Some(W::SequencesLikeAbcAreEasyToGuess) => Weakness::Sequence,
        Some(W::RecentYearsAreEasyToGuess | W::DatesAreOftenEasyToGuess) => Weakness::Date,
        Some(
            W::AWordByItselfIsEasyToGuess
            | W::NamesAndSurnamesByThemselvesAreEasyToGuess
            | W::CommonNamesAndSurnamesAreEasyToGuess,
        ) => Weakness::Word,
        None => Weakness::Simple,
    }
}

/// The hasher. A hash takes tens of milliseconds and 19 MiB, so only so many run at once; the others wait their turn.
#[derive(Debug, Clone)]
pub struct Passwords {
    slots: Arc<Semaphore>,
}

/// Why a password was neither hashed nor compared.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// No slot became free in time.
    #[error("too many passwords are being hashed")]
    Busy,
    /// The hasher refused, or its thread died.
    #[error("hashing a password: {0}")]
    Failed(String),
}

/// The stored form of a password (a PHC string).
#[derive(Debug)]
pub struct PasswordHash(pub(super) String);

impl Passwords {
    /// How long a request waits for a slot.
    const PATIENCE: Duration = Duration::from_secs(5);

    /// At most `at_once` hashes at a time.
    #[must_use]
    pub fn new(at_once: usize) -> Self {
        Self { slots: Arc::new(Semaphore::new(at_once.max(1))) }
    }

    /// Hashes a password with a new random salt.
    ///
    /// # Errors
    /// No slot became free in time, or the system has no randomness or memory.
    pub async fn hash(&self, password: StrongPassword) -> Result<PasswordHash, HashError> {
        self.blocking(move || {
            let hash: phc::PasswordHash = hasher()
                .hash_password(password.0.expose_secret().as_bytes())
                .map_err(|error| HashError::Failed(error.to_string()))?;
            Ok(PasswordHash(hash.to_string()))
        })
        .await
    }

    /// Whether `password` is the one behind `stored`. Without a stored hash the same work is done and the answer is no, so that the
    /// time taken does not tell who has an account.
    ///
    /// # Errors
    /// No slot became free in time, or the stored hash cannot be read.
    pub async fn verify(&self, password: SecretString, stored: Option<String>) -> Result<bool, HashError> {
        self.blocking(move || {
            // No more bytes than a password may have are hashed; the rest cannot match anyway.
            let typed = password.expose_secret().as_bytes();
            let fits = typed.len() <= StrongPassword::MAX_BYTES;
            let typed = &typed[..typed.len().min(StrongPassword::MAX_BYTES)];
            let exists = stored.is_some();
            let stored = stored.as_deref().unwrap_or(NOBODYS_HASH);
            let stored = phc::PasswordHash::new(stored).map_err(|error| HashError::Failed(error.to_string()))?;
            let matches = hasher().verify_password(typed, &stored).is_ok();
            Ok(matches & exists & fits)
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let slot: OwnedSemaphorePermit = timeout(Self::PATIENCE, Arc::clone(&self.slots).acquire_owned())
            .await
            .map_err(|_| HashError::Busy)?
            .map_err(|_| HashError::Busy)?;
        // The slot travels with the work: a request that is given up does not free it early.
        let ended = spawn_blocking(move || {
            let _slot = slot;
            work()
        });
        ended.await.unwrap_or_else(|error| Err(HashError::Failed(error.to_string())))
    }
}

/// Argon2id with 19 MiB, two passes and one lane: the first choice of OWASP's Password Storage Cheat Sheet
/// (<https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id>), and the default of the crate.
fn hasher() -> Argon2<'static> {
    Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, Params::DEFAULT)
}

/// The hash of a random password that was thrown away, with the same cost as any other. Also that of an account whose owner has not chosen one yet.
pub(super) const NOBODYS_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$d/5/OPD1G/NgNklnOGJcgQ$i6z91FHNYsOHrrmBlgSWd8Y4XB33AJ+6p3p0fRAUpdo";

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(password: &str) -> Result<(), PasswordProblem> {
        StrongPassword::judge(SecretString::from(password), &["María del Mar Ibáñez", "mar.ibanez@correo.example"]).map(drop)
    }

    #[test]
    fn strong_passwords_pass_in_any_script() {
        for password in
            ["sopa de letras a las 7", "el mar come pan a las 7", "kQ9#vT2!mZ", "cuatro gatos ñoños\0", "пингвин-летит-кофе"]
        {
            assert_eq!(judge(password), Ok(()), "{password}");
        }
    }

    #[test]
    fn length_counts_characters_below_and_bytes_above() {
        assert_eq!(judge("ñandúes9!"), Err(PasswordProblem::TooShort));
        assert_eq!(judge(&"ñ".repeat(65)), Err(PasswordProblem::TooLong));
    }

    #[test]
    fn weak_passwords_are_refused_with_what_is_weak() {
        use Weakness::{Common, Personal, Repeat, Sequence};
        for (password, weakness) in [
            ("1234567890", Common),
            ("abcdefghijklm", Sequence),
            ("aaaaaaaaaaaaaa", Repeat),
            ("mar.ibanez2024", Personal),
            ("ibáñezibáñez", Personal),
            ("compilandocode1", Personal),
            ("Faena-2024-faena", Personal),
        ] {
            assert_eq!(judge(password), Err(PasswordProblem::Weak(weakness)), "{password}");
        }
    }

    #[tokio::test]
    async fn a_hash_verifies_its_password_and_no_other() {
        let passwords = Passwords::new(1);
        let strong = StrongPassword::judge("sopa de letras a las 7".into(), &[]).expect("a strong password");
        let hash = passwords.hash(strong).await.expect("a hash").0;
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify("sopa de letras a las 7".into(), Some(hash.clone())).await.expect("compared"));
        assert!(!passwords.verify("sopa de letras a las 8".into(), Some(hash.clone())).await.expect("compared"));
        assert!(!passwords.verify("sopa de letras a las 7".into(), None).await.expect("compared"));
        assert!(passwords.verify("x".into(), Some("no hash".to_owned())).await.is_err());
    }

    #[tokio::test]
    async fn bytes_beyond_the_limit_never_match() {
        let passwords = Passwords::new(1);
        let longest: String = "sopa de letras ".repeat(9).chars().take(StrongPassword::MAX_BYTES).collect();
        let strong = StrongPassword::judge(longest.clone().into(), &[]).expect("a strong password");
        let hash = passwords.hash(strong).await.expect("a hash").0;
        assert!(!passwords.verify(format!("{longest}x").into(), Some(hash)).await.expect("compared"));
    }
}
