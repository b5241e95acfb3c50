use secrecy::SecretString;
use url::Url;

use super::*;

/// RFC 3464, appendix E.1, sent to the address that a letter of ours came from.
const RFC_3464_E1: &str = include_str!("rfc3464_e1.eml");
/// RFC 3464, appendix E.4: delayed, and not given up yet.
const RFC_3464_E4: &str = include_str!("rfc3464_e4.eml");
/// RFC 5965, appendix B.2, about a letter that carries a tag of ours.
const RFC_5965_B2: &str = include_str!("rfc5965_b2.eml");

const LETTER: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_002a);

fn links() -> Links {
    let home = Url::parse("https://compilandocode.example").expect("a URL");
    Links::new(home, &SecretString::from("a secret of more than 32 bytes, 0123456789"))
}

/// The report with our tag where the file says TAG, and lines ended as on the wire.
fn about_ours(report: &str) -> Vec<u8> {
    report.replace("TAG", links().return_tag(LETTER).as_str()).replace('\n', "\r\n").into_bytes()
}

fn read_it(report: &str) -> Option<(Kind, Option<String>, String)> {
    let found = read(Source::Message, &about_ours(report), &links())?;
    assert_eq!(found.message_id, LETTER);
    Some((found.kind, found.status, found.detail))
}

#[test]
fn a_delivery_report_tells_how_final_it_is() {
    let (kind, status, detail) = read_it(RFC_3464_E1).expect("a finding");
    assert_eq!((kind, status.as_deref()), (Kind::Soft, Some("4.0.0")));
    assert_eq!(detail, "smtp; 426 connection timed out");

    let gone = RFC_3464_E1
        .replace("Status: 4.0.0", "Status: 5.1.1 (no such user)")
        .replace("426 connection", "550 5.1.1 no one\n   here:");
    let (kind, status, detail) = read_it(&gone).expect("a finding");
    assert_eq!((kind, status.as_deref()), (Kind::Hard, Some("5.1.1")));
    assert_eq!(detail, "smtp; 550 5.1.1 no one here: timed out", "a folded line is one");
}

#[test]
fn a_delay_is_no_end_and_neither_is_good_news() {
    assert_eq!(read_it(RFC_3464_E4), None);
    for action in ["delivered", "relayed", "expanded"] {
        assert_eq!(read_it(&RFC_3464_E1.replace("Action: failed", &format!("Action: {action}"))), None, "{action}");
    }
}

#[test]
fn a_complaint_is_one_only_where_the_reader_minds() {
    let (kind, status, detail) = read_it(RFC_5965_B2).expect("a finding");
    assert_eq!((kind, status, &*detail), (Kind::Complaint, None, "complaint (abuse), reported by SomeGenerator/1.0"));
    for other in ["not-spam", "virus", "auth-failure"] {
        assert_eq!(read_it(&RFC_5965_B2.replace("Feedback-Type: abuse", &format!("Feedback-Type: {other}"))), None, "{other}");
    }
}

#[test]
fn a_tag_is_found_though_the_report_is_encoded() {
    let quoted = RFC_3464_E1.replace("To: bounces+TAG@compilandocode.example", "To: nobody@compilandocode.example")
        + "\nContent-Transfer-Encoding: quoted-printable\n";
    assert_eq!(read_it(&quoted), None, "no tag at all");
    let tag = links().return_tag(LETTER).to_string();
    let (head, tail) = tag.split_at(20);
    let returned = format!(
        "Content-Type: text/rfc822-headers\nContent-Transfer-Encoding: quoted-printable\n\nReturn-Path: <bounces+{head}=\n{tail}@compilandocode.example>\n"
    );
    let report = quoted.replace("Content-Type: message/rfc822\n", &returned);
    assert!(read_it(&report).is_some(), "{report}");
}

#[test]
fn nobody_closes_anothers_mailbox_with_a_forged_report() {
    let forged = "a".repeat(52);
    for report in [RFC_3464_E1, RFC_5965_B2] {
        let report = report.replace("TAG", &forged).replace('\n', "\r\n");
        assert_eq!(read(Source::Message, report.as_bytes(), &links()), None);
    }
    // A person's own answer to a letter is none.
    let answer =
        format!("From: ana@correo.example\r\nTo: bounces+{}@x.example\r\n\r\n5.1.1 Action: failed", links().return_tag(LETTER));
    assert_eq!(read(Source::Message, answer.as_bytes(), &links()), None);
}

#[test]
fn whatever_comes_in_is_survived() {
    let whole = about_ours(RFC_3464_E1);
    for end in 0..whole.len() {
        let _ = read(Source::Message, &whole[..end], &links());
    }
    let mut state = 7_u32;
    for place in 0..whole.len() {
        let mut bent = whole.clone();
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        bent[place] = (state >> 24) as u8;
        let _ = read(Source::Message, &bent, &links());
        let _ = read(Source::Webhook, &bent, &links());
    }
    for body in [&b""[..], b"\0", b"{}", b"[]", b"{\"RecordType\":\"Bounce\",\"ID\":-1}"] {
        assert_eq!(read(Source::Webhook, body, &links()), None);
    }
}

#[test]
fn a_providers_event_tells_the_same() {
    let tag = links().return_tag(LETTER);
    let event = |record: &str, kind: &str| {
        format!(
            r#"{{"RecordType":"{record}","MessageStream":"outbound","ID":4323372036854775807,"Type":"{kind}","TypeCode":1,"Name":"Hard bounce",
                "Tag":"","MessageID":"883953f4-6105-42a2-a16a-77a8eac79483","Metadata":{{"return-tag":"{tag}"}},"ServerID":23,
                "Description":"The server was unable to deliver your message","Details":"smtp;550 5.1.1 unknown","Email":"john@example.com",
                "From":"sender@example.com","BouncedAt":"2026-10-05T13:57:53Z","DumpAvailable":true,"Inactive":true,"CanActivate":true,
                "Subject":"Test"}}"#
        )
    };
    for (record, kind, told) in [
        ("Bounce", "HardBounce", Some(Kind::Hard)),
        ("Bounce", "SoftBounce", Some(Kind::Soft)),
        ("SpamComplaint", "SpamComplaint", Some(Kind::Complaint)),
        ("Bounce", "AutoResponder", None),
        ("Delivery", "", None),
    ] {
        let found = read(Source::Webhook, event(record, kind).as_bytes(), &links());
        assert_eq!(
            found.as_ref().map(|found| (found.kind, found.message_id)),
            told.map(|kind| (kind, LETTER)),
            "{record} {kind}"
        );
        let key = Event::parse(event(record, kind).as_bytes()).expect("an event").key();
        assert_eq!(key.is_some(), record != "Delivery");
    }
}
