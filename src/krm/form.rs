//! What the input is, and the bytes that cannot be one.

use super::error::Error;
use crate::yaml::cut::{self, Document};
use crate::yaml::source::line_of;

/// The API versions of a ResourceList that functions get.
const RESOURCE_LIST_VERSIONS: [&str; 2] = ["config.kubernetes.io/v1", "config.kubernetes.io/v1alpha1"];

/// The largest input. A platform has some ten megabytes; what is a hundred times larger is no list of manifests, and is
/// refused before it is read into the memory.
pub const MAX_INPUT: usize = 1 << 30;

/// What the input is; the output is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A KRM function's ResourceList, as YAML or JSON.
    ResourceList,
    /// Documents: a `---` stream, one JSON document, lists of any kind among them.
    Stream,
}

/// The input as text.
///
/// # Errors
/// Where the bytes are no UTF-8 text, or too many.
pub fn text(input: &[u8]) -> Result<&str, Error> {
    if input.len() > MAX_INPUT {
        return Err(Error::input("the input is larger than 1 GiB; split it"));
    }
    if input.starts_with(&[0xFF, 0xFE]) || input.starts_with(&[0xFE, 0xFF]) {
        return Err(Error::input("the input is UTF-16; convert it to UTF-8"));
    }
    let text = std::str::from_utf8(input).map_err(|error| {
        let at = error.valid_up_to();
        let line = 1 + memchr::memchr_iter(b'\n', &input[..at]).count();
        Error::input(format!("the input is not UTF-8: byte {} is invalid; convert it to UTF-8", at + 1)).at_line(line)
    })?;
    if let Some(at) = memchr::memchr(0, input) {
        return Err(Error::input(format!("the input holds a NUL byte at byte {}: it is no YAML text", at + 1))
            .at_line(line_of(text, at)));
    }
    Ok(text)
}

/// Cuts the input and says what it is.
///
/// # Errors
/// Where it is no YAML, is empty, or is a ResourceList and something else at once.
pub fn recognise(text: &str) -> Result<(Form, Vec<Document<'_>>), Error> {
    let documents = cut::cut(text).map_err(|error| {
        if error.is_limit {
            return Error::input(error.message).at_line(error.line);
        }
        let cause = if text.trim_start().starts_with(['{', '[']) { "; is it cut off?" } else { "" };
        Error::input(format!("not valid YAML or JSON: {}{cause}", error.message)).at_line(error.line)
    })?;
    if let Some(document) = documents.iter().find(|document| document.problem.is_some())
        && let Some((at, problem)) = document.problem
    {
        return Err(Error::input(problem).at_line(line_of(text, at)));
    }
    let mut full = documents.iter().filter(|document| !document.empty);
    let Some(first) = full.next() else {
        return Err(Error::input(
            "the input holds no resource; an empty output would make a host delete the user's files. Is the command \
             before the pipe failing?",
        ));
    };
    let second = full.next();
    let is_list = |document: &Document<'_>| document.head.kind.as_deref() == Some("ResourceList");
    if is_list(first) && second.is_none() {
        let version = first.head.api_version.as_deref().unwrap_or_default();
        if !RESOURCE_LIST_VERSIONS.contains(&version) {
            return Err(Error::input(format!(
                "a ResourceList must be of apiVersion {}, not \"{version}\"",
                RESOURCE_LIST_VERSIONS.join(" or ")
            ))
            .at_field("apiVersion"));
        }
        return Ok((Form::ResourceList, documents));
    }
    if let Some(list) = documents.iter().find(|document| !document.empty && is_list(document)) {
        return Err(Error::input("a ResourceList must be the only document of the input")
            .at_line(line_of(text, list.range.start)));
    }
    Ok((Form::Stream, documents))
}
