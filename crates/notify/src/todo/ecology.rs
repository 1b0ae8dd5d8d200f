//! To-dos in e-cology (泛微): its centre for to-dos of other systems (统一待办中心).

use std::fmt;

use duban_calendar::{Instant, Tz, local};
use duban_engine::{BoxFuture, ChannelError};
use reqwest::{Method, Url};
use serde_json::{Value as Json, json};

use crate::error::NotifyError;
use crate::http::{HttpClient, JSON_TYPE, excerpt};
use crate::todo::{Ending, Todo, TodoSink, link};

/// An e-cology and what this system is there.
#[derive(Clone, Debug)]
pub struct EcologyOptions {
    /// Its name in logs.
    pub name: String,
    /// Its address, for example `https://oa.example.org`. It lies inside mostly: list its host.
    pub base_url: String,
    /// The code under which this system is registered there (syscode). From E9 on the address of
    /// this machine must be listed there too.
    pub system: String,
    /// The account there that counts as the creator of to-dos.
    pub creator: String,
    /// The key of people's accounts in the directory.
    pub address: String,
    /// The page of an item on a computer, with `{case}` and `{item}`.
    pub pc_url: String,
    /// The same on a telephone.
    pub app_url: String,
    /// The zone of its clock.
    pub zone: Tz,
}

impl EcologyOptions {
    /// An e-cology with the usual settings; one page for computers and telephones.
    pub fn new(base_url: &str, system: &str, creator: &str, page_url: &str) -> Self {
        Self {
            name: "ecology".to_owned(),
            base_url: base_url.to_owned(),
            system: system.to_owned(),
            creator: creator.to_owned(),
            address: "ecology".to_owned(),
            pc_url: page_url.to_owned(),
            app_url: page_url.to_owned(),
            zone: Tz::Asia__Shanghai,
        }
    }
}

/// Shows to-dos in e-cology.
///
/// A to-do there is known by this system's code, its id and the receiver; pushing it again changes
/// it. What is done becomes 已办; what is owed no longer is deleted, and where that is refused (it
/// may be deleted already) it becomes 办结, so that nothing is left to be seen as owed.
///
/// Source: e-cology, "统一待办中心接口", JSON form.
pub struct Ecology {
    client: HttpClient,
    options: EcologyOptions,
    receive: Url,
    delete: Url,
}

impl fmt::Debug for Ecology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ecology").field("options", &self.options).finish_non_exhaustive()
    }
}

/// The states of a to-do there (isremark).
const OWED: &str = "0";
const DONE: &str = "2";
const FINISHED: &str = "4";

impl Ecology {
    /// Checks the settings; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`NotifyError::NoPage`]: e-cology takes a to-do without a page and never shows it.
    /// Otherwise [`NotifyError`] names what is wrong with the address.
    pub fn new(client: HttpClient, options: EcologyOptions) -> Result<Self, NotifyError> {
        if options.pc_url.trim().is_empty() || options.app_url.trim().is_empty() {
            return Err(NotifyError::NoPage(options.name));
        }
        let base = options.base_url.trim_end_matches('/');
        let receive = client.target(&format!("{base}/rest/ofs/ReceiveRequestInfoByJson"))?;
        let delete = client.target(&format!("{base}/rest/ofs/deleteUserRequestInfoByJson"))?;
        Ok(Self { client, options, receive, delete })
    }

    async fn push(&self, todo: &Todo, state: &str) -> Result<(), ChannelError> {
        let at = self.shown(todo.since);
        let body = json!({
            "syscode": self.options.system,
            "flowid": todo.id,
            "requestname": todo.title,
            "workflowname": todo.workflow,
            "nodename": todo.status,
            "pcurl": link(&self.options.pc_url, todo),
            "appurl": link(&self.options.app_url, todo),
            "creator": self.options.creator,
            "createdatetime": at,
            "receiver": todo.account,
            "receivedatetime": at,
            "isremark": state,
            "viewtype": if todo.is_read || state != OWED { "1" } else { "0" },
        });
        self.call(&self.receive, &body).await
    }

    async fn delete(&self, todo: &Todo) -> Result<(), ChannelError> {
        let body = json!({
            "syscode": self.options.system,
            "flowid": todo.id,
            "userid": todo.account,
        });
        match self.call(&self.delete, &body).await {
            Ok(()) => Ok(()),
            Err(_) => self.push(todo, FINISHED).await,
        }
    }

    async fn call(&self, target: &Url, body: &Json) -> Result<(), ChannelError> {
        let headers = vec![("content-type", JSON_TYPE.to_owned())];
        let body = body.to_string().into_bytes();
        let answer = self.client.exchange(Method::POST, target.clone(), headers, body).await?;
        let answer = answer.judge()?;
        let read: Json = serde_json::from_slice(&answer).unwrap_or_default();
        let result = &read["operResult"];
        match result.as_str() == Some("1") || result.as_i64() == Some(1) {
            true => Ok(()),
            false => Err(ChannelError::Retry { error: excerpt(&answer), after: None }),
        }
    }

    fn shown(&self, at: Instant) -> String {
        local(at, self.options.zone).format("%Y-%m-%d %H:%M:%S").to_string()
    }
}

impl TodoSink for Ecology {
    fn name(&self) -> &str {
        &self.options.name
    }

    fn address(&self) -> &str {
        &self.options.address
    }

    fn open<'a>(&'a self, todo: &'a Todo) -> BoxFuture<'a, Result<Option<String>, ChannelError>> {
        Box::pin(async move { self.push(todo, OWED).await.map(|()| None) })
    }

    fn change<'a>(
        &'a self,
        todo: &'a Todo,
        _remote: Option<&'a str>,
    ) -> BoxFuture<'a, Result<(), ChannelError>> {
        Box::pin(self.push(todo, OWED))
    }

    fn close<'a>(
        &'a self,
        todo: &'a Todo,
        _remote: Option<&'a str>,
        ending: Ending,
    ) -> BoxFuture<'a, Result<(), ChannelError>> {
        match ending {
            Ending::Done => Box::pin(self.push(todo, DONE)),
            Ending::Gone => Box::pin(self.delete(todo)),
        }
    }
}
