//! A person says which letters they want: by the link in a letter, through their mail program, or on a page.

use faena_tests::http::http_client;
use jobs::{
    accounts::user::UserId,
    mail::{Stream, unsubscribe::Unsubscribe},
};
use reqwest::StatusCode;

use super::{Page, SECRET, Visitor, Web, leads_to};

async fn learner(web: &Web) -> (Visitor, UserId) {
    let visitor = web.visitor();
    visitor.registers("Ana", "ana@correo.example", "sopa de letras a las 7").await;
    let id = sqlx::query_scalar("select id from core.users").fetch_one(&web.stores.db).await.unwrap();
    (visitor, UserId(id))
}

async fn unwanted(web: &Web) -> Vec<String> {
    sqlx::query_scalar("select stream from mail.unsubscribed order by stream").fetch_all(&web.stores.db).await.unwrap()
}

#[tokio::test]
async fn a_mail_program_says_no_for_its_reader_without_cookies_and_looking_says_nothing() {
    let web = Web::start().await;
    let (_, user_id) = learner(&web).await;
    let token = Unsubscribe::new(&SECRET.into()).token(user_id, Stream::Broadcast).unwrap();
    let link = format!("/baja?token={token}");
    let scanner = web.visitor();
    let page = scanner.page(&link).await;
    assert_eq!((page.status, page.text("h1").as_str()), (StatusCode::OK, "No recibir más cartas"));
    assert_eq!(page.attribute("main form", "action").as_deref(), Some(&*link));
    assert_eq!(unwanted(&web).await, Vec::<String>::new());

    // RFC 8058, 3.1: the body is that one pair, in either encoding, and no cookie goes along.
    let program = http_client();
    let url = format!("http://{}{link}", web.process.addr);
    let encoded = program.post(&url).form(&[("List-Unsubscribe", "One-Click")]).send().await.unwrap();
    assert_eq!(encoded.status(), StatusCode::OK);
    assert_eq!(unwanted(&web).await, ["broadcast"]);
    let parts = "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n";
    let in_parts = program
        .post(format!("http://{}/unsubscribe?token={token}", web.process.addr))
        .header("content-type", "multipart/form-data; boundary=x")
        .header("sec-fetch-site", "cross-site")
        .body(parts);
    let again = Page::of(in_parts.send().await.unwrap()).await;
    assert_eq!((again.status, again.text("h1").as_str()), (StatusCode::OK, "We will send you no more of these"));
    assert_eq!(unwanted(&web).await, ["broadcast"]);
}

#[tokio::test]
async fn a_link_that_is_not_ours_stops_no_letters() {
    let web = Web::start().await;
    let (visitor, user_id) = learner(&web).await;
    let good = Unsubscribe::new(&SECRET.into()).token(user_id, Stream::Notifications).unwrap();
    let forged = format!("{}{}", if good.starts_with('A') { "B" } else { "A" }, &good[1..]);
    for token in ["", "x", &forged, "%00"] {
        let page = visitor.page(&format!("/baja?token={token}")).await;
        assert_eq!((page.status, page.text("h1").as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "Este enlace no sirve"));
        let sent = http_client().post(format!("http://{}/baja?token={token}", web.process.addr)).send().await.unwrap();
        assert_eq!(sent.status(), StatusCode::UNPROCESSABLE_ENTITY, "{token}");
    }
    assert_eq!(unwanted(&web).await, Vec::<String>::new());
}

#[tokio::test]
async fn who_is_signed_in_chooses_their_letters() {
    let web = Web::start().await;
    let (visitor, _) = learner(&web).await;
    let ticked = async |page: &str| {
        visitor.page(page).await.each("input[type=checkbox][name][checked]", |box_| box_.attr("name").unwrap().to_owned())
    };
    assert_eq!(ticked("/cuenta/cartas").await, ["notifications", "broadcast"]);

    let answer = visitor.send("/cuenta/cartas", "/cuenta/cartas", &[("notifications", "yes")]).await;

    assert_eq!(leads_to(&answer), "/cuenta/cartas?done=saved");
    assert_eq!(ticked("/cuenta/cartas?done=saved").await, ["notifications"]);
    assert_eq!(unwanted(&web).await, ["broadcast"]);
    visitor.send("/cuenta/cartas", "/cuenta/cartas", &[("notifications", "yes"), ("broadcast", "yes")]).await;
    assert_eq!(unwanted(&web).await, Vec::<String>::new());
}
