//! HTTP as a browser without JavaScript would speak it.

/// A client that keeps cookies and follows no redirect: tests look at each answer.
///
/// # Panics
/// TLS cannot be set up.
#[must_use]
pub fn http_client() -> reqwest::Client {
    // Already installed by another test of the same process, perhaps.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().cookie_store(true).redirect(reqwest::redirect::Policy::none()).build().expect("a client")
}
