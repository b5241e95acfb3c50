//! Which words were meant, where few texts hold those that were typed.

use std::{cmp::Reverse, collections::HashMap};

use sqlx::PgConnection;

use crate::help_desk::actor::Actor;

/// A word that was typed, and those that may have been meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meant {
    /// As it was typed.
    pub typed: String,
    /// Words of texts that the reader may see, as these spell them, in small letters; those that are the most alike, the most frequent first.
    pub words: Vec<String>,
}

/// A word that was typed, the same as it is compared, another one, and how that is spelled.
type Alike = (String, String, String, String);

/// At most so many words stand for one.
const MOST: usize = 4;
/// Of so many that are equally alike it is asked how frequent they are.
const COMPARED: usize = 24;

/// For each of the words that some text the reader may see has a similar one for: which. Only words that they may see are asked, so that nobody
/// learns from a correction what another client writes about.
///
/// # Errors
/// Postgres refuses or cannot be reached.
pub(super) async fn correct(tx: &mut PgConnection, actor: &Actor, typed: &[&str]) -> sqlx::Result<Vec<Meant>> {
    if typed.is_empty() {
        return Ok(Vec::new());
    }
    let alike: Vec<Alike> =
        sqlx::query_as(include_str!("sql/words_alike.sql")).bind(typed).bind(actor.client()).fetch_all(&mut *tx).await?;
    let mut meant = Vec::new();
    for word in typed {
        let mut nearest = nearest(alike.iter().filter(|(of, ..)| of == word));
        if nearest.is_empty() {
            continue;
        }
        if nearest.len() > 1 {
            let words: Vec<&str> = nearest.iter().map(|(word, _)| *word).collect();
            let times: Vec<(String, i64)> =
                sqlx::query_as(include_str!("sql/how_often.sql")).bind(words).bind(actor.client()).fetch_all(&mut *tx).await?;
            let times: HashMap<String, i64> = times.into_iter().collect();
            // In the order of the words where they are equally frequent.
            nearest.sort_by_key(|(word, _)| Reverse(times.get(*word).copied()));
        }
        let words = nearest.into_iter().take(MOST).map(|(_, spelled)| spelled.to_owned()).collect();
        meant.push(Meant { typed: (*word).to_owned(), words });
    }
    Ok(meant)
}

/// The words at the smallest distance, if that is one or two slips of a finger, with how they are spelled. Neighbours that changed places are one slip, and the
/// likeliest: where nothing but letters' places differs, nothing else is meant.
fn nearest<'a>(alike: impl Iterator<Item = &'a Alike>) -> Vec<(&'a str, &'a str)> {
    let mut near: Vec<(usize, bool, &str, &str)> = alike
        .filter(|(_, plain, word, _)| plain != word)
        .map(|(_, plain, word, spelled)| {
            (strsim::osa_distance(plain, word), letters(plain) != letters(word), word.as_str(), spelled.as_str())
        })
        .filter(|(distance, _, word, _)| *distance <= slips(word))
        .collect();
    near.sort_unstable();
    near.dedup_by_key(|(_, _, word, _)| *word);
    let Some((least, has_others)) = near.first().map(|(distance, has_others, ..)| (*distance, *has_others)) else {
        return Vec::new();
    };
    near.into_iter()
        .take_while(|(distance, others, ..)| (*distance, *others) == (least, has_others))
        .take(COMPARED)
        .map(|(.., word, spelled)| (word, spelled))
        .collect()
}

/// The letters of a word, whatever their places.
fn letters(word: &str) -> Vec<char> {
    let mut letters: Vec<char> = word.chars().collect();
    letters.sort_unstable();
    letters
}

/// How many letters of a word may be wrong, missing, too many or changed with their neighbour.
fn slips(word: &str) -> usize {
    if word.chars().count() <= 5 { 1 } else { 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nearest_of(typed: &str, words: &[&str]) -> Vec<String> {
        let alike: Vec<Alike> =
            words.iter().map(|word| (typed.to_owned(), typed.to_owned(), (*word).to_owned(), (*word).to_owned())).collect();
        nearest(alike.iter()).into_iter().map(|(word, _)| word.to_owned()).collect()
    }

    #[test]
    fn changed_neighbours_are_one_slip_and_the_likeliest() {
        assert_eq!(nearest_of("jmas", &["mas", "jams", "jams", "jamas"]), ["jams"]);
        assert_eq!(nearest_of("reinciamos", &["reiniciamos", "renunciamos"]), ["reiniciamos"]);
    }

    #[test]
    fn of_words_that_are_equally_alike_each_may_be_meant_and_of_short_ones_one_letter_is_wrong() {
        assert_eq!(nearest_of("meza", &["meta", "mesa", "mole", "meza"]), ["mesa", "meta"]);
        assert_eq!(nearest_of("casa", &["cosas"]), Vec::<String>::new());
        assert_eq!(nearest_of("correro", &["correo", "correos"]), ["correo"]);
    }
}
