//! rhai's errors in words for authors, at the place in the author's files.

use std::collections::BTreeMap;

use duban_model::Place;
use rhai::{EvalAltResult, ParseErrorType, Position};

use crate::dates::{NO_SHIFTS, Shifts};
use crate::frame::LimitReached;
use crate::meter::OPERATIONS_MAX;
use crate::program::ScriptError;

/// Where the text that rhai compiled stands in the author's files.
#[derive(Clone, Copy)]
pub(crate) enum Base<'a> {
    /// An expression: positions count from its first character.
    Expression(&'a Place),
    /// A whole file.
    File(&'a str),
    /// The call of a function, made up by us: its own positions mean nothing.
    Call(&'a Place),
}

impl Base<'_> {
    /// The place of a position, with a length in characters.
    pub(crate) fn place(self, position: Position, length: usize) -> Place {
        let line = position.line().unwrap_or(1);
        let column = position.position().unwrap_or(1).max(1);
        match self {
            Self::Expression(start) => Place {
                file: start.file.clone(),
                line: start.line + line - 1,
                // The lines of a block text are indented alike.
                column: start.column + column - 1,
                length,
            },
            Self::File(file) => Place { file: file.to_owned(), line, column, length },
            Self::Call(function) => function.clone(),
        }
    }
}

/// `file:line:column`.
pub(crate) fn written(place: &Place) -> String {
    format!("{}:{}:{}", place.file, place.line, place.column)
}

/// A run-time error as the caller gets it.
///
/// What runs itself has dates at its `own` places, each script file at those of its name.
pub(crate) fn script_error(
    error: &EvalAltResult,
    base: Base<'_>,
    own: &Shifts,
    files: &BTreeMap<String, Shifts>,
) -> ScriptError {
    let mut file = String::new();
    let mut inner = error;
    while let EvalAltResult::ErrorInFunctionCall(_, source, cause, _) = inner {
        if !source.is_empty() {
            file.clone_from(source);
        }
        inner = cause;
    }
    let (base, shifts) = if file.is_empty() {
        (base, own)
    } else {
        (Base::File(&file), files.get(&file).unwrap_or(NO_SHIFTS))
    };
    let place = written(&base.place(shifts.original(inner.position()), 0));
    match limit_reached(inner) {
        Some(limit) => ScriptError::Limit { place, limit },
        None => ScriptError::Failed { place, message: message(inner) },
    }
}

fn limit_reached(error: &EvalAltResult) -> Option<&'static str> {
    match error {
        EvalAltResult::ErrorStackOverflow(_) => Some("call_levels_max"),
        EvalAltResult::ErrorTooManyVariables(_) => Some("variables_max"),
        EvalAltResult::ErrorDataTooLarge(what, _) if what.contains("string") => {
            Some("string_bytes_max")
        }
        EvalAltResult::ErrorDataTooLarge(what, _) if what.contains("map") => Some("map_len_max"),
        EvalAltResult::ErrorDataTooLarge(..) => Some("array_len_max"),
        EvalAltResult::ErrorTerminated(token, _) => {
            Some(token.read_lock::<LimitReached>().map_or(OPERATIONS_MAX, |limit| limit.0))
        }
        _ => None,
    }
}

fn message(error: &EvalAltResult) -> String {
    match error {
        EvalAltResult::ErrorRuntime(value, _) => value.to_string(),
        EvalAltResult::ErrorVariableNotFound(name, _) => {
            format!("没有变量 {name}；文字要加引号，自己的变量先写 let")
        }
        EvalAltResult::ErrorPropertyNotFound(name, _) => format!("映射里没有键 {name}"),
        EvalAltResult::ErrorFunctionNotFound(signature, _) => {
            format!("没有函数 {}", in_chinese(signature))
        }
        EvalAltResult::ErrorDotExpr(text, _) => property(text),
        EvalAltResult::ErrorIndexingType(text, _) => format!("不能取下标：{}", in_chinese(text)),
        EvalAltResult::ErrorIndexNotFound(name, _) => format!("没有 {name}"),
        EvalAltResult::ErrorArrayBounds(count, at, _) => {
            format!("列表有 {count} 个元素，取不到第 {at} 个（从 0 数起）")
        }
        EvalAltResult::ErrorStringBounds(count, at, _) => {
            format!("文本有 {count} 个字，取不到第 {at} 个（从 0 数起）")
        }
        EvalAltResult::ErrorMismatchDataType(needed, got, _)
        | EvalAltResult::ErrorMismatchOutputType(needed, got, _) => {
            format!("这里需要{}，得到{}", in_chinese(needed), in_chinese(got))
        }
        EvalAltResult::ErrorArithmetic(..) => "计算结果过大，或算式没有意义".to_owned(),
        EvalAltResult::ErrorFor(_) => {
            "for 只能遍历列表或范围，例如 for x in [1, 2] 或 for i in 0..3".to_owned()
        }
        EvalAltResult::ErrorAssignmentToConstant(name, _) => {
            format!("{name} 只可读，不能赋值；先写 let x = {name}，再改 x")
        }
        EvalAltResult::ErrorParsing(kind, _) => syntax(kind),
        EvalAltResult::ErrorNonPureMethodCallOnConstant(name, _) => {
            format!("{name} 会改动固定的值；先写 let x = …，再对 x 调用")
        }
        EvalAltResult::ErrorUnboundThis(_) => "这里没有 this；把要用的值写成函数的参数".to_owned(),
        EvalAltResult::ErrorVariableExists(name, _) => {
            format!("变量 {name} 已经有了；换一个名称")
        }
        EvalAltResult::ErrorForbiddenVariable(name, _) => {
            format!("不能用变量名 {name}；换一个名称")
        }
        EvalAltResult::ErrorDataRace(name, _) => {
            format!("{name} 正在使用，不能同时改动；先复制一份：let x = {name}")
        }
        EvalAltResult::ErrorModuleNotFound(name, _) | EvalAltResult::ErrorInModule(name, _, _) => {
            format!("不能引入 {name}；把要用的函数写进 hooks.rhai")
        }
        EvalAltResult::ErrorBitFieldBounds(..) => {
            "整数不能取下标；要取文本里的字，先写 x.to_string()".to_owned()
        }
        EvalAltResult::ErrorInFunctionCall(_, _, cause, _) => message(cause),
        other => format!("这种写法不能运行，请改用其他写法（{}）", in_chinese(&other.to_string())),
    }
}

