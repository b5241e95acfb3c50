//! What the welcome letter says.

use askama::Template;
use url::Url;

use super::{full_name::FullName, locale::Locale};
use crate::mail::{Paper, letter::presentable};

/// The welcome letter's blanks.
#[derive(Debug)]
pub struct WelcomeLetter<'a> {
    /// Who registered.
    pub name: &'a FullName,
    /// Leads to the page that verifies the address.
    pub link: &'a Url,
    /// Our front page.
    pub home: &'a Url,
    /// How long the link is good for.
    pub good_for_days: i64,
}

#[derive(Template)]
enum Text<'a> {
    #[template(path = "letters/welcome.es.txt")]
    Es { letter: &'a WelcomeLetter<'a> },
    #[template(path = "letters/welcome.en.txt")]
    En { letter: &'a WelcomeLetter<'a> },
}

#[derive(Template)]
enum Html<'a> {
    #[template(path = "letters/welcome.es.html")]
    Es { letter: &'a WelcomeLetter<'a>, subject: &'a str },
    #[template(path = "letters/welcome.en.html")]
    En { letter: &'a WelcomeLetter<'a>, subject: &'a str },
}

impl WelcomeLetter<'_> {
    /// Writes the letter.
    ///
    /// # Errors
    /// A template could not be rendered.
    pub fn write(&self, locale: Locale) -> askama::Result<Paper> {
        let letter = self;
        match locale {
            Locale::Es => {
                let subject = "Te damos la bienvenida: confirma tu correo";
                Paper::render(subject, &Text::Es { letter }, &Html::Es { letter, subject })
            }
            Locale::En => {
                let subject = "Welcome: please confirm your e-mail address";
                Paper::render(subject, &Text::En { letter }, &Html::En { letter, subject })
            }
        }
    }

    /// How the letter addresses the person, if their name may be shown.
    fn greeting(&self) -> Option<&str> {
        presentable(self.name)
    }

    /// Our host as people read it.
    fn host(&self) -> &str {
        self.home.host_str().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use scraper::{Html as Page, Selector};

    use super::*;

    const NAMES: [&str; 5] = ["Begoña Núñez de la Peña", "李雷", "Ana 🌻 Luz", "<script>alert(1)<", "Conan \"O'Brien\" & Cía."];

    fn write(name: &str, locale: Locale) -> Paper {
        let name = FullName::parse(name).expect("a name");
        let link = Url::parse(&format!("https://compilandocode.example/verificar?token={}", "A".repeat(64))).expect("a URL");
        let home = Url::parse("https://compilandocode.example/").expect("a URL");
        WelcomeLetter { name: &name, link: &link, home: &home, good_for_days: 7 }.write(locale).expect("a letter")
    }

    fn texts(page: &Page, selector: &str) -> Vec<String> {
        let selector = Selector::parse(selector).expect("a selector");
        page.select(&selector).map(|found| found.text().collect::<String>()).collect()
    }

    #[test]
    fn both_forms_greet_by_name_and_carry_the_link() {
        for locale in Locale::ALL {
            for name in NAMES {
                let paper = write(name, locale);
                let page = Page::parse_document(&paper.html);
                assert!(texts(&page, "h1")[0].contains(name), "{name}: {:?}", texts(&page, "h1"));
                assert_eq!(texts(&page, "script").len(), 0, "{name}");
                let links = Selector::parse("a[href*='token=']").expect("a selector");
                let targets: Vec<_> = page.select(&links).filter_map(|link| link.attr("href")).collect();
                assert_eq!(targets.len(), 2, "a button and the link in full");
                assert_eq!(targets[0], targets[1]);
                assert!(paper.text.contains(&format!("\n{}\n", targets[0])), "the link has a line of its own");
                assert!(paper.text.lines().next().is_some_and(|line| line.contains(name)), "{}", paper.text);
            }
        }
    }

    #[test]
    fn nothing_is_fetched_from_anywhere() {
        for locale in Locale::ALL {
            let page = Page::parse_document(&write("Ana", locale).html);
            for selector in ["img", "link", "script", "iframe", "[src]", "[background]"] {
                assert_eq!(texts(&page, selector).len(), 0, "{selector}");
            }
            assert!(!write("Ana", locale).html.contains("url("));
        }
    }

    #[test]
    fn each_language_is_complete_and_says_how_long_the_link_is_good() {
        let expected = [
            (Locale::Es, "Te damos la bienvenida: confirma tu correo", "7 días", "¿No te has registrado tú?"),
            (Locale::En, "Welcome: please confirm your e-mail address", "7 days", "Not you?"),
        ];
        for (locale, subject, good_for, not_you) in expected {
            let paper = write("Ana", locale);
            let page = Page::parse_document(&paper.html);
            assert_eq!(paper.subject.as_str(), subject);
            assert_eq!(texts(&page, "title"), [subject]);
            assert_eq!(page.root_element().attr("lang"), Some(locale.as_str()));
            let read = texts(&page, "body").concat().replace('\u{a0}', " ");
            for part in [good_for, not_you] {
                assert!(read.contains(part) && paper.text.contains(part), "{part}");
            }
        }
    }

    #[test]
    fn a_name_that_is_a_message_is_left_out() {
        let paper = write("Gana en premio.example", Locale::Es);
        assert!(!paper.html.contains("premio.example") && !paper.text.contains("premio.example"));
        assert!(paper.text.starts_with("¡Hola!\n"));
    }

    #[test]
    fn text_lines_fit_a_narrow_window_and_paragraphs_stand_apart() {
        for locale in Locale::ALL {
            let paper = write("Begoña Núñez de la Peña", locale);
            assert!(paper.text.split("\n\n").count() >= 6, "{}", paper.text);
            for line in paper.text.lines().filter(|line| !line.starts_with("https://")) {
                assert!(line.chars().count() <= 76, "{line}");
            }
        }
    }
}
