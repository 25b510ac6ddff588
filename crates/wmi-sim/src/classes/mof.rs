//! Reads the subset of the Managed Object Format (DMTF DSP0221) in which the classes of the machine are written.
//!
//! Beyond it the words `NaN` and `Infinity` are reals, because the format cannot write these values.

use wmi_proto::cim::CimType;

/// The type of what a method returns that returns nothing.
pub(crate) const VOID: CimType = CimType(0);

/// What a file declares, in its order.
#[derive(Debug, PartialEq)]
pub(crate) enum Declaration {
    Class(ClassDecl),
    Instance(InstanceDecl),
}

/// `class Name : Superclass { … };`
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ClassDecl {
    pub(crate) name: String,
    pub(crate) superclass: Option<String>,
    pub(crate) qualifiers: Vec<QualifierDecl>,
    pub(crate) properties: Vec<PropertyDecl>,
    pub(crate) methods: Vec<MethodDecl>,
}

/// A property, or a parameter of a method.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PropertyDecl {
    pub(crate) name: String,
    pub(crate) cim_type: CimType,
    pub(crate) array: bool,
    /// The type as the CIMTYPE qualifier spells it: `uint32`, `ref:Win32_Service`, `object:Sim_Point`.
    pub(crate) spelling: String,
    pub(crate) qualifiers: Vec<QualifierDecl>,
    pub(crate) default: Option<Literal>,
}

/// `uint32 Name([in] string Parameter, …);`
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MethodDecl {
    pub(crate) name: String,
    pub(crate) returns: PropertyDecl,
    pub(crate) qualifiers: Vec<QualifierDecl>,
    pub(crate) parameters: Vec<PropertyDecl>,
}

/// `Name`, `Name(value)` or `Name{value, …}` between brackets.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct QualifierDecl {
    pub(crate) name: String,
    pub(crate) value: Literal,
}

/// `instance of Name { property = value; … };`
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct InstanceDecl {
    pub(crate) class: String,
    pub(crate) values: Vec<(String, Literal)>,
}

/// A value before it takes the type of its property.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    Null,
    Boolean(bool),
    Integer(i128),
    Real(f64),
    Text(String),
    Array(Vec<Self>),
    Instance(InstanceDecl),
}

/// Where and why a text is not MOF.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub(crate) struct MofError {
    pub(crate) line: usize,
    pub(crate) what: String,
}

