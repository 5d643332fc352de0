//! The global variables.

use std::collections::BTreeMap;
use std::fmt;

/// The largest index that `name[index]=` may have.
const LAST_INDEX: usize = 4000;
/// How a variable with several values begins, and what stands between these.
const ARRAY: &[u8] = b"ARRAY::";
const ARRAY_SEPARATOR: &[u8] = b"|:";

/// The global variables, in the order in which they are listed: who is set again moves to the end. Names ignore case.
#[derive(Clone, Default)]
pub struct Globals {
    by_age: BTreeMap<u64, Variable>,
    age_of: BTreeMap<Vec<u8>, u64>,
    next_age: u64,
}

#[derive(Clone)]
struct Variable {
    name: Vec<u8>,
    value: Value,
}

#[derive(Clone)]
enum Value {
    Plain(Vec<u8>),
    Array(Vec<Vec<u8>>),
}

impl Value {
    fn shown(&self) -> Vec<u8> {
        match self {
            Value::Plain(value) => value.clone(),
            Value::Array(values) => match &values[..] {
                [one] => one.clone(),
                several => [ARRAY, &several.join(ARRAY_SEPARATOR)].concat(),
            },
        }
    }
}

/// The names only: some values are passwords.
impl fmt::Debug for Globals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.by_age.values().map(|variable| String::from_utf8_lossy(&variable.name));
        f.debug_set().entries(names).finish()
    }
}

impl Globals {
    /// Reads variables back from the way in which [`Globals::listing`] shows them. A line without `=` is ignored.
    pub fn from_listing(listing: &[u8]) -> Self {
        let mut globals = Globals::default();
        for line in listing.split(|&byte| byte == b'\n') {
            if let Some((name, value)) = split_at(line, b"=") {
                let value = match value.strip_prefix(ARRAY) {
                    Some(list) => Value::Array(split(list, ARRAY_SEPARATOR).map(<[u8]>::to_vec).collect()),
                    None => Value::Plain(value.to_vec()),
                };
                globals.remove(name);
                globals.append(name, value);
            }
        }
        globals
    }

    /// All variables, a line `name=value` for each, as `global_getvar` answers.
    pub fn listing(&self) -> Vec<u8> {
        let lines = self.by_age.values();
        lines.flat_map(|variable| [&variable.name[..], b"=", &variable.value.shown(), b"\n"].concat()).collect()
    }

    /// The value of a variable, if it is set.
    pub fn value(&self, name: &[u8]) -> Option<Vec<u8>> {
        self.variable(name).map(|variable| variable.value.shown())
    }

    /// Sets a variable. An empty value removes it, `name[index]` sets one value of an array, and `${` becomes `%{`.
    pub fn set(&mut self, name: &[u8], value: &[u8]) {
        self.remove(name);
        let value = disarmed(value);
        if let Some((base, index)) = split_at(name, b"[") {
            self.set_one_of(base, leading_number(index), value);
        } else if contains(&value, ARRAY) {
            let values = array_values(&value);
            if !values.is_empty() {
                self.append(name, Value::Array(values));
            }
        } else if !value.is_empty() {
            self.append(name, Value::Plain(value));
        }
    }

    fn set_one_of(&mut self, name: &[u8], index: Option<usize>, value: Vec<u8>) {
        let Some(index) = index.filter(|&index| index <= LAST_INDEX) else { return };
        let key = name.to_ascii_lowercase();
        let known = self.age_of.get(&key).and_then(|age| self.by_age.get_mut(age));
        match known {
            Some(variable) => {
                let mut values = match std::mem::replace(&mut variable.value, Value::Array(Vec::new())) {
                    Value::Array(values) => values,
                    // A plain value is no array: it does not survive.
                    Value::Plain(_) => Vec::new(),
                };
                if values.len() <= index {
                    values.resize(index + 1, Vec::new());
                }
                values.splice(index..=index, [value]);
                variable.value = Value::Array(values);
            }
            None if value.is_empty() => {}
            None => {
                let mut values = vec![Vec::new(); index];
                values.push(value);
                self.append(name, Value::Array(values));
            }
        }
    }

    fn variable(&self, name: &[u8]) -> Option<&Variable> {
        self.by_age.get(self.age_of.get(&name.to_ascii_lowercase())?)
    }

    fn remove(&mut self, name: &[u8]) {
        if let Some(age) = self.age_of.remove(&name.to_ascii_lowercase()) {
            self.by_age.remove(&age);
        }
    }

