//! Leaves definitions of custom resources out of an input while it is read: most of a platform is made of them, and no pod
//! depends on one. So a check holds a part of its input in memory, and the rest passes through the processor's cache.
//!
//! Only what is certain is left out: a document between two `---` lines that the line lexer reads as one whole definition.
//! Its lines stay as empty lines, so that every other line keeps its number. Everything else stays as it is, and what is
//! wrong with it is for the reader of the whole to say.

use std::ops::Range;

use crate::yaml::cut::cut_plain;

const MARKER: &[u8] = b"\n---\n";
const KIND: &[u8] = b"\nkind: CustomResourceDefinition\n";
/// How far the kind may stand from the start of its definition: kustomize and Helm write it among the first lines.
const HEAD: usize = 4096;
const GROUP: &str = "apiextensions.k8s.io/";

/// An input that is being read.
#[derive(Debug, Default)]
pub struct Sieve {
    buffer: Vec<u8>,
    /// Where what was read so far ends.
    filled: usize,
    /// Where the document begins that is not whole yet.
    document: usize,
    /// Up to where its end has been looked for.
    searched: usize,
    /// There was a definition. The first one stays: an input of nothing but definitions is not empty.
    seen: bool,
}

impl Sieve {
    /// Room for the next bytes of the input.
    pub fn room(&mut self, length: usize) -> &mut [u8] {
        if self.buffer.len() < self.filled + length {
            self.buffer.resize(self.filled + length, 0);
        }
        &mut self.buffer[self.filled..self.filled + length]
    }

    /// So many bytes were written into the room.
    pub fn sift(&mut self, length: usize) {
        let end = self.filled + length;
        // What stays is moved down over what is left out.
        let mut write = self.document;
        let mut read = self.document;
        while let Some(marker) = memchr::memmem::find(&self.buffer[self.searched..end], MARKER) {
            let next = self.searched + marker + MARKER.len();
            let document = &self.buffer[read..next];
            let is_definition = is_definition(&document[..document.len() - MARKER.len() + 1]);
            if is_definition && self.seen {
                let lines = memchr::memchr_iter(b'\n', document).count() - 1;
                self.buffer[write..write + lines].fill(b'\n');
                self.buffer.copy_within(next - MARKER.len() + 1..next, write + lines);
                write += lines + MARKER.len() - 1;
            } else {
                self.keep(read..next, write);
                write += next - read;
            }
            read = next;
            self.searched = next;
            self.seen |= is_definition;
        }
        self.keep(read..end, write);
        self.filled = write + end - read;
        self.document = write;
        // A marker may be cut by the end of what was read.
        self.searched = self.filled.saturating_sub(MARKER.len() - 1).max(self.document);
    }

    /// Moves a range down, unless it stands there already: a copy of a thing onto itself takes as long as any other.
    fn keep(&mut self, range: Range<usize>, at: usize) {
        if range.start != at {
            self.buffer.copy_within(range, at);
        }
    }

    /// How many bytes have stayed.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.filled
    }

    /// The input.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.buffer.truncate(self.filled);
        self.buffer
    }
}

/// The whole of this document is one definition of a custom resource.
fn is_definition(document: &[u8]) -> bool {
    if memchr::memmem::find(&document[..document.len().min(HEAD)], KIND).is_none() {
        return false;
    }
    let Some(documents) = std::str::from_utf8(document).ok().and_then(cut_plain) else { return false };
    let [only] = &documents[..] else { return false };
    let head = &only.head;
    only.problem.is_none()
        && only.items.is_none()
        && !head.opaque
        && head.kind.as_deref() == Some("CustomResourceDefinition")
        && head.api_version.as_deref().is_some_and(|version| version.starts_with(GROUP))
        && head.name.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFINITION: &str = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: x\nspec:\n  a: |\n    text\n\n  b: c\n";
    const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: y\n";

    fn sifted(text: &str, block: usize) -> String {
        let mut sieve = Sieve::default();
        for block in text.as_bytes().chunks(block) {
            sieve.room(block.len()).copy_from_slice(block);
            sieve.sift(block.len());
        }
        String::from_utf8(sieve.finish()).unwrap()
    }

    #[test]
    fn definitions_after_the_first_become_empty_lines_whatever_the_blocks() {
        let text = format!("{DEFINITION}---\n{POD}---\n{DEFINITION}---\n{DEFINITION}---\n{POD}");
        let lines = |text: &str| "\n".repeat(text.lines().count());
        let empty = lines(DEFINITION);
        let expected = format!("{DEFINITION}---\n{POD}---\n{empty}---\n{empty}---\n{POD}");
        for block in 1..text.len() + 1 {
            assert_eq!(sifted(&text, block), expected, "{block}");
        }
    }

    #[test]
    fn what_is_no_whole_definition_stays_as_it_is() {
        for text in [
            String::new(),
            DEFINITION.to_owned(),
            "\n---\n".to_owned(),
            // The last document may go on in what nobody has read.
            format!("{POD}---\n{DEFINITION}"),
            format!("{POD}---\n{DEFINITION}  broken: \"x\n---\n{POD}"),
            format!("{POD}---\n{DEFINITION}kind: Pod\n---\n{POD}"),
            format!("{POD}---\n{}---\n{POD}", DEFINITION.replace("  name: x\n", "  labels: {}\n")),
            format!("{POD}---\n{}---\n{POD}", DEFINITION.replace("apiextensions.k8s.io", "example.com")),
            format!("{POD}---\n{}---\n{POD}", DEFINITION.replace("metadata", "items:\n- a\nmetadata")),
            format!("{POD}---\r\n{}---\r\n{POD}", DEFINITION.replace('\n', "\r\n")),
            format!("{POD}---\nkind: ConfigMap\ndata:\n  x: |\n{}---\n{POD}", DEFINITION.replace('\n', "\n    ")),
        ] {
            let text = format!("{DEFINITION}---\n{text}");
            for block in [1, 7, 64, 10_000] {
                assert_eq!(sifted(&text, block), text, "{block}");
            }
        }
    }
}
