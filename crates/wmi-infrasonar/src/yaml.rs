//! YAML as a tree, with the places of secrets in the text.

use core::fmt;
use core::ops::Range;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, NonFiniteFloatPolicy, Options, Spanned};
use wmi_proto::Secret;

use crate::value::Value;

/// A node of a YAML document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// Anything without inner nodes.
    Scalar(Value),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
    /// The value of a `password` or `secret`.
    Secret(Sensitive),
}

/// A value that is not to be seen.
#[derive(Clone, Debug)]
pub(crate) enum Sensitive {
    /// As it was written, and where.
    Plain(Secret<String>, Option<Range<usize>>),
    /// A token, or its base64.
    Encrypted(String),
    /// What a token was.
    Open(Secret<String>),
}

impl PartialEq for Sensitive {
    /// Whether the secrets are equal, wherever they stood.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Plain(one, _) | Self::Open(one), Self::Plain(other, _) | Self::Open(other)) => one == other,
            (Self::Encrypted(one), Self::Encrypted(other)) => one == other,
            _ => false,
        }
    }
}

/// The keys whose values are secrets.
pub(crate) const SECRETS: [&str; 2] = ["password", "secret"];

/// The name of a key that is nothing, which nobody looks for.
const NOTHING: &str = "~";

/// How deep a document may be nested.
const MAX_DEPTH: usize = 64;

/// The tree of `text`; an empty one is nothing.
///
/// # Errors
/// It is no YAML, and where.
pub(crate) fn parse(text: &str) -> Result<Node, String> {
    let mut options = Options::default();
    options.budget.get_or_insert_default().max_depth = MAX_DEPTH;
    // Binary data are kept as they are spelt: only those of secrets are looked at.
    options.ignore_binary_tag_for_string = true;
    options.duplicate_keys = DuplicateKeyPolicy::LastWins;
    // As PyYAML reads them, whose YAML is 1.1: `010` is 8.
    options.legacy_octal_numbers = true;
    options.non_finite_float_policy = NonFiniteFloatPolicy::PassThrough;
    // Nothing of the text appears in a message: it may be a secret.
    options.with_snippet = false;
    let mut node: Node = serde_saphyr::from_str_with_options(text, options).map_err(|error| place(&error))?;
    node.spell_secrets(text);
    Ok(node)
}

/// Where and what, without the text itself.
fn place(error: &serde_saphyr::Error) -> String {
    match error.location() {
        Some(at) => format!("line {}, column {}: {}", at.line(), at.column(), error.without_snippet()),
        None => error.without_snippet().to_string(),
    }
}

impl Node {
    /// The node of `key`, when this is a map that has it. Of several the last counts, as in PyYAML.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(entries) = self else { return None };
        entries.iter().rev().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    /// The text, when it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Scalar(value) => value.text(),
            _ => None,
        }
    }

    /// The whole number, when it is one.
    pub(crate) fn number(&self) -> Option<u64> {
        match self {
            Self::Scalar(value) => value.unsigned(),
            _ => None,
        }
    }

    /// Whether there is nothing.
    pub(crate) const fn is_nothing(&self) -> bool {
        matches!(self, Self::Scalar(Value::Nil))
    }

    /// The same without secrets, as a value.
    pub(crate) fn value(&self) -> Value {
        match self {
            Self::Scalar(value) => value.clone(),
            Self::List(nodes) => Value::List(nodes.iter().map(Self::value).collect()),
            Self::Map(entries) => Value::Map(entries.iter().map(|(name, node)| (name.clone(), node.value())).collect()),
            Self::Secret(_) => Value::Nil,
        }
    }

    /// All secrets below this node.
    pub(crate) fn secrets_mut<'a>(&'a mut self, out: &mut Vec<&'a mut Sensitive>) {
        match self {
            Self::Scalar(_) => {}
            Self::List(nodes) => nodes.iter_mut().for_each(|node| node.secrets_mut(out)),
            Self::Map(entries) => entries.iter_mut().for_each(|(_, node)| node.secrets_mut(out)),
            Self::Secret(secret) => out.push(secret),
        }
    }

    /// Numbers and truth values that are secrets read as they are written: `007` is no 7.
    fn spell_secrets(&mut self, text: &str) {
        let mut secrets = Vec::new();
        self.secrets_mut(&mut secrets);
        for secret in secrets {
            if let Sensitive::Plain(plain, Some(span)) = secret
                && plain.expose().is_empty()
                && let Some(spelt) = text.get(span.clone())
                && !spelt.starts_with(['"', '\'', '|', '>'])
            {
                *plain = Secret::from(spelt.trim());
            }
        }
    }

    /// The value of a secret key.
    fn into_secret(self, span: Option<Range<usize>>) -> Self {
        match self {
            Self::Scalar(Value::Text(text)) => Self::Secret(Sensitive::Plain(Secret::new(text), span)),
            // No secret at all.
            Self::Scalar(Value::Nil) | Self::List(_) | Self::Secret(_) => self,
            // Spelt later.
            Self::Scalar(_) => Self::Secret(Sensitive::Plain(Secret::new(String::new()), span)),
            Self::Map(_) => match self.get("encrypted").and_then(Self::text) {
                Some(token) => Self::Secret(Sensitive::Encrypted(token.to_owned())),
                None => self,
            },
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Nil))
    }

    fn visit_none<E: Error>(self) -> Result<Node, E> {
        self.visit_unit()
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Int(value)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Uint(value)))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Real(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Node, E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Text(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Node, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = sequence.next_element()? {
            nodes.push(node);
        }
        Ok(Node::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(name) = map.next_key::<Option<String>>()? {
            let name = name.unwrap_or_else(|| NOTHING.to_owned());
            let value: Spanned<Node> = map.next_value()?;
            let node = if SECRETS.contains(&name.as_str()) {
                let span = value.defined.span();
                let range = span.byte_offset().zip(span.byte_len()).and_then(|(start, length)| {
                    let start = usize::try_from(start).ok()?;
                    Some(start..start.checked_add(usize::try_from(length).ok()?)?)
                });
                value.value.into_secret(range)
            } else {
                value.value
            };
            entries.push((name, node));
        }
        Ok(Node::Map(entries))
    }
}
