//! The rope: the input's resources in order, and the bytes between them.

mod membership;

use std::ops::Range;

use serde_json::Value;

use super::error::Error;
use super::form::{self, Form};
use super::item::{Item, Place};
use super::results::{Finding, ResourceRef};
use crate::yaml::cut::{Document, ItemsStyle};
use crate::yaml::emit::{Layout, block};
use crate::yaml::source::{colon_behind, line_break, line_of, line_start};
use crate::yaml::tree::Tree;
use membership::Tail;

/// The resources of an input, to be read, changed and written back.
#[derive(Clone, Debug)]
pub struct List<'s> {
    text: &'s str,
    form: Form,
    items: Vec<Item<'s>>,
    envelope: Option<Document<'s>>,
    /// Where new resources go.
    tail: Option<Tail>,
    /// What is not written any more.
    removed: Vec<Range<usize>>,
}

/// A part of the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'s> {
    /// Bytes of the input.
    Input(&'s str),
    /// New text.
    New(String),
}

impl Piece<'_> {
    /// Its bytes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Input(text) => text,
            Self::New(text) => text,
        }
    }
}

impl<'s> List<'s> {
    /// Reads an input of any form.
    ///
    /// # Errors
    /// Where it cannot be used.
    pub fn read(text: &'s str) -> Result<Self, Error> {
        let (form, documents) = form::recognise(text)?;
        let mut list = Self { text, form, items: Vec::new(), envelope: None, tail: None, removed: Vec::new() };
        for (index, document) in documents.into_iter().enumerate() {
            if document.empty {
                continue;
            }
            let place = format!("document {}", index + 1);
            let in_list = form == Form::ResourceList || is_list(&document);
            list.tail = Tail::of(&document, in_list).or(list.tail);
            match form {
                Form::ResourceList => {
                    list.add_items(&document, "")?;
                    list.envelope = Some(document);
                    list.refuse_anchors_in_results()?;
                }
                Form::Stream if in_list => list.add_items(&document, &format!(" of {place}"))?,
                Form::Stream => list.items.push(Item {
                    source: text,
                    range: document.range,
                    changed: None,
                    separator: String::new(),
                    place: Place::Document,
                    position: place,
                    input: 0,
                    shares_anchor: false,
                    head: document.head,
                }),
            }
        }
        Ok(list)
    }

    fn add_items(&mut self, document: &Document<'s>, of: &str) -> Result<(), Error> {
        for name in ["items", "functionConfig", "results", "kind", "apiVersion"] {
            let mut keys = document.root_keys.iter().filter(|key| key.name == name);
            if let (Some(first), Some(second)) = (keys.next(), keys.next()) {
                let lines = [first.start, second.start].map(|at| line_of(self.text, at).to_string());
                return Err(Error::input(format!(
                    "key `{name}` is there twice, on line {} and on line {}; remove one",
                    lines[0], lines[1]
                ))
                .at_field(name));
            }
        }
        let Some((style, items)) = &document.items else { return Ok(()) };
        let place = if matches!(style, ItemsStyle::Block { .. }) { Place::Element } else { Place::FlowElement };
        for (index, item) in items.iter().enumerate() {
            self.items.push(Item {
                source: self.text,
                range: item.range.clone(),
                changed: None,
                separator: String::new(),
                place,
                position: format!("item {}{of}", index + 1),
                input: 0,
                shares_anchor: item.shares_anchor,
                head: item.head.clone(),
            });
        }
        Ok(())
    }

    /// The input's own `results` are replaced: nothing else may hang on them.
    fn refuse_anchors_in_results(&self) -> Result<(), Error> {
        let Some(range) = self.envelope_entry("results") else { return Ok(()) };
        if !self.text[range.clone()].contains('&') || !self.text.contains('*') {
            return Ok(());
        }
        let tree = Tree::parse(self.text).map_err(|error| Error::input(error.message).at_line(error.line))?;
        match tree.roots(self.text).find_map(|root| root.alias_into(&range)) {
            Some(alias) => Err(Error::input("an alias points into `results`, which every run replaces; write it out")
                .at_line(alias.line())),
            None => Ok(()),
        }
    }

    /// Takes the resources of several inputs as those of one list; `names` of the inputs are for messages. The list can
    /// be read and changed, but it is none that could be written.
    #[must_use]
    pub fn of_several(lists: Vec<Self>, names: &[&str]) -> Option<Self> {
        let several = lists.len() > 1;
        let mut lists = lists.into_iter().enumerate().map(|(input, mut list)| {
            for item in &mut list.items {
                item.input = input;
                if let Some(name) = names.get(input).filter(|_| several) {
                    item.position = format!("{name}, {}", item.position);
                }
            }
            list
        });
        let mut all = lists.next()?;
        lists.for_each(|list| all.items.extend(list.items));
        Some(all)
    }

