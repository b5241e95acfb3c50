//! A job is one file and one line in the catalogue.

use std::collections::BTreeSet;

/// The files of `jobs/src` that hold a job: path, the struct's name, and the job's name.
fn job_files() -> Vec<(String, String, String)> {
    let between = |text: &str, before: &str, after: &str| -> Option<String> {
        text.split_once(before).and_then(|(_, rest)| rest.split_once(after)).map(|(found, _)| found.trim().to_owned())
    };
    super::files(&[".rs"])
        .into_iter()
        .filter(|(path, text)| path.starts_with("jobs/src/") && text.contains("impl Job for "))
        .map(|(path, text)| {
            let kind = between(&text, "impl Job for ", " {").unwrap_or_else(|| panic!("{path}: which job?"));
            let name = between(&text, "const NAME: &'static str = \"", "\"").unwrap_or_else(|| panic!("{path}: no name"));
            assert_eq!(text.matches("impl Job for ").count(), 1, "{path} holds more than one job");
            (path, kind, name)
        })
        .collect()
}

#[test]
fn each_job_file_is_named_after_its_job_and_stands_in_the_catalogue() {
    let files = job_files();
    let catalogue = jobs::catalogue();
    let known: BTreeSet<&str> = catalogue.kinds().map(|kind| kind.name).collect();
    let written: BTreeSet<&str> = files.iter().map(|(.., name)| name.as_str()).collect();
    assert_eq!(written, known, "the files and the catalogue differ");
    for (path, kind, name) in &files {
        assert!(path.ends_with(&format!("/{name}.rs")), "{path} holds the job {name}");
        let camel: String = name.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
        assert_eq!(&camel, kind, "{path}: the struct and the name differ");
        assert!(!kind.ends_with("Job"), "{path}: a job's name is a verb and a noun, without a suffix");
    }
}

#[test]
fn each_job_and_metric_is_documented() {
    let documents: String = super::files(&["README.md"]).into_iter().map(|(_, text)| text).collect();
    for (path, _, name) in job_files() {
        assert!(documents.contains(&format!("`{name}`")), "{path}: no README speaks of `{name}`");
    }
    let metrics: BTreeSet<String> = super::files(&[".rs"])
        .into_iter()
        .filter(|(path, _)| !path.starts_with("tests/"))
        .flat_map(|(_, text)| {
            let names = text.split("!(\"faena_").skip(1).map(|rest| format!("faena_{}", rest.split('"').next().unwrap()));
            names.collect::<Vec<_>>()
        })
        .collect();
    assert!(metrics.len() > 10, "the metrics were not found");
    let silent: Vec<&String> = metrics.iter().filter(|name| !documents.contains(&format!("`{name}`"))).collect();
    assert!(silent.is_empty(), "no README speaks of {silent:?}");
}

#[test]
fn each_job_that_sends_letters_keeps_to_the_pace_of_its_lane() {
    let mut senders = 0;
    for (path, text) in super::files(&[".rs"]) {
        let sends = ["delivery::send(", "delivery::deliver("].iter().any(|call| text.contains(call));
        if !sends || !path.starts_with("jobs/src/") || !text.contains("impl Job for ") {
            continue;
        }
        senders += 1;
        let lane =
            text.split_once("const QUEUE: Queue = Queue::").and_then(|(_, rest)| rest.split_once(';')).map(|(lane, _)| lane);
        let lane = lane.unwrap_or_else(|| panic!("{path}: in which queue?")).to_uppercase();
        let limits = format!("const LIMITS: &'static [Limit] = delivery::{lane}_LIMITS;");
        assert!(text.contains(&limits), "{path} sends letters and does not say `{limits}` (jobs/MAIL.md)");
    }
    assert!(senders >= 8, "the jobs that send letters were not found: {senders}");
}
