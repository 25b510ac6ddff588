//! Splits a WQL text into tokens.

use super::{Invalid, Operator};

/// A token; words and strings are slices of the text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token<'a> {
    /// An identifier or a keyword.
    Word(&'a str),
    /// What stands between two quotes, escapes and all: a backslash means something else within LIKE.
    Quoted(&'a str),
    Integer(i128),
    Real(f64),
    Operator(Operator),
    Comma,
    Asterisk,
    Open,
    Close,
}

/// The tokens of `text`.
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, Invalid> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            ',' => (Token::Comma, &rest[1..]),
            '*' => (Token::Asterisk, &rest[1..]),
            '(' => (Token::Open, &rest[1..]),
            ')' => (Token::Close, &rest[1..]),
            '"' | '\'' => quoted(&rest[1..], first)?,
            '=' | '<' | '>' | '!' => operator(rest)?,
            '0'..='9' | '.' | '-' | '+' => number(rest)?,
            _ if is_word(first) => {
                let (word, after) = split_while(rest, |c| is_word(c) || c.is_ascii_digit());
                (Token::Word(word), after)
            }
            other => return Err(Invalid::new(format!("unexpected {other:?}"))),
        };
        found.push(token);
        rest = after.trim_start();
    }
    Ok(found)
}

/// Text between quotes with its escapes replaced.
///
/// A backslash takes the next character literally, but a few letters stand for control characters; any other letter
/// or digit after it is an error, which is why `'C:\Windows'` is an invalid query on Windows as well.
pub(super) fn unescape(raw: &str) -> Result<String, Invalid> {
    let mut text = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        text.push(match chars.next() {
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some(other) if !other.is_alphanumeric() => other,
            _ => return Err(Invalid::new(format!("escape in {raw:?}"))),
        });
    }
    Ok(text)
}

/// A pattern between quotes. [MS-WMI 2.2.1] gives the backslash no meaning within LIKE; Windows needs it for its own
/// quote and takes a doubled one as one, so only these are replaced.
pub(super) fn unescape_pattern(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        match chars.peek() {
            Some(&next @ ('\\' | '"' | '\'')) if c == '\\' => {
                text.push(next);
                chars.next();
            }
            _ => text.push(c),
        }
    }
    text
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_ascii_alphabetic() || (!c.is_ascii() && c.is_alphanumeric())
}

fn split_while(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

fn quoted(text: &str, quote: char) -> Result<(Token<'_>, &str), Invalid> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return Ok((Token::Quoted(&text[..at]), &text[at + 1..])),
            _ => {}
        }
    }
    Err(Invalid::new("a string without its end"))
}

fn operator(text: &str) -> Result<(Token<'_>, &str), Invalid> {
    const OPERATORS: [(&str, Operator); 7] = [
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<>", Operator::NotEqual),
        ("!=", Operator::NotEqual),
        ("=", Operator::Equal),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ];
    OPERATORS
        .iter()
        .find_map(|&(spelling, operator)| Some((Token::Operator(operator), text.strip_prefix(spelling)?)))
        .ok_or_else(|| Invalid::new("an operator that does not exist"))
}

/// A number with an optional sign, fraction and exponent, in tens; hexadecimal is not WQL.
fn number(text: &str) -> Result<(Token<'_>, &str), Invalid> {
    let sign = usize::from(text.starts_with(['-', '+']));
    let (digits, mut after) = split_while(&text[sign..], |c| c.is_ascii_digit());
    let mut real = false;
    let mut some_digits = !digits.is_empty();
    if let Some(fraction) = after.strip_prefix('.') {
        let (digits, rest) = split_while(fraction, |c| c.is_ascii_digit());
        some_digits |= !digits.is_empty();
        (real, after) = (true, rest);
    }
    if let Some(exponent) = after.strip_prefix(['e', 'E']) {
        let unsigned = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        let (digits, rest) = split_while(unsigned, |c| c.is_ascii_digit());
        if digits.is_empty() {
            return Err(Invalid::new("an exponent without digits"));
        }
        (real, after) = (true, rest);
    }
    let spelling = &text[..text.len() - after.len()];
    if !some_digits || after.starts_with(is_word) {
        return Err(Invalid::new(format!("not a number: {:?}", text.chars().take(20).collect::<String>())));
    }
    let wrong = || Invalid::new(format!("number out of range: {spelling}"));
    let token = if real {
        Token::Real(spelling.parse().map_err(|_| wrong())?)
    } else {
        Token::Integer(spelling.parse().map_err(|_| wrong())?)
    };
    Ok((token, after))
}
