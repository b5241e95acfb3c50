//! The files that pages link to: built by assets/build.mjs, embedded, named by their content.

use std::collections::{HashMap, HashSet};

use anyhow::Context as _;
use axum::{
    extract::{Path, State},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use rust_embed::RustEmbed;

use crate::{app::App, problem::Problem};

#[derive(RustEmbed)]
#[folder = "assets/dist"]
struct Files;

/// Which file a name means today.
#[derive(Debug)]
pub(crate) struct Assets {
    addresses: HashMap<String, String>,
    files: HashSet<String>,
}

impl Assets {
    /// Reads the manifest.
    ///
    /// # Errors
    /// There is none, or it names a file that is not there.
    pub(crate) fn load() -> anyhow::Result<Self> {
        let manifest = Files::get("manifest.json").context("the assets have no manifest")?;
        let names: HashMap<String, String> = serde_json::from_slice(&manifest.data).context("reading the assets' manifest")?;
        for file in names.values() {
            Files::get(file).with_context(|| format!("the manifest names {file}, which is not there"))?;
        }
        let addresses = names.iter().map(|(name, file)| (name.clone(), format!("/assets/{file}"))).collect();
        Ok(Self { addresses, files: names.into_values().collect() })
    }

    /// Whether that file is for visitors.
    fn serves(&self, file: &str) -> bool {
        self.files.contains(file)
    }

    /// The address of a file by its plain name. An unknown name leads nowhere; a test sees to it that none is used.
    pub(crate) fn address(&self, name: &str) -> &str {
        self.addresses.get(name).map_or_else(
            || {
                tracing::error!(name, "no such asset");
                "/assets/missing"
            },
            String::as_str,
        )
    }
}

/// `GET /assets/{name}`: a name says its content, so it may be kept for ever.
pub(crate) async fn show(State(app): State<App>, Path(name): Path<String>) -> Result<Response, Problem> {
    // The folder also holds notes of the build.
    let file = Files::get(&name).filter(|_| app.assets.serves(&name)).ok_or(Problem::NotFound)?;
    let kind = mime_guess::from_path(&name).first_or_octet_stream();
    let charset = if kind.type_() == "text" || kind.subtype() == "svg" { "; charset=utf-8" } else { "" };
    let mut response = file.data.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::try_from(format!("{}{charset}", kind.essence_str())).unwrap_or(UNKNOWN));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    Ok(response)
}

const UNKNOWN: HeaderValue = HeaderValue::from_static("application/octet-stream");

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn every_asset_and_icon_that_a_template_names_exists() {
        let assets = Assets::load().expect("assets");
        let sprite_name = assets.address("icons.svg").trim_start_matches("/assets/").to_owned();
        let sprite = String::from_utf8(Files::get(&sprite_name).expect("the sprite").data.into_owned()).expect("UTF-8");
        let mut seen = 0;
        for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/pages")).expect("the pages") {
            let path = entry.expect("an entry").path();
            let source = fs::read_to_string(&path).unwrap_or_default();
            for rest in source.split("asset(\"").skip(1) {
                let name = rest.split('"').next().unwrap_or_default();
                assert!(assets.addresses.contains_key(name), "{} names the asset {name}", path.display());
                seen += 1;
            }
            for rest in source.split("icon(page, \"").skip(1) {
                let name = rest.split('"').next().unwrap_or_default();
                assert!(sprite.contains(&format!("id=\"{name}\"")), "{} names the icon {name}", path.display());
                seen += 1;
            }
        }
        assert!(seen > 10, "the templates were read");
    }
}
