//! The subcommands of `duban act`: one for each kind of move, made from the table of moves.

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches, Subcommand};
use duban::{Act, Assignee, Date, ItemKey};
use duban_calendar::{Tz, end_of};
use duban_core::{Ask, AskKind, Evidence, MoveKind, On};
use rust_decimal::Decimal;
use serde_json::{Map, Value as Json, json};

use super::civil;

/// The argument for what a move is made on.
const ITEM: &str = "item";

/// A move as the command line gives it. Dates wait for the time zone of the case's suite, files
/// for their addresses.
#[derive(Clone, Debug)]
pub(crate) struct What {
    kind: MoveKind,
    item: Option<ItemKey>,
    content: Map<String, Json>,
    dates: Vec<(&'static str, Date)>,
    /// The files that it names.
    pub(crate) files: Vec<Evidence>,
}

/// What one option holds.
#[derive(Clone, Debug)]
enum Given {
    Json(Json),
    Date(Date),
    File(Evidence),
}

impl What {
    /// Whether files may be named.
    pub(crate) fn takes_files(&self) -> bool {
        self.kind.asks().iter().any(|ask| ask.kind == AskKind::Files)
    }

    /// The move as the case takes it; `zone` is asked where there are dates, which mean their
    /// ends.
    ///
    /// # Errors
    ///
    /// Those of `zone`.
    pub(crate) async fn act<E>(
        self,
        zone: impl AsyncFnOnce() -> Result<Tz, E>,
    ) -> anyhow::Result<Act>
    where
        anyhow::Error: From<E>,
    {
        let Self { kind, item, mut content, dates, files } = self;
        if !dates.is_empty() {
            let zone = zone().await?;
            content.extend(
                dates
                    .into_iter()
                    .map(|(field, date)| (field.to_owned(), json!(end_of(date, zone)))),
            );
        }
        if !files.is_empty() {
            let named = kind.asks().iter().filter(|ask| ask.kind == AskKind::Files);
            content.extend(named.map(|ask| (ask.field.to_owned(), json!(files))));
        }
        Ok(Act::make(kind, item.as_ref(), content)?)
    }
}

impl FromArgMatches for What {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let missing = || clap::Error::new(ErrorKind::MissingSubcommand);
        let (name, matches) = matches.subcommand().ok_or_else(missing)?;
        let kind = named(name).ok_or_else(missing)?;
        let mut what =
            Self { kind, item: None, content: Map::new(), dates: Vec::new(), files: Vec::new() };
        if kind.on() != On::Case {
            what.item = matches.get_one::<String>(ITEM).map(ItemKey::new);
        }
        for ask in kind.asks() {
            for given in matches.get_many::<Given>(ask.field).into_iter().flatten() {
                match given.clone() {
                    Given::File(file) => what.files.push(file),
                    Given::Date(date) => what.dates.push((ask.field, date)),
                    Given::Json(value) if ask.kind == AskKind::Items => {
                        let list = what.content.entry(ask.field).or_insert_with(|| json!([]));
                        list.as_array_mut().into_iter().for_each(|list| list.push(value.clone()));
                    }
                    Given::Json(value) => drop(what.content.insert(ask.field.to_owned(), value)),
                }
            }
        }
        Ok(what)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Subcommand for What {
    fn augment_subcommands(command: Command) -> Command {
        command.subcommands(MoveKind::ALL.iter().copied().map(subcommand))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        named(name).is_some()
    }
}

/// `ask_extension`: `ask-extension`.
fn hyphened(name: &str) -> String {
    name.replace('_', "-")
}

fn named(subcommand: &str) -> Option<MoveKind> {
    MoveKind::ALL.iter().copied().find(|kind| hyphened(kind.name()) == subcommand)
}

fn subcommand(kind: MoveKind) -> Command {
    let meaning = kind.meaning().trim_end_matches('.');
    let command = Command::new(hyphened(kind.name())).about(format!("{}: {meaning}", kind.zh()));
    let item = Arg::new(ITEM).value_name("ITEM").help("任务 The key of the task");
    let command = match kind.on() {
        On::Item => command.arg(item.required(true)),
        On::ItemOrCase => {
            command.arg(item.long(ITEM).help("任务 The key of the task; left out: the whole case"))
        }
        On::Case => command,
    };
    command.args(kind.asks().iter().map(option))
}

fn option(ask: &Ask) -> Arg {
    let arg = Arg::new(ask.field).long(hyphened(ask.field)).required(ask.required);
    let (arg, value, hint) = match ask.kind {
        AskKind::Text => (arg.value_parser(text), "TEXT", ""),
        AskKind::Percent => {
            (arg.value_parser(percent), "PERCENT", ": a whole number from 0 to 100")
        }
        AskKind::Number => (arg.value_parser(number), "NUMBER", ": a decimal number"),
        AskKind::Date => {
            (arg.value_parser(date), "DATE", ": a date like 2022-06-30; its end is meant")
        }
        AskKind::Assignee => {
            (arg.value_parser(assignee), "WHO", ": unit:CODE, post:CODE/NAME or person:ID")
        }
        AskKind::Person => (arg.value_parser(text), "PERSON", ": a person's id"),
        AskKind::Items => {
            let arg = arg.value_parser(text).action(ArgAction::Append);
            (arg, "ITEM", ": the key of a task; may be repeated")
        }
        AskKind::Flag => {
            let arg = arg.value_parser(flag).num_args(0..=1).default_missing_value("true");
            (arg, "true|false", "")
        }
        AskKind::Form => {
            let arg = arg.value_parser(form).required(false).default_value("{}");
            (arg, "JSON", ": a JSON object")
        }
        AskKind::Files => {
            let arg = arg.long("file").value_parser(file).action(ArgAction::Append);
            let hint = ": a file of this machine as NAME=PATH, or NAME=sha256:… where it was \
                        uploaded for this case already; may be repeated";
            (arg, "NAME=PATH", hint)
        }
    };
    arg.value_name(value).help(format!("{} {}{hint}", ask.zh, ask.en))
}

type Parsed = Result<Given, String>;

fn text(text: &str) -> Parsed {
    Ok(Given::Json(json!(text)))
}

fn percent(text: &str) -> Parsed {
    let percent = text.parse::<u8>();
    percent.map(|percent| Given::Json(json!(percent))).map_err(|_| "not from 0 to 100".to_owned())
}

fn number(text: &str) -> Parsed {
    let number = text.parse::<Decimal>();
    number.map(|number| Given::Json(json!(number))).map_err(|error| error.to_string())
}

fn date(text: &str) -> Parsed {
    civil(text).map(Given::Date).map_err(|error| error.to_string())
}

fn assignee(text: &str) -> Parsed {
    let who = text.parse::<Assignee>();
    who.map(|who| Given::Json(json!(who))).map_err(|error| error.to_string())
}

fn flag(text: &str) -> Parsed {
    let flag = text.parse::<bool>();
    flag.map(|flag| Given::Json(json!(flag))).map_err(|_| "write true or false".to_owned())
}

fn form(text: &str) -> Parsed {
    let form = serde_json::from_str::<Map<String, Json>>(text);
    form.map(|form| Given::Json(Json::Object(form)))
        .map_err(|error| format!("--form is not a JSON object: {error}"))
}

fn file(text: &str) -> Parsed {
    let named = text.split_once('=').filter(|(name, file)| !name.is_empty() && !file.is_empty());
    let (name, file) = named.ok_or_else(|| format!("`{text}` is not NAME=PATH"))?;
    Ok(Given::File(Evidence { name: name.to_owned(), file: file.to_owned() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(kind: AskKind) -> &'static str {
        match kind {
            AskKind::Text => "等待批复",
            AskKind::Percent => "60",
            AskKind::Number => "98.5",
            AskKind::Date => "2022-06-30",
            AskKind::Assignee => "post:D/书记",
            AskKind::Person => "li",
            AskKind::Items => "draft",
            AskKind::Flag => "false",
            AskKind::Form => "{\"topic\": \"总结\"}",
            AskKind::Files => "总结=./总结.pdf",
        }
    }

    /// The command line of a kind with everything that it asks for.
    fn line(kind: MoveKind) -> Vec<String> {
        let mut line = vec!["act".to_owned(), hyphened(kind.name())];
        match kind.on() {
            On::Item => line.push("write".to_owned()),
            On::ItemOrCase => line.extend(["--item", "write"].map(ToOwned::to_owned)),
            On::Case => {}
        }
        for ask in kind.asks() {
            let name = if ask.kind == AskKind::Files { "file" } else { ask.field };
            line.extend([format!("--{}", hyphened(name)), example(ask.kind).to_owned()]);
        }
        line
    }

    fn parsed(line: &[String]) -> Result<What, clap::Error> {
        let command = What::augment_subcommands(Command::new("act"));
        What::from_arg_matches(&command.try_get_matches_from(line)?)
    }

    async fn made(line: &[String]) -> Act {
        let zone = async || Ok::<_, anyhow::Error>(Tz::Asia__Shanghai);
        parsed(line).unwrap().act(zone).await.unwrap()
    }

    #[tokio::test]
    async fn every_kind_of_the_table_has_a_subcommand_that_makes_it() {
        What::augment_subcommands(Command::new("act")).debug_assert();
        for kind in MoveKind::ALL.iter().copied() {
            let whole = line(kind);
            let act = made(&whole).await;
            assert_eq!((act.kind(), act.item().is_some()), (kind, kind.on() != On::Case));
            let written = serde_json::to_value(&act).unwrap()[kind.name()].clone();
            for ask in kind.asks() {
                assert!(!written[ask.field].is_null(), "{written} {}", ask.field);
            }
            let more = [whole.clone(), vec!["--surplus".to_owned(), "1".to_owned()]].concat();
            let refused = parsed(&more).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::UnknownArgument, "{refused}");
            assert_eq!(refused.exit_code(), 2);
            for ask in kind.asks().iter().filter(|ask| ask.required && ask.kind != AskKind::Form) {
                let option = format!("--{}", hyphened(ask.field));
                let at = whole.iter().position(|word| *word == option).unwrap();
                let less = [&whole[..at], &whole[at + 2..]].concat();
                let refused = parsed(&less).unwrap_err().to_string();
                assert!(refused.contains(&option), "{refused}");
            }
        }
    }

    #[tokio::test]
    async fn options_are_repeated_left_out_and_refused_as_they_say() {
        let words = |text: &str| text.split(' ').map(ToOwned::to_owned).collect::<Vec<_>>();
        let act = made(&words("act return write --reason 缺 --upstream a --upstream b")).await;
        let Act::Return { upstream, due, .. } = act else { panic!("{act:?}") };
        assert_eq!((upstream.len(), due), (2, None));
        for (text, flag) in
            [("", None), (" --stops-clock", Some(true)), (" --stops-clock false", Some(false))]
        {
            let act = made(&words(&format!("act suspend --reason 等{text}"))).await;
            let Act::Suspend { item, stops_clock, .. } = act else { panic!("{act:?}") };
            assert_eq!((item, stops_clock), (None, flag), "{text}");
        }
        let act = made(&words("act submit write")).await;
        assert!(matches!(&act, Act::Submit { form, .. } if form.is_empty()), "{act:?}");
        for (text, part) in [
            ("act report write --text 一 --percent 300", "0 to 100"),
            ("act report write --text 一 --value 1,5", "--value"),
            ("act report write --text 一 --file 方案", "NAME=PATH"),
            ("act submit write --form []", "JSON object"),
            ("act ask-extension write --reason 一 --until 2022-02-30", "2022-02-30"),
            ("act ask-extension write --reason 一 --until 0022-02-03", "0022-02-03"),
            ("act transfer write --reason 一 --to 李四", "post:CODE/NAME"),
            ("act sgin write", "sign"),
        ] {
            let refused = parsed(&words(text)).unwrap_err();
            assert_eq!(refused.exit_code(), 2, "{text}");
            assert!(refused.to_string().contains(part), "{text}: {refused}");
        }
    }
}
