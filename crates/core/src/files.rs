//! The files that events name: what a report or a submission brought.

use duban_model::{Field, FieldKind};
use serde_json::{Map, Value as Json};

use crate::command::Evidence;
use crate::fact::Fact;

impl Fact {
    /// The files of a report or a submission; none for everything else. What a text says of files
    /// is text.
    pub fn evidence(&self) -> &[Evidence] {
        if let Self::Reported { evidence, .. } | Self::Submitted { evidence, .. } = self {
            evidence
        } else {
            &[]
        }
    }
}

/// The files that a form names in its fields for files, rows of tables included: each under its
/// field's title.
pub fn files_in_form(fields: &[Field], form: &Map<String, Json>) -> Vec<Evidence> {
    let mut found = Vec::new();
    for field in fields {
        let given = form.get(&field.name);
        match &field.kind {
            FieldKind::File => {
                let files = given.and_then(Json::as_str).into_iter();
                let name = &field.title;
                found.extend(
                    files.map(|file| Evidence { name: name.clone(), file: file.to_owned() }),
                );
            }
            FieldKind::Table(columns) => {
                let rows = given.and_then(Json::as_array).into_iter().flatten();
                let rows = rows.filter_map(Json::as_object);
                found.extend(rows.flat_map(|row| files_in_form(columns, row)));
            }
            FieldKind::Text
            | FieldKind::Number
            | FieldKind::Money
            | FieldKind::Integer
            | FieldKind::Date
            | FieldKind::Bool
            | FieldKind::Choice(_)
            | FieldKind::Unit
            | FieldKind::Person
            | FieldKind::List => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn field(name: &str, kind: FieldKind) -> Field {
        Field {
            was: Vec::new(),
            name: name.to_owned(),
            title: format!("“{name}”"),
            kind,
            required: false,
            min: None,
            max: None,
            pattern: None,
            past: None,
        }
    }

    #[test]
    fn a_form_names_files_in_fields_for_files_alone() {
        let columns = vec![field("scan", FieldKind::File), field("note", FieldKind::Text)];
        let fields = [
            field("plan", FieldKind::File),
            field("text", FieldKind::Text),
            field("rows", FieldKind::Table(columns)),
        ];
        let form = json!({
            "plan": "sha256:1",
            "text": "sha256:2",
            "rows": [{ "scan": "sha256:3", "note": "sha256:4" }, { "scan": "sha256:5" }],
            "other": "sha256:6",
        });
        let found = files_in_form(&fields, form.as_object().unwrap());
        let files: Vec<&str> = found.iter().map(|one| one.file.as_str()).collect();
        assert_eq!(files, ["sha256:1", "sha256:3", "sha256:5"]);
        assert_eq!(found[0].name, "“plan”");
    }
}
