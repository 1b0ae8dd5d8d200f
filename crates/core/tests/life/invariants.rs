//! What must hold after every decision. It is known from the events and the case's public state
//! alone; nothing here is shared with what decides.

use std::collections::BTreeMap;

use duban_calendar::{Date, Instant, Window, date_of, end_of};
use duban_core::{
    Actor, Attention, AttentionKind, Case, CaseRow, CaseStatus, Decision, DueReason, Env, Event,
    Fact, ItemKey, ItemRow, Light, Notification, Side, Status, Teller, case_from_texts, decode,
    encode, light, outgoing, replay,
};
use duban_model::PersonId;

use crate::mine::Mine;
use crate::support::TZ;
use crate::works::Work;
use crate::world::ensure;

const DAY_MS: i64 = 24 * 3_600_000;

/// More items than this are no work any more but growth without an end.
const ITEMS_MAX: usize = 4_000;

/// Looks on while a case lives.
#[derive(Default)]
pub(crate) struct Watcher {
    items: BTreeMap<ItemKey, Mine>,
    last: Option<(u64, Instant)>,
    suspended: bool,
    ended: bool,
    slips: u32,
    messages: u64,
    outage: bool,
    awake_at: Option<Instant>,
    /// The definition or the units have changed: windows may begin later, or not at all.
    remade: bool,
}

impl Watcher {
    /// The case is about to be woken for what waits since `next`. What lay in the past when it came
    /// about does not wait since then, but since the case was last awake.
    pub(crate) fn waking(&mut self, next: Option<Instant>, now: Instant) {
        let since = next.map(|next| self.awake_at.map_or(next, |awake| awake.max(next)));
        self.outage |= since.is_some_and(|since| now.millis_since(since) > DAY_MS);
    }

    /// It has done everything there was to do.
    pub(crate) fn awake(&mut self, now: Instant) {
        self.outage = false;
        self.awake_at = self.awake_at.max(Some(now));
    }

    /// Checks one decision: each event in its order, then what it comes to.
    pub(crate) fn decided(
        &mut self,
        before: &Case,
        decision: &Decision,
        env: &Env,
        work: &Work,
    ) -> Result<(), String> {
        let mut begun: Vec<(ItemKey, Instant, Option<Instant>, u32)> = Vec::new();
        let mut released: Vec<(ItemKey, Instant, (Instant, Instant))> = Vec::new();
        for event in &decision.events {
            self.event(event).map_err(|what| format!("{what}: {event:?}"))?;
            let Some(key) = event.fact.item() else { continue };
            let Some(mine) = self.items.get(key) else { continue };
            let begins = matches!(
                event.fact,
                Fact::ItemReady { .. } | Fact::Returned { .. } | Fact::Reopened { .. }
            );
            if begins {
                let in_force = before.item(key).and_then(|item| item.due());
                begun.push((key.clone(), event.at, in_force, mine.begun));
            }
            if matches!(event.fact, Fact::Released { .. })
                && mine.stops.is_empty()
                && let Some(stood) = mine.has_stood
            {
                released.push((key.clone(), event.at, stood));
            }
        }
        for (key, at, in_force, times) in begun {
            self.floor(&key, at, in_force, times, env, work)?;
        }
        for (key, at, (since, due)) in released {
            self.goes_on(&key, at, since, due, env)?;
        }
        Ok(())
    }

    fn event(&mut self, event: &Event) -> Result<(), String> {
        let (seq, at) = self.last.unwrap_or((0, Instant::MIN));
        ensure(event.seq == seq + 1, || format!("event {} follows {seq}", event.seq))?;
        ensure(event.at >= at, || "time runs backwards".to_owned())?;
        ensure(event.recorded_at >= event.at, || "recorded before it happened".to_owned())?;
        self.last = Some((event.seq, event.at));
        if let Some(key) = event.fact.item()
            && let Some(mine) = self.items.get(key)
        {
            ensure(!self.ended || !is_times(&event.fact), || {
                "time goes on in an ended case".to_owned()
            })?;
            time_counts(mine, event)?;
            moves(mine, event)?;
            signing(mine, event)?;
        }
        if let Fact::DeadlineSet { deadline, .. } = &event.fact
            && deadline.why == DueReason::Outage
        {
            ensure(self.outage, || "taken for an outage that was none".to_owned())?;
        }
        // A window whose clock has just gone on ends as rule 21 says, outage or not.
        let mine = event.fact.item().and_then(|key| self.items.get(key));
        let goes_on =
            mine.is_some_and(|mine| mine.window.is_some() && mine.went_on == Some(event.at));
        if self.outage && !goes_on {
            ensure(!judges(&event.fact), || {
                "judged for days on which nobody could act".to_owned()
            })?;
        }
        if let Some(mine) = event.fact.item().and_then(|key| self.items.get_mut(key)) {
            mine.hear(event);
        }
        self.of_case(event)
    }

