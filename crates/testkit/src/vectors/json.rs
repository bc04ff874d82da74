//! JSON with one row a line, members in alphabetical order whatever the features of `serde_json`: stable and readable in a diff.

use serde_json::Value;

/// The text of a file: `depth` levels over several lines, the rest compact.
pub fn lines(value: &Value, depth: usize) -> String {
    let mut out = String::new();
    write(&mut out, value, depth, 0);
    out.push('\n');
    out
}

fn write(out: &mut String, value: &Value, depth: usize, indent: usize) {
    let (open, close, items) = match value {
        Value::Array(items) => ('[', ']', items.iter().map(|item| (String::new(), item)).collect()),
        Value::Object(members) => {
            let mut members: Vec<_> =
                members.iter().map(|(key, value)| (format!("{}: ", Value::from(key.as_str())), value)).collect();
            members.sort_by(|a, b| a.0.cmp(&b.0));
            ('{', '}', members)
        }
        plain => return out.push_str(&plain.to_string()),
    };
    // What holds no object is a row, or a part of one.
    let broken = depth > 0 && items.iter().any(|(_, item)| holds_object(item));
    out.push(open);
    for (i, (key, item)) in items.iter().enumerate() {
        match (i, broken) {
            (0, false) => {}
            (0, true) => newline(out, indent + 1),
            (_, false) => out.push_str(", "),
            (_, true) => {
                out.push(',');
                newline(out, indent + 1);
            }
        }
        out.push_str(key);
        write(out, item, if broken { depth - 1 } else { 0 }, indent + 1);
    }
    if broken {
        newline(out, indent);
    }
    out.push(close);
}

fn holds_object(value: &Value) -> bool {
    value.is_object() || value.as_array().is_some_and(|items| items.iter().any(holds_object))
}

fn newline(out: &mut String, indent: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', 2 * indent));
}
