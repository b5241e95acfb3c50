//! What people write, judged before it is kept.

use unicode_normalization::UnicodeNormalization as _;

/// Why a text is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextProblem {
    /// Nothing that could be read.
    #[error("it is blank")]
    Blank,
    /// More characters than that.
    #[error("it has more than {0} characters")]
    TooLong(usize),
    /// Control characters, or such as turn around what stands beside them.
    #[error("it has characters that cannot be shown")]
    Forbidden,
}

/// Reads one line.
///
/// # Errors
/// It is blank, too long, or not a line that can be shown.
pub fn line(typed: &str, max_chars: usize) -> Result<String, TextProblem> {
    judge(typed.trim().nfc().collect(), max_chars, |_| false)
}

/// Reads lines. Browsers send such that end in CR LF.
///
/// # Errors
/// They are blank, too long, or cannot be shown.
pub fn lines(typed: &str, max_chars: usize) -> Result<String, TextProblem> {
    let lines = typed.replace("\r\n", "\n").replace('\r', "\n");
    judge(lines.trim().nfc().collect(), max_chars, |c| matches!(c, '\n' | '\t'))
}

fn judge(text: String, max_chars: usize, is_allowed: fn(char) -> bool) -> Result<String, TextProblem> {
    if text.chars().any(|c| is_forbidden(c) && !is_allowed(c)) {
        return Err(TextProblem::Forbidden);
    }
    if text.chars().all(is_unseen) {
        return Err(TextProblem::Blank);
    }
    if text.chars().count() > max_chars {
        return Err(TextProblem::TooLong(max_chars));
    }
    Ok(text)
}

/// Control characters, separators of lines, what changes the direction of the text around it (Unicode TR 9), and what is no character and never will be.
fn is_forbidden(c: char) -> bool {
    let is_none = matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe;
    is_none || c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// White space, the Braille cell without dots, and what Unicode says to show nothing for (Default_Ignorable_Code_Point of DerivedCoreProperties.txt).
fn is_unseen(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '\u{2800}'
                | '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fff8}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_is_blank_and_does_not_stand_in_the_way_of_what_is_seen() {
        for unseen in [
            "",
            " ",
            "\u{a0}",
            "\u{3000}",
            "\u{200b}",
            "\u{2060}",
            "\u{3164}",
            "\u{ad}",
            "\u{feff}",
            "\u{200d}\u{fe0f}",
            "\u{2800}",
            "\u{e0020}",
            "\u{115f} \u{1160}",
            "\u{ffa0}",
            "\u{180e}",
        ] {
            assert_eq!(line(unseen, 9), Err(TextProblem::Blank), "{unseen:?}");
            assert_eq!(lines(&format!("{unseen}\r\n\t{unseen}"), 9), Err(TextProblem::Blank), "{unseen:?}");
        }
        // A family is one picture of three, and Persian breaks no word without it.
        for seen in ["👨\u{200d}👩\u{200d}👧", "می\u{200c}خواهم", "co\u{ad}operar", "."] {
            assert_eq!(line(seen, 20).as_deref(), Ok(seen));
        }
    }

    #[test]
    fn what_is_no_character_is_refused() {
        for none in ["a\u{ffff}b", "a\u{fffe}", "\u{1ffff}", "\u{fdd0}"] {
            assert_eq!(line(none, 9), Err(TextProblem::Forbidden), "{none:?}");
        }
        assert_eq!(line("a\u{fffd}b", 9).as_deref(), Ok("a\u{fffd}b"), "that somebody may have seen and copied");
    }
}
