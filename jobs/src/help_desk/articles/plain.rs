//! An article's Markdown as it is read: without its marks.

use pulldown_cmark::{Event, Options, Parser, TagEnd};

/// What a reader of the article reads, blocks apart by a blank. HTML is shown as text on pages, and so it is here.
#[must_use]
pub fn plain(markdown: &str) -> String {
    let mut text = String::with_capacity(markdown.len());
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Text(words) | Event::Code(words) | Event::Html(words) | Event::InlineHtml(words) => text.push_str(&words),
            Event::End(TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link | TagEnd::Image) => {}
            Event::SoftBreak | Event::HardBreak | Event::Rule | Event::End(_) => text.push(' '),
            _ => {}
        }
    }
    text.truncate(text.trim_end().len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_go_and_words_stay() {
        let markdown = "# Título\n\nUna **palabra**, _otra_ y ~~ninguna~~:\n\n- [enlace](https://x.example/a_b*c)\n- `código`\n1. uno\n\n---\n\n| a | b |\n|---|:-:|\n| 1 | 2 |\n\n> cita\n\n```sh\nls *.txt\n```\n\na \\* b <b>fuerte</b> ![foto](x.png)";
        let read = plain(markdown).split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(read, "Título Una palabra, otra y ninguna: enlace código uno a b 1 2 cita ls *.txt a * b <b>fuerte</b> foto");
        assert_eq!(plain(""), "");
    }
}