    fn of_case(&mut self, event: &Event) -> Result<(), String> {
        match &event.fact {
            Fact::ItemsAdded { task, items, .. } => {
                for new in items {
                    let old = self.items.insert(new.key.clone(), Mine::added(task.as_str(), new));
                    ensure(old.is_none(), || format!("{} exists twice", new.key))?;
                }
            }
            Fact::ItemOpened { key, kind, ready, .. } => {
                let old = self.items.insert(key.clone(), Mine::opened(kind, ready));
                ensure(old.is_none(), || format!("{key} exists twice"))?;
            }
            Fact::CaseSuspended { .. } => self.suspended = true,
            Fact::CaseResumed => self.suspended = false,
            Fact::CaseCancelled { .. } => self.ended = true,
            Fact::CaseReopened => self.ended = false,
            Fact::Scored { rule: Some(rule), points, .. } => {
                // What was taken is given back at any time.
                let gives = *points > 0;
                ensure(!self.suspended || gives, || format!("{rule} scores in a suspended case"))?;
            }
            Fact::Sent(sent) => {
                if sent.kind == Notification::Slip {
                    self.slips += 1;
                    ensure(sent.number == Some(self.slips), || "a slip's number".to_owned())?;
                }
                let mine = sent.item.as_ref().and_then(|key| self.items.get_mut(key));
                let is_word = matches!(sent.text.as_str(), "far" | "near" | "late" | "later");
                if let Some(mine) = mine.filter(|_| is_word) {
                    ensure(mine.said.insert(sent.text.clone()), || {
                        "a rung fires twice".to_owned()
                    })?;
                }
            }
            Fact::MessageSent { number, .. } => {
                self.messages += 1;
                ensure(*number == self.messages, || "a message's number".to_owned())?;
            }
            Fact::Migrated { map, .. } => {
                self.remade = true;
                for (old, task) in map.iter().flat_map(|map| &map.tasks) {
                    let renamed = self.items.values_mut().filter(|mine| mine.task == old.as_str());
                    renamed.for_each(|mine| mine.task = task.to.to_string());
                }
            }
            // Facts that are an item's alone, or that are seen in what they lead to.
            _ => {}
        }
        Ok(())
    }

    /// Rule 18: whenever an item becomes its owner's it has at least `return_within`, and never
    /// less than the date in force.
    fn floor(
        &self,
        key: &ItemKey,
        at: Instant,
        in_force: Option<Instant>,
        times: u32,
        env: &Env,
        work: &Work,
    ) -> Result<(), String> {
        let mine = &self.items[key];
        let Some(task) = work.task(&mine.task) else { return Ok(()) };
        let Some(due) = mine.due else { return Ok(()) };
        if !mine.is_owners() || !mine.is_task || mine.window.is_some() || mine.begun != times {
            return Ok(());
        }
        if times > 1 {
            ensure(in_force.is_none_or(|in_force| due >= in_force), || {
                format!("{key} has less than the date in force: {due}, {in_force:?}")
            })?;
        }
        if times == 1 && task.counts_from_readiness() {
            return Ok(());
        }
        let left = workdays(env, at, due);
        ensure(left >= task.floor(), || {
            format!("{key} became its owner's at {at} and is due {due}: {left} working days")
        })
    }

    /// Rule 20: what was left when the clock began to stand is counted from its end.
    fn goes_on(
        &self,
        key: &ItemKey,
        at: Instant,
        since: Instant,
        due: Instant,
        env: &Env,
    ) -> Result<(), String> {
        let mine = &self.items[key];
        let Some(now) = mine.due.filter(|_| mine.is_owners() && mine.window.is_none()) else {
            return Ok(());
        };
        let left = workdays(env, since, due);
        if due < since || !env.calendar.is_settled(date_of(due, TZ)) {
            return Ok(());
        }
        ensure(workdays(env, at, now) >= left, || {
            format!(
                "{key} stood from {since} to {at} with {left} working days; now it is due {now}"
            )
        })
    }

