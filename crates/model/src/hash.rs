//! What makes two definitions the same.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::definition::Definition;
use crate::ids::DefinitionHash;

impl Definition {
    /// SHA-256 over the canonical JSON of all fields but [`hash`](Self::hash): no white space, keys
    /// of every object in the order of their bytes.
    ///
    /// Places are part of it: errors that scripts raise later name them.
    pub fn content_hash(&self) -> DefinitionHash {
        let mut fields = to_value(self);
        if let Value::Object(fields) = &mut fields {
            fields.remove("hash");
        }
        let mut text = String::new();
        write_canonical(&fields, &mut text);
        let digest = Sha256::digest(text.as_bytes());
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        DefinitionHash::new(hex)
    }
}

fn to_value(fields: &impl Serialize) -> Value {
    serde_json::to_value(fields).expect("invariant: a definition has text keys and finite numbers")
}

fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => {
            // Sorted here: the map's own order depends on a feature of serde_json.
            let mut keys: Vec<&String> = fields.keys().collect();
            keys.sort();
            write_all(text, '{', '}', keys, |key, text| {
                text.push_str(&Value::String(key.clone()).to_string());
                text.push(':');
                write_canonical(&fields[key], text);
            });
        }
        Value::Array(items) => write_all(text, '[', ']', items, write_canonical),
        plain => text.push_str(&plain.to_string()),
    }
}

fn write_all<T>(
    text: &mut String,
    open: char,
    close: char,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(T, &mut String),
) {
    text.push(open);
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        write(item, text);
    }
    text.push(close);
}
