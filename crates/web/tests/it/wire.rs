//! Moves on the wire: as the document describes them, with dates as people write them.

use duban_web::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Office, problem};

/// The schemas of every kind of move, as the document has them.
async fn kinds(office: &Office) -> Vec<(String, Value)> {
    let document = office.get("/api/openapi.json").await;
    let schemas = &document["components"]["schemas"];
    let moves = &schemas["Move"];
    for body in ["MoveBody", "OneMove"] {
        let act = &schemas[body]["properties"]["act"];
        assert_eq!(act["$ref"], "#/components/schemas/Move", "{act}");
    }
    assert_eq!(moves["discriminator"]["propertyName"], "kind");
    let mapping = moves["discriminator"]["mapping"].as_object().unwrap();
    assert_eq!(moves["oneOf"].as_array().unwrap().len(), mapping.len());
    let of = |(name, place): (&String, &Value)| {
        let found = document.pointer(place.as_str().unwrap().strip_prefix('#').unwrap());
        (name.clone(), found.unwrap().clone())
    };
    mapping.iter().map(of).collect()
}

#[tokio::test]
async fn every_kind_is_taken_as_the_document_writes_it_and_with_nothing_else() {
    let office = Office::new().await;
    let kinds = kinds(&office).await;
    assert_eq!(kinds.len(), duban_core::MoveKind::ALL.len());
    for (name, schema) in kinds {
        assert_eq!(schema["properties"]["kind"]["enum"], json!([name]));
        assert_eq!(schema["additionalProperties"], false, "{schema}");
        // What can be read asks for its case.
        let case = duban::CaseId::new("nothing");
        let whole = &schema["example"];
        let answer = problem(office.act(&case, "li", whole.clone()).await).await;
        assert_eq!(answer, (404, "DB2001".to_owned()), "it was read: {whole}");
        let mut more = whole.clone();
        more["surplus"] = json!(1);
        let refused: Value = office.act(&case, "li", more).await.json().await.unwrap();
        assert_eq!((&refused["status"], &refused["code"]), (&json!(400), &json!("DB6001")));
        let detail = refused["detail"].as_str().unwrap();
        assert!(detail.contains("`surplus`") && detail.contains(&name), "{detail}");
        for required in schema["required"].as_array().unwrap() {
            let mut less = whole.clone();
            less.as_object_mut().unwrap().remove(required.as_str().unwrap());
            let refused: Value = office.act(&case, "li", less).await.json().await.unwrap();
            assert_eq!(refused["status"], 400, "{refused}");
            let detail = refused["detail"].as_str().unwrap();
            assert!(detail.contains(&format!("`{}`", required.as_str().unwrap())), "{detail}");
        }
    }
}

#[tokio::test]
async fn a_date_means_its_end_where_the_suite_is() {
    let office = Office::new().await;
    let case = office.open().await;
    let asked = async || {
        let events = office.get(&format!("/api/v1/cases/{case}/events?limit=500")).await;
        let events = events.as_array().unwrap().clone();
        let facts = events.iter().rev().map(|event| event["record"]["event"]["fact"].clone());
        facts.into_iter().find_map(|fact| fact["suspension_asked"]["until"].as_i64()).unwrap()
    };
    let end: duban::Instant = "2099-01-31T16:00:00Z".parse().unwrap();
    for until in ["2099-01-31", "2099-01-31T16:00:00Z", "2099-02-01T00:00:00+08:00"] {
        let ask =
            json!({ "kind": "ask_suspension", "item": "write", "reason": "等", "until": until });
        assert_eq!(office.act(&case, "li", ask).await.status(), 200, "{until}");
        assert_eq!(asked().await, end.millis(), "{until}");
        let refuse = json!({ "kind": "refuse_suspension", "item": "write", "reason": "不必" });
        assert_eq!(office.act(&case, "sun", refuse).await.status(), 200);
    }
    for (until, status) in [
        (json!("0022-06-30"), 422),
        (json!("2843-06-30T00:00:00Z"), 422),
        (json!("2022-02-30"), 400),
        (json!("30.6.2099"), 400),
        (json!(4_073_471_999_000_i64), 400),
    ] {
        let ask =
            json!({ "kind": "ask_suspension", "item": "write", "reason": "等", "until": until });
        let refused: Value = office.act(&case, "li", ask).await.json().await.unwrap();
        assert_eq!(refused["status"], status, "{until}: {refused}");
        assert!(refused["detail"].as_str().unwrap().contains("until"), "{refused}");
    }
}

#[tokio::test]
async fn one_move_of_many_that_cannot_be_read_is_named() {
    let office = Office::new().await;
    let case = office.open().await;
    let of = |act: Value| json!({ "case": case.as_str(), "person": "li", "act": act });
    let send = async |act: Value| {
        let moves = [of(json!({ "kind": "sign", "item": "write" })), of(act)];
        let request = office.call(Scope::Act, Method::POST, "/api/v1/moves");
        let sent = request.json(&json!({ "moves": moves })).send().await.unwrap();
        sent.json::<Value>().await.unwrap()
    };
    let told = send(json!({ "sign": { "item": "write" } })).await;
    let detail = told["detail"].as_str().unwrap();
    assert!(detail.contains("moves[1]") && detail.contains("\"kind\": \"sign\""), "{told}");
    let told = send(json!({ "kind": "report", "item": "write", "txt": "一" })).await;
    assert!(told["detail"].as_str().unwrap().contains("did you mean `text`?"), "{told}");
    // Nothing of the request was done.
    let item = office.get(&format!("/api/v1/cases/{case}/tasks/write")).await;
    assert_eq!(item["status"], "ready", "{item}");
    let report = json!({ "kind": "report", "item": "write", "text": "一", "percent": null });
    let told = send(report).await;
    assert_eq!(told["results"][1]["status"], 200, "{told}");
}

#[tokio::test]
async fn a_key_stands_for_the_move_and_not_for_how_it_was_written() {
    let office = Office::new().await;
    let case = office.open().await;
    let send = async |act: &str| {
        let path = format!("/api/v1/cases/{case}/moves");
        let body = format!("{{\"act\": {act}, \"person\": \"li\"}}");
        let request = office.call(Scope::Act, Method::POST, &path).header("Idempotency-Key", "k");
        let request = request.header("Content-Type", "application/json");
        request.body(body).send().await.unwrap()
    };
    let first =
        send("{\"kind\": \"report\", \"item\": \"write\", \"text\": \"一\", \"value\": 1.5}");
    let first: Value = first.await.json().await.unwrap();
    let again = send(
        "{\"value\": \"1.5\", \"text\": \"一\", \"percent\": null, \"item\": \"write\", \"kind\": \"report\"}",
    );
    assert_eq!(again.await.json::<Value>().await.unwrap(), first);
    let other = send("{\"kind\": \"report\", \"item\": \"write\", \"text\": \"二\"}").await;
    assert_eq!(problem(other).await, (422, "DB4002".to_owned()));
}
