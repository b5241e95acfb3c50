//! Rules about the code itself: which package may know which, where a job lives, which words we use.

mod arrows;
mod backlogs;
mod catalogue;
mod figures;
mod words;

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every file of ours with one of these endings, and its text; what is built or fetched is left out.
fn files(endings: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(&root(), &mut |path| {
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push((name, fs::read_to_string(path).unwrap()));
        }
    });
    assert!(!found.is_empty(), "there is no file like {endings:?}");
    found.sort();
    found
}

fn walk(dir: &Path, see: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name());
        let skipped = ["target", "node_modules", "dist", ".git", ".local"].iter().any(|skipped| name == *skipped);
        match entry.file_type().unwrap() {
            kind if kind.is_dir() && !skipped => walk(&path, see),
            kind if kind.is_file() => see(&path),
            _ => {}
        }
    }
}

#[test]
fn nothing_stands_at_the_top_but_the_house() {
    let allowed = [
        "Cargo.toml",
        "Cargo.lock",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "worker",
        "web",
        "jobs",
        "schedules",
        "migrations",
        "deploy",
        "tests",
        "target",
    ];
    let top = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let strangers: Vec<String> = top.filter(|name| !name.starts_with('.') && !allowed.contains(&name.as_str())).collect();
    assert!(strangers.is_empty(), "at the top: {strangers:?}");
}

#[test]
fn every_file_holds_one_idea() {
    let long: Vec<(String, usize)> =
        files(&[".rs"]).into_iter().map(|(name, text)| (name, text.lines().count())).filter(|(_, lines)| *lines > 600).collect();
    assert!(long.is_empty(), "over 600 lines: {long:?}");
}

#[test]
fn every_source_file_says_what_it_is_for() {
    let mute: Vec<String> = files(&[".rs"])
        .into_iter()
        .filter(|(name, text)| !name.ends_with("/tests.rs") && !text.starts_with("//! "))
        .map(|(name, _)| name)
        .collect();
    assert!(mute.is_empty(), "without a first line of documentation: {mute:?}");
}

#[test]
fn no_test_sleeps_to_wait() {
    let sleepers: Vec<String> = files(&[".rs"])
        .into_iter()
        .filter(|(name, text)| name.starts_with("tests/flows/") && !name.ends_with("house.rs") && text.contains("sleep("))
        .map(|(name, _)| name)
        .collect();
    assert!(sleepers.is_empty(), "poll a condition with a deadline instead: {sleepers:?}");
}
