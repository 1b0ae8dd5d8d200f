//! Making a move: the form that a browser sends, its files, and what the case says to it.

use axum::extract::Multipart;
use axum::response::Response;
use duban_core::{Act, Actor, CaseId, Evidence, Item, ItemKey, MoveKind, Teller, fields_of};
use duban_engine::EngineError;
use duban_model::echoed;
use duban_store::Store;

use crate::case_files::{CaseFiles, Given as GivenFile, Giving};
use crate::offers;
use crate::pages::case::visible;
use crate::pages::fields::Sent;
use crate::pages::moves::{Given, Tried};
use crate::pages::{Failure, go};
use crate::server::App;
use crate::session::Visitor;
use crate::sight::Sight;

/// Files of one form.
const FILES_MAX: usize = 20;

/// Everything that a form sent: texts by name, and files already given for the case.
#[derive(Default)]
struct Received {
    sent: Sent,
    evidence: Vec<Evidence>,
    given: Vec<GivenFile>,
}

/// Where a form's files go: to a case and item, from somebody.
struct Desk<'a, S: Store> {
    app: &'a App<S>,
    files: CaseFiles<S>,
    sight: &'a Sight,
    case: &'a CaseId,
    /// `None`: the move is on the case, and takes no files.
    item: Option<&'a ItemKey>,
}

impl<S: Store> Desk<'_, S> {
    /// Reads a form into `received`, which holds on a failure what was given so far.
    async fn receive(&self, mut form: Multipart, received: &mut Received) -> Result<(), Failure> {
        let unreadable = Failure::unread;
        while let Some(mut part) = form.next_field().await.map_err(unreadable)? {
            let name = part.name().unwrap_or_default().to_owned();
            let Some(file) = part.file_name().map(str::to_owned) else {
                let text = part.text().await.map_err(unreadable)?;
                received.sent.entry(name).or_default().push(text);
                continue;
            };
            if file.is_empty() {
                // A field for files where none was chosen.
                match part.chunk().await.map_err(unreadable)? {
                    Some(bytes) if !bytes.is_empty() => {
                        return Err(Failure::Bad("文件没有名字，请重新选择".to_owned()));
                    }
                    _ => continue,
                }
            }
            let Some(item) = self.item else {
                return Err(Failure::Bad("对事项的办理不收文件".to_owned()));
            };
            if received.evidence.len() == FILES_MAX {
                return Err(Failure::Bad(format!("一次最多 {FILES_MAX} 个文件（files_max）")));
            }
            if received.given.is_empty() {
                // Whoever may make no move with files has none of them read.
                offers::takes_files(&self.app.engine, self.sight, self.case, item).await?;
            }
            let at = self.app.engine.now();
            let by = self.sight.person.as_str();
            let giving = Giving { case: self.case, by, name: &file, at };
            let given = self.files.give(giving, part).await?;
            let address = given.address();
            received.given.push(given);
            match name.strip_prefix("e.") {
                // A file that the task names; others keep the name they came with.
                Some(owed) if !owed.is_empty() => {
                    received.evidence.push(Evidence { name: owed.to_owned(), file: address });
                }
                Some(_) => received.evidence.push(Evidence { name: file, file: address }),
                None => {
                    received.evidence.push(Evidence { name: file, file: address.clone() });
                    received.sent.entry(name).or_default().push(address);
                }
            }
        }
        Ok(())
    }
}

/// A move that was not made: why, and what was sent, to be shown again.
pub(crate) struct NotMade {
    failure: Failure,
    tried: Option<Tried>,
}

impl From<Failure> for NotMade {
    fn from(failure: Failure) -> Self {
        Self { failure, tried: None }
    }
}

