//! To-dos in any system that takes calls with JSON: the office writes down which.

use std::fmt;
use std::str::FromStr;

use duban_engine::{BoxFuture, ChannelError};
use reqwest::{Method, StatusCode, Url};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::error::NotifyError;
use crate::http::{HttpClient, JSON_TYPE};
use crate::sign;
use crate::todo::{Ending, Todo, TodoSink, link, percent_encoded};
use crate::webhook::seconds_now;

/// A call, as `PUT /todos/{id}`. In its path `{id}`, `{remote}`, `{account}`, `{case}` and `{item}`
/// stand for what the to-do has; `{remote}` is the other system's own id, or duban's where it gave
/// none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RestCall {
    method: Method,
    path: String,
}

const NAMES: [&str; 5] = ["id", "remote", "account", "case", "item"];

impl FromStr for RestCall {
    type Err = NotifyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read(text).map_err(|error| NotifyError::BadCall { call: text.to_owned(), error })
    }
}

fn read(text: &str) -> Result<RestCall, String> {
    let (method, path) =
        text.split_once(' ').ok_or("write it as a method and a path, `POST /todos`")?;
    let method = match method {
        "POST" => Method::POST,
        "PUT" => Method::PUT,
        "PATCH" => Method::PATCH,
        "DELETE" => Method::DELETE,
        other => return Err(format!("`{other}` is not POST, PUT, PATCH or DELETE")),
    };
    if !path.starts_with('/') || path.starts_with("//") {
        return Err("its path does not begin with one `/`".to_owned());
    }
    let mut rest = path;
    while let Some((_, tail)) = rest.split_once('{') {
        let (name, tail) = tail.split_once('}').ok_or("a `{` has no `}`")?;
        if !NAMES.contains(&name) {
            return Err(format!("`{{{name}}}` is not one of `{}`", NAMES.join("`, `")));
        }
        rest = tail;
    }
    Ok(RestCall { method, path: path.to_owned() })
}

/// A system that takes to-dos, and the calls that it takes.
#[derive(Clone)]
pub struct RestTodosOptions {
    /// Its name in logs.
    pub name: String,
    /// Its address, before every path. It lies inside mostly: list its host.
    pub base_url: String,
    /// The secret by which calls are signed, as those of a webhook.
    pub secret: String,
    /// A token for `Authorization: Bearer`, where the system asks for one.
    pub token: Option<String>,
    /// The key of people's accounts in the directory.
    pub address: String,
    /// The page of an item, with `{case}` and `{item}`.
    pub page_url: String,
    /// Makes a to-do.
    pub create: RestCall,
    /// Shows that it was read, or that its due date or status moved; `None`: it is not shown.
    pub change: Option<RestCall>,
    /// Ends one that is done.
    pub done: RestCall,
    /// Takes one back that is owed no longer, or by somebody else; `None`: it is called done.
    pub delete: Option<RestCall>,
}

impl fmt::Debug for RestTodosOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither the secret nor the token belongs into a log.
        let mut shown = f.debug_struct("RestTodosOptions");
        shown.field("name", &self.name).field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

/// Shows to-dos through calls that the office has written down.
///
/// Every call has a JSON body with all of the to-do and the `event` (`create`, `change`, `done`,
/// `delete`), and is signed after Standard Webhooks; its `webhook-id` is the same when it is
/// repeated. A 2xx status is success; the `id` of the answer to `create` is kept as `{remote}`. 409
/// to `create` says that it is there already; 404 and 410 to `done` and `delete` that it is gone.
#[derive(Debug)]
pub struct RestTodos {
    client: HttpClient,
    options: RestTodosOptions,
    base: Url,
    key: Vec<u8>,
}

impl RestTodos {
    /// Checks the settings; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`NotifyError`] names what is wrong with them.
    pub fn new(client: HttpClient, options: RestTodosOptions) -> Result<Self, NotifyError> {
        if options.page_url.trim().is_empty() {
            return Err(NotifyError::NoPage(options.name));
        }
        let base = client.target(&options.base_url)?;
        let key = sign::webhook_key(&options.secret)
            .map_err(|error| NotifyError::BadSecret { channel: options.name.clone(), error })?;
        Ok(Self { client, options, base, key })
    }

