//! Names of cases and items.

use std::fmt;
use std::sync::Arc;

use duban_calendar::Window;
use duban_model::{SuiteId, UnitId, WorkflowId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A case: 24 hexadecimal digits that follow from what the case is for.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CaseId(Arc<str>);

/// What a case is for; two cases never share all of it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct CaseName {
    /// The suite.
    pub suite: SuiteId,
    /// The workflow.
    pub workflow: WorkflowId,
    /// The unit it is opened for.
    pub unit: UnitId,
    /// The period it covers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Window>,
    /// The case and item that opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<(CaseId, ItemKey)>,
    /// Tells apart cases opened by hand for the same unit and period; 0 for the first.
    #[serde(default)]
    pub ordinal: u32,
}

impl CaseName {
    /// The case's id: the first 96 bits of SHA-256 over the fields, each ended by a zero byte.
    ///
    /// ```
    /// # use duban_core::CaseName;
    /// let name = CaseName {
    ///     suite: "s".into(),
    ///     workflow: "w".into(),
    ///     unit: "370102".into(),
    ///     period: None,
    ///     parent: None,
    ///     ordinal: 0,
    /// };
    /// assert_eq!(name.id(), name.clone().id());
    /// assert_eq!(name.id().as_str().len(), 24);
    /// ```
    pub fn id(&self) -> CaseId {
        let period = self.period.map(Window::key).unwrap_or_default();
        let (parent, item) = match &self.parent {
            Some((case, item)) => (case.as_str(), item.as_str()),
            None => ("", ""),
        };
        let ordinal = self.ordinal.to_string();
        let mut hasher = Sha256::new();
        for part in [
            self.suite.as_str(),
            self.workflow.as_str(),
            self.unit.as_str(),
            &period,
            parent,
            item,
            &ordinal,
        ] {
            hasher.update(part.as_bytes());
            hasher.update([0]);
        }
        CaseId::new(hex(&hasher.finalize()[..12]))
    }
}

/// Lower-case hexadecimal digits of some bytes.
pub(crate) fn hex(bytes: &[u8]) -> String {
    // Every event has a digest: formatting each byte would cost as much as the digest itself.
    let mut text = String::with_capacity(bytes.len() * 2);
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    text.extend(digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)));
    text
}

impl CaseId {
    /// Wraps a text; an unknown one is found nowhere.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(Arc::from(text.as_ref()))
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An item of a case: `TASK/AXIS/…@WINDOW`, for example `study/370102001@2022-H1`.
///
/// Items of one task are neighbours in the order of keys.
#[derive(Clone, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ItemKey(Arc<str>);

impl ItemKey {
    /// Wraps a text; an unknown one is found nowhere.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(Arc::from(text.as_ref()))
    }

    /// The name that the key begins with: the task's when the item was made.
    pub fn task(&self) -> &str {
        self.0.split(['/', '@']).next().unwrap_or_default()
    }

    /// The key of a task's item. `/` and `@` inside axis values are replaced by their full-width
    /// forms, so that a key can be taken apart.
    ///
    /// ```
    /// # use duban_core::ItemKey;
    /// let key = ItemKey::compose("list", ["370102001", "a/b"], None);
    /// assert_eq!(key.as_str(), "list/370102001/a／b");
    /// ```
    pub fn compose<'a>(
        task: &str,
        axes: impl IntoIterator<Item = &'a str>,
        window: Option<&Window>,
    ) -> Self {
        let mut text = String::from(task);
        for axis in axes {
            text.push('/');
            for letter in axis.chars() {
                text.push(match letter {
                    '/' => '／',
                    '@' => '＠',
                    other => other,
                });
            }
        }
        if let Some(window) = window {
            text.push('@');
            text.push_str(&window.key());
        }
        Self::new(text)
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ItemKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for ItemKey {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl std::borrow::Borrow<str> for ItemKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Keys as JSON: none, one key, or a list of them.
pub(crate) mod one_or_many {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::ItemKey;

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Keys {
        One(ItemKey),
        Many(Vec<ItemKey>),
    }

    /// One key is written as it always was, so that a repeated request is known again.
    pub(crate) fn serialize<S: Serializer>(
        keys: &[ItemKey],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match keys {
            [] => serializer.serialize_none(),
            [one] => one.serialize(serializer),
            several => several.serialize(serializer),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<ItemKey>, D::Error> {
        Ok(match Option::<Keys>::deserialize(deserializer)? {
            None => Vec::new(),
            Some(Keys::One(key)) => vec![key],
            Some(Keys::Many(keys)) => keys,
        })
    }
}
