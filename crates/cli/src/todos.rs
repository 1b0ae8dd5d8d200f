//! The systems of other makers that show to-dos, as a configuration asks for them.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use duban_notify::HttpClient;
use duban_notify::todo::{
    DingTalkTodos, DingTalkTodosOptions, Ecology, EcologyOptions, Ledger, RestCall, RestTodos,
    RestTodosOptions, TodoSink, Todos,
};

use crate::config::TodoConfig;
use crate::db::beside;

/// Makes one; nothing is sent.
///
/// # Errors
///
/// What does not fit.
pub(crate) fn one(
    name: &str,
    wanted: &TodoConfig,
    site: Option<&str>,
    client: &HttpClient,
) -> Result<Arc<dyn TodoSink>> {
    let page = |page: &Option<String>| {
        let own = site.map(|site| format!("{}{PAGE}", site.trim_end_matches('/')));
        page.clone().or(own).context("where does a to-do lead? set `page`, or `messages.site`")
    };
    let call = |text: &str| -> Result<RestCall> { Ok(text.parse()?) };
    match wanted {
        TodoConfig::Ecology { server, system, creator, address, page: own } => {
            let options = EcologyOptions::new(server, system, creator, &page(own)?);
            let address = address.clone().unwrap_or(options.address);
            let options = EcologyOptions { name: name.to_owned(), address, ..options };
            Ok(Arc::new(Ecology::new(client.clone(), options)?))
        }
        TodoConfig::Dingtalk { app_key, secret, operator, server, page: own } => {
            let secret = secret.reveal()?;
            let options = DingTalkTodosOptions::new(app_key, &secret, operator, &page(own)?);
            let base_url = server.clone().unwrap_or(options.base_url);
            let options = DingTalkTodosOptions { name: name.to_owned(), base_url, ..options };
            Ok(Arc::new(DingTalkTodos::new(client.clone(), options)?))
        }
        TodoConfig::Http {
            server,
            secret,
            token,
            address,
            page: own,
            create,
            change,
            done,
            delete,
        } => {
            let options = RestTodosOptions {
                name: name.to_owned(),
                base_url: server.clone(),
                secret: secret.reveal()?,
                token: token.as_ref().map(|token| token.reveal()).transpose()?,
                address: address.clone(),
                page_url: page(own)?,
                create: call(create)?,
                change: change.as_deref().map(call).transpose()?,
                done: call(done)?,
                delete: delete.as_deref().map(call).transpose()?,
            };
            Ok(Arc::new(RestTodos::new(client.clone(), options)?))
        }
    }
}

/// The page of an item on duban's own site.
const PAGE: &str = "/cases/{case}/task?item={item}";

/// Opens the ledgers, each beside the database.
///
/// # Errors
///
/// A ledger that cannot be read or written.
pub(crate) fn open(sinks: Vec<(String, Arc<dyn TodoSink>)>, db: &Path) -> Result<Vec<Arc<Todos>>> {
    let open = |(name, sink): (String, Arc<dyn TodoSink>)| {
        let path = beside(db, &format!(".todos-{name}.jsonl"));
        let ledger = Ledger::open(&path)
            .with_context(|| format!("the ledger of to-dos `{}`", path.display()))?;
        Ok(Arc::new(Todos::new(sink, ledger)))
    };
    sinks.into_iter().map(open).collect()
}
