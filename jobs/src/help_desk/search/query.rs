//! What somebody asks for, read from what they typed.

use serde_json::{Value, json};
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

use crate::help_desk::{number::TicketId, words::Status};

/// Why there is nothing to search for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QueryProblem {
    /// No letter and no digit.
    #[error("it has no word")]
    Blank,
    /// More characters than that.
    #[error("it has more than {0} characters")]
    TooLong(usize),
    /// More words and phrases than that.
    #[error("it has more than {0} words")]
    TooManyWords(usize),
}

/// What is asked for: everything in it, in any order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    terms: Vec<Term>,
    /// The ticket that it may be the number of.
    pub number: Option<TicketId>,
    /// Where tickets are to stand; none: anywhere.
    statuses: Vec<Status>,
}

/// One thing that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// Words with a blank between them. Several: they stand side by side.
    text: String,
    /// What else would do: words that are spelled much alike.
    or: Vec<String>,
    /// As they are, and not in another form.
    is_quoted: bool,
    /// Somebody may be about to type on.
    is_prefix: bool,
}

impl Query {
    /// The most characters it may have.
    pub const MAX_CHARS: usize = 200;
    /// The most words and phrases it may have.
    pub const MAX_TERMS: usize = 12;

    /// Reads what somebody typed: words; phrases between quotation marks, which may be left open; a ticket's number, with `#` or without. What is
    /// neither letter nor digit only divides words. The last word may be the beginning of one.
    ///
    /// # Errors
    /// There is nothing in it, or more than is searched for.
    pub fn parse(typed: &str) -> Result<Self, QueryProblem> {
        let typed: String = typed.nfc().collect();
        if typed.trim().chars().count() > Self::MAX_CHARS {
            return Err(QueryProblem::TooLong(Self::MAX_CHARS));
        }
        let query = Self::read(&typed);
        match query.terms.len() {
            0 => Err(QueryProblem::Blank),
            1..=Self::MAX_TERMS => Ok(query),
            _ => Err(QueryProblem::TooManyWords(Self::MAX_TERMS)),
        }
    }

    /// Reads a text of somebody's, such as a title: its first words, whatever there are.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        let mut query = Self::read(&text.nfc().collect::<String>());
        query.terms.truncate(Self::MAX_TERMS);
        query.terms.iter_mut().for_each(|term| term.is_prefix = false);
        query
    }

    fn read(typed: &str) -> Self {
        let mut terms: Vec<Term> = Vec::new();
        for (place, part) in typed.split(is_quotation_mark).enumerate() {
            if place % 2 == 1 {
                terms.extend(Term::of(part, true));
            } else {
                terms.extend(part.split_whitespace().filter_map(|chunk| Term::of(chunk, false)));
            }
        }
        // A blank behind it, or anything else that ends a word, says that it is whole.
        if typed.chars().next_back().is_some_and(is_of_word)
            && let Some(last) = terms.last_mut()
        {
            last.is_prefix = !last.is_quoted && last.last_word_chars() >= Term::MIN_PREFIX_CHARS;
        }
        let mut distinct: Vec<Term> = Vec::new();
        for term in terms {
            match distinct.iter_mut().find(|other| other.text == term.text && other.is_quoted == term.is_quoted) {
                Some(other) => other.is_prefix |= term.is_prefix,
                None => distinct.push(term),
            }
        }
        Self { terms: distinct, number: number(typed), statuses: Vec::new() }
    }

    /// The same, of the tickets that stand there alone; none: wherever they stand.
    #[must_use]
    pub fn of_statuses(mut self, statuses: Vec<Status>) -> Self {
        self.statuses = statuses;
        self
    }

    /// Where tickets are to stand, if that is asked for.
    pub(super) fn statuses(&self) -> Option<Vec<&'static str>> {
        (!self.statuses.is_empty()).then(|| self.statuses.iter().map(|status| status.as_str()).collect())
    }

    /// For the database's `desk.search_query`.
    #[must_use]
    pub fn terms_json(&self) -> Value {
        self.terms.iter().map(Term::json).collect()
    }

    /// The same without the terms at these places, from zero.
    pub(super) fn without(&self, places: &[i64]) -> Self {
        let terms = (0_i64..).zip(&self.terms).filter(|(place, _)| !places.contains(place)).map(|(_, term)| term.clone());
        Self { terms: terms.collect(), number: self.number, statuses: self.statuses.clone() }
    }

    /// Whether no word is asked for.
    pub(super) fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The words that may be spelled wrong.
    pub(super) fn words(&self) -> Vec<&str> {
        self.terms.iter().filter(|term| term.may_be_misspelled()).map(|term| term.text.as_str()).collect()
    }

    /// The same, where other words would do for one of them.
    pub(super) fn or(&self, word: &str, others: &[String]) -> Self {
        let mut query = self.clone();
        for term in query.terms.iter_mut().filter(|term| term.may_be_misspelled() && term.text == word) {
            term.or.extend_from_slice(others);
        }
        query
    }
}

