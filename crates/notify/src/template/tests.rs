//! Templates that are refused, and what of them is told.

use super::*;

fn problem(name: &str, source: &str) -> String {
    let sources = [(name.to_owned(), source.to_owned())].into_iter().collect();
    match Templates::load(TemplateOptions::default(), &sources) {
        Err(NotifyError::BadTemplates(problems)) => problems[0].to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn built_in_templates_are_sound() {
    let sources =
        Templates::sources().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
    Templates::load(TemplateOptions::default(), &sources).unwrap();
}

#[test]
fn problems_name_their_template_and_line() {
    let expected = [
        ("remind", "一\n二{% if text %}", "`remind`, line 2: syntax error"),
        ("slip", "text\n{{ text }}\n{{ nmuber }}", "`slip`, line 3: `nmuber` is not known"),
        ("slip", "{% if false %}\n{{ nmuber }}{% endif %}", "`slip`, line 2: `nmuber`"),
        ("alarm", "\n\n{{ text | shout }}", "`alarm`, line 3: unknown filter"),
        ("urge", "{{ text }}\n{{ data.reason }}", "`urge`, line 2: undefined value"),
        ("ask", "{% for i in range(99999) %}{{ i }}{% endfor %}", "`ask`, line 1: "),
        ("notice", "\n{{ 'x' * 99999 }}", "the text has more than 65536 bytes"),
        ("refer", "{% if number %}{{ text }}{% endif %}", "`refer`: it says nothing"),
        ("interview", "{% include 'x' %}", "`interview`, line 1: syntax error"),
        ("ask", "{{ debug() }}", "`ask`, line 1: `debug` is not known"),
        ("remnid", "{{ text }}", "`remnid`: there is no such kind of message; use `remind`"),
    ];
    for (name, source, part) in expected {
        let problem = problem(name, source);
        assert!(problem.contains(part), "{source:?}: {problem}");
    }
}

#[test]
fn what_would_grow_without_end_is_refused() {
    // Sixty times: what each round makes of the round before.
    let rounds = |first: &str, next: &str, shown: &str| {
        format!(
            "{{% set ns = namespace(x={first}, y={first}) %}}\n{{% for i in range(60) %}}\n\
             {{% set ns.x = {next} %}}{{% set ns.y = ns.x %}}{{% endfor %}}\n{{{{ {shown} }}}}"
        )
    };
    let shown = ["ns.x|length", "ns.x == ns.y", "ns.x|string|length", "ns.x ~ 'a'", "ns.x"];
    let shared = [
        ("[1]", "ns.x + ns.x"),
        ("[1]", "ns.x|chain(ns.x)"),
        ("[1]", "ns.x|zip(ns.x)|list"),
        ("[1]", "[ns.x, ns.x]"),
        ("[1]", "(ns.x, ns.x)"),
        ("[1]", "[ns.x]"),
        ("[1]", "{'a': ns.x, 'b': ns.x}"),
        ("[1]", "dict(a=ns.x, b=ns.x)"),
        ("[1]", "[[ns.x], [ns.x]]|sum(start=[])"),
        ("[1]", "ns.x * 9"),
        ("[1]", "ns.x * i"),
        ("[1]", "ns.x[0:]"),
        ("[1]", "ns.x|batch(1)"),
        ("[1]", "[ns.x, 1] if true else 2"),
        ("[1]", "1 and [ns.x, ns.x]"),
    ];
    for (first, next) in shared {
        for shown in shown {
            let told = problem("ask", &rounds(first, next, shown));
            assert!(
                told.starts_with("`ask`, line 3: ") && told.contains("copies_max"),
                "{next}: {told}"
            );
        }
    }
    // What fuel sees: texts that grow, and loops in loops.
    let fuelled = [
        rounds("'a'", "ns.x|replace('a', 'aaaaaaaaaa')", "ns.x|length"),
        rounds("'a'", "ns.x ~ ns.x", "ns.x|length"),
        rounds("'a'", "ns.x|indent(999999999)", "ns.x|length"),
        rounds("'a'", "[ns.x|string, ns.x|string]|join('a')", "ns.x|length"),
        "{{ '%999999999d'|format(1) }}".to_owned(),
        "{% for i in range(900) %}{% for j in range(900) %}{% for k in range(900) %}\
         {% endfor %}{% endfor %}{% endfor %}a"
            .to_owned(),
    ];
    for source in fuelled {
        let told = problem("ask", &source);
        assert!(told.contains("ran out of fuel"), "{source}: {told}");
    }
    // The same without a loop, by names of their own, and by loops in each other.
    let many = |each: fn(usize) -> String| (0..40).map(each).collect::<String>();
    let sources = [
        format!(
            "{{% set x0 = [1] %}}{}{{{{ x40 == x40 }}}}",
            many(|n| format!("{{% set x{} = [x{n}, x{n}] %}}", n + 1))
        ),
        format!(
            "{}{{{{ x39 ~ '' }}}}{}",
            many(|n| format!("{{% for x{n} in [[x{0}, x{0}]] %}}", n.saturating_sub(1))),
            many(|_| "{% endfor %}".to_owned())
        ),
        format!("{{{{ [{}] == [1] }}}}", "text, ".repeat(60)),
        "{% for i in [1] recursive %}{{ loop([i, i]) }}{% endfor %}".to_owned(),
    ];
    for source in sources {
        let told = problem("ask", &source);
        let reckoned = ["copies_max", "recursive"];
        assert!(reckoned.iter().any(|part| told.contains(part)), "{source}: {told}");
    }
}

#[test]
fn what_would_go_too_deep_is_refused_before_it_is_compiled() {
    let long = |head: &str, part: &str, times| format!("{head}{}", part.repeat(times));
    let expressions = [
        long("1", "+1", 20_000),
        long("text", "|upper", 9_000),
        long("text", ".a", 20_000),
        long("text", "[0]", 15_000),
        long("text", "()", 20_000),
        "not ".repeat(12_000) + "text",
        "-".repeat(40_000) + "1",
        long("1", " if 1 else 1", 4_000),
    ];
    for expression in expressions {
        let told = problem("ask", &format!("\n{{{{ {expression} }}}}"));
        assert!(told.starts_with("`ask`, line 2: ") && told.contains("tag_tokens_max"), "{told}");
        let told = problem("ask", &format!("{{% if {expression} %}}a{{% endif %}}"));
        assert!(told.contains("tag_tokens_max"), "{told}");
    }
    let elifs = format!("{{% if text %}}a{}{{% endif %}}", "\n{% elif text %}b".repeat(2_000));
    assert!(problem("ask", &elifs).contains("line 102: there are more than 100 `elif`"));
}

#[test]
fn what_offices_write_is_within_the_bounds() {
    let sound = [
        "{% set ns = namespace(n=0) %}{% for one in people %}{% set ns.n = ns.n + 1 %}\
         {% endfor %}{{ ns.n }}人",
        "{% set people = people | sort | unique %}{{ people | join('、') }}x",
        "{% set text = text | replace('（', '(') | trim %}{{ text }}",
        "{% set ns = namespace(t='') %}{% for one in to %}{% set ns.t = ns.t ~ one ~ '；' %}\
         {% endfor %}{{ ns.t }}x",
        "{{ [at, text] | join('，') }}",
        "{% for one in to[:3] %}{{ loop.index * 100 }}{% endfor %}{{ (number or 1) * 3 }}",
        "{{ '-' * 40 }}{{ ((number or 1) | int) * 10000 }}{{ (number or 1) * 2.5 }}",
        "{% with who = people | default(to) %}{{ who | first | default('某人') }}{% endwith %}",
        "{% for pair in [('一', text), ('二', at)] %}{{ pair[0] }}{{ pair[1] }}{% endfor %}",
        "{% if number and number > 3 %}甲{% elif colour == '黄' %}乙{% else %}丙{% endif %}",
    ];
    for source in sound {
        assert_eq!(Templates::problems("slip", source), [], "{source}");
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let sources: BTreeMap<String, String> =
        [("slip", "{{ a }}"), ("ask", "{{ text }}"), ("urge", "{{")]
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into();
    let refused = Templates::load(TemplateOptions::default(), &sources).unwrap_err();
    assert_eq!(refused.code(), "DB5009");
    assert_eq!(refused.to_string().lines().count(), 3, "{refused}");
}

#[test]
fn a_name_is_found_in_tags_alone() {
    assert_eq!(line_of("a\n{{ b.a }}{% if xa %}\n{{ a }}", "a"), Some(3));
    assert_eq!(line_of("a {{ b", "a"), None);
    assert_eq!(line_of("督{{ 办", "办"), Some(1));
}
