//! Text to object paths, by the grammar of [MS-WMI 2.2.2].

use super::value::in_range;
use super::{KeyValue, Keys, MAX_KEYS, MAX_NAME, MAX_PATH, ObjectPath, PathError, PathErrorKind, same_name};

/// Whether a name can begin with it: the identifiers of [DMTF-DSP0004], which know letters beyond ASCII.
fn begins_name(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !(c.is_ascii() || c.is_control() || c.is_whitespace())
}

/// Whether it can stand in a name.
fn in_name(c: char) -> bool {
    begins_name(c) || c.is_ascii_digit()
}

/// Whether it can stand in the name of a namespace. More than the grammar has: instances of a product have namespaces
/// of their own with such characters.
fn in_namespace(c: char) -> bool {
    in_name(c) || matches!(c, '-' | '$' | '#' | '~')
}

const fn is_slash(c: char) -> bool {
    matches!(c, '\\' | '/')
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Whether `name` is a name of `what`, for example "the name of a class".
pub(super) fn check_name(what: &'static str, name: &str) -> Result<(), PathError> {
    let mut chars = name.chars();
    if !(chars.next().is_some_and(begins_name) && chars.all(in_name)) {
        return Err(PathError::no_name(what, name));
    }
    match units(name) {
        length if length > MAX_NAME => Err(PathError::too_long(what, length, MAX_NAME)),
        _ => Ok(()),
    }
}

/// Reads a whole path.
pub(super) fn path(text: &str) -> Result<ObjectPath, PathError> {
    let length = units(text);
    if length > MAX_PATH {
        return Err(PathError::too_long("the path", length, MAX_PATH));
    }
    let mut text = Text { rest: text, at: 0 };
    text.blanks();
    let server = text.server()?;
    // What stands in front of a colon is a namespace, and so is what has a slash; the rest is a class.
    let head = text.rest.find(|c| !in_namespace(c) && !is_slash(c)).unwrap_or(text.rest.len());
    let (head, behind) = text.rest.split_at_checked(head).unwrap_or((text.rest, ""));
    let has_namespace = server.is_some() || behind.starts_with(':') || head.contains(is_slash);
    let namespace = if has_namespace { Some(text.namespace()?) } else { None };
    if has_namespace {
        text.blanks();
        if text.peek().is_none() {
            return Ok(ObjectPath { server, namespace, class: None, keys: Keys::None });
        }
        text.expect(':', "':' and a class behind the namespace, or its end")?;
        // A namespace alone.
        text.blanks();
        if text.peek().is_none() {
            return Ok(ObjectPath { server, namespace, class: None, keys: Keys::None });
        }
    }
    let class = Some(text.name("the name of a class")?);
    let keys = text.keys()?;
    text.blanks();
    match text.peek() {
        None => Ok(ObjectPath { server, namespace, class, keys }),
        found => Err(PathError::expected("the end", text.at, found)),
    }
}

/// Reads a namespace with or without a server, which a colon does not need to tell from a class.
pub(super) fn namespace(text: &str) -> Result<ObjectPath, PathError> {
    let length = units(text);
    if length > MAX_PATH {
        return Err(PathError::too_long("the namespace", length, MAX_PATH));
    }
    let mut text = Text { rest: text, at: 0 };
    let server = text.server()?;
    let namespace = Some(text.namespace()?);
    match text.peek() {
        None => Ok(ObjectPath { server, namespace, class: None, keys: Keys::None }),
        found => Err(PathError::expected("the end of the namespace", text.at, found)),
    }
}

/// The part that is still to be read.
struct Text<'t> {
    rest: &'t str,
    /// Characters that were read.
    at: usize,
}

