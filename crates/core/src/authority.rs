//! Who may do what: by the posts that people hold now, and by whom they stand in for.

use duban_calendar::Date;
use duban_model::{Assignee, Directory, PersonId, UnitId};

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

/// The first filled post above an assignee whose holder is none of `avoid`.
///
/// A unit's first post answers for it. A vacant post climbs to the next unit up; `None` where
/// the top is reached.
pub(crate) fn superior(
    directory: &Directory,
    of: &Assignee,
    avoid: &[PersonId],
) -> Option<Assignee> {
    let unit = directory.unit_of(of)?;
    let above = directory.unit(&unit)?.superior.clone()?;
    filled_post(directory, &above, avoid)
}

/// The first filled post of a unit, or of the nearest unit above it.
pub(crate) fn filled_post(
    directory: &Directory,
    unit: &UnitId,
    avoid: &[PersonId],
) -> Option<Assignee> {
    directory.chain(unit).find_map(|unit| {
        let post = directory.posts(&unit.id).next()?;
        let answers = post.holders.first()?;
        (!avoid.contains(answers))
            .then(|| Assignee::Post(unit.id.clone(), post.name.as_str().into()))
    })
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
