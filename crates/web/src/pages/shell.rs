//! What every page has: who looks, the menu, the language.

use axum::extract::Query;
use axum::http::header::{HeaderMap, SET_COOKIE};
use axum::response::Response;
use axum_extra::extract::WithRejection;
use axum_extra::extract::cookie::{Cookie, SameSite};
use duban_model::Directory;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::account::{AdminPost, Holder};
use crate::pages::{Asked, Failure, go};
use crate::session::{Visitor, cookie_of};

/// The language of labels. What offices write stays as it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Language {
    Chinese,
    English,
}

/// One entry of the menu.
pub(crate) struct MenuEntry {
    pub(crate) href: &'static str,
    pub(crate) label: &'static str,
    pub(crate) is_here: bool,
    /// How much waits there; 0: nothing, or it is not counted.
    pub(crate) count: u64,
}

/// What every page has.
pub(crate) struct Shell {
    pub(crate) title: String,
    /// Who has signed in.
    pub(crate) who: Option<String>,
    pub(crate) menu: Vec<MenuEntry>,
    /// Whether there is anything for them to search.
    pub(crate) may_search: bool,
    /// Where the page listens for changes; empty: it does not change by itself.
    pub(crate) live: String,
    pub(crate) path: String,
    language: Language,
}

/// The list of what nobody can move on; the menu says how much that is.
const ATTENTION: &str = "/attention";

const FOR_PEOPLE: &[(&str, &str, &str)] = &[
    ("/", "总览", "Overview"),
    ("/todo", "我的待办", "My to-dos"),
    ("/tasks", "任务", "Tasks"),
    (ATTENTION, "需要关注", "Attention"),
    ("/duties", "周期职责", "Duties"),
    ("/interviews", "约谈", "Interviews"),
    ("/notices", "督办单与通报", "Slips and notices"),
    ("/indicators", "指标", "Indicators"),
    ("/suites", "文件与措施", "Suites"),
    ("/directory", "通讯录", "Directory"),
    ("/absences", "外出代理", "Absences"),
];

const FOR_SYSTEM: &[(&str, &str, &str)] = &[
    ("/suites", "文件与措施", "Suites"),
    ("/deliveries", "送达", "Deliveries"),
    ("/templates", "消息模板", "Templates"),
    ("/directory", "通讯录", "Directory"),
    ("/absences", "外出代理", "Absences"),
    ("/calendars", "工作日历", "Calendars"),
];

const FOR_SECURITY: &[(&str, &str, &str)] =
    &[("/accounts", "账号与令牌", "Accounts"), ("/directory", "通讯录", "Directory")];

const FOR_AUDIT: &[(&str, &str, &str)] = &[("/audit", "审计", "Audit")];

impl Shell {
    /// The frame of a page for somebody who has signed in.
    pub(crate) fn new(
        title: impl Into<String>,
        here: &'static str,
        visitor: &Visitor,
        directory: &Directory,
        headers: &HeaderMap,
    ) -> Self {
        let language = language_of(headers);
        let entries = match &visitor.holder {
            Holder::Person(_) => FOR_PEOPLE,
            Holder::Admin(AdminPost::System) => FOR_SYSTEM,
            Holder::Admin(AdminPost::Security) => FOR_SECURITY,
            Holder::Admin(AdminPost::Audit) => FOR_AUDIT,
        };
        let entry = |(href, zh, en): &(&'static str, &'static str, &'static str)| MenuEntry {
            href,
            label: if language == Language::Chinese { zh } else { en },
            is_here: *href == here,
            count: if *href == ATTENTION { visitor.attention } else { 0 },
        };
        let who = match &visitor.holder {
            Holder::Person(person) => {
                let name =
                    directory.person(person).map_or(person.as_str(), |person| person.name.as_str());
                let post = directory.posts_of(person).next();
                let unit = post.and_then(|post| directory.unit(&post.unit));
                match (unit, post) {
                    (Some(unit), Some(post)) => format!("{name}（{} {}）", unit.name, post.name),
                    _ => name.to_owned(),
                }
            }
            Holder::Admin(post) => format!("{}（{}）", visitor.login, post.zh()),
        };
        Self {
            title: title.into(),
            who: Some(who),
            menu: entries.iter().map(entry).collect(),
            may_search: matches!(visitor.holder, Holder::Person(_)),
            live: String::new(),
            path: here.to_owned(),
            language,
        }
    }

    /// The frame of a page before signing in.
    pub(crate) fn bare(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            who: None,
            menu: Vec::new(),
            may_search: false,
            live: String::new(),
            path: "/".to_owned(),
            language: Language::Chinese,
        }
    }

    /// Has the page follow changes of one case.
    pub(crate) fn following(mut self, case: &str) -> Self {
        self.live = format!("/live?case={}", encode(case));
        self
    }

    /// Has the page follow every change.
    pub(crate) fn following_all(mut self) -> Self {
        "/live".clone_into(&mut self.live);
        self
    }

    /// A label in the visitor's language.
    pub(crate) fn t(&self, zh: &'static str, en: &'static str) -> &'static str {
        if self.language == Language::Chinese { zh } else { en }
    }

    pub(crate) fn code(&self) -> &'static str {
        self.t("zh-CN", "en")
    }

    pub(crate) fn other_code(&self) -> &'static str {
        self.t("en", "zh")
    }

    pub(crate) fn back(&self) -> String {
        encode(&self.path)
    }
}

/// A text as part of a URL.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn language_of(headers: &HeaderMap) -> Language {
    match cookie_of(headers, "duban_language").as_deref() {
        Some("en") => Language::English,
        _ => Language::Chinese,
    }
}

#[derive(Deserialize)]
pub(crate) struct SwitchQuery {
    to: String,
    back: Option<String>,
}

/// Switches the language and goes back.
pub(crate) async fn switch(
    WithRejection(Query(query), _): Asked<SwitchQuery>,
) -> Result<Response, Failure> {
    let language = if query.to == "en" { "en" } else { "zh" };
    let cookie = Cookie::build(("duban_language", language))
        .path("/")
        .same_site(SameSite::Lax)
        .permanent()
        .build();
    let mut response = go(&local(query.back.as_deref()));
    let cookie = cookie.to_string().parse();
    let cookie = cookie.map_err(|_| Failure::Bad("语言无效".to_owned()))?;
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(response)
}

/// The longest path that is gone back to, in bytes: some are kept for a while.
const PATH_BYTES_MAX: usize = 2_048;

/// A path of this site; anything else becomes the first page, so that no link leads elsewhere.
pub(crate) fn local(path: Option<&str>) -> String {
    let is_local = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && path.len() <= PATH_BYTES_MAX
            && path.bytes().all(|byte| (0x21..0x7f).contains(&byte) && byte != b'\\')
    };
    path.filter(is_local).unwrap_or("/").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_site_are_gone_back_to() {
        assert_eq!(local(Some("/cases/1?a=b")), "/cases/1?a=b");
        for bad in ["//evil", "https://evil", "/\\evil", "", "/a b", "javascript:x", "/\r\nx"] {
            assert_eq!(local(Some(bad)), "/", "{bad}");
        }
        assert_eq!(local(Some(&format!("/{}", "a".repeat(PATH_BYTES_MAX)))), "/");
    }
}
