//! Civil dates as people write them.

use duban_calendar::{Date, YEAR_MAX, YEAR_MIN};
use unicode_normalization::UnicodeNormalization;

/// Whether a date lies in the years that are counted in, 1900 to 2200.
pub fn is_civil(date: Date) -> bool {
    (YEAR_MIN..=YEAR_MAX).contains(&chrono::Datelike::year(&date))
}

/// A date by its digits; `None` where there is no such day in the years that are counted in.
pub fn civil_date(year: &str, month: &str, day: &str) -> Option<Date> {
    let date = Date::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    date.filter(|date| is_civil(*date))
}

/// A date as ISO writes it, or as offices do, in digits of any width: `2026/1/2`, `2026.1.2`,
/// `2026年1月2日`.
///
/// ```
/// let date = duban_model::office_date("２０２６年6月30日");
/// assert_eq!(date, duban_model::civil_date("2026", "6", "30"));
/// assert_eq!(duban_model::office_date("6月30日"), None);
/// ```
pub fn office_date(text: &str) -> Option<Date> {
    let text = plain(text);
    let parts: Vec<&str> = text
        .trim_end_matches(['日', '号'])
        .split(['-', '/', '.', '年', '月'])
        .map(str::trim)
        .collect();
    let [year, month, day] = parts.as_slice() else { return None };
    // A time of day behind it would be dropped in silence.
    let is_plain = parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    if !is_plain || year.len() != 4 {
        return None;
    }
    civil_date(year, month, day)
}

/// What stands for a number, a code or an address, in characters of usual width (NFKC) and
/// without spaces around it. Names keep their full-width brackets: they are not for this.
pub(crate) fn plain(text: &str) -> String {
    let folded: String = text.nfkc().collect();
    folded.trim().to_owned()
}
