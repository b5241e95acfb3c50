//! One word per thing, everywhere. The glossary in README.md is the list; here stand the words that would be a second one.

use queue::operations::State;

/// Synonyms, and the glossary's word.
const SECOND_WORDS: [(&str, &str); 14] = [
    ("task", "job"),
    ("tasks", "jobs"),
    ("dead letter", "dead"),
    ("dead-letter", "dead"),
    ("visibility timeout", "lease"),
    ("requeue", "rescue, release or retry"),
    ("re-queue", "rescue, release or retry"),
    ("dequeue", "claim"),
    ("reserve", "claim"),
    ("cron job", "schedule"),
    ("cronjob", "schedule"),
    ("tarea", "trabajo"),
    ("tareas", "trabajos"),
    ("failed job", "dead job"),
];

fn says(text: &str, word: &str) -> bool {
    let text = text.to_lowercase();
    text.match_indices(word).any(|(start, _)| {
        let letter = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !letter(text[..start].chars().next_back()) && !letter(text[start + word.len()..].chars().next())
    })
}

#[test]
fn sql_scripts_pages_and_documents_use_the_glossarys_words() {
    for (name, text) in super::files(&[".sql", ".lua", ".ftl", ".html", ".txt", ".md", ".css"]) {
        for (second, word) in SECOND_WORDS {
            // README's glossary itself names what each word stands for elsewhere.
            let said = text.lines().filter(|line| !line.starts_with("| ")).any(|line| says(line, second));
            assert!(!said, "{name} says {second:?}; the word is {word:?}");
        }
    }
}

/// The name that a line of Rust declares.
fn declared(line: &str) -> Option<&str> {
    let line = line.trim_start().trim_start_matches("pub ").trim_start_matches("pub(crate) ").trim_start_matches("async ");
    let keywords = ["fn ", "struct ", "enum ", "const ", "mod ", "trait ", "type "];
    let rest = keywords.iter().find_map(|keyword| line.strip_prefix(keyword))?;
    rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next()
}

#[test]
fn code_declares_no_second_word() {
    assert_eq!(declared("    pub(crate) async fn take_tasks(&self)"), Some("take_tasks"));
    for (name, text) in super::files(&[".rs"]) {
        for declared in text.lines().filter_map(declared).map(str::to_lowercase) {
            let second = ["tasks", "dequeue", "requeue", "dead_letter", "deadletter", "cronjob", "cron_job"];
            // `type Task` is apalis's name for what a backend hands out.
            assert!(!second.iter().any(|word| declared.contains(word)), "{name} declares {declared}");
        }
    }
}

#[test]
fn metrics_and_their_labels_use_the_glossarys_words() {
    let seconds = SECOND_WORDS.map(|(second, _)| second.replace(' ', "_"));
    let mut seen = 0;
    for (name, text) in super::files(&[".rs"]).into_iter().filter(|(name, _)| !name.starts_with("tests/")) {
        for call in ["counter!(", "gauge!(", "histogram!("].iter().flat_map(|call| text.split(call).skip(1)) {
            // The name and the labels are the strings up to the end of the call.
            for word in call.split(')').next().unwrap_or_default().split('"').skip(1).step_by(2) {
                seen += 1;
                let said = seconds.iter().find(|second| format!("_{word}_").contains(&format!("_{second}_")));
                assert!(said.is_none(), "{name} counts {word:?}, which says {said:?}");
            }
        }
    }
    assert!(seen > 20, "the metrics were not found");
}

#[test]
fn the_states_are_the_same_words_in_code_sql_and_documents() {
    let readme = std::fs::read_to_string(super::root().join("README.md")).unwrap();
    let sql: String = super::files(&[".sql"]).into_iter().map(|(_, text)| text).collect();
    for state in State::ALL {
        assert!(readme.contains(&format!("**{state}**")), "the glossary lacks {state}");
        assert!(!state.is_ended() || sql.contains(&format!("'{state}'")), "no table knows {state}");
    }
}

#[test]
fn nothing_refers_to_a_place_outside_the_repository() {
    // Put together here, so that this file does not contain what it looks for.
    let places = [["..", "/shared"].concat(), ["/ro", "ot/"].concat(), ["/wo", "rk/"].concat()];
    for (name, text) in super::files(&[
        ".rs", ".sql", ".lua", ".html", ".ftl", ".md", ".toml", ".css", ".js", ".mjs", ".json", ".sh", "up", "run",
    ]) {
        for place in &places {
            assert!(!text.contains(place), "{name} refers to {place}");
        }
    }
}