    /// Checks a case that has done everything there was to do.
    pub(crate) fn standing(&mut self, case: &Case, env: &Env) -> Result<(), String> {
        let definition = env.program.definition();
        ensure(case.items().count() <= ITEMS_MAX, || "items without an end".to_owned())?;
        for item in case.items() {
            let key = &item.key;
            let mine = self.items.get(key).ok_or_else(|| format!("nobody has made {key}"))?;
            ensure(mine.status == item.status, || {
                format!("{key} should be {:?} and is {:?}", mine.status, item.status)
            })?;
            ensure(mine.stops.is_empty() != item.is_held(), || format!("{key}: {:?}", mine.stops))?;
            ensure(mine.due == item.due(), || format!("{key}: due {:?}", mine.due))?;
            ensure(mine.members == item.review.members, || format!("{key}: its reviewers"))?;
            let shown = light(item, definition, env.now);
            let is_grey = shown == Light::Grey;
            let idle = mine.is_closed() || mine.status == Status::Waiting;
            ensure(!idle || is_grey, || format!("{key} is {:?} and {shown:?}", mine.status))?;
        }
        self.moves_on(case)?;
        self.lists(case, env)?;
        self.windows(case)
    }

    /// What is open has somebody whose move it is, or an instant at which it is looked at.
    fn moves_on(&self, case: &Case) -> Result<(), String> {
        let head = case.head();
        let open = case.items().filter(|item| item.status.is_open()).count();
        let waiting: Vec<&ItemKey> = case
            .items()
            .filter(|item| item.status == Status::Waiting)
            .map(|item| &item.key)
            .collect();
        if head.status == CaseStatus::Closed {
            ensure(open == 0 && waiting.is_empty(), || "a closed case owes something".to_owned())?;
        }
        let others = head.asked.len() + case.items().filter(|item| item.child.is_some()).count();
        let still = head.status == CaseStatus::Open && head.suspended.is_none();
        let stuck = still && open == 0 && others == 0 && !waiting.is_empty();
        ensure(!stuck || case.next_wakeup().is_some(), || format!("{waiting:?} wait for nothing"))
    }

    /// Rule 36: work that is owed for a unit that is gone is known to be, and what a list would add
    /// is of a unit that is there and has none.
    fn lists(&self, case: &Case, env: &Env) -> Result<(), String> {
        let differs = case.head().differs.clone().unwrap_or_default();
        for key in &differs.came {
            let unit = key.as_str().split('/').nth(1).unwrap_or_default();
            let is_there = env.directory.unit(&unit.into()).is_some();
            ensure(is_there && case.item(key).is_none(), || format!("{key} would not be added"))?;
        }
        if case.head().status != CaseStatus::Open {
            return Ok(());
        }
        for item in case.items().filter(|item| !item.status.is_closed() && !item.as_it_is) {
            let Some(duban_script::Value::Unit(unit)) = item.axes.get("street") else { continue };
            let owed = item.window_met.is_none() && env.directory.unit(unit).is_none();
            let told = |one: &Attention| one.kind == AttentionKind::UnitGone;
            let known = differs.gone.contains(&item.key) || item.attention.iter().any(told);
            ensure(!owed || known, || {
                format!("nobody knows that {} is owed for a unit that is gone", item.key)
            })?;
        }
        Ok(())
    }

    /// Rule 32: windows of one duty follow one another, none twice, none left out.
    fn windows(&self, case: &Case) -> Result<(), String> {
        let mut owed: BTreeMap<(String, String), Vec<Window>> = BTreeMap::new();
        for item in case.items() {
            let Some(window) = item.window else { continue };
            let axes = format!("{:?}", item.axes);
            owed.entry((item.task.to_string(), axes)).or_default().push(window);
        }
        for ((task, axes), mut windows) in owed {
            windows.sort_by_key(|window| window.start);
            for pair in windows.windows(2) {
                let follows = pair[1].start > pair[0].end;
                let next = pair[0].end.succ_opt() == Some(pair[1].start);
                ensure(follows && (next || self.remade), || {
                    format!("windows of {task} {axes}: {} after {}", pair[1].key(), pair[0].key())
                })?;
            }
        }
        Ok(())
    }
}

