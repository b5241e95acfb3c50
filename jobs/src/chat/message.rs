//! How notices become one message.

use std::fmt::Write as _;

/// A notice has at most so many characters: a section of Slack's takes 3,000 (<https://docs.slack.dev/reference/block-kit/blocks/section-block>).
pub(super) const LONGEST_NOTICE: usize = 3000;
/// In a digest each is a line.
const LONGEST_LINE: usize = 280;
/// A digest has at most so many characters, before they are escaped.
const LONGEST_DIGEST: usize = 3000;

/// What stands before a notice that may be there already.
const AGAIN: &str = "(posible duplicado · possible duplicate) ";

/// A notice that is about to leave.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Leaving {
    pub(super) id: i64,
    pub(super) text: String,
    /// It may have arrived before.
    pub(super) is_again: bool,
}

/// The message: one notice as it is, several as a digest.
pub(super) fn write(notices: &[Leaving]) -> String {
    let text = |notice: &Leaving| format!("{}{}", if notice.is_again { AGAIN } else { "" }, notice.text);
    if let [only] = notices {
        return escape(&cut(&text(only), LONGEST_NOTICE));
    }
    let mut digest = format!("{0} avisos · {0} notices", notices.len());
    for (place, notice) in notices.iter().enumerate() {
        let line = cut(&text(notice).split_whitespace().collect::<Vec<_>>().join(" "), LONGEST_LINE);
        if digest.chars().count() + line.chars().count() > LONGEST_DIGEST {
            let _ = write!(digest, "\n… y {0} más · and {0} more", notices.len() - place);
            break;
        }
        let _ = write!(digest, "\n• {line}");
    }
    escape(&digest)
}

/// At most so many characters; what is cut says so.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

/// The three characters that mean something to Slack, and with which every mention and link begins
/// (<https://docs.slack.dev/messaging/formatting-message-text#escaping>).
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notices(texts: &[&str]) -> Vec<Leaving> {
        texts.iter().map(|text| Leaving { id: 0, text: (*text).to_owned(), is_again: false }).collect()
    }

    #[test]
    fn nobody_is_called_and_nothing_is_a_link_but_what_is_meant() {
        let said = write(&notices(&["#7 <!channel> R&D <https://a.example|click> &amp; <@U1>"]));
        assert_eq!(said, "#7 &lt;!channel&gt; R&amp;D &lt;https://a.example|click&gt; &amp;amp; &lt;@U1&gt;");
    }

    #[test]
    fn several_notices_are_a_line_each_and_those_that_do_not_fit_are_counted() {
        assert_eq!(write(&notices(&["one\ntwo", "three"])), "2 avisos · 2 notices\n• one two\n• three");
        let long = "ñ".repeat(400);
        let said = write(&notices(&vec![long.as_str(); 100]));
        assert!(said.chars().count() < 3100 && said.ends_with("… y 90 más · and 90 more"), "{said}");
        assert_eq!(said.matches('•').count(), 10);
    }

    #[test]
    fn what_is_too_long_is_cut_and_says_so() {
        let said = write(&notices(&[&"x".repeat(4000)]));
        assert!(said.chars().count() == 3000 && said.ends_with('…'));
    }

    #[test]
    fn what_may_be_there_already_says_so() {
        let mut again = notices(&["breached"]);
        again[0].is_again = true;
        assert_eq!(write(&again), "(posible duplicado · possible duplicate) breached");
    }
}
