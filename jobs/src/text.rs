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
    if !text.chars().any(|c| !c.is_whitespace()) {
        return Err(TextProblem::Blank);
    }
    if text.chars().count() > max_chars {
        return Err(TextProblem::TooLong(max_chars));
    }
    Ok(text)
}

/// Control characters, separators of lines, and what changes the direction of the text around it (Unicode TR 9).
fn is_forbidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