impl<'t> Text<'t> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next()?;
        self.rest = chars.as_str();
        self.at += 1;
        Some(next)
    }

    /// Goes over characters as long as they are such.
    fn take(&mut self, such: impl Fn(char) -> bool) -> &'t str {
        let end = self.rest.find(|c| !such(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        self.at += taken.chars().count();
        taken
    }

    fn blanks(&mut self) {
        self.take(|c| matches!(c, ' ' | '\t' | '\r' | '\n'));
    }

    fn fail<T>(&self, what: &'static str) -> Result<T, PathError> {
        Err(PathError::expected(what, self.at, self.peek()))
    }

    fn expect(&mut self, wanted: char, what: &'static str) -> Result<(), PathError> {
        if self.peek() != Some(wanted) {
            return self.fail(what);
        }
        self.next();
        Ok(())
    }

    /// `\\SERVER\` or `//SERVER/`.
    fn server(&mut self) -> Result<Option<String>, PathError> {
        if !self.peek().is_some_and(is_slash) {
            return Ok(None);
        }
        self.next();
        if !self.peek().is_some_and(is_slash) {
            return self.fail("a second slash in front of the server, or none in front of the namespace");
        }
        self.next();
        let server = self.take(|c| !is_slash(c) && !c.is_whitespace() && !c.is_control() && !matches!(c, '"' | '\''));
        if server.is_empty() {
            return self.fail("the name of a server");
        }
        if !self.peek().is_some_and(is_slash) {
            return self.fail("a slash and a namespace behind the server");
        }
        self.next();
        Ok(Some(server.to_owned()))
    }

    /// Parts with slashes of either kind between them.
    fn namespace(&mut self) -> Result<String, PathError> {
        let mut namespace = String::new();
        loop {
            let part = self.take(in_namespace);
            if part.is_empty() {
                return self.fail("the name of a namespace");
            }
            namespace.push_str(part);
            if !self.peek().is_some_and(is_slash) {
                return Ok(namespace);
            }
            self.next();
            namespace.push('\\');
        }
    }

    fn name(&mut self, what: &'static str) -> Result<String, PathError> {
        if !self.peek().is_some_and(begins_name) {
            return self.fail(what);
        }
        let name = self.take(in_name);
        match units(name) {
            length if length > MAX_NAME => Err(PathError::too_long(what, length, MAX_NAME)),
            _ => Ok(name.to_owned()),
        }
    }

    /// [MS-WMI 2.2.2] INSTANCE-KEY, if there is one.
    fn keys(&mut self) -> Result<Keys, PathError> {
        self.blanks();
        match self.peek() {
            None => Ok(Keys::None),
            Some('=') => {
                self.next();
                self.blanks();
                if self.peek() == Some('@') {
                    self.next();
                    return Ok(Keys::Singleton);
                }
                Ok(Keys::Single(self.value("'@' or the value of the key")?))
            }
            Some('.') => self.named_keys(),
            Some(_) => self.fail("'.' or '=' and a key behind the class, or its end"),
        }
    }

    /// `.Name=value`, then more of them behind commas.
    fn named_keys(&mut self) -> Result<Keys, PathError> {
        let mut keys: Vec<(String, KeyValue)> = Vec::new();
        loop {
            self.next();
            self.blanks();
            let at = self.at;
            let name = self.name("the name of a key")?;
            if keys.iter().any(|(known, _)| same_name(known, &name)) {
                return Err(PathError::new(PathErrorKind::Twice, at));
            }
            if keys.len() >= MAX_KEYS {
                return Err(PathError::new(PathErrorKind::TooManyKeys, at));
            }
            self.blanks();
            self.expect('=', "'=' behind the name of the key")?;
            self.blanks();
            keys.push((name, self.value("the value of the key")?));
            self.blanks();
            match self.peek() {
                None => return Ok(Keys::Named(keys)),
                Some(',') => {}
                Some(_) => return self.fail("',' and another key, or the end"),
            }
        }
    }

    /// [MS-WMI 2.2.2] TYPED-CONSTANT.
    fn value(&mut self, what: &'static str) -> Result<KeyValue, PathError> {
        match self.peek() {
            Some(mark @ ('"' | '\'')) => self.string(mark).map(KeyValue::String),
            Some(c) if c.is_ascii_digit() || matches!(c, '+' | '-' | '.') => self.number(),
            Some(c) if c.is_ascii_alphabetic() => {
                let at = self.at;
                let word = self.take(in_name);
                if word.eq_ignore_ascii_case("TRUE") {
                    Ok(KeyValue::Boolean(true))
                } else if word.eq_ignore_ascii_case("FALSE") {
                    Ok(KeyValue::Boolean(false))
                } else {
                    let text = "a value: text in quotation marks, a number, TRUE or FALSE,";
                    Err(PathError::expected(text, at, word.chars().next()))
                }
            }
            _ => self.fail(what),
        }
    }

    /// Text between two `mark`s; a backslash takes `\`, `"` or `'` literally.
    fn string(&mut self, mark: char) -> Result<String, PathError> {
        self.next();
        let mut text = String::new();
        loop {
            match self.peek() {
                None => return self.fail("the closing quotation mark"),
                Some('\0') => return self.fail("text without NUL"),
                Some('\\') => {
                    self.next();
                    match self.peek() {
                        Some(c @ ('\\' | '"' | '\'')) => text.push(c),
                        _ => {
                            return self
                                .fail("a second backslash (in text, \\ is written \\\\ and \" is written \\\")");
                        }
                    }
                }
                Some(c) if c == mark => {
                    self.next();
                    return Ok(text);
                }
                Some(c) => text.push(c),
            }
            self.next();
        }
    }

    /// An integer, decimal or `0x…`, or a real.
    fn number(&mut self) -> Result<KeyValue, PathError> {
        let sign = self.take(|c| matches!(c, '+' | '-'));
        let negative = match sign {
            "" | "+" => false,
            "-" => true,
            _ => return self.fail("one sign and a digit"),
        };
        let at = self.at;
        let whole = self.take(|c| c.is_ascii_digit());
        let signed = |value: i128| if negative { value.checked_neg() } else { Some(value) };
        let integer = |digits: &str, radix: u32| {
            let value = i128::from_str_radix(digits, radix).ok().and_then(signed).filter(|value| in_range(*value));
            value.map(KeyValue::Integer).ok_or_else(|| {
                let found = digits.chars().next();
                PathError::expected("an integer of at most 64 bits", at, found)
            })
        };
        if whole == "0" && matches!(self.peek(), Some('x' | 'X')) {
            self.next();
            let digits = self.take(|c| c.is_ascii_hexdigit());
            return if digits.is_empty() {
                self.fail("a hexadecimal digit")
            } else {
                self.end_of(integer(digits, 16)?)
            };
        }
        if self.peek() != Some('.') {
            return if whole.is_empty() { self.fail("a digit") } else { self.end_of(integer(whole, 10)?) };
        }
        self.next();
        let fraction = self.take(|c| c.is_ascii_digit());
        if fraction.is_empty() {
            return self.fail("a digit behind the point");
        }
        let value: Option<f64> =
            format!("{sign}{whole}.{fraction}").parse().ok().filter(|value: &f64| value.is_finite());
        match value {
            Some(value) => self.end_of(KeyValue::Real(value)),
            None => Err(PathError::expected("a real number", at, whole.chars().next())),
        }
    }

    /// A number, when nothing follows that would belong to it.
    fn end_of(&self, value: KeyValue) -> Result<KeyValue, PathError> {
        if self.peek().is_some_and(|c| in_name(c) || c == '.') { self.fail("the end of the number") } else { Ok(value) }
    }
}
