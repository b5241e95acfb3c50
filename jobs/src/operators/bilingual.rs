//! A notice is written once, for readers of both languages: `Spanish. / English. (the reason) (/the/page)`.

/// A notice as one reader needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bilingual {
    /// Spanish, with the reason.
    pub es: String,
    /// English, with the reason.
    pub en: String,
    /// The page of ours that it is about, if it names one.
    pub path: Option<String>,
}

impl Bilingual {
    /// Takes it apart. The groups in parentheses at its end belong to both halves; the last one is an address when it begins with a slash. A notice
    /// without a slash between two spaces is the same to everybody.
    #[must_use]
    pub fn read(message: &str) -> Self {
        let (mut said, mut reasons, mut path) = (message.trim(), String::new(), None);
        while let Some((before, group)) = last_group(said) {
            if path.is_none() && reasons.is_empty() && is_path(group) {
                path = Some(group.to_owned());
            } else {
                reasons = if reasons.is_empty() { format!("({group})") } else { format!("({group}) {reasons}") };
            }
            said = before;
        }
        let (es, en) = said.split_once(" / ").unwrap_or((said, said));
        let whole = |half: &str| if reasons.is_empty() { half.to_owned() } else { format!("{half} {reasons}") };
        Self { es: whole(es), en: whole(en), path }
    }
}

/// Whether it is the address of a page here, and of nowhere else: a provider's words stand in parentheses too.
fn is_path(text: &str) -> bool {
    let rest = text.strip_prefix('/').filter(|rest| !rest.starts_with('/'));
    rest.is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_.?=&:".contains(&b)))
}

/// What stands before the group in parentheses that the text ends with, and the group. Parentheses within it are its own.
fn last_group(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_suffix(')')?;
    let mut depth = 1;
    let opening = inner.char_indices().rev().find(|(_, c)| {
        depth += match c {
            ')' => 1,
            '(' => -1,
            _ => 0,
        };
        depth == 0
    });
    let at = opening?.0;
    let before = text[..at].strip_suffix(' ')?;
    // A group within the Spanish half belongs to that half.
    (before.contains(" / ")).then_some((before, &inner[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_halves_have_the_reason_and_the_page() {
        let read = |message: &str| {
            let Bilingual { es, en, path } = Bilingual::read(message);
            (es, en, path)
        };
        let said = |es: &str, en: &str, path: Option<&str>| (es.to_owned(), en.to_owned(), path.map(str::to_owned));
        for (message, expected) in [
            ("No hay correo. / There is no mail.", said("No hay correo.", "There is no mail.", None)),
            ("No. / No. (535 bad (really))", said("No. (535 bad (really))", "No. (535 bad (really))", None)),
            ("No. / No. (words) (/admin/sales/1)", said("No. (words)", "No. (words)", Some("/admin/sales/1"))),
            ("Hay (dos). / There are (two) of them. (/ops)", said("Hay (dos).", "There are (two) of them.", Some("/ops"))),
            ("No. / No. (a / b)", said("No. (a / b)", "No. (a / b)", None)),
            ("one language (with a reason)", said("one language (with a reason)", "one language (with a reason)", None)),
            ("No. / No. (//evil.example/)", said("No. (//evil.example/)", "No. (//evil.example/)", None)),
            ("No. / No. (/\\evil.example)", said("No. (/\\evil.example)", "No. (/\\evil.example)", None)),
            (")", said(")", ")", None)),
            ("", said("", "", None)),
        ] {
            assert_eq!(read(message), expected, "{message:?}");
        }
    }
}