/// The declarations of a file.
pub(crate) fn parse(text: &str) -> Result<Vec<Declaration>, MofError> {
    let mut parser = Parser { text, rest: text };
    let mut found = Vec::new();
    while !parser.skip().is_empty() {
        found.push(parser.declaration()?);
    }
    Ok(found)
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn declaration(&mut self) -> Result<Declaration, MofError> {
        let qualifiers = self.qualifiers()?;
        if self.take_word("instance") {
            let instance = self.instance()?;
            self.expect(";")?;
            return Ok(Declaration::Instance(instance));
        }
        if !self.take_word("class") {
            return Err(self.error("neither class nor instance"));
        }
        let name = self.word()?.to_owned();
        let superclass = if self.take(":") { Some(self.word()?.to_owned()) } else { None };
        let mut class = ClassDecl { name, superclass, qualifiers, properties: Vec::new(), methods: Vec::new() };
        self.expect("{")?;
        while !self.take("}") {
            let member = self.property()?;
            if self.take("(") {
                let parameters = self.list(")", Self::property)?;
                class.methods.push(method(member, parameters));
            } else {
                class.properties.push(member);
            }
            self.expect(";")?;
        }
        self.expect(";")?;
        Ok(Declaration::Class(class))
    }

    fn property(&mut self) -> Result<PropertyDecl, MofError> {
        let qualifiers = self.qualifiers()?;
        let type_name = self.word()?;
        let (cim_type, spelling) = if let Some(cim_type) = scalar_type(type_name) {
            (cim_type, type_name.to_owned())
        } else if self.take_word("ref") {
            (CimType::REFERENCE, format!("ref:{type_name}"))
        } else if type_name == "object" {
            (CimType::OBJECT, type_name.to_owned())
        } else {
            (CimType::OBJECT, format!("object:{type_name}"))
        };
        let name = self.word()?.to_owned();
        let array = self.take("[");
        if array {
            self.expect("]")?;
        }
        let default = if self.take("=") { Some(self.literal()?) } else { None };
        Ok(PropertyDecl { name, cim_type, array, spelling, qualifiers, default })
    }

    fn qualifiers(&mut self) -> Result<Vec<QualifierDecl>, MofError> {
        if !self.take("[") {
            return Ok(Vec::new());
        }
        self.list("]", |parser| {
            let name = parser.word()?.to_owned();
            let value = if parser.take("(") {
                let value = parser.literal()?;
                parser.expect(")")?;
                value
            } else if parser.skip().starts_with('{') {
                parser.literal()?
            } else {
                Literal::Boolean(true)
            };
            Ok(QualifierDecl { name, value })
        })
    }

    /// What follows the word `instance`.
    fn instance(&mut self) -> Result<InstanceDecl, MofError> {
        if !self.take_word("of") {
            return Err(self.error("instance of what"));
        }
        let class = self.word()?.to_owned();
        self.expect("{")?;
        let mut values = Vec::new();
        while !self.take("}") {
            let name = self.word()?.to_owned();
            self.expect("=")?;
            values.push((name, self.literal()?));
            self.expect(";")?;
        }
        Ok(InstanceDecl { class, values })
    }

    fn literal(&mut self) -> Result<Literal, MofError> {
        if self.take("{") {
            return Ok(Literal::Array(self.list("}", Self::literal)?));
        }
        match self.skip().chars().next() {
            Some('"') => Ok(Literal::Text(self.quoted()?)),
            Some(c) if c.is_ascii_digit() || c == '-' => self.number(),
            _ => match self.word()? {
                "instance" => Ok(Literal::Instance(self.instance()?)),
                "TRUE" => Ok(Literal::Boolean(true)),
                "FALSE" => Ok(Literal::Boolean(false)),
                "NULL" => Ok(Literal::Null),
                "NaN" => Ok(Literal::Real(f64::NAN)),
                "Infinity" => Ok(Literal::Real(f64::INFINITY)),
                other => Err(self.error(&format!("value {other}"))),
            },
        }
    }

    /// Items between commas up to `end`.
    fn list<T>(&mut self, end: &str, item: impl Fn(&mut Self) -> Result<T, MofError>) -> Result<Vec<T>, MofError> {
        let mut items = Vec::new();
        while !self.take(end) {
            if !items.is_empty() {
                self.expect(",")?;
            }
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn number(&mut self) -> Result<Literal, MofError> {
        let end = self.rest[1..].find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '+' | '-'));
        let (spelling, rest) = self.rest.split_at(end.map_or(self.rest.len(), |end| end + 1));
        self.rest = rest;
        let literal = if let Some(hex) = spelling.strip_prefix("0x") {
            i128::from_str_radix(hex, 16).ok().map(Literal::Integer)
        } else if spelling == "-Infinity" {
            Some(Literal::Real(f64::NEG_INFINITY))
        } else if spelling.contains(['.', 'e']) {
            spelling.parse().ok().map(Literal::Real)
        } else {
            spelling.parse().ok().map(Literal::Integer)
        };
        literal.ok_or_else(|| self.error(&format!("number {spelling}")))
    }

    fn quoted(&mut self) -> Result<String, MofError> {
        let mut text = String::new();
        let mut chars = self.rest[1..].char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &self.rest[at + 2..];
                    return Ok(text);
                }
                '\\' => match chars.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 'r')) => text.push('\r'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, c @ ('\\' | '"'))) => text.push(c),
                    _ => return Err(self.error("escape in a string")),
                },
                _ => text.push(c),
            }
        }
        Err(self.error("a string without its end"))
    }

    /// Drops white space and comments; what is left.
    fn skip(&mut self) -> &'a str {
        loop {
            self.rest = self.rest.trim_start();
            match self.rest.strip_prefix("//") {
                Some(comment) => self.rest = comment.split_once('\n').map_or("", |(_, after)| after),
                None => return self.rest,
            }
        }
    }

    fn word(&mut self) -> Result<&'a str, MofError> {
        let rest = self.skip();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        if end == 0 {
            return Err(self.error("no word"));
        }
        let (word, after) = rest.split_at(end);
        self.rest = after;
        Ok(word)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let before = self.rest;
        let found = self.word().is_ok_and(|found| found == word);
        if !found {
            self.rest = before;
        }
        found
    }

    fn take(&mut self, sign: &str) -> bool {
        let after = self.skip().strip_prefix(sign);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn expect(&mut self, sign: &str) -> Result<(), MofError> {
        if self.take(sign) { Ok(()) } else { Err(self.error(&format!("no {sign}"))) }
    }

    fn error(&self, what: &str) -> MofError {
        let read = &self.text[..self.text.len() - self.rest.len()];
        MofError { line: read.matches('\n').count() + 1, what: what.to_owned() }
    }
}

