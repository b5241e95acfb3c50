use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::*;

/// Every key of a language with the variables that its sentence takes.
fn keys(locale: Locale) -> BTreeMap<String, BTreeSet<String>> {
    let mut keys = BTreeMap::new();
    for path in Files::iter().filter(|path| path.starts_with(locale.as_str())) {
        let source = String::from_utf8(Files::get(&path).expect("an embedded file").data.into_owned()).expect("UTF-8");
        for block in source.split("\n").fold(Vec::<String>::new(), |mut blocks, line| {
            match blocks.last_mut() {
                Some(block) if line.starts_with([' ', '}']) || line.is_empty() => *block += &format!("\n{line}"),
                _ => blocks.push(line.to_owned()),
            }
            blocks
        }) {
            let Some((key, value)) = block.split_once(" =").filter(|_| !block.starts_with('#')) else { continue };
            let variables = value.split('$').skip(1).map(word).collect();
            assert!(keys.insert(key.trim().to_owned(), variables).is_none(), "{path} says {key} twice");
        }
    }
    keys
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
}

/// The sources that may name keys: handlers and templates.
fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "html") {
            found.push((path.display().to_string(), fs::read_to_string(&path).expect("a source")));
        }
    }
}

/// Keys are written out where they are used, after one of these openings, so that this test can find them.
fn used() -> BTreeMap<String, String> {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut used = BTreeMap::new();
    for (file, source) in files.iter().filter(|(file, _)| !file.ends_with("tests.rs")) {
        for opening in [".text(\"", ".text1(\"", " key(\"", "(key(\"", "say(locale, \""] {
            for rest in source.split(opening).skip(1) {
                used.insert(word(rest), file.clone());
            }
        }
    }
    used
}

#[test]
fn both_languages_say_the_same_keys_with_the_same_variables() {
    let (es, en) = (keys(Locale::Es), keys(Locale::En));
    assert!(es.len() > 50, "the files were read");
    assert_eq!(es, en);
}

#[test]
fn every_key_that_is_used_exists_and_every_key_is_used() {
    let (known, used) = (keys(Locale::Es), used());
    let missing: Vec<_> = used.iter().filter(|(key, _)| !known.contains_key(*key)).collect();
    assert!(missing.is_empty(), "used but not written: {missing:?}");
    let idle: Vec<_> = known.keys().filter(|key| !used.contains_key(*key)).collect();
    assert!(idle.is_empty(), "written but not used: {idle:?}");
}

#[test]
fn spanish_opens_its_questions_and_exclamations() {
    for path in Files::iter().filter(|path| path.starts_with("es")) {
        let source = String::from_utf8(Files::get(&path).expect("an embedded file").data.into_owned()).expect("UTF-8");
        for line in source.lines() {
            for (open, close) in [('¿', '?'), ('¡', '!')] {
                assert_eq!(line.matches(open).count(), line.matches(close).count(), "{path}: {line}");
            }
            assert!(!line.contains('"') || line.contains("{ \""), "{path} quotes without «»: {line}");
        }
    }
}

#[test]
fn moments_are_told_in_the_readers_zone() {
    let texts = Texts::load().expect("texts");
    let at = DateTime::from_timestamp(1_700_000_000, 0).expect("a time");
    assert_eq!(texts.moment(Locale::Es, "America/Bogota", at), "14 de noviembre de 2023, 17:13");
    assert_eq!(texts.moment(Locale::En, "America/Bogota", at), "14 November 2023, 17:13");
    assert_eq!(texts.moment(Locale::Es, "Nowhere/Land", at), "14 de noviembre de 2023, 22:13");
}
