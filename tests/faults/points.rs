//! The places at which the engine can be told to crash, found in its source, so that a new one is never forgotten.

use std::{collections::BTreeSet, fs, path::Path};

/// Passed by sabotaged builds only.
const SABOTAGED_ONLY: [&str; 1] = ["recorder.trimmed"];

/// Every named crash point of an honest build, in order.
pub(crate) fn crash_points() -> Vec<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../jobs/queue/src");
    let mut points = BTreeSet::new();
    walk(&source, &mut |text| {
        for call in text.split("crash_point(\"").skip(1) {
            points.extend(call.split('"').next().map(ToOwned::to_owned));
        }
    });
    points.retain(|point| !SABOTAGED_ONLY.contains(&point.as_str()));
    assert!(!points.is_empty(), "no crash point stands in {}", source.display());
    points.into_iter().collect()
}

fn walk(dir: &Path, see: &mut dyn FnMut(&str)) {
    for entry in fs::read_dir(dir).expect("the engine's source").flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, see);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            see(&fs::read_to_string(&path).expect("a source file"));
        }
    }
}
