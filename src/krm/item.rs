//! One resource: a slice of the input until a pass changes it.

use std::borrow::Cow;
use std::ops::Range;

use super::error::Error;
use super::results::{File, ResourceRef};
use crate::yaml::cut::Head;
use crate::yaml::de;
use crate::yaml::edit::{EditError, Edits};
use crate::yaml::source::line_of;
use crate::yaml::tree::{SyntaxError, Tree, View};

/// The annotations that name a resource's file, the newer one first.
const PATH_ANNOTATIONS: [&str; 2] = ["internal.config.kubernetes.io/path", "config.kubernetes.io/path"];
const INDEX_ANNOTATIONS: [&str; 2] = ["internal.config.kubernetes.io/index", "config.kubernetes.io/index"];

/// How the resource stands in its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// An element of a block sequence: its slice begins with the line of its dash.
    Element,
    /// An element of a flow sequence.
    FlowElement,
    /// A document.
    Document,
}

/// A resource.
#[derive(Clone, Debug)]
pub struct Item<'s> {
    pub(super) source: &'s str,
    pub(super) range: Range<usize>,
    pub(super) changed: Option<String>,
    /// What is written before a resource that this run adds.
    pub(super) separator: String,
    pub(super) place: Place,
    pub(super) position: String,
    /// Which of several inputs it came from, counted from 0.
    pub(super) input: usize,
    pub(super) shares_anchor: bool,
    pub(super) head: Head<'s>,
}

/// The tree of a resource.
#[derive(Debug)]
pub struct Parsed<'i> {
    tree: Tree,
    text: &'i str,
    place: Place,
}

impl Parsed<'_> {
    /// The resource's root mapping.
    #[must_use]
    pub fn root(&self) -> Option<View<'_>> {
        let root = self.tree.root(self.text)?;
        match self.place {
            Place::Element => root.items().next(),
            Place::FlowElement | Place::Document => Some(root),
        }
    }
}

fn word<'i>(field: &'i Option<Cow<'_, str>>) -> &'i str {
    field.as_deref().unwrap_or_default()
}

impl<'s> Item<'s> {
    /// `apiVersion`.
    #[must_use]
    pub fn api_version(&self) -> &str {
        word(&self.head.api_version)
    }

    /// `kind`.
    #[must_use]
    pub fn kind(&self) -> &str {
        word(&self.head.kind)
    }

    /// `metadata.name`, else `metadata.generateName`.
    #[must_use]
    pub fn name(&self) -> &str {
        match word(&self.head.name) {
            "" => word(&self.head.generate_name),
            name => name,
        }
    }

    /// `metadata.namespace`, "" where there is none.
    #[must_use]
    pub fn namespace(&self) -> &str {
        word(&self.head.namespace)
    }

    /// True where the resource is of this API version and kind.
    #[must_use]
    pub fn is(&self, api_version: &str, kind: &str) -> bool {
        self.kind() == kind && self.api_version() == api_version
    }

    /// True where `config.kubernetes.io/local-config` keeps the resource out of the cluster.
    #[must_use]
    pub fn is_local_config(&self) -> bool {
        word(&self.head.local_config) == "true"
    }

