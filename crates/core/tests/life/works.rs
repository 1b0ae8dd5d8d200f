//! Random workflows, written from a small grammar, and versions of them.

use std::fmt::Write as _;

use crate::dice::Dice;

/// What every suite of a random life has besides its workflow.
pub(crate) const SUITE: &str = "
  review:
    - { at: due + workdays(1), do: say, what: chase, to: task.reviewers }
    - { at: due + workdays(3), do: say, what: again }
review_ladder: review
scoring:
  - { id: late, on: overdue, points: -1 }
  - { id: missed, on: missed, points: -2 }
  - { id: silent, on: report_missed, points: -1 }
  - { id: still, on: stalled, points: -1 }
";

/// Functions of its rungs and hooks.
pub(crate) const HOOKS: &str = "
fn say(task, rung) { remind(#{ to: task.owner, text: rung.what }); }
fn blue(task, rung) { slip(#{ colour: \"blue\", to: task.owner, text: rung.what }); }
fn more(task) { open_task(#{ title: \"补充\", owner: task.owner, due: now + workdays(10), why: \"退回\" }); }
";

/// Rungs with the words that name them. Those without an id are known by what they say.
const RUNGS: [&str; 7] = [
    "at: due - workdays(5), do: say, what: far",
    "at: due - workdays(2), do: say, what: near",
    "id: first, at: due + workdays(1), do: say, what: late",
    "id: fifth, at: due + workdays(5), do: blue, what: later",
    "at: due + workdays(8), do: breaks, what: worst",
    "stalled: true, do: say, what: still",
    "behind: 20, for: workdays(2), do: say, what: behind",
];

const OWNERS: [&str; 4] = [
    "unit.post(\"组织部长\")",
    "unit.post(\"书记\")",
    "org(\"组织部\").post(\"干事\")",
    "unit.post(\"空岗\")",
];

const SEATS: [&str; 5] = [
    "org(\"组织部\").post(\"部长\")",
    "org(\"市\").post(\"书记\")",
    "org(\"一街\").post(\"书记\")",
    "org(\"二街\").post(\"书记\")",
    "org(\"历下\").post(\"空岗\")",
];

/// A workflow of a random life.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(crate) tasks: Vec<Task>,
    /// Positions in [`RUNGS`], in the order of the ladder.
    rungs: Vec<usize>,
    renews: bool,
}

/// A task of it, as choices.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) name: String,
    was: Option<String>,
    needs: Vec<String>,
    any: bool,
    foreign: bool,
    streets: bool,
    owner: usize,
    manner: usize,
    seats: [usize; 3],
    back_to: Option<String>,
    pub(crate) due: usize,
    pub(crate) return_within: usize,
    review_within: usize,
    every: usize,
    extension: bool,
    report: bool,
    stall: bool,
    start_by: bool,
    plan: bool,
    stops: Option<String>,
    child: usize,
    laddered: bool,
    hook: usize,
    not_before: bool,
}

const DUES: [&str; 7] = [
    "",
    "2026-02-27",
    "2026-04-15",
    "2026-06-30",
    "2027-02-10",
    "now + workdays(8)",
    "now + workdays(1)",
];

impl Task {
    fn new(number: usize, dice: &mut Dice) -> Self {
        let earlier = |dice: &mut Dice| format!("t{}", dice.below(number));
        let needs = if number > 0 && dice.percent(55) {
            let mut needs: Vec<String> = (0..1 + dice.below(2)).map(|_| earlier(dice)).collect();
            needs.sort();
            needs.dedup();
            needs
        } else {
            Vec::new()
        };
        let child = if dice.percent(12) { 1 + dice.below(2) } else { 0 };
        let every = if child == 0 && dice.percent(20) { 1 + dice.below(3) } else { 0 };
        Self {
            name: format!("t{number}"),
            was: None,
            back_to: needs.first().filter(|_| dice.percent(40)).cloned(),
            any: dice.percent(25),
            foreign: dice.percent(8),
            streets: child == 0 && dice.percent(30),
            needs,
            owner: dice.below(10).min(OWNERS.len() - 1) % OWNERS.len(),
            manner: dice.below(7),
            seats: [dice.below(4), dice.below(4), dice.below(SEATS.len())],
            due: dice.below(DUES.len()),
            return_within: dice.below(3),
            review_within: dice.below(3),
            every,
            extension: dice.percent(50),
            report: dice.percent(30),
            stall: dice.percent(30),
            start_by: dice.percent(20),
            plan: dice.percent(20),
            stops: None,
            child,
            laddered: dice.percent(75),
            hook: dice.below(5),
            not_before: dice.percent(8),
        }
    }

    /// How many working days its owner has at least whenever it becomes theirs.
    pub(crate) fn floor(&self) -> i64 {
        [3, 1, 6][self.return_within]
    }

    /// Whether its due date counts from the readiness itself.
    pub(crate) fn counts_from_readiness(&self) -> bool {
        DUES[self.due].starts_with("now")
    }

    fn reviewer(&self) -> String {
        let mut seats: Vec<usize> = self.seats.to_vec();
        seats.sort_unstable();
        seats.dedup();
        let quoted: Vec<String> = seats.iter().map(|seat| format!("'{}'", SEATS[*seat])).collect();
        let list = quoted.join(", ");
        let back = match &self.back_to {
            Some(task) => format!(", on_refuse: {task}"),
            None => String::new(),
        };
        match self.manner {
            0 => "none".to_owned(),
            1 | 2 => SEATS[self.seats[0]].to_owned(),
            3 => format!("{{ all: [{list}]{back} }}"),
            4 => format!("{{ any: [{list}]{back} }}"),
            5 => format!("{{ steps: [{list}]{back} }}"),
            _ => {
                format!("{{ of: [{list}], at_least: {}, refusals: 1{back} }}", quoted.len().min(2))
            }
        }
    }

    fn write(&self, text: &mut String) {
        let mut line = |words: &str| writeln!(text, "    {words}").expect("a text");
        line(&format!("title: 任务{}", self.name));
        if let Some(was) = &self.was {
            line(&format!("was: [{was}]"));
        }
        let mut needs = self.needs.clone();
        if self.foreign {
            needs.push("{ other/x: unit }".to_owned());
        }
        if !needs.is_empty() {
            line(&format!("needs: [{}]", needs.join(", ")));
            if self.any {
                line("join: any");
            }
        }
        if self.child > 0 {
            line("workflow: other");
            if self.child > 1 {
                line("on_cancel: keep");
            }
            return;
        }
        if self.streets {
            line("each: { street: unit.below(\"street\") }");
            line(["", "follow: directory", ""][self.hook % 3]);
            line("owner: item.street.post(\"书记\")");
        } else {
            line(&format!("owner: {}", OWNERS[self.owner]));
        }
        line(&format!("reviewer: {}", self.reviewer()));
        if self.manner > 0 {
            line(
                ["review_within: workdays(3)", "review_within: workdays(5)", ""]
                    [self.review_within],
            );
        }
        line(["", "return_within: workdays(1)", "return_within: workdays(6)"][self.return_within]);
        line(if self.laddered { "ladder: main" } else { "ladder: none" });
        if self.every > 0 {
            line(["", "every: month", "every: quarter", "every: week"][self.every]);
            line("grace: workdays(3)");
            line(["", "hooks: { missed: talk }"][self.hook % 2]);
            return;
        }
        self.write_dates(&mut line);
    }

    fn write_dates(&self, line: &mut impl FnMut(&str)) {
        if !DUES[self.due].is_empty() {
            line(&format!("due: {}", DUES[self.due]));
            if self.extension {
                line("extension: { max: 2, by: months(3) }");
            }
            if let Some(stops) = &self.stops {
                line(&format!("stops_clock: [{stops}]"));
            }
        }
        if self.report {
            line("report: month");
        }
        if self.stall {
            line("stall: workdays(12)");
        }
        if self.start_by {
            line("start_by: now + workdays(5)");
        }
        if self.plan {
            line("plan: { 2026-03-31: 30, 2026-06-15: 70 }");
        }
        if self.not_before {
            line("not_before: 2026-02-20");
        }
        line(
            [
                "",
                "hooks: { overdue: talk }",
                "hooks: { returned: more }",
                "hooks: { done: breaks }",
                "",
            ][self.hook],
        );
    }
}

impl Work {
    pub(crate) fn random(dice: &mut Dice) -> Self {
        let count = 2 + dice.below(4);
        let mut tasks: Vec<Task> = (0..count).map(|number| Task::new(number, dice)).collect();
        for number in 1..count {
            let other = dice.below(number);
            let dated = |task: &Task| !DUES[task.due].is_empty() && task.every == 0;
            if dice.percent(25) && dated(&tasks[number]) && tasks[other].child == 0 {
                tasks[number].stops = Some(tasks[other].name.clone());
            }
        }
        let rungs = (0..RUNGS.len()).filter(|_| dice.percent(60)).collect();
        let mut work = Self { tasks, rungs, renews: dice.percent(30) };
        work.put_in_order();
        work
    }

    /// Another version of it.
    pub(crate) fn changed(&self, dice: &mut Dice) -> Self {
        let mut work = self.clone();
        for task in &mut work.tasks {
            task.was = None;
        }
        for _ in 0..1 + dice.below(3) {
            work.change(dice);
        }
        work
    }

    fn change(&mut self, dice: &mut Dice) {
        let place = dice.below(self.tasks.len());
        let last = self.tasks.len();
        match dice.below(9) {
            0 => self.tasks[place].due = dice.below(DUES.len()),
            1 => self.tasks[place].manner = dice.below(7),
            2 => self.tasks[place].owner = dice.below(OWNERS.len()),
            3 => self.rungs.reverse(),
            4 => {
                let rung = dice.below(RUNGS.len());
                match self.rungs.iter().position(|one| *one == rung) {
                    Some(place) => drop(self.rungs.remove(place)),
                    None => self.rungs.insert(dice.below(self.rungs.len() + 1), rung),
                }
            }
            5 => self.tasks.push(Task { name: format!("t{last}"), ..Task::new(last, dice) }),
            6 => self.rename(place),
            7 => self.tasks[place].laddered = !self.tasks[place].laddered,
            _ => self.tasks[place].return_within = dice.below(3),
        }
        self.put_in_order();
    }

    /// What `check` asks of dates: none before those of what comes first, and one for each task
    /// that stops a clock.
    fn put_in_order(&mut self) {
        for place in 0..self.tasks.len() {
            let needs = self.tasks[place].needs.clone();
            let before = |task: &&Task| needs.contains(&task.name) && !task.counts_from_readiness();
            let earliest = self.tasks.iter().filter(before).map(|task| task.due).max();
            let task = &mut self.tasks[place];
            if !task.counts_from_readiness() && task.due > 0 {
                task.due = task.due.max(earliest.unwrap_or_default());
            }
            if DUES[task.due].is_empty() || task.every > 0 {
                task.stops = None;
            }
        }
    }

    fn rename(&mut self, place: usize) {
        let old = self.tasks[place].name.clone();
        let new = format!("{old}x");
        if self.tasks.iter().any(|task| task.was.is_some()) {
            return;
        }
        let renamed = |name: &mut String| {
            if *name == old {
                name.clone_from(&new);
            }
        };
        for task in &mut self.tasks {
            task.needs.iter_mut().for_each(renamed);
            task.stops.iter_mut().for_each(renamed);
            task.back_to.iter_mut().for_each(renamed);
        }
        self.tasks[place].was = Some(old);
        self.tasks[place].name = new;
    }

    pub(crate) fn task(&self, name: &str) -> Option<&Task> {
        self.tasks.iter().find(|task| task.name == name)
    }

    /// The workflow as it stands in a file, after its `id`, `title` and `lead`.
    pub(crate) fn text(&self) -> String {
        let mut text = String::from("period: year\n");
        if self.renews {
            text.push_str("renew: auto\n");
        }
        text.push_str("ladders:\n  main:\n");
        for rung in &self.rungs {
            writeln!(text, "    - {{ {} }}", RUNGS[*rung]).expect("a text");
        }
        if self.rungs.is_empty() {
            writeln!(text, "    - {{ {} }}", RUNGS[2]).expect("a text");
        }
        text.push_str("tasks:\n");
        for task in &self.tasks {
            writeln!(text, "  {}:", task.name).expect("a text");
            task.write(&mut text);
        }
        text
    }
}
