//! Lays out plain text for readers whose window is narrow or whose program does not wrap.

/// RFC 5322, 2.1.1: lines should have no more than 78 characters; two are left for a `> `.
const WIDTH: usize = 76;

/// Breaks longer lines between words. A word that is itself longer, such as a link, stays whole on a line of its own: a broken
/// link leads nowhere. Indentation is kept.
pub(crate) fn wrap(text: &str) -> String {
    let mut wrapped = String::with_capacity(text.len() + text.len() / 40);
    for line in text.trim().lines() {
        let indent: String = line.chars().take_while(|c| *c == ' ').collect();
        let mut width = 0;
        for word in line.split_whitespace() {
            let needed = word.chars().count();
            if width == 0 {
                wrapped.push_str(&indent);
                width = indent.len() + needed;
            } else if width + 1 + needed > WIDTH {
                wrapped.push('\n');
                wrapped.push_str(&indent);
                width = indent.len() + needed;
            } else {
                wrapped.push(' ');
                width += 1 + needed;
            }
            wrapped.push_str(word);
        }
        wrapped.push('\n');
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_links_stay_whole() {
        let link = format!("https://compilandocode.example/verificar?token={}", "A".repeat(64));
        let text = format!("{}\n\n  {link}\n\nAdiós, {}", "una palabra ".repeat(20), "ñ".repeat(100));
        let wrapped = wrap(&text);
        assert!(wrapped.contains(&format!("\n  {link}\n")));
        for line in wrapped.lines().filter(|line| line.trim().contains(' ')) {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
        assert_eq!(wrapped.split_whitespace().collect::<Vec<_>>(), text.split_whitespace().collect::<Vec<_>>());
        assert_eq!(wrap(&wrapped), wrapped);
    }
}
