//! Who may do what: by the posts that people hold now, and by whom they stand in for.

use std::collections::BTreeSet;

use duban_calendar::{Calendar, Date, Span};
use duban_model::{Assignee, Directory, PersonId, Post, UnitId};

use crate::command::Actor;
use crate::decide::Env;
use crate::refusal::Refusal;

/// The person whose rights an actor uses: their own, or those of whom they stand in for today.
///
/// # Errors
///
/// [`Refusal::NoStandIn`] where nobody has appointed them; [`Refusal::NotAllowed`] for an actor
/// that is no person.
pub(crate) fn principal(
    act: &'static str,
    on: &str,
    actor: &Actor,
    directory: &Directory,
    today: Date,
) -> Result<PersonId, Refusal> {
    match actor {
        Actor::Person { person, on_behalf_of: None } => Ok(person.clone()),
        Actor::Person { person, on_behalf_of: Some(absent) } => {
            if directory.stand_ins(absent, today).any(|by| by == person) {
                Ok(absent.clone())
            } else {
                Err(Refusal::NoStandIn { person: person.to_string(), absent: absent.to_string() })
            }
        }
        Actor::Operator { .. } | Actor::Case { .. } | Actor::Engine => {
            Err(Refusal::NotAllowed { act, item: on.to_owned(), allowed: Vec::new() })
        }
    }
}

/// Checks that an actor may act for one of `allowed`.
///
/// # Errors
///
/// [`Refusal::NotAllowed`] names those who may.
pub(crate) fn check(
    act: &'static str,
    on: &str,
    actor: &Actor,
    allowed: &[Assignee],
    env: &Env,
    today: Date,
) -> Result<(), Refusal> {
    let person = principal(act, on, actor, &env.directory, today)?;
    if allowed.iter().any(|assignee| env.directory.holders(assignee).contains(&person)) {
        return Ok(());
    }
    Err(Refusal::NotAllowed { act, item: on.to_owned(), allowed: allowed.to_vec() })
}

/// The post that answers for the unit above an assignee; where its holder is one of `avoid`, the
/// next one up. A vacant post is not climbed over: whoever is meant is meant. `None` where the top
/// is reached.
pub(crate) fn superior(
    directory: &Directory,
    of: &Assignee,
    avoid: &[PersonId],
) -> Option<Assignee> {
    let unit = directory.unit_of(of)?;
    let above = directory.unit(&unit)?.superior.clone()?;
    answering_post(directory, &above, avoid)
}

/// The post that answers for a unit, or for the nearest unit above it whose holder is none of
/// `avoid`. Units without posts are passed over.
pub(crate) fn answering_post(
    directory: &Directory,
    unit: &UnitId,
    avoid: &[PersonId],
) -> Option<Assignee> {
    directory.chain(unit).find_map(|unit| {
        let post = directory.posts(&unit.id).next()?;
        let is_barred = post.holders.first().is_some_and(|holder| avoid.contains(holder));
        (!is_barred).then(|| named(post))
    })
}

fn named(post: &Post) -> Assignee {
    Assignee::Post(post.unit.clone(), post.name.as_str().into())
}

/// Who is told that nobody fills a post: the first filled post above it, first in its own unit,
/// then upwards. Never in the unit at the head of the whole; there it is the supervision office,
/// and the answer is `None`.
pub fn post_above(directory: &Directory, vacant: &Assignee) -> Option<Assignee> {
    let unit = directory.unit_of(vacant)?;
    let is_filled =
        |post: &&Post| post.holders.iter().any(|holder| directory.person(holder).is_some());
    let below_head = directory.chain(&unit).take_while(|unit| unit.superior.is_some());
    below_head
        .enumerate()
        .find_map(|(steps, above)| {
            let posts = directory.posts(&above.id);
            match vacant {
                Assignee::Post(_, name) if steps == 0 => {
                    posts.take_while(|post| post.name != **name).find(is_filled)
                }
                Assignee::Unit(_) | Assignee::Person(_) if steps == 0 => None,
                Assignee::Post(..) | Assignee::Unit(_) | Assignee::Person(_) => {
                    posts.into_iter().find(is_filled)
                }
            }
        })
        .map(named)
}

/// How many working days somebody may be absent before their posts count as vacant, where nobody
/// is there who stands in for them.
pub(crate) const ABSENT_WORKDAYS_MAX: i64 = 5;

/// People whose presence may have changed by time alone after one day and up to another: an
/// absence began or ended, or has lasted beyond what counts as present; their own, or that of
/// whoever stands in for them.
pub fn presence_changes(
    directory: &Directory,
    calendar: &Calendar,
    after: Date,
    upto: Date,
) -> BTreeSet<PersonId> {
    let stand_ins = &directory.data().stand_ins;
    let is_new = |day: Option<Date>| day.is_some_and(|day| after < day && day <= upto);
    let changes = stand_ins.iter().filter(|entry| {
        let long = Span::Workdays(ABSENT_WORKDAYS_MAX + 1);
        let long = entry.from.pred_opt().and_then(|before| calendar.add(before, long).ok());
        [Some(entry.from), entry.until.succ_opt(), long.map(|long| long.date)]
            .into_iter()
            .any(is_new)
    });
    let mut people: BTreeSet<PersonId> = changes.map(|entry| entry.absent.clone()).collect();
    let depend = stand_ins.iter().filter(|entry| people.contains(&entry.by));
    let depend: Vec<PersonId> = depend.map(|entry| entry.absent.clone()).collect();
    people.extend(depend);
    people
}

/// Who is there on a day.
#[derive(Clone, Copy)]
pub(crate) struct Presence<'a> {
    pub(crate) directory: &'a Directory,
    pub(crate) calendar: &'a Calendar,
    pub(crate) today: Date,
}

impl Presence<'_> {
    /// Whether somebody who is there, and is none of `barred`, can act for an assignee.
    pub(crate) fn can_act(&self, who: &Assignee, barred: &[PersonId], in_person: bool) -> bool {
        let holders = self.directory.holders(who);
        holders.iter().any(|holder| self.is_there(holder, barred, in_person))
    }

    /// Whether a person can act, or somebody for them. Whoever is absent can still act; beyond
    /// five working days that is not counted on any more.
    pub(crate) fn is_there(&self, person: &PersonId, barred: &[PersonId], in_person: bool) -> bool {
        if self.directory.person(person).is_none() || barred.contains(person) {
            return false;
        }
        if !self.is_long_absent(person) {
            return true;
        }
        let fits = |by: &&PersonId| {
            self.directory.person(by).is_some() && !barred.contains(by) && !self.is_long_absent(by)
        };
        !in_person && self.directory.stand_ins(person, self.today).any(|by| fits(&by))
    }

    fn is_long_absent(&self, person: &PersonId) -> bool {
        let entries = self.directory.data().stand_ins.iter();
        let covering = entries.filter(|entry| entry.absent == *person && entry.covers(self.today));
        let since = covering.map(|entry| entry.from).min();
        since.and_then(|since| since.pred_opt()).is_some_and(|before| {
            self.calendar.workdays_between(before, self.today) > ABSENT_WORKDAYS_MAX
        })
    }
}

/// Whether an assignee could review the work of `workers`: somebody else can act for it.
pub(crate) fn is_separate(
    directory: &Directory,
    reviewer: &Assignee,
    workers: &[PersonId],
) -> bool {
    let holders = directory.holders(reviewer);
    holders.is_empty() || holders.iter().any(|holder| !workers.contains(holder))
}
