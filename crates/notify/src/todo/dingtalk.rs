//! To-dos in DingTalk (钉钉待办).

use std::fmt;

use duban_engine::{BoxFuture, ChannelError};
use reqwest::{Method, StatusCode, Url};
use serde_json::{Value as Json, json};

use crate::app::fetch_token;
use crate::error::NotifyError;
use crate::http::{HttpClient, JSON_TYPE, dead, excerpt};
use crate::robot::cut;
use crate::todo::{Ending, Todo, TodoSink, link};
use crate::token::TokenCache;

/// An app of DingTalk that may write to-dos.
#[derive(Clone)]
pub struct DingTalkTodosOptions {
    /// Its name in logs.
    pub name: String,
    /// The app's key.
    pub app_key: String,
    /// The app's secret.
    pub app_secret: String,
    /// The unionId in whose name to-dos are made, changed and ended.
    pub operator: String,
    /// The key of people's unionIds in the directory.
    pub address: String,
    /// The page of an item, with `{case}` and `{item}`.
    pub page_url: String,
    /// The address of the platform.
    pub base_url: String,
}

impl fmt::Debug for DingTalkTodosOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The secret does not belong into a log.
        let mut shown = f.debug_struct("DingTalkTodosOptions");
        shown.field("name", &self.name).field("app_key", &self.app_key).finish_non_exhaustive()
    }
}

impl DingTalkTodosOptions {
    /// An app on the public platform. People's unionIds are looked up as `dingtalk_union`.
    pub fn new(app_key: &str, app_secret: &str, operator: &str, page_url: &str) -> Self {
        Self {
            name: "dingtalk-todo".to_owned(),
            app_key: app_key.to_owned(),
            app_secret: app_secret.to_owned(),
            operator: operator.to_owned(),
            address: "dingtalk_union".to_owned(),
            page_url: page_url.to_owned(),
            base_url: "https://api.dingtalk.com".to_owned(),
        }
    }
}

/// Shows to-dos in DingTalk.
///
/// The id of a to-do is DingTalk's `sourceId`: one that was made and whose answer was lost is found
/// again by it. DingTalk knows nothing of reading, so that a change shows the due date alone.
///
/// Source: DingTalk open platform, "to-do tasks" (v1.0).
pub struct DingTalkTodos {
    client: HttpClient,
    options: DingTalkTodosOptions,
    base: Url,
    token: TokenCache,
}

impl fmt::Debug for DingTalkTodos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DingTalkTodos").field("options", &self.options).finish_non_exhaustive()
    }
}

/// The longest subject, in bytes; DingTalk counts 1,024 characters.
const SUBJECT_BYTES_MAX: usize = 1_024;

impl DingTalkTodos {
    /// Checks the settings; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`NotifyError`] names what is wrong with them.
    pub fn new(client: HttpClient, options: DingTalkTodosOptions) -> Result<Self, NotifyError> {
        let base = client.target(&options.base_url)?;
        if options.app_secret.trim().is_empty() || options.operator.trim().is_empty() {
            let error = "it, or the operator that goes with it, is empty".to_owned();
            return Err(NotifyError::BadSecret { channel: options.name, error });
        }
        if options.page_url.trim().is_empty() {
            return Err(NotifyError::NoPage(options.name));
        }
        Ok(Self { client, options, base, token: TokenCache::default() })
    }

    async fn create(&self, todo: &Todo) -> Result<Option<String>, ChannelError> {
        let page = link(&self.options.page_url, todo);
        let mut body = shown(todo);
        body["sourceId"] = json!(todo.id);
        body["creatorId"] = json!(self.options.operator);
        body["executorIds"] = json!([todo.account]);
        body["detailUrl"] = json!({ "appUrl": page, "pcUrl": page });
        let made = match self.call(Method::POST, &[], Some(&body)).await? {
            Said::Well(made) => made,
            // Made before, and the answer was lost.
            Said::Exists => match self.call(Method::GET, &["sources", &todo.id], None).await? {
                Said::Well(found) => found,
                Said::Exists | Said::Missing => return Err(nowhere()),
            },
            Said::Missing => return Err(nowhere()),
        };
        match made["id"].as_str() {
            Some(id) => Ok(Some(id.to_owned())),
            None => Err(ChannelError::Retry { error: "no id was given".to_owned(), after: None }),
        }
    }

