//! Reads ASSOCIATORS OF and REFERENCES OF ([MS-WMI 2.2.1.1]).

use super::Invalid;
use super::lexer::{Token, tokens};
use super::parser::MAX_LENGTH;

/// `ASSOCIATORS OF {path} WHERE …` or `REFERENCES OF {path} WHERE …`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Association {
    /// Whether the objects at the other ends are wanted, not the associations.
    pub(crate) associators: bool,
    /// The path between the braces.
    pub(crate) path: String,
    /// AssocClass: the class of the association.
    pub(crate) assoc_class: Option<String>,
    /// ResultClass: the class of what is given.
    pub(crate) result_class: Option<String>,
    /// ResultRole: the reference that names what is given.
    pub(crate) result_role: Option<String>,
    /// Role: the reference that names the object at the path.
    pub(crate) role: Option<String>,
    /// RequiredAssocQualifier: of the class of the association.
    pub(crate) required_assoc_qualifier: Option<String>,
    /// RequiredQualifier: of the class of what is given.
    pub(crate) required_qualifier: Option<String>,
    /// ClassDefsOnly: classes in place of instances.
    pub(crate) class_definitions: bool,
}

/// Whether a text begins as one of the two does.
pub(crate) fn is_association(text: &str) -> bool {
    let first = text.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    first.eq_ignore_ascii_case("ASSOCIATORS") || first.eq_ignore_ascii_case("REFERENCES")
}

/// Reads one of the two.
pub(crate) fn association(text: &str) -> Result<Association, Invalid> {
    if text.len() > MAX_LENGTH {
        return Err(Invalid::new("the text is too long"));
    }
    let (head, rest) = text.split_once('{').ok_or_else(|| Invalid::new("no path in braces"))?;
    let words: Vec<_> = head.split_whitespace().map(str::to_ascii_uppercase).collect();
    let associators = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["ASSOCIATORS", "OF"] => true,
        ["REFERENCES", "OF"] => false,
        _ => return Err(Invalid::new(format!("{head:?} before the path"))),
    };
    let (path, rest) = braced(rest).ok_or_else(|| Invalid::new("a { without its }"))?;
    let mut found = Association { associators, path: path.trim().to_owned(), ..Association::default() };
    let tokens = tokens(rest)?;
    match &tokens[..] {
        [] => Ok(found),
        [Token::Word(word), conditions @ ..] if word.eq_ignore_ascii_case("WHERE") && !conditions.is_empty() => {
            found.conditions(conditions)?;
            Ok(found)
        }
        [token, ..] => Err(Invalid::new(format!("{token:?} after the path"))),
    }
}

impl Association {
    /// The conditions stand one after the other, without anything between them.
    fn conditions(&mut self, mut tokens: &[Token<'_>]) -> Result<(), Invalid> {
        while let [Token::Word(name), rest @ ..] = tokens {
            if name.eq_ignore_ascii_case("ClassDefsOnly") {
                self.class_definitions = true;
                tokens = rest;
                continue;
            }
            let slot = match name.to_ascii_uppercase().as_str() {
                "ASSOCCLASS" if self.associators => &mut self.assoc_class,
                "RESULTROLE" if self.associators => &mut self.result_role,
                "REQUIREDASSOCQUALIFIER" if self.associators => &mut self.required_assoc_qualifier,
                "RESULTCLASS" => &mut self.result_class,
                "ROLE" => &mut self.role,
                "REQUIREDQUALIFIER" => &mut self.required_qualifier,
                _ => return Err(Invalid::new(format!("{name} after WHERE"))),
            };
            let [Token::Operator(super::Operator::Equal), Token::Word(value), after @ ..] = rest else {
                return Err(Invalid::new(format!("no name after {name}")));
            };
            if slot.replace((*value).to_owned()).is_some() {
                return Err(Invalid::new(format!("{name} twice")));
            }
            tokens = after;
        }
        match tokens.first() {
            None => Ok(()),
            Some(token) => Err(Invalid::new(format!("{token:?} after WHERE"))),
        }
    }
}

/// What stands before the brace that closes, and what after it; braces between quotes do not count.
fn braced(text: &str) -> Option<(&str, &str)> {
    let (mut quote, mut escaped) = (None, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote.is_some() => escaped = true,
            '"' | '\'' if quote.is_none() => quote = Some(c),
            _ if quote == Some(c) => quote = None,
            '}' if quote.is_none() => return Some((&text[..at], &text[at + 1..])),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_follow_each_other() {
        let text = "associators of {A.K=\"}\\\"{\"} where AssocClass = B ClassDefsOnly resultrole=C Role=D";
        let expected = Association {
            associators: true,
            path: "A.K=\"}\\\"{\"".to_owned(),
            assoc_class: Some("B".to_owned()),
            result_role: Some("C".to_owned()),
            role: Some("D".to_owned()),
            class_definitions: true,
            ..Association::default()
        };
        assert!(is_association(text));
        assert_eq!(association(text), Ok(expected));
        let plain = Association { path: "A=@".to_owned(), ..Association::default() };
        assert_eq!(association(" REFERENCES  OF { A=@ }"), Ok(plain));
    }

    #[test]
    fn what_is_neither() {
        for text in [
            "ASSOCIATORS {A}",
            "ASSOCIATORS OF A",
            "ASSOCIATORS OF {A",
            "REFERENCES OF {A} WHERE",
            "REFERENCES OF {A} AND Role=B",
            "REFERENCES OF {A} WHERE AssocClass=B",
            "REFERENCES OF {A} WHERE Role",
            "REFERENCES OF {A} WHERE Role='B'",
            "REFERENCES OF {A} WHERE Role=B Role=C",
            "REFERENCES OF {A} WHERE Role=B, ResultClass=C",
        ] {
            assert!(association(text).is_err(), "{text}");
        }
        assert!(!is_association("SELECT * FROM References"));
    }
}
