//! The shape of a job's arguments as a JSON Schema, of the part of JSON Schema that Postgres can judge (`faena.find_flaw`).

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;

/// Says nothing about a value.
const ANNOTATIONS: [&str; 9] =
    ["$schema", "$comment", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"];
/// Holds a number, a text or a list that judges.
const PLAIN: [&str; 14] = [
    "required",
    "enum",
    "const",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
];
const TYPES: [&str; 7] = ["null", "boolean", "integer", "number", "string", "array", "object"];
const FORMATS: [&str; 16] = [
    "int8",
    "int16",
    "int32",
    "int64",
    "int",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "uint",
    "float",
    "double",
    "uuid",
    "email",
    "date",
    "date-time",
];

/// The schema of `J`'s arguments as they are read.
///
/// # Errors
/// What Postgres could not judge by it, as a JSON Pointer and a reason: a schema that is only half understood would let wrong arguments in.
pub(crate) fn schema_of<J: JsonSchema>() -> Result<Value, String> {
    let mut schema = SchemaSettings::draft2020_12().for_deserialize().into_generator().into_root_schema_for::<J>().to_value();
    if !shares_fields(&schema) {
        close(&mut schema);
    }
    check(&schema, "", &schema).map(|()| schema)
}

/// Schemas within a schema, and those under names.
const INNER: [&str; 3] = ["items", "additionalProperties", "not"];
const INNER_LISTS: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];
const INNER_NAMED: [&str; 2] = ["properties", "$defs"];

