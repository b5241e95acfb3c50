//! How tickets that were put away are found: by words that their titles have.

use std::fmt::Write as _;

/// So many words of a title are looked for at most.
pub(crate) const MOST_WORDS: usize = 8;

/// The words of what somebody typed. What has neither letter nor digit in it is none.
pub(crate) fn words(typed: &str) -> impl Iterator<Item = &str> {
    typed.split_whitespace().filter(|word| word.contains(char::is_alphanumeric))
}

/// A condition for each of these words, its parameter's number from `first` on, which the index of titles knows. What could be a sign of a pattern is a blank in
/// what is compared.
pub(crate) fn conditions(first: usize, words: &[&str]) -> String {
    (first..).zip(words).fold(String::new(), |mut conditions, (at, _)| {
        let _ = write!(conditions, "and desk.plain(t.title) like '%' || btrim(desk.plain(${at})) || '%' ");
        conditions
    })
}