    async fn update(&self, remote: Option<&str>, body: &Json) -> Result<(), ChannelError> {
        let Some(remote) = remote else { return Ok(()) };
        self.call(Method::PUT, &[remote], Some(body)).await.map(drop)
    }

    async fn delete(&self, remote: Option<&str>) -> Result<(), ChannelError> {
        let Some(remote) = remote else { return Ok(()) };
        self.call(Method::DELETE, &[remote], None).await.map(drop)
    }

    /// One call, with a fresh token where the one kept is refused.
    async fn call(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&Json>,
    ) -> Result<Said, ChannelError> {
        for _ in 0..2 {
            let token = self.token.get(|| self.fetch_token()).await?;
            let headers = vec![
                ("content-type", JSON_TYPE.to_owned()),
                ("x-acs-dingtalk-access-token", token.clone()),
            ];
            let bytes = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
            let target = self.target(path)?;
            let answer = self.client.exchange(method.clone(), target, headers, bytes).await?;
            let read: Json = serde_json::from_slice(&answer.body).unwrap_or_default();
            let is_refused = read["code"].as_str() == Some("InvalidAuthentication")
                || answer.status == StatusCode::UNAUTHORIZED;
            match read["message"].as_str() {
                _ if is_refused => self.token.forget(&token).await,
                Some("task exist") => return Ok(Said::Exists),
                Some("task not exist") => return Ok(Said::Missing),
                _ => {
                    let body = answer.judge()?;
                    return match read.is_object() {
                        true => Ok(Said::Well(read)),
                        false => Err(ChannelError::Retry { error: excerpt(&body), after: None }),
                    };
                }
            }
        }
        let error = "DingTalk refuses a token that it has just given".to_owned();
        Err(ChannelError::Retry { error, after: None })
    }

    fn target(&self, path: &[&str]) -> Result<Url, ChannelError> {
        let mut target = self.base.clone();
        let operator = self.options.operator.as_str();
        target
            .path_segments_mut()
            .map_err(|()| dead("the address has no path".to_owned()))?
            .pop_if_empty()
            .extend(["v1.0", "todo", "users", operator, "tasks"])
            .extend(path);
        target.query_pairs_mut().append_pair("operatorId", operator);
        Ok(target)
    }

    async fn fetch_token(&self) -> Result<(String, std::time::Duration), ChannelError> {
        let mut target = self.base.clone();
        target
            .path_segments_mut()
            .map_err(|()| dead("the address has no path".to_owned()))?
            .pop_if_empty()
            .extend(["v1.0", "oauth2", "accessToken"]);
        let body = json!({ "appKey": self.options.app_key, "appSecret": self.options.app_secret });
        let fields = ("accessToken", "expireIn");
        fetch_token(&self.client, Method::POST, target, &body, fields).await
    }
}

/// What DingTalk said.
enum Said {
    Well(Json),
    Exists,
    Missing,
}

fn nowhere() -> ChannelError {
    let error = "the to-do is said to exist and cannot be found".to_owned();
    ChannelError::Retry { error, after: None }
}

/// What people see of a to-do, and what may change of it.
fn shown(todo: &Todo) -> Json {
    let subject = cut(&format!("{}：{}", todo.workflow, todo.title), SUBJECT_BYTES_MAX);
    let mut shown = json!({ "subject": subject, "description": todo.status });
    if let Some(due) = todo.due {
        shown["dueTime"] = json!(due.millis());
    }
    shown
}

impl TodoSink for DingTalkTodos {
    fn name(&self) -> &str {
        &self.options.name
    }

    fn address(&self) -> &str {
        &self.options.address
    }

    fn open<'a>(&'a self, todo: &'a Todo) -> BoxFuture<'a, Result<Option<String>, ChannelError>> {
        Box::pin(self.create(todo))
    }

    fn change<'a>(
        &'a self,
        todo: &'a Todo,
        remote: Option<&'a str>,
    ) -> BoxFuture<'a, Result<(), ChannelError>> {
        Box::pin(async move { self.update(remote, &shown(todo)).await })
    }

    fn close<'a>(
        &'a self,
        _todo: &'a Todo,
        remote: Option<&'a str>,
        ending: Ending,
    ) -> BoxFuture<'a, Result<(), ChannelError>> {
        Box::pin(async move {
            match ending {
                Ending::Done => self.update(remote, &json!({ "done": true })).await,
                Ending::Gone => self.delete(remote).await,
            }
        })
    }
}
