//! What the pages know of messages: templates, to-dos of other systems, names of channels.

use std::collections::BTreeMap;
use std::sync::Arc;

use duban_notify::todo::Todos;
use duban_notify::{NotifyError, Templates};
use duban_store::{Store, StoreError};

/// What sends messages, for the pages that show and change it.
#[derive(Clone, Debug, Default)]
pub struct Messages {
    /// The templates that channels share.
    pub templates: Templates,
    /// Other systems that show to-dos.
    pub todos: Vec<Arc<Todos>>,
    /// The names of channels.
    pub channels: Vec<String>,
}

/// Templates that were edited, by `template/KIND`.
const PREFIX: &str = "template/";

/// Puts templates in force that were edited on the pages before. One that is sound no longer is
/// left out, and the log says so.
///
/// # Errors
///
/// What the store gave.
pub async fn restore_templates<S: Store>(
    store: &S,
    templates: &Templates,
) -> Result<(), StoreError> {
    let mut edited = edited(store).await?;
    edited.retain(|kind, source| {
        let problems = Templates::problems(kind, source);
        for problem in &problems {
            tracing::error!(%problem, "an edited template is left out");
        }
        problems.is_empty()
    });
    if let Err(error) = templates.edit(edited) {
        tracing::error!(%error, "edited templates are left out");
    }
    Ok(())
}

/// Why a template was not kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotKept {
    /// It is not sound.
    #[error(transparent)]
    Unsound(#[from] NotifyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keeps a template and puts it in force; `None` brings back what was there before the first edit.
pub(crate) async fn keep_template<S: Store>(
    store: &S,
    templates: &Templates,
    kind: &str,
    source: Option<&str>,
    at: i64,
) -> Result<(), NotKept> {
    let mut all = edited(store).await?;
    match source {
        Some(source) => all.insert(kind.to_owned(), source.to_owned()),
        None => all.remove(kind),
    };
    let sound = templates.clone();
    // Every template is tried; no request is to wait for that.
    tokio::task::spawn_blocking(move || sound.edit(all))
        .await
        .expect("invariant: trying a template does not panic")?;
    let name = format!("{PREFIX}{kind}");
    match source {
        Some(source) => {
            let json = serde_json::to_string(source).map_err(StoreError::Unreadable)?;
            store.put_document(&name, &json, at).await?;
        }
        None => drop(store.remove_document(&name).await?),
    }
    Ok(())
}

async fn edited<S: Store>(store: &S) -> Result<BTreeMap<String, String>, StoreError> {
    let documents = store.documents(PREFIX).await?;
    let read = |(name, json): (String, String)| {
        let kind = name.trim_start_matches(PREFIX).to_owned();
        Ok((kind, serde_json::from_str(&json).map_err(StoreError::Unreadable)?))
    };
    documents.into_iter().map(read).collect()
}
