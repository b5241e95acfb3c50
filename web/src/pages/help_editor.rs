//! `GET`, `POST /ayuda/articulos/nuevo` and `/ayuda/articulos/{id}`: an article is written, looked at, and kept; `POST …/estado`: it is published, taken
//! back or archived.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Extension, Path, State},
    http::StatusCode,
    response::Response,
};
use jobs::{
    accounts::locale::Locale,
    help_desk::{
        actor::Actor,
        articles::{
            article::{Article, SeenArticle},
            slug::Slug,
            write::{Draft, move_to},
        },
        number::{ArticleId, ClientId},
        text::{Body, TextProblem, Title},
        ticket::now,
        trouble::DeskError,
        words::{ArticleState, Readers},
    },
};
use serde::Deserialize;

use super::{
    help_article::address,
    new_ticket::{kept, text_problem},
    tickets::{Choice, actor, clients},
};
use crate::{
    app::App,
    forms::{Field, Sent, Wish, mark_first_problem},
    markdown::{Elements, elements},
    page::{Page, key, render, see_other},
    problem::{Doing as _, Problem},
    visit::Visit,
};

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    /// The number of the client for whom alone it is to be.
    #[serde(default)]
    client: String,
}

/// What the form sends.
#[derive(Debug, Deserialize)]
pub(crate) struct Form {
    /// The version that was seen, of an article that there is.
    #[serde(default)]
    version: i32,
    act: Act,
    locale: Locale,
    title: String,
    /// Left out: made of the title.
    slug: String,
    audience: String,
    /// Left out: every client.
    client: String,
    body: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Act {
    Preview,
    Save,
}

/// Where an article should stand.
#[derive(Debug, Deserialize)]
pub(crate) struct Standing {
    version: i32,
    state: String,
}

#[derive(Template)]
#[template(path = "help_editor.html")]
struct Editor {
    page: Page,
    /// None: it is a new one.
    article: Option<ArticleId>,
    version: i32,
    clients: Choice<ClientId>,
    locale: Locale,
    audience: Readers,
    client: Field,
    title: Field,
    slug: Field,
    body: Field,
    preview: Option<Elements>,
    refused: Option<String>,
}

/// A form whose every field is right.
type Complete = (Title, Option<Slug>, Body, Option<ClientId>);

impl Editor {
    /// For that client, or for all.
    async fn blank(app: &App, page: Page, client: Option<ClientId>) -> Result<Self, Problem> {
        let clients = clients(app, client).await?;
        Ok(Self {
            locale: page.locale,
            page,
            article: None,
            version: 0,
            clients,
            audience: Readers::Clients,
            client: Field::of(&client.map(|id| id.to_string()).unwrap_or_default()),
            title: Field::default(),
            slug: Field::default(),
            body: Field::default(),
            preview: None,
            refused: None,
        })
    }

    fn with(mut self, article: &Article) -> Self {
        self.article = Some(article.id);
        self.version = article.lock_version;
        self.locale = article.locale;
        self.audience = article.audience;
        self.client = Field::of(&article.client_id.map(|id| id.to_string()).unwrap_or_default());
        self.title = kept(&article.title);
        self.slug = Field::of(article.slug.as_str());
        self.body = kept(&article.body);
        self
    }

    /// Takes over what was typed, and what is wrong with it; the parts, if nothing is.
    fn read(&mut self, form: &Form) -> Result<Option<Complete>, Problem> {
        self.version = form.version;
        self.locale = form.locale;
        // A choice that none of our forms offers.
        self.audience = form.audience.parse().map_err(|_| Problem::BadRequest)?;
        let (title, body) = (Title::parse(&form.title), Body::parse(&form.body));
        let typed = form.slug.trim();
        let slug = if typed.is_empty() {
            // Of a title that makes none it is made of the article's number.
            Ok(Slug::of(&form.title))
        } else {
            match Slug::parse(typed) {
                Ok(slug) if slug.is_reserved() => Err(key("article-slug-reserved")),
                read => read.map(Some).map_err(|_| key("article-bad-slug")),
            }
        };
        let client = match form.client.as_str() {
            "" => Ok(None),
            client => client.parse().map(|id| Some(ClientId(id))).map_err(|_| Problem::BadRequest),
        }?;
        let problem = |what: &TextProblem| text_problem(&self.page, *what);
        let title_field = Field { problem: title.as_ref().err().map(problem), ..kept(&form.title) };
        let body_field = Field { problem: body.as_ref().err().map(problem), ..kept(&form.body) };
        // Without a title there is nothing to make it of, and that is said there.
        let slug_problem = slug.as_ref().err().filter(|_| title.is_ok()).map(|key| self.page.text(key));
        let is_nobodys = client.is_some() && self.audience == Readers::Desk;
        let client_problem = is_nobodys.then(|| self.page.text(key("article-desk-has-no-client")));
        let client_field = Field { problem: client_problem, ..Field::of(&form.client) };
        (self.title, self.body, self.client) = (title_field, body_field, client_field);
        self.slug = Field { problem: slug_problem, ..Field::of(typed) };
        Ok(match (title, slug, body) {
            (Ok(title), Ok(slug), Ok(body)) if !is_nobodys => Some((title, slug, body, client)),
            _ => None,
        })
    }

    fn is_client(&self, client: &ClientId) -> bool {
        self.client.value == client.to_string()
    }

    fn is_locale(&self, locale: &Locale) -> bool {
        self.locale == *locale
    }

    fn is_audience(&self, audience: &Readers) -> bool {
        self.audience == *audience
    }