/// Rules 18 to 20: time says something of an item only while it is somebody's whose time it is.
fn time_counts(mine: &Mine, event: &Event) -> Result<(), String> {
    let owners = mine.is_owners();
    let reviewers = mine.status == Status::Submitted && mine.stops.is_empty();
    let late = mine.due.is_some_and(|due| event.at > due);
    let goes_on = mine.went_on == Some(event.at);
    // A window's end moves no further than to the end of the next one, however long it was held.
    let judges_work = judges(&event.fact) && mine.window.is_none();
    let in_its_instant = goes_on && judges_work && !mine.taken_back_late;
    ensure(!in_its_instant, || "judged in the instant of its release".to_owned())?;
    let asks_in_time = mine.asked.zip(mine.due).is_some_and(|(asked, due)| asked <= due);
    let holds = match &event.fact {
        Fact::DueSoon { .. } => owners && !late,
        Fact::Overdue { .. } => {
            ensure(!mine.late_said, || "late twice, and nobody gave a later date".to_owned())?;
            ensure(!asks_in_time, || "late while an answer is owed".to_owned())?;
            owners && late && mine.window.is_none()
        }
        Fact::StartOverdue { .. } => owners && mine.status == Status::Ready,
        Fact::ReportMissed { .. }
        | Fact::ReportKept { .. }
        | Fact::Stalled { .. }
        | Fact::PlanChecked { .. }
        | Fact::RungFired { side: Side::Work, .. } => {
            // A rung for silence is none towards the date.
            let dated = mine.stalled_at != Some(event.at);
            let is_rung = matches!(event.fact, Fact::RungFired { .. });
            let waits = asks_in_time && late && is_rung && dated;
            owners && !waits
        }
        Fact::ReviewOverdue { .. } | Fact::RungFired { side: Side::Review, .. } => reviewers,
        Fact::AnswerOverdue { .. } | Fact::RungFired { side: Side::Answer, .. } => {
            owners && mine.asked.is_some()
        }
        Fact::WindowJudged { .. } => {
            let ended = mine.window.is_some_and(|window| event.at > end_of(window.end, TZ));
            let once = !mine.judged || mine.judge_again;
            ended && once && mine.stops.is_empty() && mine.status != Status::Waiting
        }
        // Not a matter of time.
        _ => true,
    };
    ensure(holds, || format!("it was not its turn ({mine:?})"))
}

/// The state table of a task's life.
fn moves(mine: &Mine, event: &Event) -> Result<(), String> {
    use Status::{Active, Done, Ready, Submitted, Waiting};
    let from: &[Status] = match &event.fact {
        Fact::ItemReady { .. } => &[Waiting],
        Fact::Signed { .. } => &[Ready],
        Fact::Reported { .. } | Fact::ExtensionAsked { .. } => &[Ready, Active],
        Fact::Submitted { .. } => &[Ready, Active],
        Fact::Withdrawn { .. } | Fact::Countersigned { .. } | Fact::ReviewRefused { .. } => {
            &[Submitted]
        }
        Fact::Accepted { .. } => &[Ready, Active, Submitted],
        Fact::Returned { .. } => &[Submitted, Done],
        Fact::Reopened { .. } => &[Done],
        // No move of a task's life.
        _ => return Ok(()),
    };
    ensure(from.contains(&mine.status), || format!("not while {:?}", mine.status))
}

