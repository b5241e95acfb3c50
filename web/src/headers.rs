//! The headers of every response.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::{app::App, guard::Surface, visit::Visit};

const FIXED: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Addresses of ours may hold tokens: other sites learn not even where a click came from. (`no-referrer` would also make
    // browsers send `Origin: null` with our own forms.)
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
    ),
];

/// Sets what every response carries, whatever its handler did.
pub(crate) fn set(headers: &mut HeaderMap, app: &App, visit: &Visit) {
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        put(headers, header::CONTENT_SECURITY_POLICY, &content_security_policy(&visit.nonce, visit.frames()));
    }
    put(headers, HeaderName::from_static("x-request-id"), &visit.id.to_string());
    if app.settings.is_https() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }

    let is_system = visit.row().is_some_and(|row| row.surface == Surface::System);
    let is_personal = visit.person().is_some() || visit.holds_a_token();
    if is_personal {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    } else if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(if is_system { "no-store" } else { "no-cache" }));
    }
    if !is_system {
        headers.append(header::VARY, HeaderValue::from_static("cookie, accept-language"));
    }

    secure_removed_cookies(headers);
    if let Some(value) = visit.form_cookie_to_set() {
        let secure = if app.settings.is_https() { "; Secure" } else { "" };
        let cookie = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}", app.form_cookie_name());
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
}

/// Nothing is allowed but our own files, the one script element that carries this response's nonce, and frames of the origin whose video
/// the page shows.
fn content_security_policy(nonce: &str, frames: Option<&str>) -> String {
    let frames = frames.map(|origin| format!("frame-src {origin}; ")).unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; \
         {frames}base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
}

/// A browser drops a `Set-Cookie` of a `__Host-` name that is not Secure (RFC 6265bis, 4.1.3), and the session layer removes its
/// cookie without that word.
fn secure_removed_cookies(headers: &mut HeaderMap) {
    let is_bare = |value: &HeaderValue| value.as_bytes().starts_with(b"__Host-") && !contains(value.as_bytes(), b"; Secure");
    if !headers.get_all(header::SET_COOKIE).iter().any(is_bare) {
        return;
    }
    let cookies: Vec<HeaderValue> = headers.get_all(header::SET_COOKIE).iter().cloned().collect();
    headers.remove(header::SET_COOKIE);
    for cookie in cookies {
        let secured =
            is_bare(&cookie).then(|| HeaderValue::from_bytes(&[cookie.as_bytes(), b"; Secure"].concat()).ok()).flatten();
        headers.append(header::SET_COOKIE, secured.unwrap_or(cookie));
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_with_a_video_may_show_a_frame() {
        assert!(!content_security_policy("n", None).contains("frame-src"));
        let policy = content_security_policy("n", Some("https://player.vimeo.com"));
        assert!(policy.contains("; frame-src https://player.vimeo.com; base-uri 'none'"), "{policy}");
    }

    #[test]
    fn removed_host_cookies_are_secure() {
        let mut headers = HeaderMap::new();
        for cookie in ["__Host-session=; Path=/; Max-Age=0", "__Host-session=x; Path=/; Secure", "session=; Path=/"] {
            headers.append(header::SET_COOKIE, HeaderValue::from_static(cookie));
        }
        secure_removed_cookies(&mut headers);
        let cookies: Vec<_> =
            headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap_or_default()).collect();
        assert_eq!(
            cookies,
            ["__Host-session=; Path=/; Max-Age=0; Secure", "__Host-session=x; Path=/; Secure", "session=; Path=/"]
        );
    }
}
