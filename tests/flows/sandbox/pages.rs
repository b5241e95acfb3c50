//! The mailbox's pages show the mail and let none of it act.

use faena_tests::sandbox::Sandbox;
use lettre::AsyncTransport;
use scraper::{Html, Selector};

use super::{Secured, letter, mailer, note};

struct Page {
    status: u16,
    policy: String,
    content_type: String,
    html: String,
}

async fn page(sandbox: &Sandbox, path: &str) -> anyhow::Result<Page> {
    let response = reqwest::get(format!("{}{path}", sandbox.http_url())).await?;
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let (policy, content_type) = (header("content-security-policy"), header("content-type"));
    Ok(Page { status: response.status().as_u16(), policy, content_type, html: response.text().await? })
}

fn texts(html: &str, selector: &str) -> Vec<String> {
    let selector = Selector::parse(selector).expect("a selector");
    let words = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    Html::parse_document(html).select(&selector).map(|element| words(element.text().collect())).collect()
}

#[tokio::test]
async fn the_list_is_newest_first_and_leads_to_each_message() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let empty = page(&sandbox, "/").await?;
    assert!(empty.html.contains("Todavía no hay correo"));

    let mailer = mailer(&sandbox, Secured::ByStartTls)?;
    mailer.send(note("luis@example.com", "Primera. Mira https://example.com/a?b=1&c=2.\n")?).await?;
    mailer.send(letter("Ana <ana@example.com>")?).await?;
    let list = page(&sandbox, "/").await?.html;
    assert_eq!(texts(&list, "title"), ["Buzón (2)"]);
    assert_eq!(texts(&list, ".subject"), ["Te damos la bienvenida, Ñandú", "Nota"]);
    assert!(texts(&list, ".people")[0].contains("CompilandoCode → para ana@example.com"));
    assert_eq!(texts(&page(&sandbox, "/?to=luis%40example.com").await?.html, ".subject"), ["Nota"]);

    let mails = sandbox.mails_to("ana@example.com", 1).await?;
    let shown = page(&sandbox, &format!("/messages/{}", mails[0].id)).await?;
    assert_eq!(texts(&shown.html, "h1"), ["Te damos la bienvenida, Ñandú"]);
    assert!(texts(&shown.html, ".headers dd").contains(&"Ana <ana@example.com>".to_owned()));
    assert!(texts(&shown.html, ".envelope dd").iter().any(|line| line.contains("con TLS · identificado como faena")));
    assert_eq!(texts(&shown.html, ".text a"), ["http://127.0.0.1:8080/verificar?t=abc_1"]);

    let mark = page(&sandbox, "/mark.svg").await?;
    assert_eq!((mark.status, &*mark.content_type), (200, "image/svg+xml"));
    assert!(shown.policy.contains("img-src 'self'"), "{}", shown.policy);

    let source = page(&sandbox, &format!("/messages/{}/source", mails[0].id)).await?;
    assert_eq!(source.content_type, "text/plain; charset=utf-8");
    assert!(source.html.contains("Content-Transfer-Encoding:"));

    let note = &sandbox.mails_to("luis@example.com", 1).await?[0];
    let shown = page(&sandbox, &format!("/messages/{}", note.id)).await?.html;
    assert_eq!(texts(&shown, ".text a"), ["https://example.com/a?b=1&c=2"]);
    assert_eq!(page(&sandbox, &format!("/messages/{}/html", note.id)).await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn nothing_in_a_message_can_act() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>";
    let raw = format!(
        "From: \"{}\" <mal@example.com>\r\nSubject: {evil}\r\nX-Evil: {evil}\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n{evil} javascript:alert(3)\r\n\
         --b\r\nContent-Type: text/html\r\n\r\n{evil}<form action=/x></form>\r\n\
         --b\r\nContent-Type: image/png; name=\"<b>.png\"\r\nContent-Disposition: attachment; filename=\"<b>.png\"\r\n\r\nx\r\n--b--\r\n",
        evil.replace('"', "")
    );
    let envelope = lettre::address::Envelope::new(Some("mal@example.com".parse()?), vec!["ana@example.com".parse()?])?;
    mailer(&sandbox, Secured::Not)?.send_raw(&envelope, raw.as_bytes()).await?;
    let id = sandbox.mail_to("ana@example.com").await?.id;

    for path in ["/".to_owned(), format!("/messages/{id}")] {
        let page = page(&sandbox, &path).await?;
        assert!(!page.html.contains("<script") && !page.html.contains("<img") && !page.html.contains("<b>.png"), "{}", page.html);
        assert!(page.policy.starts_with("default-src 'none'; style-src 'self'"), "{}", page.policy);
        assert!(texts(&page.html, "a[href^=javascript]").is_empty());
        assert_eq!(texts(&page.html, "title")[0].contains("<script>alert(1)</script>"), path != "/");
    }
    let shown = page(&sandbox, &format!("/messages/{id}")).await?.html;
    assert!(texts(&shown, ".attachments li")[0].starts_with("<b>.png image/png"));
    assert_eq!(texts(&shown, "iframe[sandbox=\"allow-popups allow-popups-to-escape-sandbox\"]").len(), 1);

    let framed = page(&sandbox, &format!("/messages/{id}/html")).await?;
    assert!(framed.html.contains(evil), "the letter is shown as it came");
    for directive in ["default-src 'none'", "form-action 'none'", "sandbox allow-popups allow-popups-to-escape-sandbox"] {
        assert!(framed.policy.contains(directive), "{}", framed.policy);
    }
    assert!(!framed.policy.contains("script"), "{}", framed.policy);
    Ok(())
}

#[tokio::test]
async fn what_is_no_mail_is_shown_all_the_same() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let envelope = lettre::address::Envelope::new(None, vec!["ana@example.com".parse()?])?;
    for raw in [&b"\xff\xfe\x00 no mail at all"[..], b"", b"Content-Type: multipart/mixed; boundary=\r\n\r\n--"] {
        mailer(&sandbox, Secured::Not)?.send_raw(&envelope, raw).await?;
    }
    for mail in sandbox.mails_to("ana@example.com", 3).await? {
        assert_eq!(page(&sandbox, &format!("/messages/{}", mail.id)).await?.status, 200);
        assert_eq!(page(&sandbox, &format!("/messages/{}/source", mail.id)).await?.status, 200);
    }
    assert_eq!(page(&sandbox, "/").await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn what_is_not_there_is_said_so() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let unknown = "0190a000-0000-7000-8000-000000000000";
    for path in
        [format!("/messages/{unknown}"), format!("/messages/{unknown}/html"), "/messages/..%2f..%2fca.pem/source".to_owned()]
    {
        let page = page(&sandbox, &path).await?;
        assert_eq!(page.status, 404, "{path}");
        assert!(page.html.contains("Ese mensaje no está"), "{path}");
    }
    assert_eq!(page(&sandbox, "/health").await?.html, "ok\n");
    Ok(())
}
