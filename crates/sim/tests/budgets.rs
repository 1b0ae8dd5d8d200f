//! Bounds of virtual time: what grows without end stops at the bound that it reaches first, and
//! says which; what is called off ends.

mod support;

use duban_sim::{Budget, NotSimulated, Plan, Report, Stop, World, run_tests, simulate};

use self::support::Loaded;

/// A workflow of districts with one task and the keys given for it.
fn workflow(id: &str, task: &str) -> String {
    format!(
        "id: {id}\ntitle: {id}\nbasis: M1\nlead: org(\"某市\")\ncases: units(\"district\")\n\
         period: year\ntasks:\n  work:\n    title: 办理\n    owner: unit.post(\"书记\")\n    \
         due: date(2022, 3, 31)\n{task}"
    )
}

const READY: &str = "    hooks: { ready: more }\n";

/// As many as one call may ask for.
const MANY: &str = "fn more(task) { for n in 0..100 { open_case(\"b\", task.unit, #{}); } }";

fn small() -> Budget {
    Budget { cases_max: 60, items_max: 500, moments_max: 5_000, ..Budget::default() }
}

fn lived(loaded: &Loaded, budget: Budget) -> Result<Report, NotSimulated> {
    let day = |text: &str| text.parse().expect("a date");
    let plan = Plan { from: day("2022-01-01"), to: day("2022-12-31"), seed: 1, budget };
    simulate(&loaded.suite, &loaded.programs, &plan, &mut (), |_| ())
}

#[track_caller]
fn check(files: &[(&str, &str)], budget: Budget, name: &'static str) {
    let test = "fn test_it() { let c = open(\"a\", \"东区\", 2022); \
                try { advance_to(\"2022-12-31\"); } catch { } assert_event(c, \"opened\", 1); }";
    let loaded = support::of(&[files, &[("tests/a.rhai", test)]].concat());
    match lived(&loaded, budget.clone()) {
        Err(NotSimulated::Stopped(stop)) => assert_eq!(stop.name, name),
        other => panic!("{name}: {other:?}"),
    }
    let [result] =
        run_tests(&loaded.suite, &loaded.programs, "", &budget).try_into().expect("one test");
    let failure = result.failure.expect("it failed");
    assert!(
        failure.starts_with("tests/a.rhai: DB3001 达到上限") && failure.contains(name),
        "{failure}"
    );
    assert!(result.timeline.len() <= 1_001);
}

#[test]
fn cases_that_open_cases_stop_at_a_bound() {
    let own = workflow("a", READY);
    let open_a = "fn more(task) { open_case(\"a\", task.unit, #{}); }";
    check(&[("a.yaml", &own), ("hooks.rhai", open_a)], small(), "opened_depth_max");

    // In a circle, each by another's hook.
    let other = workflow("b", "    hooks: { ready: back }\n");
    let circle = "fn more(task) { open_case(\"b\", task.unit, #{}); }\n\
                  fn back(task) { open_case(\"a\", task.unit, #{}); }";
    let files = [("a.yaml", own.as_str()), ("b.yaml", &other), ("hooks.rhai", circle)];
    check(&files, small(), "opened_depth_max");

    // By a rung, some each time that one is late.
    let late = workflow("a", "    ladder: own\n")
        + "ladders: { own: [{ at: due - workdays(30), do: rung }] }\n";
    let rung = "fn rung(task, rung) { for n in 0..9 { open_case(\"a\", task.unit, #{}); } }";
    check(&[("a.yaml", &late), ("hooks.rhai", rung)], small(), "simulation_cases_max");

    // Many side by side.
    let files = [("a.yaml", own.as_str()), ("b.yaml", &workflow("b", "")), ("hooks.rhai", MANY)];
    check(&files, small(), "simulation_cases_max");
}

