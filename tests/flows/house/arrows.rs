//! Arrows point one way: `web, worker → schedules → jobs → queue`.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand};

/// What each package of ours may know of ours.
const ARROWS: [(&str, &[&str]); 7] = [
    ("queue", &[]),
    ("jobs", &["queue"]),
    ("schedules", &["jobs", "queue"]),
    ("worker", &["schedules", "jobs", "queue"]),
    ("web", &["schedules", "jobs", "queue"]),
    ("faena-tests", &["worker", "schedules", "jobs", "queue"]),
    ("faena-bench", &["worker", "schedules", "queue"]),
];

/// Heavy, or the worker's alone: the web never links these.
const WORKERS_ALONE: [&str; 5] = ["ffmpeg-next", "ffmpeg-sys-next", "printpdf", "lettre", "worker"];

fn metadata() -> Metadata {
    MetadataCommand::new().manifest_path(super::root().join("Cargo.toml")).features(CargoOpt::AllFeatures).exec().unwrap()
}

/// For each package, the names of those it depends on to run (not to test), directly.
fn dependencies(metadata: &Metadata) -> BTreeMap<String, BTreeSet<String>> {
    let names: BTreeMap<_, _> = metadata.packages.iter().map(|package| (&package.id, package.name.to_string())).collect();
    let nodes = &metadata.resolve.as_ref().unwrap().nodes;
    nodes
        .iter()
        .map(|node| {
            let linked = node.deps.iter().filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development));
            (names[&node.id].clone(), linked.map(|dep| names[&dep.pkg].clone()).collect())
        })
        .collect()
}

fn linked_by(package: &str, dependencies: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    let (mut linked, mut open) = (BTreeSet::new(), vec![package.to_owned()]);
    while let Some(next) = open.pop() {
        for dependency in dependencies.get(&next).into_iter().flatten() {
            if linked.insert(dependency.clone()) {
                open.push(dependency.clone());
            }
        }
    }
    linked
}

#[test]
fn arrows_point_one_way() {
    let metadata = metadata();
    let ours: BTreeSet<String> = metadata.workspace_packages().iter().map(|package| package.name.to_string()).collect();
    assert_eq!(ours, ARROWS.iter().map(|(name, _)| (*name).to_owned()).collect(), "a package has no place in the house");
    let dependencies = dependencies(&metadata);
    for (package, allowed) in ARROWS {
        let known: Vec<&String> = dependencies[package].iter().filter(|name| ours.contains(*name)).collect();
        assert!(known.iter().all(|name| allowed.contains(&name.as_str())), "{package} knows {known:?}, and may know {allowed:?}");
    }
}

#[test]
fn the_web_links_nothing_of_the_worker() {
    let dependencies = dependencies(&metadata());
    // What this test looks for must be visible to it: the worker does link lettre.
    assert!(linked_by("worker", &dependencies).contains("lettre"));
    let web = linked_by("web", &dependencies);
    let found: Vec<&str> = WORKERS_ALONE.into_iter().filter(|name| web.contains(*name)).collect();
    assert!(found.is_empty(), "web links {found:?}");
}

#[test]
fn one_version_of_each_dependency_is_pinned_in_one_place() {
    let manifest = std::fs::read_to_string(super::root().join("Cargo.toml")).unwrap();
    let pinned = manifest.split("[workspace.dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    let loose: Vec<&str> =
        pinned.lines().filter(|line| line.contains(" = ") && !line.contains("\"=") && !line.contains("path = ")).collect();
    assert!(loose.is_empty(), "not pinned: {loose:?}");
    // The benchmarks' peers are programs of their own, each with its lock file.
    let members = super::files(&["Cargo.toml"]).into_iter().filter(|(_, text)| !text.contains("\n[workspace]\n"));
    for (name, text) in members.filter(|(name, _)| name != "Cargo.toml") {
        let dependencies = text.split("dependencies]").skip(1).flat_map(|section| section.split("\n[").next().unwrap().lines());
        let stray: Vec<&str> = dependencies.filter(|line| line.contains(" = ") && !line.contains("workspace = true")).collect();
        assert!(stray.is_empty(), "{name} does not take these from the workspace: {stray:?}");
    }
}

/// The peers are built only when benchmarks are taken, long after somebody broke what they share.
#[test]
fn what_the_benchmarks_programs_share_needs_nothing_that_one_of_them_lacks() {
    let of = |path: &str| std::fs::read_to_string(super::root().join("tests/bench").join(path)).unwrap();
    for peer in ["riverqueue", "rusty-sidekiq"] {
        let (main, manifest) = (of(&format!("{peer}/src/main.rs")), of(&format!("{peer}/Cargo.toml")));
        let shared: Vec<&str> =
            main.lines().filter_map(|line| line.strip_prefix("#[path = \"../../src/")?.strip_suffix("\"]")).collect();
        assert!(shared.contains(&"notes.rs"), "{peer}: {shared:?}");
        for file in shared {
            let text = of(&format!("src/{file}"));
            let roots = text.lines().filter_map(|line| line.strip_prefix("use ")?.split(&[':', ';', ' ']).next());
            let known = |root: &str| ["std", "crate", "super"].contains(&root) || manifest.contains(&format!("\n{root} = "));
            let lacking: Vec<&str> = roots.filter(|root| !known(&root.replace('_', "-")) && !known(root)).collect();
            assert!(lacking.is_empty(), "{peer} lacks {lacking:?}, which {file} uses");
        }
    }
}

/// Features that a dev-dependency asks of others are asked where tests are built and not where programs alone are: those others, and all that is built
/// upon them, would be compiled twice.
#[test]
fn what_only_tests_need_is_needed_wherever_the_workspace_is_built() {
    let metadata = metadata();
    let of = |name: &str, kind: DependencyKind| -> BTreeSet<String> {
        let packages =
            metadata.workspace_packages().into_iter().filter(|package| name.is_empty() || package.name.as_str() == name);
        packages
            .flat_map(|package| &package.dependencies)
            .filter(|used| used.kind == kind)
            .map(|used| used.name.clone())
            .collect()
    };
    let only_tests: Vec<String> =
        of("", DependencyKind::Development).difference(&of("faena-tests", DependencyKind::Normal)).cloned().collect();
    assert_eq!(only_tests, [""; 0], "name them among the dependencies of tests/Cargo.toml");
}

#[test]
fn the_engine_knows_no_business() {
    let business = ["learner", "course", "ticket", "certificate", "letter", "payment"];
    for (name, text) in super::files(&[".rs", ".lua", ".sql"]) {
        if name.starts_with("jobs/queue/src/") {
            let code =
                text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n").to_lowercase();
            let found: Vec<&str> = business
                .into_iter()
                .filter(|word| code.split(|c: char| !c.is_alphanumeric()).any(|part| part == *word))
                .collect();
            // Examples in tests may speak of the world.
            assert!(found.is_empty() || name.ends_with("attempt.rs"), "{name} speaks of {found:?}");
        }
    }
}
