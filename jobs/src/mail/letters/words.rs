//! What somebody has written, as a letter repeats it.

/// A letter has so many characters of it at most; the page has all.
const MOST_CHARS: usize = 2_000;

/// What somebody has written, in paragraphs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// Its paragraphs; each may have several lines.
    pub paragraphs: Vec<String>,
    /// Whether there is more of it than a letter repeats.
    pub is_cut: bool,
}

impl Words {
    /// The beginning of a text, up to the end of a word.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let text = text.trim();
        let (shown, is_cut) = match text.char_indices().nth(MOST_CHARS) {
            None => (text, false),
            Some((end, _)) => {
                let end = text[..end].rfind(char::is_whitespace).unwrap_or(end);
                (text[..end].trim_end(), true)
            }
        };
        let mut paragraphs: Vec<String> = Vec::new();
        let mut is_new = true;
        for line in shown.lines().map(str::trim_end) {
            match paragraphs.last_mut() {
                _ if line.trim().is_empty() => is_new = true,
                Some(last) if !is_new => {
                    last.push('\n');
                    last.push_str(line);
                }
                _ => {
                    paragraphs.push(line.to_owned());
                    is_new = false;
                }
            }
        }
        if let (true, Some(last)) = (is_cut, paragraphs.last_mut()) {
            last.push_str(" …");
        }
        Self { paragraphs, is_cut }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_stand_apart_and_lines_stay_lines() {
        let words = Words::of("\nUno\ndos\n\n \n\ntres \r\n");
        assert_eq!((words.paragraphs, words.is_cut), (vec!["Uno\ndos".to_owned(), "tres".to_owned()], false));
        assert_eq!(Words::of(" \n").paragraphs, Vec::<String>::new());
    }

    #[test]
    fn a_long_text_ends_with_a_whole_word() {
        let words = Words::of(&"ñandú ".repeat(1_000));
        let last = words.paragraphs.last().expect("a paragraph");
        assert!(words.is_cut && last.ends_with("ñandú …") && last.chars().count() <= MOST_CHARS + 2, "{last}");
        let words = Words::of(&"ñ".repeat(5_000));
        assert_eq!(words.paragraphs[0].chars().count(), MOST_CHARS + 2, "one word that has no end");
    }
}