    /// Where the form is sent.
    fn action(&self) -> String {
        match self.article {
            Some(id) => self.page.to(crate::paths::HELP_EDIT, "id", id),
            None => self.page.at(crate::paths::HELP_NEW).to_owned(),
        }
    }

    fn shown(mut self) -> Result<Response, Problem> {
        let is_wrong = mark_first_problem(&mut [&mut self.title, &mut self.slug, &mut self.client, &mut self.body]);
        render(if is_wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, &self)
    }

    fn refused(mut self, why: &str) -> Result<Response, Problem> {
        self.refused = Some(self.page.text(why));
        render(StatusCode::CONFLICT, &self)
    }
}

/// The name of a language.
pub(super) fn locale_key(locale: &Locale) -> &'static str {
    match locale {
        Locale::Es => key("language-es"),
        Locale::En => key("language-en"),
    }
}

/// Shows the empty form.
pub(crate) async fn show_new(State(app): State<App>, page: Page, Wish(asked): Wish<Asked>) -> Result<Response, Problem> {
    Editor::blank(&app, page, asked.client.parse().ok().map(ClientId)).await?.shown()
}

/// Shows the form with an article in it.
pub(crate) async fn show_edit(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let actor = actor(&app, &visit).await?;
    let article = Article::find(&app.db, &actor, number(&id)?).await.doing("looking up an article")?;
    Editor::blank(&app, page, article.client_id).await?.with(&article).shown()
}

/// Writes a new article, and leads to it.
pub(crate) async fn create(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Sent(form): Sent<Form>,
) -> Result<Response, Problem> {
    let actor = actor(&app, &visit).await?;
    let editor = Editor::blank(&app, page, form.client.parse().ok().map(ClientId)).await?;
    keep(&app, &actor, editor, &form).await
}

/// Writes over an article, and leads to it.
pub(crate) async fn edit(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path(id): Path<String>,
    Sent(form): Sent<Form>,
) -> Result<Response, Problem> {
    let actor = actor(&app, &visit).await?;
    let mut editor = Editor::blank(&app, page, form.client.parse().ok().map(ClientId)).await?;
    editor.article = Some(number(&id)?);
    keep(&app, &actor, editor, &form).await
}

/// Publishes it, takes it back or archives it, and leads to it.
pub(crate) async fn move_article(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    page: Page,
    Path(id): Path<String>,
    Sent(form): Sent<Standing>,
) -> Result<Response, Problem> {
    let actor = actor(&app, &visit).await?;
    let state: ArticleState = form.state.parse().map_err(|_| Problem::BadRequest)?;
    let seen = SeenArticle { article: number(&id)?, version: form.version };
    let moved = async {
        let mut tx = app.db.begin().await?;
        let at = now(&mut *tx).await?;
        move_to(&mut tx, at, &actor, seen, state).await?;
        tx.commit().await.map_err(DeskError::from)
    };
    let why = match moved.await {
        Ok(()) => None,
        Err(DeskError::ArticleChanged { .. }) => Some(key("article-changed")),
        Err(DeskError::WrongArticleState { .. }) => Some(key("article-wrong-state")),
        Err(error) => return Err(error).doing("moving an article"),
    };
    let article = Article::find(&app.db, &actor, seen.article).await.doing("looking up an article")?;
    match why {
        None => Ok(see_other(&address(&article.locale, &article.slug))),
        Some(why) => Editor::blank(&app, page, article.client_id).await?.with(&article).refused(why),
    }
}

async fn keep(app: &App, actor: &Actor, mut editor: Editor, form: &Form) -> Result<Response, Problem> {
    let complete = editor.read(form)?;
    if form.act == Act::Preview {
        editor.preview = Some(elements(&editor.body.value));
        return editor.shown();
    }
    let Some((title, slug, body, client)) = complete else { return editor.shown() };
    let slug = match slug {
        Some(slug) => slug,
        None => Slug::numbered(form.locale, number_of(app, editor.article).await?),
    };
    let draft = Draft { locale: form.locale, slug, title, body, audience: editor.audience, client };
    let kept = async {
        let mut tx = app.db.begin().await?;
        let at = now(&mut *tx).await?;
        match editor.article {
            None => draft.write(&mut tx, at, actor).await.map(drop)?,
            Some(article) => {
                let seen = SeenArticle { article, version: form.version };
                draft.write_over(&mut tx, at, actor, seen).await.map(drop)?;
            }
        }
        tx.commit().await.map_err(DeskError::from)
    };
    match kept.await {
        Ok(()) => Ok(see_other(&address(&draft.locale, &draft.slug))),
        Err(DeskError::SlugTaken) => {
            editor.slug.problem = Some(editor.page.text(key("article-slug-taken")));
            editor.slug.value = draft.slug.as_str().to_owned();
            editor.shown()
        }
        Err(DeskError::ArticleChanged { .. }) => editor.refused(key("article-changed")),
        other => other.doing("writing an article").and(Err(Problem::NotFound)),
    }
}

/// The number of an article, or the one that a new one is about to have: should somebody else be faster, its name is taken, and the editor is told.
async fn number_of(app: &App, article: Option<ArticleId>) -> Result<ArticleId, Problem> {
    match article {
        Some(article) => Ok(article),
        None => sqlx::query_scalar("select coalesce(max(id), 0) + 1 from desk.kb_articles")
            .fetch_one(&app.db)
            .await
            .doing("looking for a number for an article"),
    }
}

fn number(id: &str) -> Result<ArticleId, Problem> {
    id.parse().map(ArticleId).map_err(|_| Problem::NotFound)
}
