//! Postgres judges arguments as an implementation of JSON Schema does that knows nothing of ours, and as the binaries that will read them.

use std::{cell::RefCell, collections::BTreeSet};

use boon::{Compiler, Draft, Format, Schemas};
use faena_tests::{probe, stores::Stores};
use proptest::{
    collection::{btree_map, vec},
    option,
    prelude::{Just, Strategy, any, prop_oneof},
    sample::select,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner},
};
use queue::{JobId, OrderByName, Registry};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::{Map, Value, json};
use sqlx::{Connection as _, PgConnection, types::Json};

use super::{publish_real_catalogue, samples::sample};

/// Schemas, and documents for each.
const SCHEMAS: u32 = 400;
const DOCUMENTS: usize = 15;

/// Every keyword that judges. A generator that never makes one of them proves nothing about it.
const KEYWORDS: [&str; 27] = [
    "$ref",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "oneOf",
    "pattern",
    "prefixItems",
    "properties",
    "required",
    "type",
    "uniqueItems",
];

#[test]
fn postgres_judges_as_an_independent_implementation_does() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let stores = runtime.block_on(Stores::fresh());
    let connection = RefCell::new(runtime.block_on(PgConnection::connect(&stores.database_url)).unwrap());
    let (seen, verdicts) = (RefCell::new(BTreeSet::new()), RefCell::new((0_u32, 0_u32)));
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let config = Config { cases: SCHEMAS, failure_persistence: None, max_shrink_iters: 500, ..Config::default() };

    let found = TestRunner::new_with_rng(config, rng).run(&(schema(), any::<u64>()), |(schema, seed)| {
        note_keywords(&schema, &mut seen.borrow_mut());
        let mut rng = StdRng::seed_from_u64(seed);
        let documents: Vec<Value> = (0..DOCUMENTS).map(|_| sample(&schema, &schema, &mut rng, 0)).collect();
        let ours = runtime.block_on(judge(&mut connection.borrow_mut(), &schema, &documents));
        for (document, (flaw, expected)) in documents.iter().zip(ours.into_iter().zip(judge_independently(&schema, &documents))) {
            let mut verdicts = verdicts.borrow_mut();
            if expected {
                verdicts.0 += 1;
            } else {
                verdicts.1 += 1;
            }
            if flaw.is_none() != expected {
                return Err(TestCaseError::fail(format!("{schema}\n{document}\nours: {flaw:?}, theirs: {expected}")));
            }
            if let Some(flaw) = flaw {
                // What lies at the place, or (for a field that is missing) what lies around it.
                let around = flaw[0].rsplit_once('/').map_or("", |(around, _)| around);
                if document.pointer(&flaw[0]).or(document.pointer(around)).is_none() || flaw[1].is_empty() {
                    return Err(TestCaseError::fail(format!("{document}: {flaw:?} is nowhere")));
                }
            }
        }
        Ok(())
    });

    found.unwrap();
    let seen = seen.into_inner();
    assert_eq!(seen, KEYWORDS.into_iter().map(str::to_owned).collect());
    let (fit, do_not) = verdicts.into_inner();
    assert!(fit > 1000 && do_not > 1000, "{fit} fit and {do_not} do not: the documents prove little");
}

/// What Postgres found in each document.
async fn judge(connection: &mut PgConnection, schema: &Value, documents: &[Value]) -> Vec<Option<Vec<String>>> {
    let documents: Vec<Json<&Value>> = documents.iter().map(Json).collect();
    sqlx::query_scalar(
        "select faena.find_flaw($1, document, '', $1, 0) from unnest($2::jsonb[]) with ordinality as d (document, place) order by place",
    )
    .bind(Json(schema))
    .bind(documents)
    .fetch_all(connection)
    .await
    .unwrap_or_else(|error| panic!("{error}: {schema}"))
}

fn judge_independently(schema: &Value, documents: &[Value]) -> Vec<bool> {
    let mut compiler = Compiler::new();
    compiler.set_default_draft(Draft::V2020_12);
    compiler.enable_format_assertions();
    compiler.register_format(Format { name: "int8", func: |value| within(value, -128, 127) });
    compiler.register_format(Format { name: "uint8", func: |value| within(value, 0, 255) });
    compiler.register_format(Format { name: "int32", func: |value| within(value, i32::MIN.into(), i32::MAX.into()) });
    compiler.register_format(Format { name: "int64", func: |value| within(value, i64::MIN.into(), i64::MAX.into()) });
    compiler.register_format(Format { name: "uint64", func: |value| within(value, 0, u64::MAX.into()) });
    compiler.add_resource("http://faena.example/schema", schema.clone()).unwrap();
    let mut schemas = Schemas::new();
    let index =
        compiler.compile("http://faena.example/schema", &mut schemas).unwrap_or_else(|error| panic!("{error:#}: {schema}"));
    documents.iter().map(|document| schemas.validate(document, index).is_ok()).collect()
}

