//! Where to go next, when a request says so: only ever to a page of ours.

use url::Url;

/// A path of this site, with its query, or nothing. What a browser could read as another site's address is refused: `//host`,
/// `/\host`, and anything with control characters, which browsers drop before they read.
pub(crate) fn local_path(text: &str) -> Option<String> {
    const BASE: &str = "http://here.invalid";
    let is_plain = text.len() <= 512 && !text.chars().any(|c| c.is_control() || c == '\\');
    if !is_plain || !text.starts_with('/') || text.starts_with("//") {
        return None;
    }
    let url = Url::parse(BASE).ok()?.join(text).ok()?;
    // Dots are resolved by now: `/.//host` would have become `//host`.
    let is_here = url.origin() == Url::parse(BASE).ok()?.origin() && !url.path().starts_with("//");
    is_here.then(|| match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    })
}

/// The page of ours that a request says it came from.
pub(crate) fn local_referer(referer: &str, host: &str) -> Option<String> {
    let url = Url::parse(referer).ok()?;
    let authority = match (url.host_str()?, url.port()) {
        (name, Some(port)) => format!("{name}:{port}"),
        (name, None) => name.to_owned(),
    };
    if authority != host {
        return None;
    }
    local_path(&url[url::Position::BeforePath..url::Position::AfterQuery])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_paths_are_followed() {
        for (text, path) in [
            ("/cuenta", "/cuenta"),
            ("/ops/jobs?state=dead&after=a%2Fb", "/ops/jobs?state=dead&after=a%2Fb"),
            ("/a/../cuenta", "/cuenta"),
            ("/cuenta#sesión", "/cuenta"),
            ("/búsqueda?q=ñ", "/b%C3%BAsqueda?q=%C3%B1"),
        ] {
            assert_eq!(local_path(text).as_deref(), Some(path), "{text}");
        }
    }

    #[test]
    fn everybody_elses_are_not() {
        for text in [
            "",
            "cuenta",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "\t//evil.example",
            " /cuenta",
            "/.//evil.example",
            "/a/..//evil.example",
            "/%2e//evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "http:evil.example",
            "/\0",
        ] {
            assert_eq!(local_path(text), None, "{text:?}");
        }
        assert_eq!(local_path(&format!("/{}", "a".repeat(600))), None);
    }

    #[test]
    fn a_referer_counts_only_from_here() {
        assert_eq!(local_referer("http://127.0.0.1:8080/registro?a=b", "127.0.0.1:8080").as_deref(), Some("/registro?a=b"));
        assert_eq!(local_referer("https://a.example/registro#x", "a.example").as_deref(), Some("/registro"));
        assert_eq!(local_referer("https://evil.example/registro", "a.example"), None);
        assert_eq!(local_referer("https://a.example//evil.example", "a.example"), None);
    }
}
