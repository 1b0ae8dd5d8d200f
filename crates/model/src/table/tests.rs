//! Tables read into directories, with what is told of them, and back.

use super::{Imported, Mode, Row, Sheet, export_tables, import_tables};
use crate::difference::Difference;
use crate::directory::{Directory, DirectoryData};

fn sheet(name: &str, text: &str) -> Sheet {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let row = |(number, line): (u32, &str)| Row {
        number,
        cells: line.split('|').map(|cell| cell.trim().to_owned()).collect(),
    };
    let rows = (1..).zip(lines).map(row).collect();
    Sheet { file: "表.xlsx".to_owned(), name: name.to_owned(), rows }
}

const UNITS: &str = "
代码 | 名称 | 级别 | 上级 | 标签
C | 市委办 | 市 | |
D | 历下区 | district | 市委办 | 沿黄、功能区
E | 市中区 | district | C |
";

const POSTS: &str = "
单位 | 岗位 | 任职
C | 主任 | 张三
历下区 | 书记 | li，wang
E | 书记 |
";

const PEOPLE: &str = "
编号 | 姓名 | 邮箱 | 企业微信 | 地址.matrix
zhang | 张三 | zhang@example.org | |
li | 李四 | | LiSi | @li:example.org
wang | 王五 | | |
";

fn levels() -> Vec<(String, String)> {
    [("city", "市"), ("district", "区")].map(|(id, zh)| (id.to_owned(), zh.to_owned())).to_vec()
}