/// Whether a number is one that such a type can hold; anything else is none of a number format's business.
fn within(value: &Value, low: i128, high: i128) -> Result<(), Box<dyn std::error::Error>> {
    let whole = value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
    let fits = match (whole, value.as_f64()) {
        (Some(whole), _) => (low..=high).contains(&whole),
        #[expect(clippy::cast_precision_loss, reason = "fractions of these tests are small")]
        (None, Some(number)) => (low as f64..=high as f64).contains(&number),
        (None, None) => true,
    };
    if fits { Ok(()) } else { Err("out of range".into()) }
}

fn note_keywords(schema: &Value, seen: &mut BTreeSet<String>) {
    for (keyword, rule) in schema.as_object().into_iter().flatten() {
        match keyword.as_str() {
            "$defs" | "properties" => rule.as_object().into_iter().flatten().for_each(|(_, inner)| note_keywords(inner, seen)),
            "allOf" | "anyOf" | "oneOf" | "prefixItems" => {
                rule.as_array().into_iter().flatten().for_each(|inner| note_keywords(inner, seen));
            }
            "items" | "additionalProperties" | "not" => note_keywords(rule, seen),
            _ => {}
        }
        if !["$defs", "title", "description"].contains(&keyword.as_str()) {
            seen.insert(keyword.clone());
        }
    }
}

/// Schemas of the kind that is derived from types, and some that no type has.
fn schema() -> impl Strategy<Value = Value> {
    (node(), node(), node()).prop_map(|(root, first, second)| {
        let root = if let Value::Object(root) = root { root } else { Map::new() };
        // A definition may lead to itself only by way of a field: that ends with the document.
        let next = json!({ "anyOf": [{ "$ref": "#/$defs/Chain" }, { "type": "null" }] });
        let fields = json!({ "value": first, "other": { "$ref": "#/$defs/Other" }, "next": next });
        let definitions = json!({ "Chain": { "type": "object", "properties": fields }, "Other": second });
        root.into_iter().chain([("$defs".to_owned(), definitions), ("title".to_owned(), "any".into())]).collect()
    })
}

fn node() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(4, 24, 4, |inner| {
        let field = select(vec!["a", "b", "c~d/e"]).prop_map(str::to_owned);
        prop_oneof![
            3 => (btree_map(field, (inner.clone(), any::<bool>()), 0..4), option::of(inner.clone().boxed()), any::<bool>(), bounds("minProperties", "maxProperties"))
                .prop_map(|(fields, rest, closed, bounds)| {
                    let required: Vec<&String> = fields.iter().filter(|(_, (_, required))| *required).map(|(name, _)| name).collect();
                    let mut schema = json!({ "type": "object", "required": required });
                    schema["properties"] = fields.iter().map(|(name, (inner, _))| (name.clone(), inner.clone())).collect();
                    if closed || rest.is_some() {
                        schema["additionalProperties"] = rest.unwrap_or(Value::Bool(false));
                    }
                    with(schema, bounds)
                }),
            2 => (inner.clone(), bounds("minItems", "maxItems"), any::<bool>())
                .prop_map(|(items, bounds, unique)| with(json!({ "type": "array", "items": items, "uniqueItems": unique }), bounds)),
            1 => (vec(inner.clone(), 1..3), inner.clone(), any::<bool>()).prop_map(|(named, rest, open)| {
                json!({ "type": "array", "prefixItems": named, "items": if open { rest } else { Value::Bool(false) } })
            }),
            2 => (select(vec!["anyOf", "oneOf", "allOf"]), vec(inner.clone(), 1..4)).prop_map(|(keyword, inner)| json!({ keyword: inner })),
            1 => inner.clone().prop_map(|inner| json!({ "anyOf": [inner, { "type": "null" }] })),
            1 => inner.prop_map(|inner| json!({ "not": inner })),
        ]
    })
}

