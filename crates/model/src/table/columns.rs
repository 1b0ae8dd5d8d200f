//! Which tables there are, and what their columns are called in Chinese and in English.

use crate::dates::plain;

/// What a table holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub enum TableKind {
    /// 单位: one row for each unit.
    Units,
    /// 岗位: one row for each post.
    Posts,
    /// 人员: one row for each person.
    People,
    /// 花名册: one row for each person and post, in place of the two before.
    Roster,
    /// 代理: one row for each absence.
    StandIns,
}

/// A column that is understood.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub(super) enum Column {
    Id,
    Name,
    Level,
    Superior,
    Tags,
    Since,
    Predecessors,
    Unit,
    Post,
    Holders,
    /// An address, by channel.
    Address(String),
    Absent,
    By,
    From,
    Until,
}

/// Names of a column, the first of which is written in exports, and what it is.
type Names = (&'static [&'static str], Column);

const UNITS: &[Names] = &[
    (&["代码", "单位代码", "编码", "code", "id"], Column::Id),
    (&["名称", "单位名称", "name"], Column::Name),
    (&["级别", "层级", "level"], Column::Level),
    (&["上级", "上级单位", "上级代码", "superior", "parent"], Column::Superior),
    (&["标签", "tags"], Column::Tags),
    (&["设立日期", "since"], Column::Since),
    (&["前身", "前身单位", "predecessors"], Column::Predecessors),
];

const POSTS: &[Names] = &[
    (&["单位", "单位代码", "unit"], Column::Unit),
    (&["岗位", "岗位名称", "职务", "post", "name"], Column::Post),
    (&["任职", "任职人", "任职人员", "holders"], Column::Holders),
];

const PEOPLE: &[Names] =
    &[(&["编号", "人员编号", "工号", "id"], Column::Id), (&["姓名", "name"], Column::Name)];

const ROSTER: &[Names] = &[
    (&["编号", "人员编号", "工号", "id"], Column::Id),
    (&["姓名", "name"], Column::Name),
    (&["单位", "单位代码", "所在单位", "unit"], Column::Unit),
    (&["岗位", "岗位名称", "职务", "post"], Column::Post),
];

const STAND_INS: &[Names] = &[
    (&["外出人", "缺席人", "absent"], Column::Absent),
    (&["代理人", "by"], Column::By),
    (&["开始", "开始日期", "from"], Column::From),
    (&["结束", "结束日期", "until"], Column::Until),
];

/// Addresses with names of their own; any other is `地址.CHANNEL`.
const ADDRESSES: &[(&[&str], &str)] = &[
    (&["邮箱", "电子邮箱", "email"], "email"),
    (&["手机", "手机号", "mobile"], "mobile"),
    (&["企业微信", "wecom"], "wecom"),
    (&["钉钉", "dingtalk"], "dingtalk"),
    (&["钉钉unionid", "dingtalk_union"], "dingtalk_union"),
    (&["飞书", "feishu"], "feishu"),
    (&["泛微", "ecology"], "ecology"),
];

const ADDRESS_PREFIXES: [&str; 2] = ["地址.", "address."];

impl TableKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Units, Self::Posts, Self::People, Self::Roster, Self::StandIns];

    /// The sheet's name in exports.
    pub fn zh(self) -> &'static str {
        self.names()[0]
    }

    /// Names by which a sheet is known.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Units => &["单位", "单位表", "units"],
            Self::Posts => &["岗位", "岗位表", "posts"],
            Self::People => &["人员", "人员表", "people"],
            Self::Roster => &["花名册", "人员花名册", "roster"],
            Self::StandIns => &["代理", "代理表", "stand-ins", "stand_ins"],
        }
    }

    fn columns(self) -> &'static [Names] {
        match self {
            Self::Units => UNITS,
            Self::Posts => POSTS,
            Self::People => PEOPLE,
            Self::Roster => ROSTER,
            Self::StandIns => STAND_INS,
        }
    }

    /// What a sheet is by its name, else by its headings.
    pub(super) fn of(name: &str, headings: &[String]) -> Option<Self> {
        let name = folded(name);
        let named = Self::ALL.into_iter().find(|kind| kind.names().contains(&name.as_str()));
        named.or_else(|| {
            // Rosters and units have every column of the people: they are asked first.
            let order = [Self::Roster, Self::Units, Self::People, Self::Posts, Self::StandIns];
            order.into_iter().find(|kind| kind.missing(headings).is_empty())
        })
    }

    /// Columns that must be there and are not, by their first names.
    pub(super) fn missing(self, headings: &[String]) -> Vec<&'static str> {
        let has =
            |column: &Column| headings.iter().any(|one| self.column(one).as_ref() == Some(column));
        let owed = self.columns().iter().filter(|(_, column)| is_owed(column));
        owed.filter(|(_, column)| !has(column)).map(|(names, _)| names[0]).collect()
    }

    /// What a heading means in this table.
    pub(super) fn column(self, heading: &str) -> Option<Column> {
        let heading = folded(heading);
        let known = self.columns().iter().find(|(names, _)| names.contains(&heading.as_str()));
        if let Some((_, column)) = known {
            return Some(column.clone());
        }
        if matches!(self, Self::People | Self::Roster) { address(&heading) } else { None }
    }

    /// The heading of a column in exports.
    pub(super) fn heading(self, column: &Column) -> String {
        if let Column::Address(channel) = column {
            let known = ADDRESSES.iter().find(|(_, known)| known == channel);
            return known.map_or_else(
                || format!("{}{channel}", ADDRESS_PREFIXES[0]),
                |(names, _)| names[0].to_owned(),
            );
        }
        let known = self.columns().iter().find(|(_, known)| known == column);
        known.map_or_else(String::new, |(names, _)| names[0].to_owned())
    }

    /// The columns of an export, without addresses.
    pub(super) fn exported(self) -> Vec<Column> {
        self.columns().iter().map(|(_, column)| column.clone()).collect()
    }
}

/// Whether a table is none without the column.
fn is_owed(column: &Column) -> bool {
    !matches!(column, Column::Superior | Column::Tags | Column::Since | Column::Predecessors)
}

fn address(heading: &str) -> Option<Column> {
    let known = ADDRESSES.iter().find(|(names, _)| names.contains(&heading));
    if let Some((_, channel)) = known {
        return Some(Column::Address((*channel).to_owned()));
    }
    let channel = ADDRESS_PREFIXES.iter().find_map(|prefix| heading.strip_prefix(prefix))?;
    (!channel.is_empty()).then(|| Column::Address(channel.to_owned()))
}

/// Headings are compared without case, width, spaces and the star that marks what is owed.
fn folded(text: &str) -> String {
    let text = plain(text);
    let kept = text.chars().filter(|letter| !letter.is_whitespace() && !"*＊：:".contains(*letter));
    kept.flat_map(char::to_lowercase).collect()
}
