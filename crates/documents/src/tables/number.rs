//! Numbers and dates of spreadsheets as people wrote them.

use calamine::{DataRef, ExcelDateTime};

/// From here on a spreadsheet has lost the last digits of a whole number.
const WHOLE_MAX: f64 = 1e15;

/// A cell's text, or what is wrong with it in Chinese.
pub(super) fn text_of(cell: &DataRef<'_>) -> Result<String, &'static str> {
    match cell {
        DataRef::Empty => Ok(String::new()),
        DataRef::String(text) => Ok(text.clone()),
        DataRef::SharedString(text) => Ok((*text).to_owned()),
        DataRef::Int(number) => Ok(number.to_string()),
        DataRef::Float(number) if number.abs() >= WHOLE_MAX => {
            Err("数字太长，表格软件已丢掉后几位；请把这一列设为文本格式后重填")
        }
        DataRef::Float(number) => Ok(number.to_string()),
        DataRef::Bool(true) => Ok("是".to_owned()),
        DataRef::Bool(false) => Ok("否".to_owned()),
        DataRef::DateTime(at) => Ok(date_of(at)),
        DataRef::DateTimeIso(text) => Ok(text.strip_suffix("T00:00:00").unwrap_or(text).to_owned()),
        DataRef::DurationIso(text) => Ok(text.clone()),
        DataRef::Error(_) => Err("公式出错，没有值"),
    }
}

fn date_of(at: &ExcelDateTime) -> String {
    if at.is_duration() {
        return at.as_f64().to_string();
    }
    let (year, month, day, hour, minute, second, _) = at.to_ymd_hms_milli();
    let date = format!("{year:04}-{month:02}-{day:02}");
    if (hour, minute, second) == (0, 0, 0) {
        return date;
    }
    format!("{date} {hour:02}:{minute:02}:{second:02}")
}
