use std::{collections::BTreeSet, fs, path::Path};

use scraper::{Html as Page, Selector};
use url::Url;

use super::*;
use crate::accounts::full_name::FullName;

const NAMES: [&str; 5] = ["Begoña Núñez de la Peña", "李雷", "Ana 🌻 Luz", "<script>alert(1)<", "Conan \"O'Brien\" & Cía."];

fn home() -> Url {
    Url::parse("https://compilandocode.example/").expect("a URL")
}

fn to<T>(name: &str, locale: Locale, write: impl Fn(&Reader<'_>) -> T) -> T {
    let name = FullName::parse(name).expect("a name");
    let unsubscribe = Some(Url::parse("https://compilandocode.example/baja?token=x").expect("a URL"));
    write(&Reader { name: &name, locale, time_zone: "America/Bogota", home: &home(), unsubscribe })
}

/// Each kind's sample in each language.
fn each(check: impl Fn(&Kind, Locale, Paper, Page)) {
    for kind in ALL {
        for locale in Locale::ALL {
            let paper = to("Begoña Núñez de la Peña", locale, kind.preview).expect(kind.name);
            let page = Page::parse_document(&paper.html);
            check(kind, locale, paper, page);
        }
    }
}

fn texts(page: &Page, selector: &str) -> Vec<String> {
    let selector = Selector::parse(selector).expect("a selector");
    page.select(&selector).map(|found| found.text().collect::<String>()).collect()
}

fn links(page: &Page) -> BTreeSet<String> {
    let selector = Selector::parse("a[href]").expect("a selector");
    page.select(&selector).filter_map(|link| link.attr("href")).map(str::to_owned).collect()
}

#[test]
fn every_template_is_some_letters_and_every_letter_is_in_the_list() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/letters");
    let files = fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").file_name().into_string());
    let written: BTreeSet<String> = files
        .filter_map(|name| name.expect("a name").strip_suffix(".es.html").map(str::to_owned))
        .filter(|name| !["frame", "hello"].contains(&name.as_str()))
        .collect();
    assert_eq!(written, ALL.iter().map(|kind| kind.name.to_owned()).collect());
}

#[test]
fn each_language_has_its_own_subject_and_the_page_has_it_as_its_title() {
    each(|kind, locale, paper, page| {
        assert_eq!(texts(&page, "title"), [paper.subject.as_str()], "{}", kind.name);
        assert_eq!(page.root_element().attr("lang"), Some(locale.as_str()), "{}", kind.name);
        assert!(!paper.subject.as_str().is_empty() && paper.subject.as_str().chars().count() < 100, "{:?}", paper.subject);
    });
    for kind in ALL.iter().filter(|kind| kind.name != "course_announcement") {
        let [es, en] = Locale::ALL.map(|locale| to("Ana", locale, kind.preview).expect(kind.name));
        assert_ne!(es.subject, en.subject, "{}", kind.name);
    }
}

#[test]
fn text_and_html_lead_to_the_same_places() {
    each(|kind, locale, paper, page| {
        // Words may stand in for a link in HTML, and the name of our house in text.
        let of_text: BTreeSet<String> =
            paper.text.split_whitespace().filter(|word| word.starts_with("https://")).map(str::to_owned).collect();
        let of_html = links(&page);
        let home = home().to_string();
        assert!(of_text.contains(&home), "{} {locale}", kind.name);
        let without_home = |links: BTreeSet<String>| links.into_iter().filter(|link| *link != home).collect::<BTreeSet<_>>();
        assert_eq!(without_home(of_text), without_home(of_html), "{} {locale}: {}", kind.name, paper.text);
    });
}

#[test]
fn samples_lead_to_pages_of_their_own_language_and_tell_money_as_it_does() {
    const SPANISH: [&str; 8] =
        ["/certificados", "/cursos", "/informes", "/contrasena", "/compras", "/solicitudes", "/alertas", "/verificar"];
    const ENGLISH: [&str; 8] =
        ["/certificates", "/courses", "/reports", "/password", "/purchases", "/tickets", "/alerts", "/verify"];
    each(|kind, locale, paper, page| {
        let foreign = if locale == Locale::Es { ENGLISH } else { SPANISH };
        for link in links(&page) {
            assert!(!foreign.iter().any(|path| link.contains(path)), "{} {locale}: {link}", kind.name);
        }
        let of_money = ["receipt", "refund", "refund_failed"].contains(&kind.name);
        let told = if locale == Locale::Es { "49,50 USD" } else { "USD 49.50" };
        assert_eq!(paper.text.replace('\u{a0}', " ").contains(told), of_money, "{} {locale}: {}", kind.name, paper.text);
    });
}

