//! From the last lesson to the paper on the wall, and to whoever doubts it.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::StatusCode;

use super::{Academy, asked, first, judge, leads_to};

#[tokio::test]
async fn the_last_lesson_brings_a_letter_a_file_and_a_proof() {
    let academy = Academy::open().await;
    let (learner, row) = academy.certified("José Ñáñez علاء").await;

    let letter = academy.site.sandbox.mail_to(&learner.email).await.unwrap();
    assert_eq!(letter.subject, "Tu certificado está listo: Rust con «ñ» & cía.");
    for link in ["/certificados".to_owned(), format!("/v/{}", row.serial)] {
        let address = format!("{}{link}", academy.site.url);
        assert!(letter.text.as_deref().unwrap().split_whitespace().any(|word| word == address), "{address}: {:?}", letter.text);
    }

    let page = learner.page("/certificados").await;
    assert!(page.contains(&row.serial) && page.contains("José Ñáñez علاء"), "{page}");
    let download = first(&page, "a[href$='/pdf']", "href").unwrap();
    assert_eq!(download, format!("/certificados/{}/pdf", row.id));
    let file = learner.fetches(&row).await;
    assert_eq!(hex(ring::digest::digest(&ring::digest::SHA256, &file)), hex(&row.pdf_sha256));
    assert_eq!(file.len(), row.pdf_bytes.unsigned_abs() as usize);

    let text = asked("pdftotext", &["-layout", "it.pdf", "-"], &file);
    for said in ["José Ñáñez", "علاء", "Rust con «ñ» & cía.", "8 horas", "Begoña Peñalver Núñez", &row.serial] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let code = asked("sh", &["-c", "pdftoppm -r 110 -png -singlefile it.pdf it && zbarimg -q --raw it.png"], &file);
    let path = code.trim().strip_prefix(&academy.site.url).unwrap_or_else(|| panic!("{code} leads elsewhere"));
    let (status, checked) = academy.page(path).await;
    assert_eq!(status, StatusCode::OK);
    assert!(checked.contains("Este certificado es auténtico") && checked.contains("José Ñáñez علاء"), "{checked}");
    assert!(!checked.contains(&learner.email), "an address is nobody's business");
    assert!(checked.contains("<meta name=\"robots\" content=\"noindex\">"));
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn signature_credential_and_list_convince_another_library() {
    let academy = Academy::open().await;
    let (learner, row) = academy.certified("Ana Ñúñez").await;

    let evidence = academy.evidence(&learner, &row).await;
    let said = judge(&evidence).unwrap();

    for fact in [
        "is_canonical",
        "is_signed",
        "is_changed_refused",
        "key_is_published",
        "claims_agree",
        "email_is_theirs",
        "list_is_meant",
    ] {
        assert_eq!(said[fact], true, "{fact}: {said:#}");
    }
    assert_eq!((&said["list_bits"], &said["ended"], &said["multibase"]), (&131_072.into(), &false.into(), &"u".into()));
    let statement = &said["statement"];
    assert_eq!(statement["holder"], "Ana Ñúñez");
    assert_eq!(statement["serial"], row.serial.as_str());
    assert_eq!(statement["pdf_sha256"], hex(&row.pdf_sha256).as_str());
    assert_eq!(statement["key"], row.key_id.as_str());
    let badge = &said["badge"];
    assert_eq!(badge["type"], serde_json::json!(["VerifiableCredential", "OpenBadgeCredential"]));
    assert_eq!(badge["credentialSubject"]["achievement"]["name"], "Rust con «ñ» & cía.");
    assert_eq!(badge["issuer"]["id"], academy.site.url.as_str());
    // The same keys, for whoever looks the school up by its name on the web.
    let did: serde_json::Value = academy.get("/.well-known/did.json").await.json().await.unwrap();
    let port = academy.site.url.rsplit(':').next().unwrap();
    let name = format!("did:web:127.0.0.1%3A{port}");
    assert_eq!((&did["id"], &did["alsoKnownAs"][0]), (&name.as_str().into(), &badge["issuer"]["id"]));
    assert_eq!(did["assertionMethod"][0], format!("{name}#{}", row.key_id));
    assert_eq!(did["verificationMethod"][0]["publicKeyJwk"], evidence["keys"]["keys"][0]);
    assert_eq!(badge["credentialStatus"]["statusListIndex"], row.status_index.to_string());
    // The judge is no yes-man: a token with another name in it is refused.
    let (head, rest) = evidence["credential"].as_str().unwrap().split_once('.').unwrap();
    let (claims, signature) = rest.split_once('.').unwrap();
    let claims = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap().replace("Ana Ñúñez", "Eva Ñúñez");
    let mut forged = evidence.clone();
    forged["credential"] = format!("{head}.{}.{signature}", BASE64_URL_SAFE_NO_PAD.encode(claims)).into();
    assert_eq!(judge(&forged), None);
}

#[tokio::test]
async fn nobody_else_fetches_it() {
    let academy = Academy::open().await;
    let (learner, row) = academy.certified("Ana Ñúñez").await;
    let stranger = academy.learner("Luz Marín").await;
    let (pdf, credential) = (format!("/certificados/{}/pdf", row.id), format!("/certificados/{}/credencial", row.id));

    for path in [&pdf, &credential] {
        assert_eq!(stranger.get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
        assert!(leads_to(&academy.get(path).await).starts_with("/entrar?next="), "{path}");
    }
    assert_eq!(stranger.get(&format!("/certificados/{}/pdf", uuid::Uuid::nil())).await.status(), StatusCode::NOT_FOUND);
    assert!(academy.admin().await.get(&pdf).await.status() == StatusCode::SEE_OTHER, "administrators do");

    // The store itself gives nothing without a signature, nor with one that is for another file.
    let link = leads_to(&learner.get(&pdf).await).to_owned();
    let client = faena_tests::http::http_client();
    let bare = link.split('?').next().unwrap();
    assert_eq!(client.get(bare).send().await.unwrap().status(), StatusCode::FORBIDDEN);
    let other = link.replacen(".pdf?", "x.pdf?", 1);
    assert_eq!(client.get(other).send().await.unwrap().status(), StatusCode::FORBIDDEN);
    assert!(link.contains("X-Amz-Expires=60&"), "{link}");
}

#[tokio::test]
async fn of_many_who_finish_at_once_each_has_one_certificate() {
    let academy = Academy::open().await;
    let mut learners = Vec::new();
    for number in 0..6 {
        learners.push(academy.learner(&format!("Ana {number}")).await);
    }

    // Each presses twice.
    for learner in &learners {
        let press = async || learner.send("/cursos/rust/1", "/cursos/rust/1/hecha", &[]).await.status();
        assert_eq!(tokio::join!(press(), press()), (StatusCode::SEE_OTHER, StatusCode::SEE_OTHER));
    }
    for learner in &learners {
        academy.certificate_of(learner.id).await;
        academy.site.sandbox.mail_to(&learner.email).await.unwrap();
    }
    let (rows, letters): (i64, i64) = sqlx::query_as(
        "select (select count(*) from school.certificates), (select count(*) from mail.messages where letter = 'certificate_ready')",
    )
    .fetch_one(&academy.site.stores.db)
    .await
    .unwrap();
    assert_eq!((rows, letters), (6, 6));
}