/// Allows no fields but those that are named. Serde passes over a field that it does not know, so that old binaries read what new ones
/// write; but whoever enqueues one means something by it, and must hear that nobody would do it.
fn close(schema: &mut Value) {
    let Value::Object(fields) = schema else { return };
    if fields.get("type").is_some_and(|kind| kind == "object") && !fields.contains_key("additionalProperties") {
        fields.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
    for (keyword, rule) in fields {
        match rule {
            Value::Object(named) if INNER_NAMED.contains(&keyword.as_str()) => named.values_mut().for_each(close),
            Value::Array(list) if INNER_LISTS.contains(&keyword.as_str()) => list.iter_mut().for_each(close),
            inner if INNER.contains(&keyword.as_str()) => close(inner),
            _ => {}
        }
    }
}

/// Whether somewhere two schemas judge one object, each knowing a part of its fields: neither may then refuse the rest.
fn shares_fields(schema: &Value) -> bool {
    let Value::Object(fields) = schema else { return false };
    let has = |keyword: &str| fields.contains_key(keyword);
    has("properties") && ["$ref", "allOf", "anyOf", "oneOf"].into_iter().any(has)
        || has("allOf")
        || fields.iter().any(|(keyword, rule)| match rule {
            Value::Object(named) if INNER_NAMED.contains(&keyword.as_str()) => named.values().any(shares_fields),
            Value::Array(list) if INNER_LISTS.contains(&keyword.as_str()) => list.iter().any(shares_fields),
            inner if INNER.contains(&keyword.as_str()) => shares_fields(inner),
            _ => false,
        })
}

fn check(schema: &Value, at: &str, root: &Value) -> Result<(), String> {
    let fields = match schema {
        Value::Bool(_) => return Ok(()),
        Value::Object(fields) => fields,
        _ => return Err(format!("{at}: is no schema")),
    };
    for (keyword, rule) in fields {
        let at = format!("{at}/{keyword}");
        let wrong = |why: &str| Err(format!("{at}: {why}"));
        let text = rule.as_str().unwrap_or_default();
        match keyword.as_str() {
            keyword if ANNOTATIONS.contains(&keyword) || PLAIN.contains(&keyword) => {}
            "uniqueItems" => {}
            "type" => {
                let named: Vec<&str> =
                    rule.as_array().map_or_else(|| vec![text], |all| all.iter().filter_map(Value::as_str).collect());
                if named.is_empty() || named.iter().any(|name| !TYPES.contains(name)) {
                    return wrong("names a type that there is not");
                }
            }
            "format" if FORMATS.contains(&text) => {}
            "format" => return wrong(&format!("{text:?} is a format that Postgres could not judge")),
            "pattern" => check_pattern(text).or_else(|why| wrong(&format!("{text:?} {why}")))?,
            "$ref" => {
                let target = if text == "#" { Some("") } else { text.strip_prefix('#').filter(|to| to.starts_with("/$defs/")) };
                if text.contains(['~', '%']) || target.and_then(|target| root.pointer(target)).is_none() {
                    return wrong(&format!("{text:?} does not lead to a definition"));
                }
            }
            "properties" | "$defs" => {
                for (name, inner) in rule.as_object().into_iter().flatten() {
                    check(inner, &format!("{at}/{name}"), root)?;
                }
            }
            "allOf" | "anyOf" | "oneOf" | "prefixItems" => {
                for (place, inner) in rule.as_array().into_iter().flatten().enumerate() {
                    check(inner, &format!("{at}/{place}"), root)?;
                }
            }
            "items" | "additionalProperties" | "not" => check(rule, &at, root)?,
            _ => return wrong("is a keyword that Postgres could not judge"),
        }
    }
    Ok(())
}

/// Only what means the same to Postgres, to Rust and to JavaScript: literals, escaped signs, classes of literals and ranges, groups, choices,
/// repetitions, and the two anchors.
fn check_pattern(pattern: &str) -> Result<(), &'static str> {
    let mut signs = pattern.chars().peekable();
    let (mut in_class, mut groups) = (false, 0_u32);
    while let Some(sign) = signs.next() {
        match sign {
            '\\' if signs.next().is_none_or(|escaped| escaped.is_alphanumeric() || !escaped.is_ascii()) => {
                return Err("escapes what is no sign: write classes out, as in [0-9]");
            }
            '[' if in_class => return Err("has a [ in a class: escape it"),
            '[' => in_class = true,
            ']' => in_class = false,
            _ if in_class => {}
            '.' => return Err("has a dot, which does not mean the same everywhere: write the class out"),
            '(' if signs.peek() == Some(&'?') => return Err("has a (?, which does not mean the same everywhere"),
            '(' => groups += 1,
            ')' => groups = groups.checked_sub(1).ok_or("closes a group that is not open")?,
            '*' | '+' | '?' if matches!(signs.peek(), Some('*' | '+' | '?' | '{')) => return Err("repeats a repetition"),
            '{' => {
                let bounds: String = signs.by_ref().take_while(|sign| *sign != '}').collect();
                let numbers: Vec<&str> = bounds.splitn(2, ',').collect();
                let fits = |number: &str| number.parse::<u8>().is_ok();
                if !fits(numbers[0]) || numbers.get(1).is_some_and(|most| !most.is_empty() && !fits(most)) {
                    return Err("has a { that is no repetition of at most 255");
                }
                if matches!(signs.peek(), Some('*' | '+' | '?' | '{')) {
                    return Err("repeats a repetition");
                }
            }
            _ => {}
        }
    }
    if in_class || groups > 0 { Err("has a class or a group without an end") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Strict {
        #[schemars(length(max = 3), regex(pattern = "^[a-z]{1,3}$"))]
        code: String,
        #[serde(default)]
        times: Vec<u8>,
    }

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Vague {
        by_number: BTreeMap<u32, String>,
    }

    #[test]
    fn a_schema_says_what_the_type_does() {
        let schema = schema_of::<Strict>().expect("a schema that can be judged");
        assert_eq!(schema["required"], json!(["code"]));
        assert_eq!(schema["additionalProperties"], json!(false));
        assert_eq!(schema["properties"]["code"], json!({"type": "string", "maxLength": 3, "pattern": "^[a-z]{1,3}$"}));
    }

    #[derive(Deserialize, JsonSchema)]
    #[serde(tag = "kind")]
    #[expect(dead_code, reason = "only its schema is looked at")]
    enum Tagged {
        Inner(Part),
        Bare,
    }

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Part {
        size: u8,
    }

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Open {
        parts: Vec<Part>,
        free: BTreeMap<String, u8>,
    }

    #[test]
    fn no_object_has_fields_that_nobody_named_where_one_schema_knows_them_all() {
        let open = schema_of::<Open>().unwrap();
        assert_eq!(open["$defs"]["Part"]["additionalProperties"], json!(false));
        assert_eq!(open["properties"]["free"]["additionalProperties"]["type"], json!("integer"));
        // A part's own schema does not know the tag beside its fields.
        let tagged = schema_of::<Tagged>().unwrap();
        assert_eq!(tagged.pointer("/$defs/Part/additionalProperties"), None, "{tagged}");
    }

    #[test]
    fn what_postgres_could_not_judge_is_refused() {
        let why = schema_of::<Vague>().expect_err("maps with numbers for keys have patternProperties");
        assert_eq!(why, "/properties/by_number/patternProperties: is a keyword that Postgres could not judge");
        for (schema, why) in [
            (json!({"properties": {"a": {"format": "hostname"}}}), "/properties/a/format: \"hostname\" is a format"),
            (json!({"anyOf": [true, {"contains": {}}]}), "/anyOf/1/contains: is a keyword"),
            (json!({"$ref": "#/$defs/None"}), "/$ref: \"#/$defs/None\" does not lead"),
            (json!({"type": "text"}), "/type: names a type that there is not"),
            (json!({"pattern": "\\d+"}), "/pattern: \"\\\\d+\" escapes what is no sign"),
        ] {
            let said = check(&schema, "", &schema).expect_err("a reason");
            assert!(said.starts_with(why), "{said}");
        }
    }

    #[test]
    fn patterns_mean_the_same_everywhere_or_are_refused() {
        for good in ["^[a-z0-9_-]+$", "^(a|b)\\.[^\\[x]{2,}$", "", "ñ?", "^x{0,255}$"] {
            assert_eq!(check_pattern(good), Ok(()), "{good}");
        }
        for bad in ["\\w", ".", "[[:alpha:]]", "(?i)x", "a**", "a+?", "x{256}", "x{,3}", "[a", "\\", "(a", "a)"] {
            assert!(check_pattern(bad).is_err(), "{bad}");
        }
    }
}