/// Makes the move of a form, on an item or on the case; the answer leads back to `page`, or shows
/// it again with what the case says beside the fields.
pub(crate) async fn make<S: Store>(
    app: &App<S>,
    visitor: &Visitor,
    (case, item): (&CaseId, Option<&ItemKey>),
    page: &str,
    form: Multipart,
    show_again: impl AsyncFnOnce(Tried) -> Result<Response, Failure>,
) -> Result<Response, Failure> {
    let NotMade { failure, tried } = match attempt(app, visitor, case, item, form).await {
        Ok(()) => {
            let with = if page.contains('?') { '&' } else { '?' };
            return Ok(go(&format!("{page}{with}done=1")));
        }
        Err(not_made) => not_made,
    };
    let is_told = matches!(failure, Failure::Bad(_) | Failure::Engine(_) | Failure::File(_));
    let Some(tried) = tried.filter(|_| is_told) else { return Err(failure) };
    let mut response = show_again(tried).await?;
    *response.status_mut() = failure.status();
    Ok(response)
}

async fn attempt<S: Store>(
    app: &App<S>,
    visitor: &Visitor,
    id: &CaseId,
    key: Option<&ItemKey>,
    form: Multipart,
) -> Result<(), NotMade> {
    let (sight, case, definition) = visible(app, visitor, id).await?;
    let item = match key {
        Some(key) => Some(&**case.item(key).ok_or(Failure::Missing)?),
        None => None,
    };
    let desk = Desk { app, files: app.files(), sight: &sight, case: id, item: key };
    let mut received = Received::default();
    let teller = Teller::new(&definition, &sight.directory);
    let made = match desk.receive(form, &mut received).await {
        Ok(()) => act(&desk, item, &teller, &mut received).await,
        Err(failure) => Err((failure, Vec::new())),
    };
    let Err((failure, remarks)) = made else { return Ok(()) };
    desk.files.take_back(&received.given).await;
    let sent = received.sent;
    let kind = first(&sent, "move").and_then(|name| MoveKind::named(&name));
    let tried = Some(Tried { kind, sent, remarks, text: told(&failure, &teller) });
    Err(NotMade { failure, tried })
}

/// What people read; where the case refused, with the names of items, units and people.
fn told(failure: &Failure, teller: &Teller<'_>) -> String {
    match failure {
        Failure::Engine(EngineError::Refused(refusal)) => refusal.zh_by(teller),
        other => other.zh(),
    }
}

fn first(sent: &Sent, name: &str) -> Option<String> {
    sent.get(name).and_then(|values| values.first()).cloned()
}

/// Asks the case for what a form says. What is wrong with a field comes beside the failure.
async fn act<S: Store>(
    desk: &Desk<'_, S>,
    item: Option<&Item>,
    teller: &Teller<'_>,
    received: &mut Received,
) -> Result<(), (Failure, Vec<duban_core::Remark>)> {
    let bad = |text: String| (Failure::Bad(text), Vec::new());
    let sent = &received.sent;
    let name = first(sent, "move").unwrap_or_default();
    let kind =
        MoveKind::named(&name).ok_or_else(|| bad(format!("没有“{}”这种办理", echoed(&name))))?;
    let workflow = &teller.definition.workflow;
    let fields =
        item.map(|item| fields_of(item, workflow.task(item.task.as_str()).map(|(_, task)| task)));
    let given = Given {
        sent,
        fields: fields.as_deref().unwrap_or_default(),
        evidence: &received.evidence,
        directory: teller.directory,
        tz: teller.definition.suite.time_zone,
    };
    let content = given
        .content(kind)
        .map_err(|remarks| (Failure::Bad("有未填或无法读取的内容".to_owned()), remarks))?;
    let act = Act::make(kind, desk.item, content)
        .map_err(|_| bad(format!("“{}”填写的内容不全或有误，请刷新页面后重新填写", kind.zh())))?;
    let on_behalf_of = first(sent, "on_behalf_of").filter(|absent| !absent.is_empty());
    let actor = Actor::Person {
        person: desk.sight.person.clone(),
        on_behalf_of: on_behalf_of.map(|absent| absent.as_str().into()),
    };
    let key = first(sent, "key").filter(|key| (1..=200).contains(&key.len()));
    match desk.app.engine.act(desk.case, actor, act, key).await {
        Ok(_) => Ok(()),
        Err(EngineError::Refused(refusal)) => {
            let remarks = refusal.remarks(kind);
            Err((EngineError::Refused(refusal).into(), remarks))
        }
        Err(error) => Err((error.into(), Vec::new())),
    }
}