fn leaf() -> impl Strategy<Value = Value> {
    let types = ["null", "boolean", "integer", "number", "string", "array", "object"];
    let values =
        || select(vec![json!(null), json!(true), json!(1), json!(2.5), json!("a"), json!("ñ"), json!([1]), json!({ "a": 1 })]);
    let text = (
        bounds("minLength", "maxLength"),
        option::of(select(vec!["^[a-c]+$", "b", "^(a|ñ)*$", "^[^a]{2}$", "[0-9]-", "^\\.$", "^a?b{1,2}"])),
    )
        .prop_map(|(bounds, pattern)| {
            with(
                json!({ "type": "string" }),
                bounds.into_iter().chain(pattern.map(|p| ("pattern".to_owned(), p.into()))).collect(),
            )
        });
    let number = (
        select(vec![json!("integer"), json!("number"), json!(["integer", "null"]), json!(["string", "number"])]),
        bounds("minimum", "maximum"),
        bounds("exclusiveMinimum", "exclusiveMaximum"),
        option::of(select(vec![json!(2), json!(3), json!(0.5)])),
        option::of(select(vec!["int8", "uint8", "int32", "int64", "uint64", "double"])),
    )
        .prop_map(|(kind, bounds, open_bounds, multiple, format)| {
            let more = multiple
                .map(|of| ("multipleOf".to_owned(), of))
                .into_iter()
                .chain(format.map(|f| ("format".to_owned(), f.into())));
            with(json!({ "type": kind }), bounds.into_iter().chain(open_bounds).chain(more).collect())
        });
    prop_oneof![
        4 => number,
        3 => text,
        2 => select(vec!["uuid", "date-time", "date", "email"]).prop_map(|format| json!({ "type": "string", "format": format })),
        2 => select(types.to_vec()).prop_map(|kind| json!({ "type": kind })),
        1 => vec(values(), 1..4).prop_map(|mut allowed| {
            let mut kept: Vec<Value> = Vec::new();
            allowed.retain(|value| !kept.contains(value) && { kept.push(value.clone()); true });
            json!({ "enum": allowed })
        }),
        1 => values().prop_map(|value| json!({ "const": value })),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => Just(json!({ "$ref": "#/$defs/Chain", "description": "a reference" })),
        1 => Just(json!({})),
    ]
}

/// Two bounds, both of them optional. Small, and sometimes none can hold.
fn bounds(low: &'static str, high: &'static str) -> impl Strategy<Value = Map<String, Value>> + Clone {
    (option::weighted(0.3, 0..4_u8), option::weighted(0.3, 1..7_u8)).prop_map(move |(least, most)| {
        let least = least.map(|least| (low.to_owned(), least.into()));
        least.into_iter().chain(most.map(|most| (high.to_owned(), most.into()))).collect()
    })
}

fn with(mut schema: Value, more: Map<String, Value>) -> Value {
    schema.as_object_mut().unwrap().extend(more);
    schema
}

#[tokio::test]
async fn what_postgres_lets_in_the_binaries_can_read() {
    let stores = Stores::fresh().await;
    publish_real_catalogue(&stores).await;
    let mut connection = PgConnection::connect(&stores.database_url).await.unwrap();
    let mut rng = StdRng::seed_from_u64(11);
    compare(&mut connection, &probe::catalogue(), &mut rng).await;
    compare(&mut connection, &jobs::catalogue(), &mut rng).await;
}

/// Documents after each kind's schema, by the door in SQL and by the one in Rust: what the first lets in, the second does too, and both ask
/// the same of the engine.
async fn compare<P: Send + Sync + 'static>(connection: &mut PgConnection, catalogue: &Registry<P>, rng: &mut StdRng) {
    for kind in catalogue.kinds() {
        let mut let_in = 0;
        for _ in 0..40 {
            let args = sample(&kind.schema, &kind.schema, rng, 0);
            let mut tx = connection.begin().await.unwrap();
            let call = sqlx::query_scalar("select faena.enqueue($1, $2)").bind(kind.name).bind(Json(&args));
            let Ok(by_sql) = call.fetch_one(&mut *tx).await else { continue };
            let by_name = {
                let args = args.to_string();
                catalogue.check_args(kind.name, &args).unwrap_or_else(|error| panic!("{}: {args}: {error:?}", kind.name));
                let order = OrderByName { name: kind.name, args: &args, ..OrderByName::default() };
                catalogue.enqueue_by_name(&mut tx, order).await
            };
            let by_name = by_name.unwrap_or_else(|error| panic!("{}: {args}: {error:?}", kind.name));
            // A unique job meets its twin; both stand somewhere with what they ask for.
            assert_eq!(by_name.duplicate_of, kind.unique.map(|_| by_sql), "{}: {args}", kind.name);
            assert_eq!(asked(&mut tx, by_sql).await, asked(&mut tx, by_name.id).await, "{}: {args}", kind.name);
            let_in += 1;
        }
        // Secrets come in sealed, and nobody seals here.
        let takes_secrets = kind.schema.to_string().contains("\"writeOnly\":true");
        assert_eq!(let_in == 0, takes_secrets, "{}: {let_in} documents were compared", kind.name);
    }
}

/// What a promise asks of the engine.
async fn asked(tx: &mut PgConnection, id: JobId) -> (String, i16, Option<Value>) {
    let sql = "select queue, version, terms from faena.outbox where id = $1
               union all select queue, version::smallint, terms from faena.jobs where id = $1";
    sqlx::query_as(sql).bind(id).fetch_one(tx).await.unwrap()
}
