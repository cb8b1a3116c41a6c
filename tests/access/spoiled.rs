//! Bodies, spoiled.

use serde_json::{Value, json};

/// What stands for a value that JSON has and our types have not.
const MARK: &str = "@here@";
/// A text with a character that no text of ours has.
pub const NO_NAME: &str = r#""\u0000""#;
/// Forms that no form of ours is.
pub const FORMS: [&[u8]; 5] = [b"", b"no_such_field=1", b"%zz=%ff", b"\xff\xfe\x00", b"a=1&a=2&&=&=="];

/// Every way in which this JSON can be none, or another.
///
/// None at all is one of them, unless the body is optional.
pub fn texts(good: &Value, is_optional: bool) -> Vec<Vec<u8>> {
    let text = good.to_string();
    let mut all: Vec<Vec<u8>> = ["{", "7", "[[]]", "null", "nul", r#"{"a":1}}"#, r#"{"no_such_field": true}"#]
        .map(|text| text.as_bytes().to_vec())
        .to_vec();
    if !is_optional {
        all.push(Vec::new());
    }
    // Cut short, in another encoding, with bytes that are no text, and deeper than anybody reads.
    all.push(text.as_bytes()[..text.len() - 1].to_vec());
    all.push(text.encode_utf16().flat_map(u16::to_le_bytes).collect());
    all.push([b"\xef\xbb\xbf".as_slice(), text.as_bytes()].concat());
    all.push([text.as_bytes(), b"\xff"].concat());
    all.push([b"{\"\xc3\x28\": ".as_slice(), text.as_bytes(), b"}"].concat());
    all.push(["[".repeat(30_000), "]".repeat(30_000)].concat().into_bytes());
    if let Value::Object(members) = good {
        all.extend(with_more(good, members.keys().next().map(String::as_str)));
    }
    let mut pointers = Vec::new();
    values(good, String::new(), &mut pointers);
    for pointer in pointers {
        all.extend(with_another(good, &pointer));
    }
    all
}

/// With a field that nobody knows, and with one that is there twice.
fn with_more(good: &Value, first: Option<&str>) -> Vec<Vec<u8>> {
    let mut more = good.clone();
    more["no_such_field"] = true.into();
    let twice = first.map(|name| {
        let text = good.to_string();
        format!("{{{}:{},{}", json!(name), good[name], &text[1..])
    });
    [Some(more.to_string()), twice].into_iter().flatten().map(String::into_bytes).collect()
}

/// Where there are values, each array by its first.
fn values(value: &Value, pointer: String, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| values(value, format!("{pointer}/{name}"), found));
        }
        Value::Array(items) => items.iter().take(1).for_each(|value| values(value, format!("{pointer}/0"), found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    if !pointer.is_empty() {
        found.push(pointer);
    }
}

/// With what does not fit in the place of a value.
fn with_another(good: &Value, pointer: &str) -> Vec<Vec<u8>> {
    let others: &[&str] = match good.pointer(pointer).unwrap() {
        Value::String(_) => &["7", "{}", "[]", "true", NO_NAME, r#""\ud800""#, r#""unended"#, "\"\u{1}\""],
        Value::Number(_) => &["{}", "[]", "true", r#""one""#, "1e400", "99999999999999999999", "NaN", "0x1", "01"],
        Value::Bool(_) => &["1", "{}", r#""true""#],
        Value::Array(_) => &["7", "{}", r#""[]""#],
        Value::Object(_) | Value::Null => &["7", "[[]]", r#""{}""#],
    };
    let mut marked = good.clone();
    *marked.pointer_mut(pointer).unwrap() = MARK.into();
    let marked = marked.to_string();
    others.iter().map(|other| marked.replace(&json!(MARK).to_string(), other).into_bytes()).collect()
}
