//! A section of a course: a text, and perhaps a video that somebody else shows.

use sqlx::PgExecutor;

use super::course::CourseId;
use crate::accounts::user::UserId;

/// A section's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct SectionId(pub i64);

/// A section, and whether the reader has completed it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Section {
    /// Its number.
    pub id: SectionId,
    /// Its place in the course, from 1.
    pub position: i32,
    /// What it is called.
    pub title: String,
    /// Its text: see [`blocks`].
    pub body: String,
    video_host: Option<VideoHost>,
    video_ref: Option<String>,
    /// How long it takes.
    pub minutes: i32,
    /// Whether the course is complete without it.
    pub is_required: bool,
    /// Whether the reader has completed it.
    pub is_done: bool,
}

/// Who shows videos for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum VideoHost {
    /// youtube.com, by its page that sets no cookies before the video is played.
    Youtube,
    /// vimeo.com, likewise.
    Vimeo,
}

/// A part of a section's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// Words.
    Paragraph(String),
    /// Code, with its own line breaks.
    Code(String),
}

impl VideoHost {
    /// Where its frames come from: what a page that shows one has to allow.
    #[must_use]
    pub const fn origin(self) -> &'static str {
        match self {
            Self::Youtube => "https://www.youtube-nocookie.com",
            Self::Vimeo => "https://player.vimeo.com",
        }
    }
}

impl Section {
    /// The address of its video's frame, and the origin that it comes from. The id's form is the table's own rule.
    #[must_use]
    pub fn video(&self) -> Option<(String, &'static str)> {
        let (host, id) = (self.video_host?, self.video_ref.as_deref()?);
        let address = match host {
            VideoHost::Youtube => format!("{}/embed/{id}?rel=0", host.origin()),
            VideoHost::Vimeo => format!("{}/video/{id}?dnt=1", host.origin()),
        };
        Some((address, host.origin()))
    }

    /// The sections of a course in their order, as that person sees them.
    ///
    /// # Errors
    /// Postgres refuses or cannot be reached.
    pub async fn list(db: impl PgExecutor<'_>, course: CourseId, reader: Option<UserId>) -> sqlx::Result<Vec<Self>> {
        sqlx::query_as(
            "select s.id, s.position, s.title, s.body, s.video_host, s.video_ref, s.minutes, s.is_required, p.section_id is not null as is_done
             from school.sections s left join school.progress p on p.section_id = s.id and p.user_id = $2
             where s.course_id = $1 order by s.position",
        )
        .bind(course)
        .bind(reader)
        .fetch_all(db)
        .await
    }
}

/// A text in blocks: paragraphs stand apart by an empty line, and lines that begin with four spaces are code.
#[must_use]
pub fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut begins = true;
    for line in text.lines() {
        let code = line.strip_prefix("    ");
        match (blocks.last_mut(), code) {
            (_, None) if line.trim().is_empty() => {
                begins = true;
                continue;
            }
            (Some(Block::Code(text)), Some(code)) => {
                text.push_str(if begins { "\n\n" } else { "\n" });
                text.push_str(code);
            }
            (Some(Block::Paragraph(text)), None) if !begins => {
                text.push(' ');
                text.push_str(line.trim());
            }
            (_, Some(code)) => blocks.push(Block::Code(code.to_owned())),
            (_, None) => blocks.push(Block::Paragraph(line.trim().to_owned())),
        }
        begins = false;
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_paragraphs_and_code() {
        let text = "Una orden\nbasta.\n\n    pwd\n    ls -l\n\n      cd ..\n\nPrueba.\n";
        let paragraph = |text: &str| Block::Paragraph(text.to_owned());
        assert_eq!(
            blocks(text),
            [paragraph("Una orden basta."), Block::Code("pwd\nls -l\n\n  cd ..".to_owned()), paragraph("Prueba.")]
        );
        assert_eq!(blocks(" \n\n"), []);
    }

    #[test]
    fn a_video_comes_from_where_the_page_allows_it() {
        let section = |host, id: &str| Section {
            id: SectionId(1),
            position: 1,
            title: String::new(),
            body: String::new(),
            video_host: host,
            video_ref: Some(id.to_owned()),
            minutes: 1,
            is_required: true,
            is_done: false,
        };
        for host in [VideoHost::Youtube, VideoHost::Vimeo] {
            let (address, origin) = section(Some(host), "aqz-KE-bpKQ").video().expect("a video");
            assert!(address.starts_with(&format!("{origin}/")) && address.contains("/aqz-KE-bpKQ?"), "{address}");
        }
        assert_eq!(section(None, "x").video(), None);
    }
}
