//! Builds the style sheets, fonts, icons and script under assets/dist when their sources are newer than they are.

use std::{
    collections::hash_map::DefaultHasher,
    fs,
    hash::{Hash as _, Hasher as _},
    io,
    path::{Path, PathBuf},
    process::Command,
};

fn main() {
    let assets = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default()).join("assets");
    tell_cargo("askama.toml");
    for watched in [
        "assets/package.json",
        "assets/package-lock.json",
        "assets/build.mjs",
        "assets/src",
        "assets/dist/manifest.json",
        "locales",
    ] {
        tell_cargo(watched);
    }
    if let Err(problem) = build(&assets) {
        panic!("\n\nthe web assets were not built: {problem}\n\n");
    }
}

fn build(assets: &Path) -> Result<(), String> {
    let sources = fingerprint(&["package.json", "package-lock.json", "build.mjs", "src"].map(|name| assets.join(name)))?;
    let built = assets.join("dist/.sources");
    if assets.join("dist/manifest.json").is_file() && fs::read_to_string(&built).is_ok_and(|old| old == sources) {
        return Ok(());
    }

    let lock = fingerprint(&[assets.join("package-lock.json")])?;
    let installed = assets.join("node_modules/.installed");
    if !fs::read_to_string(&installed).is_ok_and(|old| old == lock) {
        // No package's own script runs: esbuild works without its one.
        run(assets, "npm", &["ci", "--ignore-scripts", "--no-audit", "--no-fund"])?;
        fs::write(&installed, lock).map_err(|error| format!("{}: {error}", installed.display()))?;
    }
    run(assets, "node", &["build.mjs"])?;
    // Cargo runs this script again when a watched file is younger than its last run, and it would be: this run has made it.
    let manifest = assets.join("dist/manifest.json");
    age(&manifest, &assets.join("package.json")).map_err(|error| format!("{}: {error}", manifest.display()))?;
    fs::write(&built, sources).map_err(|error| format!("{}: {error}", built.display()))
}

/// Makes a file as old as another.
fn age(file: &Path, model: &Path) -> io::Result<()> {
    fs::File::options().append(true).open(file)?.set_modified(fs::metadata(model)?.modified()?)
}

fn run(folder: &Path, program: &str, arguments: &[&str]) -> Result<(), String> {
    let shown = format!("{program} {}", arguments.join(" "));
    let output = Command::new(program).args(arguments).current_dir(folder).output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            format!("{program} is not installed. They need Node 18 or newer with npm (on Debian: apt install nodejs npm)")
        }
        _ => format!("{shown}: {error}"),
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("`{shown}` in {} ended with {}:\n{}", folder.display(), output.status, said.trim()))
}

/// A hash over names and contents; it only has to notice changes.
fn fingerprint(paths: &[PathBuf]) -> Result<String, String> {
    let mut hasher = DefaultHasher::new();
    for path in paths {
        visit(path, &mut hasher).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn visit(path: &Path, hasher: &mut DefaultHasher) -> io::Result<()> {
    if path.is_dir() {
        let mut entries = fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
        entries.sort();
        return entries.iter().try_for_each(|entry| visit(entry, hasher));
    }
    path.file_name().hash(hasher);
    fs::read(path)?.hash(hasher);
    Ok(())
}

fn tell_cargo(watched: &str) {
    println!("cargo::rerun-if-changed={watched}");
}
