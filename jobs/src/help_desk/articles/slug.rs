//! The part of an article's address that says what it is about.

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

use crate::{accounts::locale::Locale, help_desk::number::ArticleId};

/// What no article is called, because pages beside them are, or may be one day.
const RESERVED: [&str; 8] = ["new", "nuevo", "edit", "editar", "articles", "articulos", "search", "buscar"];

/// Small letters, digits, and single dashes between them.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub struct Slug(String);

/// Why something is no slug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a slug has 1 to {} small letters, digits, and single dashes between them", Slug::MAX_CHARS)]
pub struct NoSlug;

impl Slug {
    /// The most characters it may have.
    pub const MAX_CHARS: usize = 80;

    /// Reads what somebody typed, or what stands in an address.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(typed: &str) -> Result<Self, NoSlug> {
        let is_part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if typed.len() <= Self::MAX_CHARS && typed.split('-').all(is_part) { Ok(Self(typed.to_owned())) } else { Err(NoSlug) }
    }

    /// What a title makes: its words without accents, as many as there is room for. None: most of its letters cannot stand in an address, and what would be left
    /// of it says nothing; or it would be the name of another page.
    #[must_use]
    pub fn of(title: &str) -> Option<Self> {
        let bare: String = title.nfkd().filter(|c| !is_combining_mark(*c)).collect::<String>().to_lowercase();
        let (all, plain) =
            (bare.chars().filter(|c| c.is_alphanumeric()).count(), bare.chars().filter(char::is_ascii_alphanumeric).count());
        if plain * 2 < all {
            return None;
        }
        let mut slug = String::new();
        for word in bare.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
            let dash = usize::from(!slug.is_empty());
            if slug.len() + dash + word.len() > Self::MAX_CHARS {
                break;
            }
            if dash > 0 {
                slug.push('-');
            }
            slug.push_str(word);
        }
        Self::parse(&slug).ok().filter(|slug| !slug.is_reserved())
    }

    /// What an article is called whose title makes no name.
    #[must_use]
    pub fn numbered(locale: Locale, article: ArticleId) -> Self {
        Self(match locale {
            Locale::Es => format!("articulo-{article}"),
            Locale::En => format!("article-{article}"),
        })
    }

    /// Whether it is the name of another page.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        RESERVED.contains(&&*self.0)
    }

    /// The slug.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(title: &str) -> Option<String> {
        Slug::of(title).map(|slug| slug.0)
    }

    #[test]
    fn a_title_makes_an_address_that_people_can_read() {
        assert_eq!(of("¿Cómo restablezco mi contraseña?").as_deref(), Some("como-restablezco-mi-contrasena"));
        assert_eq!(of("  VPN: «error 809» en Windows 11 ").as_deref(), Some("vpn-error-809-en-windows-11"));
        for scraps in ["印刷", "打印机卡纸怎么办 (A4)", "Сброс пароля VPN", "¡!"] {
            assert_eq!(of(scraps), None, "{scraps}");
        }
        for another_page in ["New", "¡Nuevo!", "🎉 new", "Artículos"] {
            assert_eq!(of(another_page), None, "{another_page}");
        }
        assert_eq!(of("¿Qué hay de nuevo?").as_deref(), Some("que-hay-de-nuevo"));
        assert_eq!(Slug::numbered(Locale::Es, ArticleId(7)), Slug("articulo-7".to_owned()));
        let long = of(&"palabra ".repeat(30)).unwrap_or_default();
        assert!(long.len() <= Slug::MAX_CHARS && long.ends_with("palabra"), "cut between words: {long}");
        assert_eq!(of(&"x".repeat(81)), None, "a single word that is too long");
    }

    #[test]
    fn only_a_slug_is_one() {
        for slug in ["vpn", "a-1", &"x".repeat(80)] {
            assert!(Slug::parse(slug).is_ok(), "{slug}");
        }
        for none in ["", "-a", "a-", "a--b", "A", "ñ", "a/b", "..", "a b", &"x".repeat(81)] {
            assert_eq!(Slug::parse(none), Err(NoSlug), "{none:?}");
        }
    }
}
