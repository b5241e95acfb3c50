//! A request's document: read into a struct, or refused with the field that is wrong.

use axum::{
    body::Bytes,
    http::{HeaderMap, StatusCode, header},
};
use serde::de::DeserializeOwned;

use crate::problem::{Problem, Told};

/// Reads a JSON document.
///
/// # Errors
/// [`Problem::Told`] with the place in the document.
pub(crate) fn read<T: DeserializeOwned>(headers: &HeaderMap, body: &Bytes) -> Result<T, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        return Err(Told::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body must be application/json").into());
    }
    let mut text = serde_json::Deserializer::from_slice(body);
    let wrong = |error: &dyn std::fmt::Display, pointer| {
        Problem::from(Told::new(StatusCode::BAD_REQUEST, format!("the body cannot be read: {error}")).at(pointer))
    };
    let read = serde_path_to_error::deserialize(&mut text).map_err(|error| wrong(error.inner(), pointer_of(error.path())))?;
    text.end().map_err(|error| wrong(&error, String::new()))?;
    Ok(read)
}

fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } | Segment::Enum { variant: key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Unknown => String::new(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        #[expect(dead_code, reason = "only whether it can be read is looked at")]
        lines: Vec<u8>,
    }

    fn told(kind: &'static str, body: &'static str) -> String {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, header::HeaderValue::from_static(kind))]);
        match read::<Order>(&headers, &Bytes::from_static(body.as_bytes())) {
            Err(Problem::Told(told)) => {
                let place = told.faults.first().map_or("", |(pointer, _)| pointer);
                format!("{} {place}: {}", told.status.as_u16(), told.detail)
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_place() {
        assert!(
            told("application/json; charset=utf-8", r#"{"lines": [1, 300]}"#)
                .starts_with("400 /lines/1: the body cannot be read: ")
        );
        assert!(told("application/json", r#"{"lines": [], "limes": 1}"#).contains("unknown field `limes`"));
        assert!(told("application/json", r#"{"lines": []} x"#).starts_with("400 : the body cannot be read: trailing characters"));
        assert_eq!(told("text/plain", "{}"), "415 : the body must be application/json");
    }
}