    fn append(&mut self, name: &[u8], value: Value) {
        self.age_of.insert(name.to_ascii_lowercase(), self.next_age);
        let name = name.to_vec();
        self.by_age.insert(self.next_age, Variable { name, value });
        self.next_age += 1;
    }
}

/// The value with each `${` as `%{`, backslashes between the two signs included: what the value holds is never expanded later.
fn disarmed(value: &[u8]) -> Vec<u8> {
    let mut disarmed = value.to_vec();
    let mut dollar = None;
    for (at, &byte) in value.iter().enumerate() {
        match byte {
            b'$' => dollar = Some(at),
            b'\\' => {}
            _ => {
                if let (b'{', Some(dollar)) = (byte, dollar.and_then(|at: usize| disarmed.get_mut(at))) {
                    *dollar = b'%';
                }
                dollar = None;
            }
        }
    }
    disarmed
}

/// The values of a list that somebody sets as a whole. Empty ones count only behind the first that is not.
fn array_values(list: &[u8]) -> Vec<Vec<u8>> {
    let values = split(list.get(ARRAY.len()..).unwrap_or_default(), ARRAY_SEPARATOR);
    values.skip_while(|value| value.is_empty()).map(<[u8]>::to_vec).collect()
}

/// The parts between separators.
fn split<'t>(text: &'t [u8], separator: &'t [u8]) -> impl Iterator<Item = &'t [u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (part, behind) = split_at(text, separator).map_or((text, None), |(part, behind)| (part, Some(behind)));
        rest = behind;
        Some(part)
    })
}

/// The number that a text begins with, as C reads it: 0 without digits. `None` for a negative or a huge one.
fn leading_number(text: &[u8]) -> Option<usize> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    let number = digits
        .clone()
        .try_fold(0_usize, |number, digit| number.checked_mul(10)?.checked_add(usize::from(digit - b'0')));
    number.filter(|_| !text.starts_with(b"-"))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}

/// What stands before and behind the first `separator`.
pub(super) fn split_at<'t>(text: &'t [u8], separator: &[u8]) -> Option<(&'t [u8], &'t [u8])> {
    let at = memchr::memmem::find(text, separator)?;
    Some((text.get(..at)?, text.get(at + separator.len()..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sets: &[(&str, &str)], listing: &str) {
        let mut globals = Globals::default();
        for (name, value) in sets {
            globals.set(name.as_bytes(), value.as_bytes());
        }
        assert_eq!(String::from_utf8_lossy(&globals.listing()), listing);
    }

    #[test]
    fn a_variable_set_again_moves_to_the_end_and_takes_the_new_spelling() {
        check(&[("Aa", "1"), ("b", "2"), ("aA", "3")], "b=2\naA=3\n");
    }

    #[test]
    fn an_empty_value_removes_a_variable() {
        check(&[("a", "1"), ("a", "")], "");
    }

    #[test]
    fn an_index_makes_an_array_that_keeps_its_place() {
        check(&[("x[1]", "b"), ("y", "1"), ("x[0]", "a")], "x=ARRAY::a|:b\ny=1\n");
        check(&[("x", "plain"), ("x[1]", "b")], "x=ARRAY::|:b\n");
        check(&[("x[0]", "a")], "x=a\n");
        check(&[("x[0]", "a"), ("x[1]", "b")], "x=ARRAY::a|:b\n");
        check(&[("x[4001]", "a"), ("x[-1]", "a")], "");
    }

    #[test]
    fn an_array_is_read_back_as_one() {
        check(&[("x", "ARRAY::a|:|:b"), ("x[1]", "c")], "x=ARRAY::a|:c|:b\n");
        check(&[("x", "ARRAY::")], "");
    }

    #[test]
    fn a_listing_is_read_back_as_it_was() {
        let listing = b"b=1\nx=ARRAY::|:|:third\nA=${y}=2\n=\n";
        assert_eq!(Globals::from_listing(listing).listing(), listing);
    }

    #[test]
    fn the_name_may_be_empty() {
        let mut globals = Globals::default();
        globals.set(b"", b"nothing");
        assert_eq!(globals.value(b"").unwrap(), b"nothing");
    }

    #[test]
    fn a_channel_variable_in_a_value_is_disarmed() {
        check(&[("a", r"${x} $\{y} $${ $x{z}")], "a=%{x} %\\{y} $%{ $x{z}\n");
    }
}