/// Rules 22 and 23: a round is done when everybody on the list has agreed, or as many as must;
/// nobody reviews what they have worked on.
fn signing(mine: &Mine, event: &Event) -> Result<(), String> {
    let mut agreed = mine.agreed.clone();
    match &event.fact {
        Fact::Countersigned { member, also, .. } => {
            for seat in std::iter::once(member).chain(also) {
                ensure(mine.members.contains(seat), || format!("{seat} is no signer"))?;
                ensure(!mine.agreed.contains(seat), || format!("{seat} agrees twice"))?;
            }
            return others(mine, &event.actor);
        }
        Fact::Accepted { seats, taken_off, .. } => {
            agreed.extend(seats.iter().cloned());
            if taken_off.is_none() && mine.status == Status::Submitted && !mine.members.is_empty() {
                others(mine, &event.actor)?;
            }
        }
        // Nobody signs.
        _ => return Ok(()),
    }
    if mine.status != Status::Submitted || mine.members.is_empty() {
        return Ok(());
    }
    let have = mine.members.iter().filter(|seat| agreed.contains(seat)).count();
    let must = match mine.manner.quorum() {
        Some((at_least, _)) => usize::try_from(at_least).expect("a small number"),
        None => mine.members.len(),
    };
    ensure(have >= must, || {
        format!("{have} of {must} have agreed: {agreed:?} of {:?}", mine.members)
    })?;
    let Fact::Accepted { done: true, on_time, .. } = &event.fact else { return Ok(()) };
    let Some((Some(due), at)) = mine.submitted else { return Ok(()) };
    if mine.window.is_none() && mine.late_said && !mine.is_anothers {
        ensure(!on_time, || "late, and done on time".to_owned())?;
    } else if mine.window.is_none() && !mine.was_late && at <= due {
        ensure(*on_time, || format!("submitted at {at}, due {due}, and not on time"))?;
    }
    Ok(())
}

fn others(mine: &Mine, actor: &Actor) -> Result<(), String> {
    let Actor::Person { person, on_behalf_of } = actor else { return Ok(()) };
    let people: Vec<&PersonId> =
        [Some(person), on_behalf_of.as_ref()].into_iter().flatten().collect();
    let both = people.into_iter().find(|person| mine.workers.contains(*person));
    ensure(both.is_none(), || format!("{both:?} worked on it and reviews it"))
}

/// Facts that only time brings.
fn is_times(fact: &Fact) -> bool {
    judges(fact) || matches!(fact, Fact::RungFired { .. } | Fact::DueSoon { .. })
}

/// Facts that hold something against somebody.
fn judges(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::Overdue { .. }
            | Fact::ReviewOverdue { .. }
            | Fact::AnswerOverdue { .. }
            | Fact::StartOverdue { .. }
            | Fact::ReportMissed { .. }
            | Fact::Stalled { .. }
            | Fact::WindowJudged { met: false, .. }
    )
}

/// Working days after one instant up to another, counted one by one.
fn workdays(env: &Env, after: Instant, upto: Instant) -> i64 {
    let (mut day, last): (Date, Date) = (date_of(after, TZ), date_of(upto, TZ));
    let mut found = 0;
    while day < last {
        day = day.succ_opt().expect("a next day");
        found += i64::from(env.calendar.is_workday(day));
    }
    found
}

/// What is stored gives back what was lived: the log folds to the case, its texts and the rows are
/// read as they were written, and each event can be told.
pub(crate) fn kept(case: &Case, log: &[(Event, String)], env: &Env) -> Result<(), String> {
    let definition = env.program.definition();
    let teller = Teller::new(definition, &env.directory);
    let mut previous = String::new();
    for (event, hash) in log {
        let encoded = encode(event, &previous);
        ensure(encoded.hash == *hash, || format!("the chain breaks at {}", event.seq))?;
        let read = decode(&encoded.text).map_err(|error| error.to_string())?;
        ensure(read == *event, || format!("not read as written: {event:?}"))?;
        let line = teller.line(event);
        ensure(line.is_none_or(|line| !line.trim().is_empty()), || "an empty line".to_owned())?;
        if let Some(out) = outgoing(&case.id(), event) {
            ensure(out.seq == event.seq, || "a delivery of another event".to_owned())?;
        }
        previous = encoded.hash;
    }
    let replayed = replay(log.iter().map(|(event, hash)| (event, hash.as_str())));
    ensure(replayed.as_ref() == Some(case), || "the log folds to another case".to_owned())?;
    let head = CaseRow::of(case).data;
    let rows: Vec<(String, String)> = case
        .items()
        .map(|item| ItemRow::of(&case.id(), item, definition))
        .map(|row| (row.key, row.data))
        .collect();
    let rows = rows.iter().map(|(key, data)| (key.as_str(), data.as_str()));
    let read = case_from_texts(case.id().as_str(), &head, rows).map_err(|e| e.to_string())?;
    ensure(read.head() == case.head(), || "rows give back another head".to_owned())?;
    let differs = case.items().find(|item| read.item(&item.key) != Some(item));
    ensure(differs.is_none(), || format!("a row gives back another item than {differs:?}"))?;
    ensure(read == *case, || "rows give back another case".to_owned())
}