/// The member that turned out to have parameters.
fn method(member: PropertyDecl, parameters: Vec<PropertyDecl>) -> MethodDecl {
    let PropertyDecl { name, qualifiers, .. } = member.clone();
    let returns = PropertyDecl { name: "ReturnValue".to_owned(), qualifiers: Vec::new(), ..member };
    MethodDecl { name, returns, qualifiers, parameters }
}

fn scalar_type(name: &str) -> Option<CimType> {
    Some(match name {
        "sint8" => CimType::SINT8,
        "uint8" => CimType::UINT8,
        "sint16" => CimType::SINT16,
        "uint16" => CimType::UINT16,
        "sint32" => CimType::SINT32,
        "uint32" => CimType::UINT32,
        "sint64" => CimType::SINT64,
        "uint64" => CimType::UINT64,
        "real32" => CimType::REAL32,
        "real64" => CimType::REAL64,
        "boolean" => CimType::BOOLEAN,
        "string" => CimType::STRING,
        "datetime" => CimType::DATETIME,
        "char16" => CimType::CHAR16,
        "void" => VOID,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Declaration {
        let mut found = parse(text).expect("valid");
        assert_eq!(found.len(), 1);
        found.remove(0)
    }

    #[test]
    fn a_class_is_read_with_its_members() {
        let text = r#"
            // A comment.
            [abstract, provider("P"), Values{"a", "b"}]
            class Sim_B : Sim_A {
                [key] string Name;
                sint32 Levels[] = {-1, 0x10};
                Sim_A ref Link;
                Sim_A Inner;
                object Any;
                [implemented] uint32 Stop([in] boolean Force, [out] string Message);
            };
        "#;
        let Declaration::Class(class) = one(text) else { panic!("not a class") };
        assert_eq!((class.name.as_str(), class.superclass.as_deref()), ("Sim_B", Some("Sim_A")));
        assert_eq!(class.qualifiers[0], QualifierDecl { name: "abstract".to_owned(), value: Literal::Boolean(true) });
        let values = Literal::Array(vec![Literal::Text("a".to_owned()), Literal::Text("b".to_owned())]);
        assert_eq!(class.qualifiers[2].value, values);
        let spellings: Vec<_> = class.properties.iter().map(|p| p.spelling.as_str()).collect();
        assert_eq!(spellings, ["string", "sint32", "ref:Sim_A", "object:Sim_A", "object"]);
        assert!(class.properties[1].array);
        assert_eq!(class.properties[1].default, Some(Literal::Array(vec![Literal::Integer(-1), Literal::Integer(16)])));
        let [stop] = &class.methods[..] else { panic!("not one method") };
        assert_eq!((stop.name.as_str(), stop.returns.name.as_str()), ("Stop", "ReturnValue"));
        assert_eq!(stop.parameters.len(), 2);
    }

    #[test]
    fn an_instance_is_read_with_its_values() {
        let text =
            r#"instance of X { A = "C:\\\"\n"; B = NULL; C = -1.5e3; D = {}; E = instance of Y { F = TRUE; }; };"#;
        let Declaration::Instance(instance) = one(text) else { panic!("not an instance") };
        let inner = InstanceDecl { class: "Y".to_owned(), values: vec![("F".to_owned(), Literal::Boolean(true))] };
        let expected = [
            ("A", Literal::Text("C:\\\"\n".to_owned())),
            ("B", Literal::Null),
            ("C", Literal::Real(-1500.0)),
            ("D", Literal::Array(Vec::new())),
            ("E", Literal::Instance(inner)),
        ];
        assert_eq!(instance.values, expected.map(|(name, value)| (name.to_owned(), value)));
    }

    #[test]
    fn a_mistake_is_found_on_its_line() {
        for (text, line) in [
            ("class", 1),
            ("class A {\n string B\n};", 3),
            ("instance of A {\n\n B = 0xZZ;\n};", 3),
            ("instance of A { B = \"x; };", 1),
            ("class A { uint32 B(string C };", 1),
            ("[key", 1),
            ("noise", 1),
        ] {
            assert_eq!(parse(text).expect_err(text).line, line, "{text}");
        }
    }
}