    /// Takes out what is no resource of the cluster, such as a configuration that came among them.
    ///
    /// # Errors
    /// Where the head of an item cannot be read.
    pub fn take(&mut self, is: impl Fn(&Item<'s>) -> bool) -> Result<Vec<Item<'s>>, Error> {
        self.items.iter_mut().try_for_each(Item::settle_head)?;
        Ok(self.items.extract_if(.., |item| is(item)).collect())
    }

    /// Checks that every resource has what every resource needs.
    ///
    /// # Errors
    /// About the first one that has not.
    pub fn check(&mut self) -> Result<(), Error> {
        self.items.iter_mut().try_for_each(Item::check)
    }

    /// What the input is.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// The resources, in order.
    #[must_use]
    pub fn items(&self) -> &[Item<'s>] {
        &self.items
    }

    /// The resources, to change.
    pub fn items_mut(&mut self) -> &mut [Item<'s>] {
        &mut self.items
    }

    /// Takes back what passes have changed in the text. What they removed is written again, but is no item any more.
    pub fn reset(&mut self) {
        self.items.retain(|item| !item.is_added());
        self.removed.clear();
        for item in &mut self.items {
            item.changed = None;
        }
    }

    /// The text of a top-level key's entry in the envelope, with the offset at which it begins.
    fn envelope_entry(&self, name: &str) -> Option<Range<usize>> {
        let envelope = self.envelope.as_ref()?;
        let key = envelope.root_keys.iter().find(|key| key.name == name)?;
        let start = if envelope.flow.is_some() { key.start } else { line_start(self.text, key.start) };
        Some(start..key.end)
    }

    /// The ResourceList's `functionConfig: …` as the text of a mapping of its own, and the line on which it begins.
    #[must_use]
    pub fn function_config(&self) -> Option<(String, usize)> {
        let range = self.envelope_entry("functionConfig")?;
        let in_flow = self.envelope.as_ref().is_some_and(|envelope| envelope.flow.is_some());
        let entry = &self.text[range.clone()];
        // In flow style the entry needs braces to be a mapping.
        let text = if in_flow { format!("{{{entry}}}") } else { entry.to_owned() };
        Some((text, line_of(self.text, range.start)))
    }

    /// The output, in pieces: the input's bytes with what has changed, and `results` where the form has a place.
    #[must_use]
    pub fn pieces(&self, findings: &[Finding]) -> Vec<Piece<'_>> {
        let mut pieces = Vec::with_capacity(2 * self.items.len() + 4);
        let changed = self.items.iter().filter_map(|item| Some((&item.range, Some((item, item.changed.as_deref()?)))));
        let old_results = self.old_results();
        let gone = self.removed.iter().chain(&old_results).map(|range| (range, None));
        let mut replaced: Vec<_> = changed.chain(gone).collect();
        replaced.sort_by_key(|(range, _)| (range.start, range.end));
        let said = self.envelope.as_ref().filter(|_| !findings.is_empty());
        let flow = said.and_then(|envelope| Some((self.last_value_end(envelope)?, envelope)));
        let mut copied = 0;
        for (range, new) in replaced {
            if let Some((at, envelope)) = flow.filter(|(at, _)| (copied..=range.start).contains(at)) {
                pieces.push(Piece::Input(&self.text[copied..at]));
                pieces.push(Piece::New(self.flow_results(envelope, findings)));
                copied = at;
            }
            pieces.push(Piece::Input(&self.text[copied..range.start]));
            if let Some((item, text)) = new {
                pieces.push(Piece::New(format!("{}{text}", item.separator)));
            }
            copied = range.end;
        }
        match (flow, said) {
            (Some((at, envelope)), _) if at >= copied => {
                pieces.push(Piece::Input(&self.text[copied..at]));
                pieces.push(Piece::New(self.flow_results(envelope, findings)));
                pieces.push(Piece::Input(&self.text[at..]));
            }
            (None, Some(envelope)) => self.block_results(&mut pieces, envelope, copied, findings),
            _ => pieces.push(Piece::Input(&self.text[copied..])),
        }
        pieces
    }

    /// The input's own `results`, with what separates them from their neighbours.
    fn old_results(&self) -> Vec<Range<usize>> {
        let (Some(range), Some(envelope)) = (self.envelope_entry("results"), self.envelope.as_ref()) else {
            return Vec::new();
        };
        let Some(root) = &envelope.flow else { return vec![range] };
        let before = envelope.root_keys.iter().rev().find(|key| key.start < range.start);
        let after = envelope.root_keys.iter().find(|key| key.start > range.start);
        let end = value_end(self.text, range.end);
        // With the comma before it, or, if it is the first, the one behind it.
        match (before, after) {
            (Some(before), _) => {
                let comma = comma_behind(self.text, value_end(self.text, before.end)..range.start);
                match comma {
                    Some(comma) if self.text[comma + 1..range.start].trim().is_empty() => {
                        vec![Range { start: comma, end }]
                    }
                    // A comment stands between them and stays.
                    Some(comma) => vec![comma..comma + 1, range.start..end],
                    None => vec![Range { start: range.start, end }],
                }
            }
            (None, Some(after)) => vec![Range { start: range.start, end: after.start }],
            (None, None) => vec![Range { start: range.start, end: end.min(root.end) }],
        }
    }

    /// Where the last value of an envelope in flow style ends that is not `results`; None in block style.
    fn last_value_end(&self, envelope: &Document<'s>) -> Option<usize> {
        let root = envelope.flow.as_ref()?;
        let last = envelope.root_keys.iter().rev().find(|key| key.name != "results");
        Some(last.map_or(root.start + 1, |key| value_end(self.text, key.end)))
    }

    fn block_results<'p>(
        &'p self,
        pieces: &mut Vec<Piece<'p>>,
        envelope: &Document<'s>,
        copied: usize,
        findings: &[Finding],
    ) {
        let start = envelope.root_keys.first().map_or(0, |key| key.start);
        // A tag, an anchor or a `?` may stand before the first key.
        let line = &self.text[line_start(self.text, start)..start];
        let column = line.trim_start_matches('\u{feff}').bytes().take_while(|byte| *byte == b' ').count();
        let eol = line_break(self.text, start);
        let end = envelope.root_keys.last().map_or(copied, |key| key.end).max(copied);
        pieces.push(Piece::Input(&self.text[copied..end]));
        let written = pieces.iter().rev().find(|piece| !piece.as_str().is_empty());
        let mut out = String::new();
        if written.is_some_and(|piece| !piece.as_str().ends_with('\n')) {
            out.push_str(eol);
        }
        let results = serde_json::json!({ "results": findings });
        out.extend(std::iter::repeat_n(' ', column));
        out.push_str(&block(&results, column, Layout { line_break: eol, ..Layout::KUSTOMIZE }));
        out.push_str(eol);
        pieces.push(Piece::New(out));
        pieces.push(Piece::Input(&self.text[end..]));
    }

