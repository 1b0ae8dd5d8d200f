//! Dates as requests give them: a text, so that what is no date of the years is answered with
//! the years that there are (422), and not as a request that cannot be read.

use duban_calendar::{CivilDate, Date, ParseError};
use duban_model::echoed;

use crate::pages::Failure;
use crate::problem::Problem;

/// A date of a body or a form.
///
/// # Errors
///
/// [`ParseError`]: it is no date, or lies outside [`CivilDate::RANGE`].
pub(crate) fn civil(text: &str) -> Result<Date, ParseError> {
    text.trim().parse().map(CivilDate::date)
}

impl From<ParseError> for Problem {
    fn from(error: ParseError) -> Self {
        Self::unfit(error.to_string())
    }
}

impl From<ParseError> for Failure {
    fn from(error: ParseError) -> Self {
        Self::Bad(format!(
            "“{}”不是可用的日期：应在 {} 之内，写成 2022-06-30",
            echoed(&error.text),
            CivilDate::RANGE_ZH
        ))
    }
}