/// "Unknown property 'x' - a getter is not registered for type 't'".
fn property(text: &str) -> String {
    let quoted: Vec<&str> = text.split('\'').skip(1).step_by(2).collect();
    match quoted.as_slice() {
        [name, kind, ..] if text.starts_with("Unknown property") => {
            let hint = if *kind == "()" { "：值还没有填" } else { "" };
            format!("{}没有属性 {name}{hint}", in_chinese(kind))
        }
        [name, kind, ..] => format!("{}的 {name} 只可读，不能赋值", in_chinese(kind)),
        _ => format!("没有这个属性：{text}"),
    }
}

/// rhai's names of types in Chinese.
fn in_chinese(text: &str) -> String {
    let names = [
        ("&str | ImmutableString | String", "文本"),
        ("string", "文本"),
        ("i64", "整数"),
        ("bool", "真假值"),
        ("decimal", "小数"),
        ("array", "列表"),
        ("map", "映射"),
        ("char", "单字"),
        ("()", "空值"),
    ];
    names.iter().fold(text.to_owned(), |text, (english, chinese)| text.replace(english, chinese))
}

/// A syntax error in words for authors.
pub(crate) fn syntax(error: &ParseErrorType) -> String {
    use ParseErrorType as E;
    match error {
        E::UnexpectedEOF => "写到一半就结束了".to_owned(),
        E::BadInput(rhai::LexError::UnterminatedString) => "引号没有配对".to_owned(),
        E::BadInput(rhai::LexError::MalformedChar(text)) => {
            format!("单引号里只能有一个字：'{text}'；文本请用双引号")
        }
        E::BadInput(rhai::LexError::UnexpectedInput(text)) => format!("不认识的符号 {text}"),
        E::BadInput(rhai::LexError::ImproperSymbol(symbol, _)) if symbol == "=" => {
            "这里不能赋值；比较是否相等请写 ==".to_owned()
        }
        E::BadInput(rhai::LexError::ImproperSymbol(word, _)) if word == "eval" => {
            "脚本里不能用 eval".to_owned()
        }
        E::BadInput(rhai::LexError::ImproperSymbol(symbol, _)) => {
            format!("不认识的符号 {symbol}")
        }
        E::MissingToken(token, _) => format!("这里缺少 {token}"),
        E::UnknownOperator(symbol) => format!("没有运算符 {symbol}"),
        E::Reserved(word) => format!("{word} 是保留字"),
        E::ExprExpected(_) => "这里需要一个表达式".to_owned(),
        E::PropertyExpected => "点号后面需要名称；保留字写成 [\"名称\"]".to_owned(),
        E::VariableExpected => "这里需要变量名".to_owned(),
        E::DuplicatedProperty(name) => format!("映射里 {name} 写了两次"),
        E::FnDuplicatedDefinition(name, _) => format!("函数 {name} 定义了两次"),
        E::FnDuplicatedParam(function, name) => format!("函数 {function} 的参数 {name} 写了两次"),
        E::FnMissingBody(name) => format!("函数 {name} 没有函数体"),
        E::FnMissingParams(name) => format!("函数 {name} 缺少参数表，没有参数也要写 ()"),
        E::WrongFnDefinition => "函数只能定义在最外层".to_owned(),
        E::AssignmentToConstant(name) => format!("{name} 只可读，不能赋值"),
        E::AssignmentToInvalidLHS(_) => "这里不能赋值；比较是否相等请写 ==".to_owned(),
        E::MismatchedType(needed, got) => {
            format!("这里需要{}，写的是{}", in_chinese(needed), in_chinese(got))
        }
        E::ExprTooDeep => "表达式嵌套太深（expr_depth_max）".to_owned(),
        E::TooManyFunctions => "函数太多（functions_max）".to_owned(),
        E::LiteralTooLarge(kind, most) => format!("{}太长，至多 {most}", in_chinese(kind)),
        E::LoopBreak => "break 和 continue 只能写在循环里".to_owned(),
        other => format!("语法不对：{other}"),
    }
}
