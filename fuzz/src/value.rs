//! What our reader reads, as a JSON value.

use serde_json::{Map, Value};
use unroot::yaml::resolve::Scalar;
use unroot::yaml::tree::{Kind, Tree, View};

/// The one document of a text; None where there is none or more, where its keys are no scalars, or where aliases make
/// more of it than anybody wants.
#[must_use]
pub fn of_text(text: &str) -> Option<Value> {
    let tree = Tree::parse(text).ok()?;
    let mut roots = tree.roots(text);
    let root = roots.next()?;
    if roots.next().is_some() { None } else { of(root) }
}

/// The value of a node, aliases followed and merge keys merged.
#[must_use]
pub fn of(view: View<'_>) -> Option<Value> {
    read(view, 100, &mut 20_000)
}

fn read(view: View<'_>, depth: usize, budget: &mut usize) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    *budget = budget.checked_sub(1)?;
    if view.is_mapping() {
        let mut map = Map::new();
        for key in keys(view, depth)? {
            map.insert(key.to_owned(), read(view.get(key)?, depth, budget)?);
        }
        return Some(Value::Object(map));
    }
    if view.is_sequence() {
        return view.items().map(|item| read(item, depth, budget)).collect::<Option<Vec<_>>>().map(Value::Array);
    }
    Some(match view.scalar()? {
        Scalar::Null => Value::Null,
        Scalar::Bool(value) => value.into(),
        Scalar::Int(value) => value.into(),
        Scalar::Uint(value) => value.into(),
        // JSON has no other.
        Scalar::Float(value) => serde_json::Number::from_f64(value).map(Value::Number)?,
        Scalar::String(text) => text.into(),
    })
}

/// The names under which a mapping has something, what it merges included.
fn keys<'t>(view: View<'t>, depth: usize) -> Option<Vec<&'t str>> {
    let depth = depth.checked_sub(1)?;
    let mut names = Vec::new();
    for (key, value) in view.entries() {
        if key.is_merge_key() {
            let sources: Vec<View<'t>> = if value.is_mapping() { vec![value] } else { value.items().collect() };
            for source in sources {
                names.extend(keys(source, depth)?);
            }
        } else if matches!(key.kind(), Kind::Scalar(_)) && !key.range().is_empty() {
            names.push(key.scalar_text());
        } else {
            return None;
        }
        if names.len() > 5_000 {
            return None;
        }
    }
    Some(names)
}
