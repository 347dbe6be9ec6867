//! What surrounds the command in a browser: files in memory, and nobody at a terminal.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::Path;

use unroot::cli::{Process, Stream};

/// The files that can be read, and what has been written.
pub(crate) struct InMemory<'f> {
    files: &'f BTreeMap<String, Vec<u8>>,
    output: RefCell<Vec<u8>>,
    error: RefCell<Vec<u8>>,
}

impl<'f> InMemory<'f> {
    /// A process that has written nothing yet.
    pub(crate) fn new(files: &'f BTreeMap<String, Vec<u8>>) -> Self {
        Self { files, output: RefCell::default(), error: RefCell::default() }
    }

    /// Standard output and standard error.
    pub(crate) fn into_written(self) -> (Vec<u8>, String) {
        (self.output.into_inner(), String::from_utf8_lossy(&self.error.into_inner()).into_owned())
    }
}

impl Process for InMemory<'_> {
    fn input(&self) -> Box<dyn Read + '_> {
        Box::new(self.files.get("-").map(Vec::as_slice).unwrap_or_default())
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + '_>> {
        let bytes = path.to_str().and_then(|name| self.files.get(name)).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(bytes.as_slice()))
    }

    fn output(&self) -> Box<dyn Write + '_> {
        Box::new(Written(&self.output))
    }

    fn error(&self) -> Box<dyn Write + '_> {
        Box::new(Written(&self.error))
    }

    fn is_terminal(&self, _: Stream) -> bool {
        false
    }

    fn shows_colours(&self, _: Stream) -> bool {
        false
    }
}

/// A stream that is written.
struct Written<'w>(&'w RefCell<Vec<u8>>);

impl Write for Written<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