    /// The results of a list in flow style, as they stand behind its last value.
    fn flow_results(&self, envelope: &Document<'s>, findings: &[Finding]) -> String {
        let first = envelope.root_keys.first().map_or(0, |key| key.start);
        let line = line_start(self.text, first);
        let indent = &self.text[line..first];
        let results = Value::Array(findings.iter().map(|finding| serde_json::json!(finding)).collect());
        let begins_a_line = envelope.flow.as_ref().is_some_and(|root| line > root.start) && indent.trim().is_empty();
        if !begins_a_line {
            return format!(",\"results\":{results}");
        }
        let eol = line_break(self.text, first);
        let pretty = serde_json::to_string_pretty(&results).unwrap_or_default();
        format!(",{eol}{indent}\"results\": {}", pretty.replace('\n', &format!("{eol}{indent}")))
    }

    /// The namespaces that resources are in, each once, with the first of its resources.
    pub fn namespaces_in_use(&self) -> impl Iterator<Item = (&str, ResourceRef)> {
        let mut seen = std::collections::BTreeSet::new();
        self.items
            .iter()
            .filter(|item| !item.is_local_config() && !item.namespace().is_empty())
            .filter(move |item| seen.insert(item.namespace().to_owned()))
            .map(|item| (item.namespace(), item.reference()))
    }
}

/// Where a value in flow style ends that begins before `at`: an absent one behind its colon, anchor and tag.
fn value_end(text: &str, at: usize) -> usize {
    let blanks = |at: usize| at + text[at..].len() - text[at..].trim_start().len();
    let Some(mut end) = colon_behind(text, at) else { return at };
    while text[blanks(end)..].starts_with(['&', '!']) {
        let property = blanks(end);
        let is_end = |letter: char| letter.is_whitespace() || matches!(letter, ',' | '}');
        end = text[property..].find(is_end).map_or(text.len(), |length| property + length);
    }
    end
}

/// The first comma of a range between values that stands in no comment.
fn comma_behind(text: &str, range: Range<usize>) -> Option<usize> {
    let mut at = range.start;
    for line in text[range].split_inclusive('\n') {
        let content = line.find('#').map_or(line, |comment| &line[..comment]);
        if let Some(comma) = content.find(',') {
            return Some(at + comma);
        }
        at += line.len();
    }
    None
}

/// A `kind: List`, or a typed list such as `NamespaceList`, as kustomize takes them apart.
fn is_list(document: &Document<'_>) -> bool {
    let kind = document.head.kind.as_deref().unwrap_or_default();
    document.items.is_some() && (kind == "List" || (kind.ends_with("List") && document.head.name.is_none()))
}
