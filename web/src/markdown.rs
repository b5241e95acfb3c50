//! Articles' Markdown (CommonMark, tables, struck-out text) as elements of a page. What people write makes no other elements: HTML in it is shown as text,
//! pictures as what they are called, and links lead to pages and addresses of mail alone.

use std::mem;

use askama::filters::HtmlSafe;
use pulldown_cmark::{Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd, html::push_html};

/// Elements that can stand in a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Elements(String);

impl std::fmt::Display for Elements {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Each was made by [`elements`].
impl HtmlSafe for Elements {}

/// Makes the elements. The highest heading stands right below the page's own, whichever it is written as.
pub(crate) fn elements(markdown: &str) -> Elements {
    let mut links = Links::default();
    let events: Vec<Event<'_>> = Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH).collect();
    let highest = events.iter().filter_map(heading).min().unwrap_or(HeadingLevel::H1);
    let mut html = String::with_capacity(markdown.len() * 3 / 2);
    push_html(&mut html, events.into_iter().filter_map(|event| links.keep(harmless(event, highest)?)));
    Elements(html)
}

fn heading(event: &Event<'_>) -> Option<HeadingLevel> {
    match event {
        Event::Start(Tag::Heading { level, .. }) => Some(*level),
        _ => None,
    }
}

fn harmless(event: Event<'_>, highest: HeadingLevel) -> Option<Event<'_>> {
    Some(match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
        Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => return None,
        Event::Start(Tag::Heading { level, .. }) => {
            Event::Start(Tag::Heading { level: below(level, highest), id: None, classes: Vec::new(), attrs: Vec::new() })
        }
        Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(below(level, highest))),
        event => event,
    })
}

fn below(level: HeadingLevel, highest: HeadingLevel) -> HeadingLevel {
    HeadingLevel::try_from(2 + level as usize - highest as usize).unwrap_or(HeadingLevel::H6)
}

/// Takes away the links that lead where none may; what they say stays. Links do not stand in each other.
#[derive(Debug, Default)]
struct Links {
    is_without: bool,
}

impl Links {
    fn keep<'e>(&mut self, event: Event<'e>) -> Option<Event<'e>> {
        match &event {
            Event::Start(Tag::Link { link_type, dest_url, .. }) => {
                // An address of mail between angles gets its scheme when it is written.
                self.is_without = *link_type != LinkType::Email && !may_lead(dest_url);
                (!self.is_without).then_some(event)
            }
            Event::End(TagEnd::Link) => (!mem::take(&mut self.is_without)).then_some(event),
            _ => Some(event),
        }
    }
}

/// Pages anywhere, pages of ours, and addresses of mail. Browsers skip blanks and control characters in an address and take `\` for `/`.
fn may_lead(to: &str) -> bool {
    let is_plain = to.chars().all(|c| !c.is_control() && !c.is_whitespace() && c != '\\');
    let is_ours = to.starts_with('/') && !to.starts_with("//");
    let scheme = to.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    is_plain && (is_ours || matches!(scheme.as_deref(), Some("https" | "http" | "mailto")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(markdown: &str) -> String {
        elements(markdown).0
    }

    #[test]
    fn an_article_is_made_of_headings_lists_tables_and_links() {
        let page = html(
            "# Antes\n\n1. Abre la *VPN*\n2. `ping 10.0.0.1`\n\n[Guía](/ayuda/vpn) y <https://faena.example>\n\n| a | b |\n|---|---|\n| 1 | ~~2~~ |",
        );
        for part in [
            "<h2>Antes</h2>",
            "<ol>\n<li>Abre la <em>VPN</em></li>",
            "<code>ping 10.0.0.1</code>",
            "<a href=\"/ayuda/vpn\">Guía</a>",
            "<a href=\"https://faena.example\">https://faena.example</a>",
            "<td>1</td><td><del>2</del></td>",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert_eq!(html("## dos\n\n### tres"), "<h2>dos</h2>\n<h3>tres</h3>\n");
        assert_eq!(html("# uno\n\n###### seis"), "<h2>uno</h2>\n<h6>seis</h6>\n");
    }

    #[test]
    fn html_is_shown_and_not_obeyed() {
        for (written, shown) in [
            ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
            ("a <img src=x onerror=alert(1)> b", "<p>a &lt;img src=x onerror=alert(1)&gt; b</p>"),
            ("<div>\n\n**x**\n\n</div>", "<p>&lt;div&gt;\n</p><p><strong>x</strong></p>\n<p>&lt;/div&gt;</p>"),
            ("<!-- --><svg/onload=alert(1)>", "<p>&lt;!-- --&gt;&lt;svg/onload=alert(1)&gt;</p>"),
            ("# x {onclick=alert(1)}", "<h2>x {onclick=alert(1)}</h2>"),
            ("`<b>`", "<p><code>&lt;b&gt;</code></p>"),
            ("```html\" onload=\"x\n<b>\n```", "<pre><code class=\"language-html&quot;\">&lt;b&gt;\n</code></pre>"),
        ] {
            assert_eq!(html(written).replace("\n<", "<").trim_end(), shown.replace("\n<", "<"), "{written}");
        }
    }

    #[test]
    fn links_lead_to_pages_and_mail_alone() {
        for to in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "java&#115;cript:alert(1)",
            "&#x6A;avascript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "x.html",
            "blob:https://x",
        ] {
            assert_eq!(html(&format!("[a](<{to}>)")), "<p>a</p>\n", "{to}");
            assert!(!html(&format!("[a]: <{to}>\n\n[a] y [b][a]")).contains("<a"), "{to}");
        }
        for to in ["https://x.example/?a=1&b=2", "http://x.example", "mailto:a@b.example", "/ayuda/vpn#dos"] {
            assert!(html(&format!("[a](<{to}>)")).starts_with("<p><a href=\""), "{to}");
        }
        assert_eq!(html("![foto](https://x.example/x.png)"), "<p>foto</p>\n", "nobody's reading is told to others");
        assert_eq!(html("[![foto](/x.png)](javascript:x)"), "<p>foto</p>\n");
        assert!(html("<javascript:alert(1)>").contains("<p>javascript:alert(1)</p>"), "{}", html("<javascript:alert(1)>"));
        assert!(html("<a@b.example>").contains("<a href=\"mailto:a@b.example\">"));
        // A quotation mark that would end the attribute arrives as something else.
        assert_eq!(html("[a](https://x.example/\"onclick=\"x)"), "<p><a href=\"https://x.example/%22onclick=%22x\">a</a></p>\n");
    }
}
