//! Reads a SELECT statement from its tokens.

use super::lexer::{Token, tokens, unescape, unescape_pattern};
use super::{Condition, Constant, Invalid, Operator, Select};

/// Longest text that is read, in octets of UTF-8. Windows sets a limit as well, on the number of tokens.
pub(super) const MAX_LENGTH: usize = 0x1_0000;

/// How deep parentheses and NOT may nest.
const MAX_DEPTH: u32 = 64;

/// Reads a SELECT statement.
pub(crate) fn parse(text: &str) -> Result<Select, Invalid> {
    if text.len() > MAX_LENGTH {
        return Err(Invalid::new("the text is too long"));
    }
    let tokens = tokens(text)?;
    let mut parser = Parser { rest: &tokens };
    let select = parser.select()?;
    match parser.rest {
        [] => Ok(select),
        [token, ..] => Err(Invalid::new(format!("{token:?} after the end"))),
    }
}

struct Parser<'a> {
    rest: &'a [Token<'a>],
}

impl<'a> Parser<'a> {
    fn select(&mut self) -> Result<Select, Invalid> {
        self.keyword("SELECT")?;
        let columns = if self.take(Token::Asterisk) { None } else { Some(self.columns()?) };
        self.keyword("FROM")?;
        let class = self.word("a class")?.to_owned();
        let condition = if self.rest.is_empty() {
            None
        } else {
            self.keyword("WHERE")?;
            Some(self.any_of(0)?)
        };
        Ok(Select { columns, class, condition })
    }

    fn columns(&mut self) -> Result<Vec<String>, Invalid> {
        let mut columns = Vec::new();
        loop {
            columns.push(self.word("a property")?.to_owned());
            if !self.take(Token::Comma) {
                return Ok(columns);
            }
        }
    }

    /// `… OR …`, which binds weakest.
    fn any_of(&mut self, depth: u32) -> Result<Condition, Invalid> {
        let first = self.all_of(depth)?;
        if !self.at_keyword("OR") {
            return Ok(first);
        }
        let mut any = vec![first];
        while self.take_keyword("OR") {
            any.push(self.all_of(depth)?);
        }
        Ok(Condition::Or(any))
    }

    fn all_of(&mut self, depth: u32) -> Result<Condition, Invalid> {
        let first = self.one(depth)?;
        if !self.at_keyword("AND") {
            return Ok(first);
        }
        let mut all = vec![first];
        while self.take_keyword("AND") {
            all.push(self.one(depth)?);
        }
        Ok(Condition::And(all))
    }

    fn one(&mut self, depth: u32) -> Result<Condition, Invalid> {
        if depth > MAX_DEPTH {
            return Err(Invalid::new("nested too deep"));
        }
        if self.take_keyword("NOT") {
            return Ok(Condition::Not(Box::new(self.one(depth + 1)?)));
        }
        if self.take(Token::Open) {
            let inner = self.any_of(depth + 1)?;
            return if self.take(Token::Close) { Ok(inner) } else { Err(Invalid::new("a ( without its )")) };
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Condition, Invalid> {
        if let Some(constant) = self.constant()? {
            let operator = self.operator()?.mirrored();
            let property = self.word("a property")?.to_owned();
            return compare(property, operator, constant);
        }
        let property = self.word("a property")?.to_owned();
        if self.take_keyword("IS") {
            let negated = self.take_keyword("NOT");
            self.keyword("NULL")?;
            return compare(property, if negated { Operator::NotEqual } else { Operator::Equal }, Constant::Null);
        }
        if self.take_keyword("LIKE") {
            let pattern = unescape_pattern(self.quoted()?);
            return Ok(Condition::Like { property, pattern });
        }
        if self.take_keyword("ISA") {
            let class = match self.next()? {
                Token::Word(word) => word.to_owned(),
                Token::Quoted(raw) => unescape(raw)?,
                other => return Err(Invalid::new(format!("{other:?} instead of a class"))),
            };
            return Ok(Condition::Isa { property, class });
        }
        let operator = self.operator()?;
        match self.constant()? {
            Some(constant) => compare(property, operator, constant),
            // The grammar writes the class of `__CLASS = …` without quotes.
            None if property.eq_ignore_ascii_case("__CLASS") => {
                let class = self.word("a class")?.to_owned();
                compare(property, operator, Constant::Text(class))
            }
            None => Err(Invalid::new(format!("no constant is compared with {property}"))),
        }
    }

    fn constant(&mut self) -> Result<Option<Constant>, Invalid> {
        let constant = match self.rest.first() {
            Some(&Token::Integer(value)) => Constant::Integer(value),
            Some(&Token::Real(value)) => Constant::Real(value),
            Some(&Token::Quoted(raw)) => Constant::Text(unescape(raw)?),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("TRUE") => Constant::Boolean(true),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("FALSE") => Constant::Boolean(false),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("NULL") => Constant::Null,
            _ => return Ok(None),
        };
        self.next()?;
        Ok(Some(constant))
    }

    fn next(&mut self) -> Result<Token<'a>, Invalid> {
        let (&token, rest) = self.rest.split_first().ok_or_else(|| Invalid::new("the text ends too early"))?;
        self.rest = rest;
        Ok(token)
    }

    fn operator(&mut self) -> Result<Operator, Invalid> {
        match self.next()? {
            Token::Operator(operator) => Ok(operator),
            other => Err(Invalid::new(format!("{other:?} instead of an operator"))),
        }
    }

    fn quoted(&mut self) -> Result<&'a str, Invalid> {
        match self.next()? {
            Token::Quoted(raw) => Ok(raw),
            other => Err(Invalid::new(format!("{other:?} instead of a string"))),
        }
    }

    fn word(&mut self, what: &str) -> Result<&'a str, Invalid> {
        match self.next()? {
            Token::Word(word) => Ok(word),
            other => Err(Invalid::new(format!("{other:?} instead of {what}"))),
        }
    }

    fn keyword(&mut self, keyword: &str) -> Result<(), Invalid> {
        if self.take_keyword(keyword) {
            return Ok(());
        }
        let found = self.next()?;
        Err(Invalid::new(format!("{found:?} instead of {keyword}")))
    }

    fn at_keyword(&self, keyword: &str) -> bool {
        matches!(self.rest.first(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword))
    }

    fn take_keyword(&mut self, keyword: &str) -> bool {
        let found = self.at_keyword(keyword);
        self.rest = &self.rest[usize::from(found)..];
        found
    }

    fn take(&mut self, token: Token<'_>) -> bool {
        let found = self.rest.first() == Some(&token);
        self.rest = &self.rest[usize::from(found)..];
        found
    }
}

/// A comparison; with NULL there are only two.
fn compare(property: String, operator: Operator, constant: Constant) -> Result<Condition, Invalid> {
    if constant != Constant::Null {
        return Ok(Condition::Compare { property, operator, constant });
    }
    match operator {
        Operator::Equal => Ok(Condition::IsNull { property }),
        Operator::NotEqual => Ok(Condition::Not(Box::new(Condition::IsNull { property }))),
        _ => Err(Invalid::new("NULL is neither less nor greater")),
    }
}
