//! How notices become one message.
//!
//! What people have typed is words and nothing else: the characters with which mentions and links begin are escaped, and sections are `verbatim`, so that an
//! address in a ticket's title is no link either. The only links are ours, written as such.

use std::fmt::Write as _;

use url::Url;

use crate::ports::{chat::Message, links::Links};

/// A notice has at most so many characters.
pub(super) const LONGEST_NOTICE: usize = 3000;
/// In a digest each is a line.
const LONGEST_LINE: usize = 280;
/// The lines of a digest have at most so many characters, before they are escaped and without their links.
const LONGEST_DIGEST: usize = 3000;
/// A section of Slack's takes so many (<https://docs.slack.dev/reference/block-kit/composition-objects/text-object>).
const LONGEST_SECTION: usize = 3000;

/// What stands before a notice that may be there already.
const AGAIN: &str = "(posible duplicado · possible duplicate) ";

/// A notice that is about to leave.
#[derive(Debug, Default, sqlx::FromRow)]
pub(super) struct Leaving {
    pub(super) id: i64,
    pub(super) text: String,
    /// The page of ours that it is about.
    pub(super) page: Option<String>,
    /// The page of ours on which everything of its sort stands.
    pub(super) list: Option<String>,
    /// It may have arrived before.
    pub(super) is_again: bool,
}

/// The message: one notice as it is, several as a digest, with a link to the page of each, and to that of all where they share one.
pub(super) fn write(notices: &[Leaving], links: &Links) -> Message {
    let text = |notice: &Leaving| format!("{}{}", if notice.is_again { AGAIN } else { "" }, notice.text);
    let link = |page: &Option<String>, label| page.as_deref().map(|page| (links.at(page), label));
    let mut writing = Writing::default();
    if let [only] = notices {
        writing.line(&cut(&text(only), LONGEST_NOTICE), link(&only.page, "Abrir · Open"));
        return writing.message;
    }
    let shared = notices.first().and_then(|first| first.list.clone()).filter(|list| {
        let is_theirs = |notice: &Leaving| notice.list.as_ref() == Some(list);
        notices.iter().all(is_theirs)
    });
    writing.line(&format!("{0} avisos · {0} notices", notices.len()), link(&shared, "Ver todo · See all"));
    let mut length = 0;
    for (place, notice) in notices.iter().enumerate() {
        let line = cut(&text(notice).split_whitespace().collect::<Vec<_>>().join(" "), LONGEST_LINE);
        length += line.chars().count();
        if length > LONGEST_DIGEST {
            writing.line(&format!("… y {0} más · and {0} more", notices.len() - place), None);
            break;
        }
        writing.line(&format!("• {line}"), link(&notice.page, "Abrir · Open"));
    }
    writing.message
}

/// At most so many characters; what is cut says so.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

/// A message that is being written, line by line, each into the section in which it has room.
#[derive(Default)]
struct Writing {
    message: Message,
    /// How many characters the last section has.
    length: usize,
}

impl Writing {
    fn line(&mut self, words: &str, link: Option<(Url, &str)>) {
        let newline = if self.message.text.is_empty() { "" } else { "\n" };
        let (text, sections) = (&mut self.message.text, &mut self.message.sections);
        let _ = write!(text, "{newline}{}", escape(words));
        let mut pieces: Vec<String> = words.chars().map(|c| escape(c.encode_utf8(&mut [0; 4]))).collect();
        if let Some((url, label)) = link {
            let _ = write!(text, " {url}");
            pieces.push(format!(" <{url}|{label}>"));
        }
        // A line stays whole if it can, and an escaped sign or a link always does.
        let whole: usize = pieces.iter().map(|piece| piece.chars().count()).sum();
        if self.length > 0 && self.length + 1 + whole <= LONGEST_SECTION {
            pieces.insert(0, "\n".to_owned());
        } else {
            sections.push(String::new());
            self.length = 0;
        }
        for piece in pieces {
            let count = piece.chars().count();
            if self.length + count > LONGEST_SECTION {
                sections.push(String::new());
                self.length = 0;
            }
            if let Some(section) = sections.last_mut() {
                section.push_str(&piece);
                self.length += count;
            }
        }
    }
}

