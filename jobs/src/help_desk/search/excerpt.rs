//! The piece of a text that shows why it was found, with what was asked for marked in it.

use std::collections::{BTreeSet, HashSet};

use super::query::is_of_word;

/// A text in pieces, those that were asked for marked. Whoever writes a page escapes each piece and makes an element of the marked ones: there is no markup
/// in a piece, whatever it looks like.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Marked(pub Vec<Piece>);

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// As it stands there.
    pub text: String,
    /// Whether it was asked for.
    pub is_hit: bool,
}

/// How many words an excerpt has, and how many of these stand before the first that was asked for.
const WORDS: usize = 36;
const WORDS_BEFORE: usize = 6;
/// Of a longer text the rest is not looked through.
const MOST_WORDS: usize = 1_500;

impl Marked {
    /// The whole text.
    pub(super) fn whole(text: &str, hits: &HashSet<String>) -> Self {
        let mut marked = Self::default();
        marked.add(text, hits);
        marked
    }

    /// The part of the text that has the most of what was asked for; its beginning, where it has nothing of it.
    pub(super) fn excerpt(text: &str, hits: &HashSet<String>) -> Self {
        let places: Vec<(usize, usize)> = places(text).take(MOST_WORDS).collect();
        let is_hit: Vec<bool> = places.iter().map(|(from, to)| hits.contains(&text[*from..*to])).collect();
        let first = densest(&places, &is_hit, text);
        let last = (first + WORDS).min(places.len());
        let (Some((from, _)), Some((_, to))) = (places.get(first), places.get(last.saturating_sub(1))) else {
            return Self::default();
        };
        let from = if first == 0 { 0 } else { *from };
        let to = if places.len() <= last && last < MOST_WORDS { text.len() } else { *to };
        let mut marked = Self::default();
        if first > 0 {
            marked.push("… ", false);
        }
        marked.add(&text[from..to], hits);
        if to < text.len() {
            marked.push(" …", false);
        }
        marked
    }

    fn add(&mut self, text: &str, hits: &HashSet<String>) {
        let mut done = 0;
        for (from, to) in places(text) {
            if hits.contains(&text[from..to]) {
                self.push(&text[done..from], false);
                self.push(&text[from..to], true);
                done = to;
            }
        }
        self.push(&text[done..], false);
    }

    /// Lines run on: an excerpt is read as one.
    fn push(&mut self, text: &str, is_hit: bool) {
        let mut shown = String::with_capacity(text.len());
        for c in text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }) {
            if c != ' ' || !shown.ends_with(' ') {
                shown.push(c);
            }
        }
        match self.0.last_mut() {
            _ if shown.is_empty() => {}
            Some(last) if last.is_hit == is_hit => last.text.push_str(&shown),
            _ => self.0.push(Piece { text: shown, is_hit }),
        }
    }
}

/// The words of a text, each once, as they stand; at most so many.
pub(super) fn words<'t>(text: &'t str, most: usize, into: &mut BTreeSet<&'t str>) {
    into.extend(places(text).take(MOST_WORDS).map(|(from, to)| &text[from..to]).take(most));
}

/// Where the words of a text stand.
fn places(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let mut chars = text.char_indices().peekable();
    std::iter::from_fn(move || {
        let (from, first) = chars.find(|(_, c)| is_of_word(*c))?;
        let mut to = from + first.len_utf8();
        while let Some((at, c)) = chars.next_if(|(_, c)| is_of_word(*c)) {
            to = at + c.len_utf8();
        }
        Some((from, to))
    })
}

/// With which word the excerpt begins that holds the most different words that were asked for, the earliest of such.
fn densest(places: &[(usize, usize)], is_hit: &[bool], text: &str) -> usize {
    let mut best = (0, 0);
    for (place, _) in is_hit.iter().enumerate().filter(|(_, is_hit)| **is_hit) {
        let first = place.saturating_sub(WORDS_BEFORE);
        let shown = first..(first + WORDS).min(places.len());
        let different: HashSet<&str> = shown.filter(|at| is_hit[*at]).map(|at| &text[places[at].0..places[at].1]).collect();
        if different.len() > best.1 {
            best = (first, different.len());
        }
    }
    // The end of a text is shown whole rather than from its middle.
    best.0.min(places.len().saturating_sub(WORDS))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces as text, hits in brackets.
    fn shown(marked: &Marked) -> String {
        marked.0.iter().map(|piece| if piece.is_hit { format!("[{}]", piece.text) } else { piece.text.clone() }).collect()
    }

    fn hits(words: &[&str]) -> HashSet<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn hits_are_marked_as_they_stand_and_nothing_is_markup() {
        let marked = Marked::whole("¿La <b>Impresión</b>\nsalió? impresión-2", &hits(&["Impresión", "impresión", "b"]));
        assert_eq!(shown(&marked), "¿La <[b]>[Impresión]</[b]> salió? [impresión]-2");
        assert_eq!(
            marked.0.iter().map(|piece| piece.text.as_str()).collect::<String>(),
            "¿La <b>Impresión</b> salió? impresión-2"
        );
    }

    #[test]
    fn an_excerpt_shows_where_most_of_it_stands() {
        let filler = |count: usize| "nada ".repeat(count);
        let text = format!("{}vpn {}vpn y certificado caducado {}", filler(50), filler(60), filler(50));
        let excerpt = shown(&Marked::excerpt(&text, &hits(&["vpn", "certificado", "caducado"])));
        assert!(excerpt.starts_with("… nada nada nada nada nada nada [vpn] y [certificado] [caducado] nada"), "{excerpt}");
        assert!(excerpt.ends_with(" …") && excerpt.matches("nada").count() == WORDS - 4, "{excerpt}");
    }

    #[test]
    fn short_texts_beginnings_and_ends_are_shown_whole() {
        assert_eq!(shown(&Marked::excerpt("¡Hola!", &hits(&[]))), "¡Hola!");
        assert_eq!(shown(&Marked::excerpt("", &hits(&["x"]))), "");
        let text = format!("{}fin.", "nada ".repeat(60));
        let end = shown(&Marked::excerpt(&text, &hits(&["fin"])));
        assert!(end.starts_with("… nada") && end.ends_with("nada [fin]."), "{end}");
        let beginning = shown(&Marked::excerpt(&text, &hits(&[])));
        assert!(beginning.starts_with("nada") && beginning.ends_with("nada …"), "{beginning}");
    }

    #[test]
    fn a_very_long_text_is_cut_without_being_looked_through() {
        let text = format!("{}aguja", "paja ".repeat(5_000));
        let excerpt = shown(&Marked::excerpt(&text, &hits(&["aguja"])));
        assert!(excerpt.starts_with("paja") && excerpt.ends_with(" …"), "{excerpt}");
    }
}
