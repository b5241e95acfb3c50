//! Documents made after a schema: most fit it or nearly do, some are anything at all.

use rand::{RngExt, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Map, Value, json};

pub(super) const UUIDS: [&str; 5] = [
    "01890a5d-ac96-774b-bcce-b302099a8057",
    "01890A5D-AC96-774B-BCCE-B302099A8057",
    "01890a5dac96774bbcceb302099a8057",
    "{01890a5d-ac96-774b-bcce-b302099a8057}",
    "01890a5d-ac96-774b-bcce-b302099a805g",
];
pub(super) const TIMES: [&str; 14] = [
    "2026-12-24T20:00:00-05:00",
    "2026-12-24T20:00:00Z",
    "2024-02-29T00:00:00.123456789Z",
    "2000-02-29T23:59:59+23:59",
    "2026-02-29T00:00:00Z",
    "1900-02-29T00:00:00Z",
    "2026-12-24 20:00:00Z",
    "2026-12-24T24:00:00Z",
    "2026-12-24T20:60:00Z",
    "2026-12-24T20:00:00",
    "2026-13-01T00:00:00Z",
    "2026-04-31T00:00:00Z",
    "2026-12-24T20:00:00+24:00",
    "2026-12-24T20:00:00.Z",
];
pub(super) const DATES: [&str; 7] =
    ["2026-12-24", "2024-02-29", "2026-02-29", "2026-00-10", "2026-12-32", "26-12-24", "2026-12-24Z"];
pub(super) const ADDRESSES: [&str; 4] = ["ana@correo.example", "a.b+c@correo.example", "nadie", "ana@"];
const WORDS: [&str; 12] = ["", "a", "b", "ab", "abc", "ñ", "añ", "😀", "😀ab", "1-", "a.b", "."];

/// A document after `schema`, whose definitions stand in `root`.
pub(super) fn sample(schema: &Value, root: &Value, rng: &mut StdRng, depth: u32) -> Value {
    if depth > 6 || rng.random_ratio(1, 9) {
        return anything(rng, depth.min(2));
    }
    let Some(schema) = schema.as_object() else { return anything(rng, 1) };
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        return sample(root.pointer(target.trim_start_matches('#')).unwrap(), root, rng, depth + 1);
    }
    if let Some(value) = schema.get("const") {
        return value.clone();
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return values.choose(rng).unwrap().clone();
    }
    for keyword in ["anyOf", "oneOf", "allOf"] {
        if let Some(branches) = schema.get(keyword).and_then(Value::as_array) {
            return sample(branches.choose(rng).unwrap(), root, rng, depth + 1);
        }
    }
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.choose(rng).and_then(Value::as_str),
        Some(kind) => kind.as_str(),
        None => ["object", "array", "string", "number"].choose(rng).copied(),
    };
    match kind.unwrap_or_default() {
        "null" => Value::Null,
        "boolean" => rng.random::<bool>().into(),
        "integer" => integer(schema, rng).into(),
        "number" => number(rng),
        "string" => text(schema, rng).into(),
        "array" => array(schema, root, rng, depth),
        _ => object(schema, root, rng, depth),
    }
}

fn integer(schema: &Map<String, Value>, rng: &mut StdRng) -> i64 {
    let bounds = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"];
    let bound = bounds.iter().filter_map(|bound| schema.get(*bound)?.as_i64()).collect::<Vec<_>>().choose(rng).copied();
    match bound {
        Some(bound) if rng.random_ratio(1, 2) => bound + rng.random_range(-1..=1),
        _ if rng.random_ratio(1, 8) => *[-129, -128, 127, 128, 255, 256, i64::MAX, i64::MIN].choose(rng).unwrap(),
        _ => rng.random_range(-3..=12),
    }
}

/// Quarters, which every implementation reads alike. One with nothing behind the point is written without one.
fn number(rng: &mut StdRng) -> Value {
    let quarters: i32 = rng.random_range(-12..=48);
    if quarters % 4 == 0 { (quarters / 4).into() } else { (f64::from(quarters) / 4.0).into() }
}

fn text(schema: &Map<String, Value>, rng: &mut StdRng) -> String {
    let pool: &[&str] = match schema.get("format").and_then(Value::as_str) {
        Some("uuid") => &UUIDS,
        Some("date-time") => &TIMES,
        Some("date") => &DATES,
        Some("email") => &ADDRESSES,
        _ => &WORDS,
    };
    (*pool.choose(rng).unwrap()).to_owned()
}

fn array(schema: &Map<String, Value>, root: &Value, rng: &mut StdRng, depth: u32) -> Value {
    let named = schema.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let rest = schema.get("items").unwrap_or(&Value::Bool(true));
    let length = if named.is_empty() { rng.random_range(0..4) } else { named.len() + usize::from(rng.random_ratio(1, 4)) };
    (0..length).map(|place| sample(named.get(place).unwrap_or(rest), root, rng, depth + 1)).collect::<Vec<_>>().into()
}

fn object(schema: &Map<String, Value>, root: &Value, rng: &mut StdRng, depth: u32) -> Value {
    let mut fields = Map::new();
    for (name, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let required =
            schema.get("required").and_then(Value::as_array).is_some_and(|names| names.iter().any(|other| other == name));
        if rng.random_ratio(if required { 19 } else { 12 }, 20) {
            fields.insert(name.clone(), sample(inner, root, rng, depth + 1));
        }
    }
    if rng.random_ratio(1, 6) || !schema.contains_key("properties") {
        let inner = schema.get("additionalProperties").unwrap_or(&Value::Bool(true));
        for name in ["x", "y~/z"].into_iter().take(rng.random_range(0..=2)) {
            fields.insert(name.to_owned(), sample(inner, root, rng, depth + 1));
        }
    }
    fields.into()
}

/// Any document.
pub(super) fn anything(rng: &mut StdRng, depth: u32) -> Value {
    match rng.random_range(0..if depth == 0 { 5 } else { 7 }) {
        0 => Value::Null,
        1 => rng.random::<bool>().into(),
        2 => rng.random_range(-2..4).into(),
        3 => number(rng),
        4 => (*WORDS.choose(rng).unwrap()).into(),
        5 => (0..rng.random_range(0..3)).map(|_| anything(rng, depth - 1)).collect::<Vec<_>>().into(),
        _ => json!({ "a": anything(rng, depth - 1), "x": anything(rng, depth - 1) }),
    }
}