#[test]
fn rule_38_what_is_too_much_for_a_day_opens_on_the_next_in_order() {
    let second = READY.to_owned()
        + "  more: { title: 再办, owner: unit.post(\"书记\"), hooks: { ready: more } }\n";
    let own = workflow("a", &second);
    let other = workflow("b", "").replace("cases: units(\"district\")", "cases: \"[]\"");
    let files = [("a.yaml", own.as_str()), ("b.yaml", &other), ("hooks.rhai", MANY)];
    let loaded = support::of(&files);
    let day = |text: &str| text.parse().unwrap();
    let zone = loaded.suite.head.time_zone;
    let start = duban_calendar::start_of(day("2022-01-01"), zone);
    let mut world = World::new(&loaded.suite, &loaded.programs, start);
    world.open_all(day("2022-01-01")).unwrap();
    let of = |world: &World<'_>, workflow: &str| {
        world.cases().filter(|(_, case)| case.head().name.workflow.as_str() == workflow).count()
    };
    let units = of(&world, "a");
    let opened = |world: &World<'_>| of(world, "b");
    assert_eq!(opened(&world), 100 * units);
    world.advance_to(duban_calendar::start_of(day("2022-01-02"), zone).plus_millis(-1));
    assert_eq!(opened(&world), 100 * units);
    world.advance_to(duban_calendar::start_of(day("2022-01-02"), zone));
    assert_eq!(opened(&world), 200 * units);
}

#[test]
fn each_bound_is_reached_by_its_name() {
    let many = workflow("a", "    each: { n: many() }\n");
    let list = "fn many() { let all = []; for n in 0..400 { all.push(`${n}`); } all }";
    check(&[("a.yaml", &many), ("hooks.rhai", list)], small(), "simulation_items_max");

    let ever = workflow("a", "    hooks: { ready: more }\n");
    let other = workflow("b", "");
    let files = [("a.yaml", ever.as_str()), ("b.yaml", &other), ("hooks.rhai", MANY)];
    let moments = Budget { moments_max: 40, ..small() };
    check(&files, moments, "simulation_moments_max");
    let memory = Budget { memory_bytes_max: 100_000, ..small() };
    check(&files, memory, "simulation_memory_bytes_max");
}

#[test]
fn what_stays_within_its_bounds_is_not_touched() {
    let loaded = support::small("");
    let report = lived(&loaded, Budget::default()).unwrap();
    let items = u64::try_from(report.items).unwrap();
    let just_enough = Budget { items_max: items, ..Budget::default() };
    assert_eq!(lived(&loaded, just_enough).unwrap(), report);
    let one_less = Budget { items_max: items - 1, ..Budget::default() };
    let stop = Stop { name: "simulation_items_max", max: items - 1 };
    assert_eq!(lived(&loaded, one_less), Err(NotSimulated::Stopped(stop)));
}

#[test]
fn what_is_called_off_ends_inside_scripts_too() {
    // Each owner takes as many operations as a script may: without the flag it takes minutes.
    let slow = "fn many() { let all = []; for n in 0..9000 { all.push(`${n}`); } all }\n\
                fn slow() { let n = 0; while n < 30_000 { n += 1; } true }";
    let each = "    each: { n: many() }\n    when: slow()\n";
    let loaded = support::of(&[("a.yaml", &workflow("a", each)), ("hooks.rhai", slow)]);
    let called_off = |budget: &Budget| {
        let stop = Stop { name: "simulation_seconds_max", max: budget.seconds_max };
        assert_eq!(lived(&loaded, budget.clone()), Err(NotSimulated::Stopped(stop)));
    };
    let budget = Budget::default();
    std::thread::scope(|threads| {
        threads.spawn(|| budget.stop.set());
        called_off(&budget);
    });
    // Once set, nothing begins.
    called_off(&budget);

    // A test's own script ends too, and the tests after it are not run.
    let tests = "fn test_a() { loop { try { loop { } } catch { } } }\nfn test_b() { }";
    let loaded = support::small(tests);
    let results = run_tests(&loaded.suite, &loaded.programs, "", &budget);
    let failures: Vec<_> = results.iter().filter_map(|result| result.failure.clone()).collect();
    assert_eq!(failures.len(), 2);
    assert!(failures.iter().all(|failure| failure.contains("simulation_seconds_max（60）")));
}

#[test]
fn a_world_that_has_stopped_moves_no_more() {
    let loaded = support::small("");
    let day = |text: &str| text.parse().unwrap();
    let start = duban_calendar::start_of(day("2022-01-01"), loaded.suite.head.time_zone);
    let budget = Budget::default();
    let mut world = World::new(&loaded.suite, &loaded.programs, start).within(budget.clone());
    world.open_all(day("2022-01-01")).unwrap();
    let next = world.next_wakeup().unwrap();
    budget.stop.set();
    assert!(!world.step(next));
    assert_eq!(world.now(), start);
    assert_eq!(world.next_wakeup(), Some(next));
}
