//! What `check` and `plan` read: all their files together are one input, of which nothing is written back.

use crate::admission::{AdmissionDefaults, is_admission_configuration};
use crate::krm::form;
use crate::krm::{Error, Item, List};
use crate::yaml::source::line_of;

/// An input of its own: a file, or standard input.
#[derive(Clone, Copy, Debug)]
pub struct Source<'s> {
    /// Its name in messages and reports.
    pub name: &'s str,
    /// Its bytes.
    pub bytes: &'s [u8],
}

/// All sources as one list, without what configures the API server.
///
/// # Errors
/// Where one of them cannot be used.
pub fn read<'s>(sources: &[Source<'s>]) -> Result<(List<'s>, AdmissionDefaults), Error> {
    let named = |source: &Source<'_>, mut error: Error| {
        if sources.len() > 1 {
            error.place.source_name = Some(source.name.to_owned());
        }
        error
    };
    let lists = sources
        .iter()
        .map(|source| form::text(source.bytes).and_then(List::read).map_err(|error| named(source, error)))
        .collect::<Result<Vec<_>, _>>()?;
    let names: Vec<&str> = sources.iter().map(|source| source.name).collect();
    let mut list = List::of_several(lists, &names).ok_or_else(|| Error::input("there is no input"))?;
    let defaults = AdmissionDefaults::read(&list.take(is_admission_configuration)?)?;
    list.check()?;
    Ok((list, defaults))
}

/// Counts lines once through an input: resources come in its order.
#[derive(Default)]
pub(crate) struct Lines {
    input: usize,
    offset: usize,
    before: usize,
}

impl Lines {
    /// The line on which a resource's root begins, by the byte at which it does.
    pub(crate) fn of(&mut self, item: &Item<'_>, offset: usize) -> usize {
        if item.input() != self.input || offset < self.offset {
            *self = Self { input: item.input(), ..Self::default() };
        }
        self.before += line_of(&item.source()[self.offset..], offset - self.offset) - 1;
        self.offset = offset;
        self.before + 1
    }
}
