//! Names of things: cheap to copy, ordered, and kept apart by type.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps a text. Nothing is checked here; loaders check what authors write.
            pub fn new(text: impl AsRef<str>) -> Self {
                Self(Arc::from(text.as_ref()))
            }

            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

id_type! {
    /// A suite: one policy document, for example `jinan-2021`.
    SuiteId
}
id_type! {
    /// A workflow of a suite, for example `m23-duty-performance`.
    WorkflowId
}
id_type! {
    /// A task of a workflow: an identifier of rhai, for example `study`.
    TaskId
}
id_type! {
    /// A unit of the directory: its code, for example `370102`.
    UnitId
}
id_type! {
    /// A person of the directory.
    PersonId
}
id_type! {
    /// A definition's content hash: 64 hexadecimal digits of SHA-256.
    DefinitionHash
}