    /// True where a pass has changed it.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.changed.is_some()
    }

    /// True where this run adds it.
    #[must_use]
    pub fn is_added(&self) -> bool {
        self.range.is_empty()
    }

    /// Its text as it will be written.
    #[must_use]
    pub fn text(&self) -> &str {
        self.changed.as_deref().unwrap_or(&self.source[self.range.clone()])
    }

    /// Its identity, for results.
    #[must_use]
    pub fn reference(&self) -> ResourceRef {
        ResourceRef {
            api_version: self.api_version().to_owned(),
            kind: self.kind().to_owned(),
            name: self.name().to_owned(),
            namespace: self.namespace().to_owned(),
        }
    }

    /// The line of the input on which the slice begins.
    #[must_use]
    pub fn first_line(&self) -> usize {
        line_of(self.source, self.range.start)
    }

    /// Which of several inputs that make one list it came from, counted from 0.
    #[must_use]
    pub fn input(&self) -> usize {
        self.input
    }

    /// The byte of the input at which a node of this resource's text begins; of a changed resource, that of the resource.
    #[must_use]
    pub fn offset_of(&self, view: View<'_>) -> usize {
        if self.is_changed() { self.range.start } else { self.range.start + view.start() }
    }

    /// The whole input that it came from.
    #[must_use]
    pub fn source(&self) -> &'s str {
        self.source
    }

    /// The 1-based line of the input on which a node of this resource's text begins.
    #[must_use]
    pub fn line_of(&self, view: View<'_>) -> usize {
        self.first_line() + view.line() - 1
    }

    /// An error about this resource.
    #[must_use]
    pub fn error(&self, message: impl Into<String>) -> Error {
        let mut error = Error::input(message);
        error.place.position = Some(self.position.clone());
        let reference = self.reference();
        error.place.resource = (reference != ResourceRef::default()).then_some(reference);
        error
    }

    /// An error about a line of this resource, counted from 1 in its own text.
    #[must_use]
    pub fn error_at(&self, message: impl Into<String>, line: usize) -> Error {
        self.error(message).at_line(self.first_line() + line - 1)
    }

    /// Reads the whole resource, refusing what readers would not read alike.
    ///
    /// # Errors
    /// Where it is no YAML mapping, has a key twice, or hangs on another resource by an anchor.
    pub fn parse(&self) -> Result<Parsed<'_>, Error> {
        if self.shares_anchor {
            return Err(
                self.error("an anchor is shared with another resource: a change here would reach both; write it out")
            );
        }
        self.parse_to_read()
    }

    /// Reads the whole resource without a wish to change it.
    ///
    /// # Errors
    /// Where it is no YAML mapping or has a key twice.
    pub fn parse_to_read(&self) -> Result<Parsed<'_>, Error> {
        let parsed = self.parse_leniently()?;
        {
            let Some(root) = parsed.root().filter(View::is_mapping) else {
                return Err(self.error("a resource must be a mapping"));
            };
            if self.shares_anchor {
                return Err(self
                    .error("an anchor is shared with another resource: a change here would reach both; write it out"));
            }
            if let Some(message) = self.duplicate_key(root) {
                return Err(self.error(format!("{message}; remove one")));
            }
        }
        Ok(parsed)
    }

    /// Says which key of a resource is there twice, and where; None where none is.
    #[must_use]
    pub fn duplicate_key(&self, root: View<'_>) -> Option<String> {
        let (first, second) = root.duplicate_key()?;
        let (one, two) = (self.line_of(first), self.line_of(second));
        Some(format!("key `{}` is there twice, on line {one} and on line {two}", second.scalar_text()))
    }

    /// Reads the whole resource as the API server does, which takes the last of equal keys.
    ///
    /// # Errors
    /// Where it is no YAML.
    pub fn parse_leniently(&self) -> Result<Parsed<'_>, Error> {
        let text = self.text();
        let tree = Tree::parse_part(text).map_err(|error| self.syntax_error(&error))?;
        Ok(Parsed { tree, text, place: self.place })
    }

    fn syntax_error(&self, error: &SyntaxError) -> Error {
        self.error_at(format!("not valid YAML: {}", error.message), error.line)
    }

    /// Makes the edits and takes the new text.
    ///
    /// # Errors
    /// Where they meet each other, which is a bug of the pass.
    pub fn apply(&mut self, edits: Edits) -> Result<(), Error> {
        if edits.is_empty() {
            return Ok(());
        }
        let text = edits.apply(self.text()).map_err(|error| self.edit_error(&error))?;
        self.changed = Some(text);
        Ok(())
    }

    /// An edit that cannot be made, as an error about this resource.
    #[must_use]
    pub fn edit_error(&self, error: &EditError) -> Error {
        let (path, line) = match error {
            EditError::NotAMapping { path, line }
            | EditError::NotASequence { path, line }
            | EditError::NotAScalar { path, line }
            | EditError::Shared { path, line, .. }
            | EditError::Alias { path, line } => (path.to_string(), *line),
            EditError::Overlap(_) | EditError::SameKey(_) => return self.error(error.to_string()),
        };
        let message = match error {
            EditError::NotAMapping { .. } => "must be a mapping".to_owned(),
            EditError::NotASequence { .. } => "must be a sequence".to_owned(),
            EditError::NotAScalar { .. } => "must be a scalar".to_owned(),
            EditError::Shared { used, .. } => format!(
                "has an anchor that is used on line {}: changing it would change both; write it out where it is used",
                self.first_line() + used - 1
            ),
            _ => "is an alias or a merge of something that cannot be copied here; write it out".to_owned(),
        };
        self.error_at(message, line).at_field(path)
    }

    /// A value that does not decode, as an error about this resource.
    #[must_use]
    pub fn decode_error(&self, error: &de::Error) -> Error {
        let at = self.error(error.message.clone()).at_field(error.path.to_string());
        match error.line {
            Some(line) => at.at_line(self.first_line() + line - 1),
            None => at,
        }
    }

    /// The file that the host's annotations name.
    #[must_use]
    pub fn file(root: View<'_>) -> Option<File> {
        let annotations = root.find(&["metadata", "annotations"])?;
        let path = PATH_ANNOTATIONS.iter().find_map(|name| annotations.get(name))?.scalar_text().to_owned();
        let index = INDEX_ANNOTATIONS
            .iter()
            .find_map(|name| annotations.get(name))
            .and_then(|index| index.scalar_text().parse().ok())
            .unwrap_or(0);
        Some(File { path, index })
    }

    /// Checks what every resource needs, from its head where that is certain.
    pub(super) fn check(&mut self) -> Result<(), Error> {
        self.settle_head()?;
        if self.is_local_config() {
            return Ok(());
        }
        if self.is("v1", "List") {
            return Err(self.error_at("a List inside a list is not looked into; put its items into the list", 1));
        }
        for (value, field) in [(&self.head.api_version, "apiVersion"), (&self.head.kind, "kind")] {
            if word(value).is_empty() {
                return Err(self.missing(field));
            }
        }
        if self.name().is_empty() {
            return Err(self.missing("metadata.name"));
        }
        Ok(())
    }

    /// Reads the head from the tree where the cutter was not certain of it.
    pub(super) fn settle_head(&mut self) -> Result<(), Error> {
        if self.head.opaque { self.read_head() } else { Ok(()) }
    }

    fn missing(&self, field: &str) -> Error {
        let mut error = self.error(format!("a resource must have `{field}`")).at_field(field);
        error.place.line = Some(self.first_line());
        error
    }

    /// Reads the head from the tree, and says what is wrong with it.
    fn read_head(&mut self) -> Result<(), Error> {
        let head = {
            let parsed = self.parse_leniently()?;
            let Some(root) = parsed.root().filter(View::is_mapping) else {
                return Err(self.error_at("a resource must be a mapping", 1));
            };
            self.checked_head(root)?
        };
        self.head = head;
        Ok(())
    }

    fn checked_head(&self, root: View<'_>) -> Result<Head<'s>, Error> {
        let wrong = |view: View<'_>, path: &str, message: &str| self.error_at(message, view.line()).at_field(path);
        let text = |map: View<'_>, key: &str, path: &str| match map.get(key) {
            None => Ok(None),
            Some(value) if value.resolved().is_none() => {
                Err(wrong(value, path, "is an alias to another resource; write it out"))
            }
            Some(value) if value.is_null() => Ok(None),
            Some(value) => match value.as_str() {
                Some(text) => Ok(Some(Cow::Owned(text.to_owned()))),
                None => Err(wrong(value, path, "must be a string; quote it if it is one")),
            },
        };
        for key in ["apiVersion", "kind", "metadata"] {
            let mut keys = root.entries().map(|(name, _)| name).filter(|name| name.scalar_text() == key);
            if let (Some(first), Some(second)) = (keys.next(), keys.next()) {
                let (one, two) = (self.first_line() + first.line() - 1, self.first_line() + second.line() - 1);
                let message = format!("is there twice, on line {one} and on line {two}; remove one");
                return Err(wrong(second, key, &message));
            }
        }
        let mut head = Head {
            api_version: text(root, "apiVersion", "apiVersion")?,
            kind: text(root, "kind", "kind")?,
            ..Head::default()
        };
        let Some(metadata) = root.get("metadata") else { return Ok(head) };
        if metadata.is_null() {
            return Ok(head);
        }
        if metadata.resolved().is_none() {
            return Err(wrong(metadata, "metadata", "is an alias to another resource; write it out"));
        }
        if !metadata.is_mapping() {
            return Err(wrong(metadata, "metadata", "must be a mapping"));
        }
        head.name = text(metadata, "name", "metadata.name")?;
        head.generate_name = text(metadata, "generateName", "metadata.generateName")?;
        head.namespace = text(metadata, "namespace", "metadata.namespace")?;
        for (key, path) in [("labels", "metadata.labels"), ("annotations", "metadata.annotations")] {
            let Some(map) = metadata.get(key) else { continue };
            if map.resolved().is_none() {
                return Err(wrong(map, path, "is an alias to another resource; write it out"));
            }
            if !map.is_null() && !map.is_mapping() {
                return Err(wrong(map, path, "must be a mapping of strings"));
            }
            if let Some((_, value)) =
                map.entries().find(|(name, value)| value.scalar().is_none() && !name.is_merge_key())
            {
                return Err(wrong(value, path, "must be a mapping of strings, without nested mappings or lists"));
            }
        }
        let local = metadata.get("annotations").and_then(|map| map.get("config.kubernetes.io/local-config"));
        head.local_config = local.map(|value| Cow::Owned(value.scalar_text().to_owned()));
        Ok(head)
    }
}
