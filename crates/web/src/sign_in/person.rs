//! Whose an account elsewhere is.

use std::str::FromStr;

use duban_model::{Directory, Person, PersonId, echoed};

use crate::sign_in::Refused;

/// Where in the directory an account elsewhere is found.
///
/// Written as `id` or `addresses.KEY`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum PersonKey {
    /// It is the person's id.
    #[default]
    Id,
    /// It is the person's address of that key, letter by letter.
    Address(String),
}

impl FromStr for PersonKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("addresses.") {
            Some(key) if !key.is_empty() => Ok(Self::Address(key.to_owned())),
            _ if text == "id" => Ok(Self::Id),
            _ => Err(format!("`{text}` is neither `id` nor `addresses.KEY`")),
        }
    }
}

impl PersonKey {
    /// The one person whose account it is.
    pub(crate) fn find(&self, directory: &Directory, account: &str) -> Result<PersonId, Refused> {
        let nobody = || Refused::Nobody(echoed(account));
        if account.is_empty() {
            return Err(nobody());
        }
        let key = match self {
            Self::Id => {
                let person = directory.person(&account.into()).ok_or_else(nobody)?;
                return Ok(person.id.clone());
            }
            Self::Address(key) => key,
        };
        let is_theirs =
            |person: &&Person| person.addresses.get(key).is_some_and(|address| address == account);
        let mut found = directory.data().people.iter().filter(is_theirs);
        match (found.next(), found.next()) {
            (Some(person), None) => Ok(person.id.clone()),
            (Some(_), Some(_)) => Err(Refused::Several(echoed(account))),
            (None, _) => Err(nobody()),
        }
    }
}

#[cfg(test)]
mod tests {
    use duban_model::DirectoryData;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_account_is_one_persons_or_nobodys() {
        let data: DirectoryData = serde_json::from_value(json!({
            "units": [{ "id": "C", "name": "市委办", "level": "city" }],
            "posts": [],
            "people": [
                { "id": "li", "name": "李四", "addresses": { "email": "li@a.cn" } },
                { "id": "wang", "name": "王五", "addresses": { "email": "both@a.cn" } },
                { "id": "zhao", "name": "赵六", "addresses": { "email": "both@a.cn" } },
                { "id": "li@a.cn", "name": "同名", "addresses": { "email": "" } },
            ],
        }))
        .unwrap();
        let directory = Directory::new(data).unwrap();
        let email: PersonKey = "addresses.email".parse().unwrap();
        let cases = [
            (&PersonKey::Id, "li", "li"),
            (&PersonKey::Id, "li@a.cn", "li@a.cn"),
            (&PersonKey::Id, "李四", "nobody"),
            (&PersonKey::Id, "", "nobody"),
            (&email, "li@a.cn", "li"),
            (&email, "LI@a.cn", "nobody"),
            (&email, "both@a.cn", "several"),
            (&email, "", "nobody"),
        ];
        for (key, account, expected) in cases {
            let found = match key.find(&directory, account) {
                Ok(person) => person.to_string(),
                Err(Refused::Nobody(_)) => "nobody".to_owned(),
                Err(Refused::Several(_)) => "several".to_owned(),
                Err(other) => panic!("{other}"),
            };
            assert_eq!(found, expected, "{account}");
        }
        for bad in ["", "name", "addresses.", "address.email"] {
            assert!(bad.parse::<PersonKey>().is_err(), "{bad}");
        }
    }
}
