//! How notices become one message.
//!
//! What people have typed is words and nothing else: it is shown as it is, line by line, and the only links are ours, which stand beside the words.

use std::fmt::Write as _;

use url::Url;

use crate::ports::{
    chat::{Line, Message},
    links::Links,
};

/// A notice has at most so many characters.
pub(super) const LONGEST_NOTICE: usize = 3000;
/// In a digest each is a line.
const LONGEST_LINE: usize = 280;
/// The lines of a digest have at most so many characters, without their links.
const LONGEST_DIGEST: usize = 3000;
/// A part of a message has at most so many: as many as Slack takes in a text (<https://docs.slack.dev/reference/block-kit/composition-objects/text-object>).
const LONGEST_PART: usize = 3000;

/// What stands before a notice that may be there already.
const AGAIN: &str = "(posible duplicado · possible duplicate) ";

/// Where a line leads, and what stands for it.
type Link = Option<(Url, &'static str)>;

/// A notice that is about to leave.
#[derive(Debug, Default, sqlx::FromRow)]
pub(super) struct Leaving {
    pub(super) id: i64,
    pub(super) key: String,
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
    let link = |page: &Option<String>, label| -> Link { page.as_deref().map(|page| (links.at(page), label)) };
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

/// A message that is being written, line by line, each into the part in which it has room.
#[derive(Default)]
struct Writing {
    message: Message,
    /// How many characters the last part has.
    length: usize,
}

impl Writing {
    fn line(&mut self, words: &str, link: Link) {
        let newline = if self.message.text.is_empty() { "" } else { "\n" };
        let _ = write!(self.message.text, "{newline}{}", escape(words));
        let mut whole = words.chars().count();
        if let Some((url, label)) = &link {
            let _ = write!(self.message.text, " {url}");
            whole += 1 + url.as_str().chars().count() + label.chars().count();
        }
        let line = Line { words: words.to_owned(), link };
        match self.message.parts.last_mut() {
            Some(part) if self.length + whole <= LONGEST_PART => part.push(line),
            _ => {
                self.message.parts.push(vec![line]);
                self.length = 0;
            }
        }
        self.length += whole;
    }
}

/// The three characters that mean something to Slack in a text that is no block, and with which every mention and link begins
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

    /// What a message shows: each line of each part, and where it leads.
    fn shown(message: &Message) -> Vec<(&str, Option<&str>)> {
        let lines = message.parts.iter().flatten();
        lines.map(|line| (line.words.as_str(), line.link.as_ref().map(|(url, _)| url.as_str()))).collect()
    }

    #[test]
    fn what_is_typed_is_shown_as_it_is_and_leads_nowhere() {
        let typed = "#7 <!channel> R&D *no* _se_ ~va~ `x` <https://a.example|click> https://b.example &amp; <@U1> :fire:";
        let mut notice = notices(&[typed]);
        notice[0].page = Some("/solicitudes/7".to_owned());
        let said = written(&notice);
        assert_eq!(shown(&said), [(typed, Some("https://compilandocode.example/solicitudes/7"))]);
        let escaped = "#7 &lt;!channel&gt; R&amp;D *no* _se_ ~va~ `x` &lt;https://a.example|click&gt; https://b.example &amp;amp; &lt;@U1&gt; :fire:";
        assert_eq!(said.text, format!("{escaped} https://compilandocode.example/solicitudes/7"));
    }

    #[test]
    fn several_notices_are_a_line_each_and_those_that_do_not_fit_are_counted() {
        let said = written(&notices(&["one\ntwo", "three"]));
        assert_eq!(said.text, "2 avisos · 2 notices\n• one two\n• three");
        assert_eq!(shown(&said), [("2 avisos · 2 notices", None), ("• one two", None), ("• three", None)]);
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
        let said = written(&alerts);
        assert_eq!(shown(&said)[0], ("2 avisos · 2 notices", Some("https://compilandocode.example/alertas")));
        alerts[1].list = Some("/ops".to_owned());
        assert_eq!(shown(&written(&alerts))[0], ("2 avisos · 2 notices", None));
    }

    #[test]
    fn a_part_is_never_longer_than_slack_takes_and_divides_no_line() {
        let typed: Vec<String> = (0..400).map(|n| format!("<{n}>")).collect();
        let mut digest = notices(&typed.iter().map(String::as_str).collect::<Vec<_>>());
        for notice in &mut digest {
            notice.page = Some("/solicitudes/7".to_owned());
        }
        let said = written(&digest);
        let length = |part: &Vec<Line>| {
            let link = |line: &Line| line.link.as_ref().map_or(0, |(url, label)| url.as_str().len() + label.chars().count());
            part.iter().map(|line| line.words.chars().count() + link(line)).sum::<usize>()
        };
        assert!((2..=50).contains(&said.parts.len()) && said.parts.iter().all(|part| length(part) <= 3000), "{said:?}");
        assert_eq!(shown(&said).iter().filter(|(words, link)| words.starts_with("• <") && link.is_some()).count(), 400);
        assert_eq!(written(&notices(&[&"x".repeat(3000)])).parts.len(), 1);
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