impl Term {
    /// Shorter words are beginnings of too many.
    const MIN_PREFIX_CHARS: usize = 3;
    /// Shorter words are like too many.
    const MIN_MISSPELLED_CHARS: usize = 4;

    fn of(typed: &str, is_quoted: bool) -> Option<Self> {
        let words: Vec<&str> = typed.split(|c| !is_of_word(c)).filter(|word| !word.is_empty()).collect();
        // Whoever writes «SRV-01» or an address wants what stands side by side.
        let is_quoted = is_quoted || words.len() > 1;
        (!words.is_empty()).then(|| Self { text: words.join(" "), or: Vec::new(), is_quoted, is_prefix: false })
    }

    fn last_word_chars(&self) -> usize {
        self.text.rsplit(' ').next().map_or(0, |word| word.chars().count())
    }

    fn may_be_misspelled(&self) -> bool {
        !self.is_quoted && self.text.chars().count() >= Self::MIN_MISSPELLED_CHARS && self.text.chars().all(|c| !c.is_numeric())
    }

    fn json(&self) -> Value {
        let any: Vec<&str> = [self.text.as_str()].into_iter().chain(self.or.iter().map(String::as_str)).collect();
        json!({ "any": any, "quoted": self.is_quoted, "prefix": self.is_prefix })
    }
}

/// What words are made of.
pub(super) fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c)
}

fn is_quotation_mark(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„' | '«' | '»')
}

fn number(typed: &str) -> Option<TicketId> {
    let typed = typed.trim();
    let digits = typed.strip_prefix('#').unwrap_or(typed);
    // Rust's own parser would take a sign.
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| digits.parse().ok().map(TicketId)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The terms as `word`, `word*` (a beginning) and `"words"`.
    fn terms(typed: &str) -> String {
        let shown = |term: &Term| {
            let (quote, star) = (if term.is_quoted { "\"" } else { "" }, if term.is_prefix { "*" } else { "" });
            format!("{quote}{}{quote}{star}", term.text)
        };
        Query::read(typed).terms.iter().map(shown).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn words_phrases_and_a_beginning_are_told_apart() {
        assert_eq!(terms("impresora no impr"), "impresora no impr*");
        assert_eq!(terms("impresora "), "impresora", "a blank behind it: it is whole");
        assert_eq!(terms("de"), "de", "too short to be a beginning");
        assert_eq!(terms("\"no imprime\" lenta"), "\"no imprime\" lenta*");
        assert_eq!(terms("«disco duro» “error 5”"), "\"disco duro\" \"error 5\"");
        assert_eq!(terms("vpn \"no conec"), "vpn \"no conec\"", "a phrase that is left open");
        assert_eq!(terms("red red RED red"), "red* RED", "once each");
    }

    #[test]
    fn what_is_neither_letter_nor_digit_only_divides_words() {
        assert_eq!(terms("SRV-01 ana@cafes.example"), "\"SRV 01\" \"ana cafes example\"");
        assert_eq!(terms("% _ :* ' \\ & | ! ( ) <-> \0 --"), "");
        assert_eq!(terms("100% a_b x:* 'y'; drop--"), "100 \"a b\" x y drop");
        assert_eq!(terms("n\u{303}andú"), "n\u{303}andú*", "letters and their marks stay together");
    }

    #[test]
    fn a_number_may_be_a_tickets() {
        let number = |typed| Query::read(typed).number;
        assert_eq!(number(" #42 "), Some(TicketId(42)));
        assert_eq!(number("42"), Some(TicketId(42)));
        for none in ["+42", "-42", "#", "4 2", "99999999999999999999", "٤٢"] {
            assert_eq!(number(none), None, "{none}");
        }
    }

    #[test]
    fn more_than_is_searched_for_is_refused_by_name() {
        assert_eq!(Query::parse(" ¿? "), Err(QueryProblem::Blank));
        assert_eq!(Query::parse(&"ñ".repeat(201)), Err(QueryProblem::TooLong(200)));
        assert!(Query::parse(&"ñ".repeat(200)).is_ok());
        let words = |count: usize| (0..count).map(|n| format!("w{n} ")).collect::<String>();
        assert_eq!(Query::parse(&words(13)), Err(QueryProblem::TooManyWords(12)));
        assert!(Query::parse(&words(12)).is_ok());
        assert_eq!(Query::of_text(&words(40)).terms.len(), 12, "of a text the first words");
    }
}