/// The three characters that mean something to Slack, and with which every mention and link begins
/// (<https://docs.slack.dev/messaging/formatting-message-text#escaping>).
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::fakes::Fakes;

    fn notices(texts: &[&str]) -> Vec<Leaving> {
        texts.iter().map(|text| Leaving { text: (*text).to_owned(), ..Leaving::default() }).collect()
    }

    fn written(notices: &[Leaving]) -> Message {
        write(notices, &Fakes::default().links)
    }

    #[test]
    fn nobody_is_called_and_nothing_is_a_link_but_what_is_meant() {
        let mut notice = notices(&["#7 <!channel> R&D <https://a.example|click> https://b.example &amp; <@U1>"]);
        notice[0].page = Some("/solicitudes/7".to_owned());
        let said = written(&notice);
        let words = "#7 &lt;!channel&gt; R&amp;D &lt;https://a.example|click&gt; https://b.example &amp;amp; &lt;@U1&gt;";
        assert_eq!(said.text, format!("{words} https://compilandocode.example/solicitudes/7"));
        assert_eq!(said.sections, [format!("{words} <https://compilandocode.example/solicitudes/7|Abrir · Open>")]);
    }

    #[test]
    fn several_notices_are_a_line_each_and_those_that_do_not_fit_are_counted() {
        let said = written(&notices(&["one\ntwo", "three"]));
        assert_eq!(said.text, "2 avisos · 2 notices\n• one two\n• three");
        assert_eq!(said.sections, [said.text]);
        let long = "ñ".repeat(400);
        let said = written(&notices(&vec![long.as_str(); 100]));
        assert!(said.text.chars().count() < 3100 && said.text.ends_with("… y 90 más · and 90 more"), "{said:?}");
        assert_eq!(said.text.matches('•').count(), 10);
    }

    #[test]
    fn a_digest_leads_to_the_list_that_its_notices_share() {
        let mut alerts = notices(&["one", "two"]);
        for alert in &mut alerts {
            alert.list = Some("/alertas".to_owned());
        }
        let first = |said: Message| said.sections[0].lines().next().map(str::to_owned).unwrap_or_default();
        let link = "<https://compilandocode.example/alertas|Ver todo · See all>";
        assert_eq!(first(written(&alerts)), format!("2 avisos · 2 notices {link}"));
        alerts[1].list = Some("/ops".to_owned());
        assert_eq!(first(written(&alerts)), "2 avisos · 2 notices");
    }

    #[test]
    fn a_section_is_never_longer_than_slack_takes_and_divides_no_sign_and_no_link() {
        let mut ampersands = notices(&[&"&".repeat(3000)]);
        ampersands[0].page = Some("/ops".to_owned());
        let said = written(&ampersands);
        assert!(said.sections.len() == 6 && said.sections.iter().all(|section| section.chars().count() <= 3000), "{said:?}");
        assert!(
            said.sections.iter().all(|section| section.starts_with("&amp;") || section.starts_with(" <https://")),
            "{said:?}"
        );
        let shown = said.sections.concat();
        assert_eq!(shown, format!("{} <https://compilandocode.example/ops|Abrir · Open>", "&amp;".repeat(3000)));
        let digest: Vec<String> = (0..400).map(|n| format!("<{n}>")).collect();
        let mut digest = notices(&digest.iter().map(String::as_str).collect::<Vec<_>>());
        for notice in &mut digest {
            notice.page = Some("/solicitudes/7".to_owned());
        }
        let said = written(&digest);
        assert!(said.sections.len() > 1 && said.sections.iter().all(|section| section.chars().count() <= 3000), "{said:?}");
        assert_eq!(said.sections.join("\n").lines().filter(|line| line.starts_with("• &lt;")).count(), 400);
    }

    #[test]
    fn what_is_too_long_is_cut_and_says_so() {
        let said = written(&notices(&[&"x".repeat(4000)]));
        assert!(said.text.chars().count() == 3000 && said.text.ends_with('…'));
    }

    #[test]
    fn what_may_be_there_already_says_so() {
        let mut again = notices(&["breached"]);
        again[0].is_again = true;
        assert_eq!(written(&again).text, "(posible duplicado · possible duplicate) breached");
    }
}
