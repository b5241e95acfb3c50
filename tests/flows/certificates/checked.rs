//! The page where anybody checks: serials that are typed, files that are brought, and what somebody changed.

use reqwest::StatusCode;

use super::{Academy, leads_to};

#[tokio::test]
async fn a_file_is_recognised_byte_by_byte() {
    let academy = Academy::open().await;
    let ((ana, row), (luz, other)) = (academy.certified("Ana Ñúñez").await, academy.certified("Luz Marín").await);
    let (file, foreign) = (ana.fetches(&row).await, luz.fetches(&other).await);
    let page = format!("/v/{}", row.serial);

    assert!(academy.brings(&page, &file).await.1.contains("El archivo es el que emitimos."));
    let (status, found) = academy.brings("/v", &file).await;
    assert_eq!(status, StatusCode::OK);
    assert!(found.contains("Este certificado es auténtico") && found.contains(&row.serial), "{found}");
    assert!(academy.brings(&page, &foreign).await.1.contains("El archivo es de otro certificado nuestro."));

    let mut tampered = file.clone();
    let middle = tampered.len() / 2;
    tampered[middle] ^= 1;
    assert!(academy.brings(&page, &tampered).await.1.contains("no es ninguno de los nuestros"));
    let (status, unknown) = academy.brings("/v", &tampered).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(unknown.contains("no es ninguno de los nuestros"), "{unknown}");
}

#[tokio::test]
async fn what_is_brought_is_bounded_and_counted() {
    let academy = Academy::open().await;
    let (status, page) = academy.brings("/v", &vec![b'x'; 1024 * 1024 + 1]).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(page.contains("pasa de 1 MiB"), "{page}");
    assert_eq!(academy.brings("/v", b"").await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(academy.brings("/v/CC-0000-0000-0000-0000", b"x").await.0, StatusCode::NOT_FOUND);

    let mut read = 0;
    while academy.brings("/v", b"x").await.0 != StatusCode::TOO_MANY_REQUESTS {
        read += 1;
        assert!(read < 100, "nobody counts");
    }
    assert!(read > 5, "{read} more were read");
}

#[tokio::test]
async fn a_serial_is_found_however_it_is_typed() {
    let academy = Academy::open().await;
    let (_, row) = academy.certified("Ana Ñúñez").await;
    let page = format!("/v/{}", row.serial);
    let typed = row.serial.to_lowercase().replace('-', "+");
    assert_eq!(leads_to(&academy.get(&format!("/v?serial={typed}")).await), page);
    assert_eq!(leads_to(&academy.get(&format!("/v/{}", row.serial.to_lowercase())).await), page);

    for nobody in ["/v/CC-0000-0000-0000-0000", "/v/hola", "/v?serial=hola"] {
        let (status, shown) = academy.page(nobody).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{nobody}");
        assert!(shown.contains("No conocemos este certificado"), "{shown}");
    }
    assert_eq!(academy.page("/v").await.0, StatusCode::OK);
    for nothing in [
        "/v/CC-0000-0000-0000-0000/statement",
        "/certificate-keys/none",
        "/certificate-keys/No%20Name",
        "/credentials/status/9",
        "/credentials/status/x",
    ] {
        assert_eq!(academy.get(nothing).await.status(), StatusCode::NOT_FOUND, "{nothing}");
    }
}

#[tokio::test]
async fn what_was_issued_cannot_be_changed_and_whoever_does_is_noticed() {
    let academy = Academy::open().await;
    let (_, row) = academy.certified("Ana Ñúñez").await;
    let db = &academy.site.stores.db;
    let change = "update school.certificates set holder_name = 'Otra Persona'";
    let refused = sqlx::raw_sql(change).execute(db).await.unwrap_err().to_string();
    assert!(refused.contains("is issued: reissue or revoke it"), "{refused}");

    // Somebody with the database's own power is told by the signature.
    for step in
        ["alter table school.certificates disable trigger kept", change, "alter table school.certificates enable trigger kept"]
    {
        sqlx::raw_sql(step).execute(db).await.unwrap();
    }
    let (status, shown) = academy.page(&format!("/v/{}", row.serial)).await;
    assert_eq!(status, StatusCode::OK);
    assert!(shown.contains("Este certificado no es de fiar") && !shown.contains("es auténtico"), "{shown}");
}