fn import(sheets: &[Sheet], current: &Directory, mode: Mode) -> Result<Imported, Vec<String>> {
    import_tables(sheets, current, mode, &levels())
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

fn whole() -> Directory {
    let sheets = [sheet("单位", UNITS), sheet("岗位", POSTS), sheet("人员", PEOPLE)];
    let imported = import(&sheets, &Directory::default(), Mode::Replace).unwrap();
    assert_eq!(imported.warnings, []);
    Directory::new(imported.data).unwrap()
}

fn lines(before: &Directory, data: DirectoryData) -> Vec<String> {
    let after = Directory::new(data).unwrap();
    let sections = Difference::between(before, &after).sections(9);
    let told = |section: crate::Section| format!("{}：{}", section.zh, section.lines.join(" / "));
    sections.into_iter().map(told).collect()
}

#[test]
fn names_stand_for_codes_where_only_one_has_them() {
    let directory = whole();
    let unit = directory.unit(&"D".into()).unwrap();
    assert_eq!((unit.level.as_str(), &unit.superior), ("district", &Some("C".into())));
    assert_eq!(unit.tags, ["沿黄", "功能区"]);
    assert_eq!(directory.unit(&"C".into()).unwrap().level, "city");
    let post = directory.post(&"D".into(), "书记").unwrap();
    assert_eq!(post.holders, ["li".into(), "wang".into()]);
    assert_eq!(directory.person(&"li".into()).unwrap().addresses["matrix"], "@li:example.org");
}

#[test]
fn what_is_exported_is_read_again_as_the_same() {
    let mut data = whole().data().clone();
    data.units[1].since = Some("2026-01-02".parse().unwrap());
    let (from, until) = ("2026-01-01".parse().unwrap(), "2026-01-31".parse().unwrap());
    let (absent, by) = ("li".into(), "wang".into());
    let one = crate::StandIn { absent, by, from, until, set: None, ended: None };
    data.stand_ins.push(one);
    let directory = Directory::new(data).unwrap();
    let sheets = export_tables(&directory);
    for current in [&directory, &Directory::default()] {
        let imported = import(&sheets, current, Mode::Replace).unwrap();
        assert_eq!(imported.data, *directory.data());
    }
    let merged = import(&sheets, &directory, Mode::Merge).unwrap();
    assert_eq!(lines(&directory, merged.data), [""; 0]);
}

#[test]
fn every_problem_is_told_at_its_cell() {
    let units = "
代码 | 名称 | 级别 | 上级 | 颜色
C | 市委办 | 市 | X | 红
D | | district | C |
D2 | 区 | 乡 | C |
E | 区 | district | 区 |
C | 又一个 | 市 | |
";
    let posts = "单位 | 岗位 | 任职\nC | 主任 | 张三\nC | 主任 | \nQ | 书记 | 没有";
    let sheets =
        [sheet("单位", units), sheet("岗位", posts), sheet("人员", PEOPLE), sheet("说明", "一")];
    let problems = import(&sheets, &Directory::default(), Mode::Replace).unwrap_err();
    let expected = [
        "表.xlsx［单位］:2:4: 错误 DB1302: 没有单位 `X`",
        "表.xlsx［单位］:3:2: 错误 DB1306: “名称”不能为空",
        "表.xlsx［单位］:5:4: 错误 DB1310: 有 2 个单位叫 `区`，请写代码",
        "表.xlsx［单位］:6:1: 错误 DB1301: 单位代码 `C` 重复",
        "表.xlsx［岗位］:3:2: 错误 DB1301: 岗位 `C 主任` 重复",
        "表.xlsx［岗位］:4:1: 错误 DB1302: 没有单位 `Q`",
        "表.xlsx［单位］:1:5: 警告 DB1311: 不认识列“颜色”，没有读取",
        "表.xlsx［说明］:1:1: 警告 DB1311: 不认识工作表“说明”，没有读取（认识的表：单位、岗位、人员、花名册、代理）",
        "表.xlsx［单位］:4:3: 警告 DB1304: 没有层级 `乡`（已发布文件的层级：city（市）、district（区））",
    ];
    assert_eq!(problems, expected);
}

#[test]
fn superiors_in_a_circle_are_told_at_a_unit_of_it() {
    let units = UNITS.replace("C | 市委办 | 市 | |", "C | 市委办 | 市 | D |");
    let sheets = [sheet("单位", &units), sheet("岗位", POSTS), sheet("人员", PEOPLE)];
    let problems = import(&sheets, &Directory::default(), Mode::Replace).unwrap_err();
    assert_eq!(problems, ["表.xlsx［单位］:2:4: 错误 DB1303: `C` 的上级绕成了圈"]);
}

#[test]
fn a_whole_directory_is_asked_for_units_posts_and_people() {
    let sheets = [sheet("人员", PEOPLE)];
    let problems = import(&sheets, &whole(), Mode::Replace).unwrap_err();
    assert!(problems[0].contains("DB1305") && problems[0].contains("合并"), "{problems:?}");
    let lacking = [sheet("单位", "代码 | 名称\nC | 市委办")];
    let problems = import(&lacking, &whole(), Mode::Merge).unwrap_err();
    assert_eq!(problems, ["表.xlsx［单位］:1:1: 错误 DB1305: 单位表缺少列：级别"]);
}

#[test]
fn merging_adds_and_changes_and_removes_nothing() {
    let current = whole();
    let people = "编号 | 姓名\nzhao | 赵六\nli | 李四四";
    let posts = "单位 | 岗位 | 任职\nE | 书记 | 赵六\nE | 副书记 | zhao\n历下区 | 书记 |";
    let sheets = [sheet("人员", people), sheet("岗位", posts)];
    let merged = import(&sheets, &current, Mode::Merge).unwrap();
    let expected = [
        "新增岗位：E 副书记：zhao",
        "换人的岗位：E 书记：无人 → zhao",
        "空出的岗位：D 书记：li、wang → 无人",
        "新增人员：zhao 赵六",
        "变更人员：li 李四 → 李四四",
    ];
    assert_eq!(lines(&current, merged.data.clone()), expected);
    let li = merged.data.people.iter().find(|one| one.id.as_str() == "li").unwrap();
    assert_eq!(li.addresses["wecom"], "LiSi", "a column that is not there changes nothing");
}

#[test]
fn a_roster_stands_for_posts_and_people() {
    let roster = "
编号 | 姓名 | 单位 | 岗位 | 邮箱
zhang | 张三 | C | 主任 | zhang@example.org
zhang | 张三 | D | 联络员 |
li | 李四 | D | 书记 |
wang | 王五 | D | 书记 |
";
    let sheets = [sheet("单位", UNITS), sheet("全员名单", roster)];
    let read = import(&sheets, &Directory::default(), Mode::Replace).unwrap();
    let directory = Directory::new(read.data).unwrap();
    assert_eq!(directory.posts_of(&"zhang".into()).count(), 2);
    assert_eq!(directory.person(&"zhang".into()).unwrap().addresses["email"], "zhang@example.org");
    assert_eq!(directory.post(&"D".into(), "书记").unwrap().holders.len(), 2);

    let handed = sheet("花名册", "编号 | 姓名 | 单位 | 岗位\nwang | 王五 | D | 书记");
    let merged = import(&[handed], &directory, Mode::Merge).unwrap();
    assert_eq!(lines(&directory, merged.data), ["换人的岗位：D 书记：li、wang → wang"]);
}

#[test]
fn absences_stay_as_long_as_both_people_do() {
    let current = whole();
    let table = "外出人 | 代理人 | 开始 | 结束\n李四 | wang | 2026年1月2日 | 2026/1/9";
    let with = import(&[sheet("代理", table)], &current, Mode::Merge).unwrap();
    assert_eq!(
        lines(&current, with.data.clone()),
        ["新增代理：2026-01-02 至 2026-01-09：li 由 wang 代理"]
    );
    let current = Directory::new(with.data).unwrap();
    let again = import(&[sheet("代理", table)], &current, Mode::Merge).unwrap();
    assert_eq!(again.data, *current.data(), "the same absence again is no other");
    let sheets = [sheet("单位", UNITS), sheet("岗位", POSTS), sheet("人员", PEOPLE)];
    let replaced = import(&sheets, &current, Mode::Replace).unwrap();
    assert_eq!(replaced.data.stand_ins.len(), 1);
    let posts = POSTS.replace("li，wang", "li");
    let people = PEOPLE.replace("wang | 王五 | | |", "");
    let sheets = [sheet("单位", UNITS), sheet("岗位", &posts), sheet("人员", &people)];
    let replaced = import(&sheets, &current, Mode::Replace).unwrap();
    assert_eq!(replaced.data.stand_ins, []);
    let circle = "外出人 | 代理人 | 开始 | 结束\nwang | li | 2026-01-09 | 2026-01-09";
    let problems = import(&[sheet("代理", circle)], &current, Mode::Merge).unwrap_err();
    assert!(problems[0].contains("DB1312"), "{problems:?}");
}

#[test]
fn titles_above_headings_are_passed_over() {
    let people = "
全区干部名册 | |
填报单位：历下区 | | 2026年3月
编号 | 姓名 | 联系方式 | 联系方式
编号 | 姓名 | 手机 | 邮箱
zhao | 赵六 | 13800000000 |
";
    let merged = import(&[sheet("人员", people)], &whole(), Mode::Merge).unwrap();
    assert_eq!(merged.warnings, []);
    assert_eq!(lines(&whole(), merged.data), ["新增人员：zhao 赵六"]);
    // A sheet without a name of ours is known by those headings too.
    let roster = "名册 |\n工号 | 姓名 | 所在单位 | 职务\nzhao | 赵六 | E | 书记";
    let merged = import(&[sheet("Sheet1", roster)], &whole(), Mode::Merge).unwrap();
    assert_eq!(lines(&whole(), merged.data).len(), 2);
    let lacking = "名册 |\n编号 | 名字";
    let problems = import(&[sheet("人员", lacking)], &whole(), Mode::Merge).unwrap_err();
    assert_eq!(problems, ["表.xlsx［人员］:2:1: 错误 DB1305: 人员表缺少列：姓名"]);
    let deep = format!("{}编号 | 姓名\nzhao | 赵六", "名册 |\n".repeat(10));
    let problems = import(&[sheet("人员", &deep)], &whole(), Mode::Merge).unwrap_err();
    assert!(problems[0].contains("DB1305"), "{problems:?}");
}

#[test]
fn a_notice_may_have_a_title_above_its_headings() {
    let table = "2027年放假安排 | |\n日期 | 类别 | 名称\n2027年1月1日 | 休 | 元旦\n２０２７.1.2 | 休 | 元旦";
    let year = crate::year_from_table(&sheet("假日", table), "国办发明电").unwrap();
    assert_eq!((year.year, year.off.len()), (2027, 2));
    let problems = crate::year_from_table(&sheet("假日", "名称\n元旦"), "x").unwrap_err();
    assert!(problems[0].message.contains("要有三列"), "{problems:?}");
}

#[test]
fn codes_and_numbers_are_read_in_any_width() {
    let people = "编号 | 姓名 | 手机\nｚ９ | 赵（六） | １３８００００００００";
    let posts = "单位 | 岗位 | 任职\nＥ | 书记 | ｚ９";
    let absent = "外出人 | 代理人 | 开始 | 结束\nｚ９ | wang | ２０２６年１月２日 | 2026.1.9";
    let sheets = [sheet("人员", people), sheet("岗位", posts), sheet("代理", absent)];
    let merged = import(&sheets, &whole(), Mode::Merge).unwrap();
    let person = merged.data.people.iter().find(|one| one.id.as_str() == "z9").unwrap();
    assert_eq!((person.name.as_str(), &*person.addresses["mobile"]), ("赵（六）", "13800000000"));
    let post = merged.data.posts.iter().find(|post| post.unit.as_str() == "E").unwrap();
    assert_eq!(post.holders, ["z9".into()]);
    assert_eq!(merged.data.stand_ins[0].until.to_string(), "2026-01-09");
}

#[test]
fn what_merged_cells_leave_empty_in_csv_is_told_with_the_remedy() {
    let mut roster =
        sheet("花名册", "编号 | 姓名 | 单位 | 岗位\nwang | 王五 | D | 书记\nli | 李四 | | 书记");
    roster.file = "花名册.csv".to_owned();
    let problems = import(&[roster], &whole(), Mode::Merge).unwrap_err();
    assert!(problems[0].starts_with("花名册.csv:3:3: 错误 DB1306"), "{problems:?}");
    assert!(problems[0].contains("取消合并"), "{problems:?}");
}

#[test]
fn problems_are_bounded() {
    let many: Vec<String> = (0..600).map(|at| format!("p{at} | |")).collect();
    let people = format!("编号 | 姓名\n{}", many.join("\n"));
    let problems = import(&[sheet("人员", &people)], &whole(), Mode::Merge).unwrap_err();
    assert_eq!(problems.len(), super::PROBLEMS_MAX + 1);
    assert!(problems[super::PROBLEMS_MAX].contains("另有 100 处"), "{problems:?}");
}

#[test]
fn losses_are_counted_of_what_was_there() {
    let before = whole();
    let mut data = before.data().clone();
    data.units.retain(|unit| unit.id.as_str() != "E");
    data.posts.retain(|post| post.unit.as_str() != "E");
    data.posts[1].holders.clear();
    let after = Directory::new(data).unwrap();
    let difference = Difference::between(&before, &after);
    let losses = difference.losses(&before);
    assert_eq!((losses.units.lost, losses.units.of), (1, 3));
    assert_eq!((losses.posts.lost, losses.posts.of), (1, 2), "a vacant post is no loss");
    assert!(losses.units.exceeds(33) && !losses.units.exceeds(34) && !losses.people.exceeds(0));
    let affected = difference.affected(&before, &after);
    let affected: Vec<String> = affected.iter().map(ToString::to_string).collect();
    assert_eq!(affected, ["post:D/书记", "unit:D"]);
}

#[test]
fn a_cell_beyond_the_last_column_is_told_at_its_place() {
    let people =
        sheet("人员", "编号 | 姓名\nzhang | 张三 | 主任\nli | 李四\nwang | 王五 | | 科长\n");
    let told = import(&[people], &Directory::default(), Mode::Replace).unwrap_err();
    let beyond: Vec<&String> = told.iter().filter(|line| line.contains("所有列之外")).collect();
    assert_eq!(beyond.len(), 2, "{told:?}");
    assert!(beyond[0].contains("表.xlsx［人员］:2:3: 错误 DB1307"), "{told:?}");
    assert!(beyond[1].contains(":4:4: "), "{told:?}");
    let blank = sheet("人员", "编号 | 姓名\nzhang | 张三 | | \n");
    assert!(import(&[blank], &whole(), Mode::Merge).is_ok());
}

#[test]
fn ids_and_names_that_cannot_be_are_told_with_their_cells() {
    let long = "区".repeat(201);
    let units =
        format!("\n代码 | 名称 | 级别 | 标签\nC/1 | 市委办 | 市 |\nD | {long} | 市 | a\u{7}b\n");
    let people = "\n编号 | 姓名 | 邮箱\n../li | 李四 |\nwang | 王\u{1b}五 | w\u{0}@example.org\n";
    let sheets = [sheet("单位", &units), sheet("人员", people)];
    let told = import(&sheets, &Directory::default(), Mode::Merge).unwrap_err();
    let places =
        ["单位］:2:1:", "单位］:3:2:", "单位］:3:4:", "人员］:2:1:", "人员］:3:2:", "人员］:3:3:"];
    assert_eq!(told.len(), places.len(), "{told:?}");
    for place in places {
        let told = told.iter().find(|told| told.contains(place));
        let told = told.unwrap_or_else(|| panic!("nothing at {place}"));
        assert!(told.contains("DB1313"), "{told}");
        assert!(told.chars().count() < 200 && !told.contains(char::is_control), "{told:?}");
    }
}