#[test]
fn every_letter_says_how_to_get_no_more_where_that_is_possible() {
    each(|kind, _, paper, page| {
        assert!(paper.text.contains("/baja?token=x") && links(&page).iter().any(|link| link.contains("/baja")), "{}", kind.name);
    });
    let name = FullName::parse("Ana").expect("a name");
    for kind in ALL {
        let reader = Reader { name: &name, locale: Locale::Es, time_zone: "UTC", home: &home(), unsubscribe: None };
        let paper = (kind.preview)(&reader).expect(kind.name);
        assert!(!paper.text.contains("No quiero") && !paper.html.contains("No quiero"), "{}", kind.name);
    }
}

#[test]
fn nothing_is_fetched_from_anywhere_and_no_tag_is_left_over() {
    each(|kind, _, paper, page| {
        for selector in ["img", "link", "script", "iframe", "[src]", "[background]"] {
            assert_eq!(texts(&page, selector).len(), 0, "{}: {selector}", kind.name);
        }
        assert!(!paper.html.contains("url("), "{}", kind.name);
        for mark in ["{{", "{%", "&lt;"] {
            assert!(!paper.html.contains(mark) && !paper.text.contains(mark), "{}: {mark}", kind.name);
        }
    });
}

#[test]
fn text_lines_fit_a_narrow_window_and_paragraphs_stand_apart() {
    each(|kind, locale, paper, _| {
        assert!(paper.text.split("\n\n").count() >= 4, "{} {locale}: {}", kind.name, paper.text);
        assert!(!paper.text.contains("\n\n\n"), "{} {locale}: {}", kind.name, paper.text);
        for line in paper.text.lines().filter(|line| !line.starts_with("https://")) {
            assert!(line.chars().count() <= 76, "{}: {line}", kind.name);
        }
    });
}

#[test]
fn names_are_shown_as_they_are_written_and_messages_in_their_dress_are_not() {
    for locale in Locale::ALL {
        for kind in ALL.iter().filter(|kind| kind.name != "course_announcement") {
            for name in NAMES {
                let paper = to(name, locale, kind.preview).expect(kind.name);
                let page = Page::parse_document(&paper.html);
                assert!(texts(&page, "body")[0].contains(name), "{}: {name}", kind.name);
                assert_eq!(texts(&page, "script").len(), 0, "{}: {name}", kind.name);
                assert!(paper.text.lines().next().is_some_and(|line| line.contains(name)), "{}", paper.text);
            }
            let paper = to("Gana en premio.example", locale, kind.preview).expect(kind.name);
            assert!(!paper.html.contains("premio.example") && !paper.text.contains("premio.example"), "{}", kind.name);
        }
    }
}

#[test]
fn what_others_have_written_stays_text() {
    let letter = CourseAnnouncement {
        title: "<b>Hola</b>".to_owned(),
        paragraphs: vec!["a & b <script>x</script>".to_owned()],
        ..CourseAnnouncement::sample(&home(), Locale::Es)
    };
    let paper = to("Ana", Locale::Es, |reader| letter.write(reader)).expect("a letter");
    let page = Page::parse_document(&paper.html);
    assert_eq!(texts(&page, "h1"), ["<b>Hola</b>"]);
    assert_eq!(texts(&page, "script").len() + texts(&page, "b").len(), 0);
    assert!(texts(&page, "body")[0].contains("a & b <script>x</script>"));
    assert!(paper.subject.as_str().starts_with("<b>Hola</b> ·") && paper.text.contains("a & b <script>x</script>"));
}

#[test]
fn the_welcome_letter_carries_its_link_three_times_and_says_how_long_it_is_good() {
    for (locale, good_for, not_you) in [(Locale::Es, "7 días", "¿No te has registrado tú?"), (Locale::En, "7 days", "Not you?")]
    {
        let link = format!("/verificar?token={}", "A".repeat(64));
        let letter = Welcome { link: page(&home(), locale, &link, &link), good_for_days: 7 };
        let paper = to("Ana", locale, |reader| letter.write(reader)).expect("a letter");
        let page = Page::parse_document(&paper.html);
        let selector = Selector::parse("a[href*='token=A']").expect("a selector");
        assert_eq!(page.select(&selector).count(), 2, "a button and the link in full");
        assert!(paper.text.contains(&format!("\n{}\n", letter.link)), "the link has a line of its own");
        let read = texts(&page, "body").concat().replace('\u{a0}', " ");
        for part in [good_for, not_you] {
            assert!(read.contains(part) && paper.text.contains(part), "{part}");
        }
    }
}

#[test]
fn figures_dates_and_amounts_are_told_as_the_language_does() {
    let es = to("Ana", Locale::Es, |reader| Receipt::sample(reader.home, reader.locale).write(reader)).expect("a letter");
    let en = to("Ana", Locale::En, |reader| ReportReady::sample(reader.home, reader.locale).write(reader)).expect("a letter");
    assert!(es.text.contains("Fecha: 21 de septiembre de 2026, 09:13 (America/Bogota)"), "{}", es.text);
    assert!(
        en.text.contains("Rows: 48,210") && en.subject.as_str().starts_with("Your report is ready: Compliance with deadlines"),
        "{}",
        en.text
    );
}
