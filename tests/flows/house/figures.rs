//! What the engine counts is what its README says that it counts.

use std::collections::BTreeSet;

const OF_THE_ENGINE: &str = "jobs/queue/src/";

#[test]
fn the_engines_metrics_are_those_of_its_readme() {
    let mut told = BTreeSet::new();
    for (_, text) in super::files(&[".rs"]).into_iter().filter(|(name, _)| name.starts_with(OF_THE_ENGINE)) {
        for macro_name in ["counter!", "gauge!", "histogram!"] {
            told.extend(text.split(&format!("metrics::{macro_name}(\"")).skip(1).filter_map(|rest| name_before(rest, '"')));
        }
    }
    let (_, readme) = super::files(&["jobs/queue/README.md"]).remove(0);
    let (_, table) = readme.split_once("\n## Metrics\n").unwrap();
    let table = table.split("\n## ").next().unwrap();
    let listed: BTreeSet<String> = table.split("`faena_").skip(1).filter_map(|rest| name_before(rest, '`')).collect();
    let listed = listed.into_iter().map(|name| format!("faena_{name}")).collect::<BTreeSet<_>>();

    assert_eq!(told, listed);
}

fn name_before(rest: &str, end: char) -> Option<String> {
    rest.split(end).next().map(str::to_owned)
}
