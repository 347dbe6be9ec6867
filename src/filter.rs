//! The verb `filter`: a list in, the same list out, with what the configuration asks for.

use crate::config::{Config, ConfigError};
use crate::krm::form::{self, Form};
use crate::krm::list::Piece;
use crate::krm::{Error, Finding, List, Severity};
use crate::passes;
use crate::rules::Rule;
use crate::yaml::de;
use crate::yaml::tree::{Tree, View};

/// How to give a configuration, for whoever gave none or two.
const HOW_TO_CONFIGURE: &str = "give it as the list's functionConfig, as --config FILE, or as KEY=VALUE words such as \
                                enforce=baseline";

/// The configuration that came beside the input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given<'a> {
    /// The file of `--config`: its name and its bytes, or why it cannot be read.
    pub file: Option<(&'a str, Result<Vec<u8>, String>)>,
    /// The `KEY=VALUE` words.
    pub words: &'a [String],
}

/// How a run ended, as the process says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Done, with findings of severity error.
    Findings = 1,
    /// The input or the configuration is unusable; nothing was changed.
    Unusable = 2,
}

/// What a run came to.
#[derive(Debug)]
pub struct Outcome<'s> {
    /// How it ended.
    pub exit: Exit,
    /// What there is to say.
    pub findings: Vec<Finding>,
    /// The list to write; None where nothing must be written.
    list: Option<List<'s>>,
}

impl Outcome<'_> {
    /// The output in pieces; none where nothing must be written.
    #[must_use]
    pub fn pieces(&self) -> Vec<Piece<'_>> {
        self.list.as_ref().map(|list| list.pieces(&self.findings)).unwrap_or_default()
    }
}

/// Runs the filter.
#[must_use]
pub fn filter<'s>(input: &'s [u8], given: &Given<'_>) -> Outcome<'s> {
    let mut list = match form::text(input).and_then(List::read) {
        Ok(list) => list,
        Err(error) => return Outcome { exit: Exit::Unusable, findings: vec![error.to_finding()], list: None },
    };
    match run(&mut list, given) {
        Ok(findings) => {
            let failed = findings.iter().any(|finding| finding.severity == Severity::Error);
            let exit = if failed { Exit::Findings } else { Exit::Done };
            // A stream has no place for results: what must not be applied is not written.
            let write = !failed || list.form() == Form::ResourceList;
            Outcome { exit, findings, list: write.then_some(list) }
        }
        Err(error) => {
            list.reset();
            let write = list.form() == Form::ResourceList;
            Outcome { exit: Exit::Unusable, findings: vec![error.to_finding()], list: write.then_some(list) }
        }
    }
}

fn run(list: &mut List<'_>, given: &Given<'_>) -> Result<Vec<Finding>, Error> {
    let config = configuration(list, given)?;
    list.check()?;
    let mut findings = passes::run(list, &config)?;
    if config == Config::default() {
        let message = format!("the configuration asks for nothing, so nothing was changed; {HOW_TO_CONFIGURE}");
        findings.insert(0, Finding::new(Rule::NothingAsked, Severity::Warning, message));
    }
    Ok(findings)
}

/// The one configuration of the run.
fn configuration(list: &List<'_>, given: &Given<'_>) -> Result<Config, Error> {
    let in_list = list.function_config();
    let in_list = match &in_list {
        Some((text, line)) => InList::read(text, *line)?,
        None => None,
    };
    let places: Vec<&str> = [
        in_list.as_ref().map(|_| "the list's functionConfig"),
        given.file.as_ref().map(|_| "--config"),
        (!given.words.is_empty()).then_some("KEY=VALUE words"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if places.len() > 1 {
        return Err(Error::config(format!(
            "there must be only one configuration, but it is given by {}",
            places.join(" and by ")
        )));
    }
    if let Some(in_list) = in_list {
        return in_list.config();
    }
    if let Some((name, bytes)) = &given.file {
        return from_file(name, bytes);
    }
    if given.words.is_empty() {
        return Err(Error::config(format!("there is no configuration; {HOW_TO_CONFIGURE}")));
    }
    Config::from_words(given.words.iter().map(String::as_str))
        .map_err(|error| Error::config(error.message).at_field(error.path))
}

/// A functionConfig that says something.
struct InList<'c> {
    tree: Tree,
    text: &'c str,
    line: usize,
}

impl<'c> InList<'c> {
    fn read(text: &'c str, line: usize) -> Result<Option<Self>, Error> {
        let tree = Tree::parse(text).map_err(|error| {
            Error::config(format!("not valid YAML: {}", error.message))
                .at_field("functionConfig")
                .at_line(line + error.line - 1)
        })?;
        let read = Self { tree, text, line };
        let says_something = read.view().is_some_and(|view| !view.is_null());
        Ok(says_something.then_some(read))
    }

    fn view(&self) -> Option<View<'_>> {
        self.tree.root(self.text)?.get("functionConfig")
    }

    fn config(&self) -> Result<Config, Error> {
        let Some(view) = self.view() else { return Err(Error::config("there is no configuration")) };
        decode(view, "functionConfig", self.line)
    }
}

/// The configuration in a file's bytes.
///
/// # Errors
/// Where there is none, or anything in it is wrong.
pub fn from_file(name: &str, bytes: &Result<Vec<u8>, String>) -> Result<Config, Error> {
    let named = |mut error: Error| {
        error.is_config = true;
        error.place.source_name = Some(name.to_owned());
        error
    };
    let bytes = bytes.as_ref().map_err(|why| named(Error::config(why.clone())))?;
    let text = form::text(bytes)
        .map_err(|error| named(Error { message: error.message.replace("the input", "the file"), ..error }))?;
    let tree = Tree::parse(text)
        .map_err(|error| named(Error::config(format!("not valid YAML: {}", error.message)).at_line(error.line)))?;
    let mut documents = tree.roots(text).filter(|document| !document.is_null());
    let Some(document) = documents.next() else {
        return Err(named(Error::config("the file holds no configuration")));
    };
    if documents.next().is_some() {
        return Err(named(Error::config("the file must hold one configuration, not several documents")));
    }
    decode(document, "", 1).map_err(named)
}

/// Decodes a configuration object that begins on a line of the input.
fn decode(view: View<'_>, prefix: &str, first_line: usize) -> Result<Config, Error> {
    let at = |path: &str| match (prefix, path) {
        (prefix, "") => prefix.to_owned(),
        ("", path) => path.to_owned(),
        (prefix, path) => format!("{prefix}.{path}"),
    };
    let outer = |line: usize| first_line + line - 1;
    if !view.is_mapping() {
        return Err(Error::config("a configuration must be a mapping").at_field(at("")).at_line(outer(view.line())));
    }
    if let Some((first, second)) = view.duplicate_key() {
        let message = format!(
            "key `{}` is there twice, on line {} and on line {}; remove one",
            first.scalar_text(),
            outer(first.line()),
            outer(second.line())
        );
        return Err(Error::config(message).at_field(at("")));
    }
    let word = |key: &str| view.get(key).map(|value| value.scalar_text()).unwrap_or_default();
    let root = de::Root::new(view);
    Config::from_object(word("apiVersion"), word("kind"), root.deserializer()).map_err(|error| match error {
        ConfigError::Decode(error) => {
            let decoded = Error::config(error.message).at_field(at(&error.path.to_string()));
            match error.line {
                Some(line) => decoded.at_line(outer(line)),
                None => decoded,
            }
        }
        ConfigError::Invalid(error) => Error::config(error.message).at_field(at(&error.path)),
    })
}
