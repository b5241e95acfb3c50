//! Which words were meant, where few texts hold those that were typed.

use sqlx::PgConnection;

use crate::help_desk::actor::Actor;

/// A word that was typed, and those that may have been meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meant {
    /// As it was typed.
    pub typed: String,
    /// Words of texts that the reader may see, as most of these spell them, in small letters; the closest.
    pub words: Vec<String>,
}

/// A word that was typed, the same as it is compared, another one, and how that is spelled.
type Alike = (String, String, String, String);

/// At most so many words stand for one.
const MOST: usize = 4;

/// For each of the words that some text the reader may see has a similar one for: which. Only texts that they may see are asked, so that nobody
/// learns from a correction what another client writes about.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub(super) async fn correct(tx: &mut PgConnection, actor: &Actor, typed: &[&str]) -> sqlx::Result<Vec<Meant>> {
    let alike: Vec<Alike> =
        sqlx::query_as(include_str!("sql/words_alike.sql")).bind(typed).bind(actor.client()).fetch_all(tx).await?;
    Ok(typed.iter().filter_map(|word| closest(word, alike.iter().filter(|(of, ..)| of == word))).collect())
}

/// The words at the smallest distance, if that is one or two slips of a finger.
fn closest<'a>(typed: &str, alike: impl Iterator<Item = &'a Alike>) -> Option<Meant> {
    let mut near: Vec<(usize, &str, &str)> = alike
        .filter(|(_, plain, word, _)| plain != word)
        .map(|(_, plain, word, shown)| (strsim::osa_distance(plain, word), word.as_str(), shown.as_str()))
        .filter(|(distance, word, _)| *distance <= slips(word))
        .collect();
    near.sort_unstable();
    let least = near.first()?.0;
    let words =
        near.iter().take_while(|(distance, ..)| *distance == least).take(MOST).map(|(.., shown)| (*shown).to_owned()).collect();
    Some(Meant { typed: typed.to_owned(), words })
}

/// How many letters of a word may be wrong, missing, too many or changed with their neighbour.
fn slips(word: &str) -> usize {
    if word.chars().count() <= 5 { 1 } else { 2 }
}
