//! Patterns of LIKE ([MS-WMI 2.2.1.1], table of meta characters).

use super::Invalid;
use super::filter::fold;

/// A pattern, ready to be matched without regard to case.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pattern(Vec<Item>);

#[derive(Clone, Debug, PartialEq)]
enum Item {
    /// `%`.
    Any,
    /// `_`.
    One,
    /// A character that stands for itself.
    Char(char),
    /// `[…]` or `[^…]`: the ranges, and whether they are those that do not match.
    Set { ranges: Vec<(char, char)>, except: bool },
}

impl Pattern {
    /// Reads a pattern; a bracket that is never closed is an error.
    pub(super) fn new(text: &str) -> Result<Self, Invalid> {
        let mut items = Vec::new();
        let folded: Vec<char> = fold(text).collect();
        let mut rest = folded.as_slice();
        while let [first, after @ ..] = rest {
            rest = after;
            items.push(match first {
                '%' => Item::Any,
                '_' => Item::One,
                '[' => {
                    let end = after.iter().position(|&c| c == ']').ok_or_else(|| Invalid::new("a [ without its ]"))?;
                    rest = &after[end + 1..];
                    set(&after[..end])
                }
                &c => Item::Char(c),
            });
        }
        Ok(Self(items))
    }

    /// Whether the pattern has a character with a meaning.
    pub(super) fn has_meta(&self) -> bool {
        self.0.iter().any(|item| !matches!(item, Item::Char(_)))
    }

    /// Whether the pattern matches all of `text`; time grows with the product of both lengths, memory not at all.
    pub(super) fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = fold(text).collect();
        let (mut item, mut at) = (0, 0);
        // Where to go on when what follows the last `%` did not match: the item after it, the next character it takes.
        let mut retry: Option<(usize, usize)> = None;
        loop {
            match (self.0.get(item), text.get(at)) {
                (None, None) => return true,
                (Some(Item::Any), _) => {
                    item += 1;
                    retry = Some((item, at));
                }
                (Some(one), Some(&c)) if one.matches(c) => {
                    item += 1;
                    at += 1;
                }
                _ => {
                    let Some((after_any, taken)) = retry.filter(|&(_, taken)| taken < text.len()) else {
                        return false;
                    };
                    (item, at) = (after_any, taken + 1);
                    retry = Some((after_any, at));
                }
            }
        }
    }
}

impl Item {
    fn matches(&self, c: char) -> bool {
        match self {
            Self::Any => false,
            Self::One => true,
            Self::Char(own) => *own == c,
            Self::Set { ranges, except } => ranges.iter().any(|&(low, high)| (low..=high).contains(&c)) != *except,
        }
    }
}

fn set(inside: &[char]) -> Item {
    let (except, mut rest) = match inside {
        ['^', rest @ ..] if !rest.is_empty() => (true, rest),
        all => (false, all),
    };
    let mut ranges = Vec::new();
    loop {
        match rest {
            [low, '-' | '=', high, after @ ..] => {
                ranges.push((*low, *high));
                rest = after;
            }
            [own, after @ ..] => {
                ranges.push((*own, *own));
                rest = after;
            }
            [] => return Item::Set { ranges, except },
        }
    }
}