    async fn call(
        &self,
        call: &RestCall,
        event: &str,
        todo: &Todo,
        remote: Option<&str>,
    ) -> Result<Option<String>, ChannelError> {
        let body = self.body(event, todo, remote).to_string().into_bytes();
        let digest: String =
            Sha256::digest(&body).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let (id, seconds) = (format!("{}-{event}-{digest}", todo.id), seconds_now());
        let mut headers = vec![
            ("content-type", JSON_TYPE.to_owned()),
            ("webhook-signature", sign::webhook(&self.key, &id, seconds, &body)),
            ("webhook-timestamp", seconds.to_string()),
            ("webhook-id", id),
        ];
        if let Some(token) = &self.options.token {
            headers.push(("authorization", format!("Bearer {token}")));
        }
        let target = self.target(call, todo, remote);
        let answer = self.client.exchange(call.method.clone(), target, headers, body).await?;
        let is_there = event == "create" && answer.status == StatusCode::CONFLICT;
        let is_gone = matches!(event, "done" | "delete")
            && matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::GONE);
        if is_there || is_gone {
            return Ok(None);
        }
        let answer = answer.judge()?;
        let read: Json = serde_json::from_slice(&answer).unwrap_or_default();
        Ok(match &read["id"] {
            Json::String(id) if !id.is_empty() => Some(id.clone()),
            Json::Number(id) => Some(id.to_string()),
            _ => None,
        })
    }

    fn target(&self, call: &RestCall, todo: &Todo, remote: Option<&str>) -> Url {
        let mut path = call.path.clone();
        for name in NAMES {
            let value = match name {
                "remote" => remote.unwrap_or(&todo.id),
                "account" => &todo.account,
                "case" => &todo.case,
                "item" => &todo.item,
                _ => &todo.id,
            };
            path = path.replace(&format!("{{{name}}}"), &percent_encoded(value));
        }
        let mut target = self.base.clone();
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
            None => (path, None),
        };
        target.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        target.set_query(query.as_deref());
        target
    }

    fn body(&self, event: &str, todo: &Todo, remote: Option<&str>) -> Json {
        json!({
            "event": event,
            "id": todo.id,
            "remote": remote,
            "case": todo.case,
            "item": todo.item,
            "role": todo.role,
            "account": todo.account,
            "title": todo.title,
            "workflow": todo.workflow,
            "status": todo.status,
            "since": todo.since.to_string(),
            "due": todo.due.map(|due| due.to_string()),
            "is_read": todo.is_read,
            "url": link(&self.options.page_url, todo),
        })
    }
}

impl TodoSink for RestTodos {
    fn name(&self) -> &str {
        &self.options.name
    }

    fn address(&self) -> &str {
        &self.options.address
    }

    fn open<'a>(&'a self, todo: &'a Todo) -> BoxFuture<'a, Result<Option<String>, ChannelError>> {
        Box::pin(self.call(&self.options.create, "create", todo, None))
    }

    fn change<'a>(
        &'a self,
        todo: &'a Todo,
        remote: Option<&'a str>,
    ) -> BoxFuture<'a, Result<(), ChannelError>> {
        Box::pin(async move {
            match &self.options.change {
                Some(call) => self.call(call, "change", todo, remote).await.map(drop),
                None => Ok(()),
            }
        })
    }

    fn close<'a>(
        &'a self,
        todo: &'a Todo,
        remote: Option<&'a str>,
        ending: Ending,
    ) -> BoxFuture<'a, Result<(), ChannelError>> {
        let options = &self.options;
        let (call, event) = match (ending, &options.delete) {
            (Ending::Gone, Some(delete)) => (delete, "delete"),
            (Ending::Gone, None) | (Ending::Done, _) => (&options.done, "done"),
        };
        Box::pin(async move { self.call(call, event, todo, remote).await.map(drop) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_names_what_is_wrong_with_it() {
        assert!("PUT /todos/{id}?by={account}".parse::<RestCall>().is_ok());
        for (text, part) in [
            ("/todos", "method"),
            ("GET /todos", "`GET`"),
            ("POST todos", "`/`"),
            ("POST //elsewhere/x", "`/`"),
            ("POST /todos/{id", "no `}`"),
            ("POST /todos/{who}", "`{who}`"),
        ] {
            let error = text.parse::<RestCall>().unwrap_err();
            assert_eq!(error.code(), "DB5014");
            assert!(error.to_string().contains(part), "{text}: {error}");
        }
    }
}
