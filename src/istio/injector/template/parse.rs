//! The tree of a template (`parse/parse.go`).

use std::collections::BTreeMap;
use std::rc::Rc;

use super::TemplateError;
use super::lex::{Kind, Token};

/// How deep parentheses and control structures may nest: far beyond any template, far below the stack.
const MAX_DEPTH: usize = 64;

/// A piece of a template.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Text(String),
    Action(Pipeline),
    If(Branch),
    With(Branch),
    Range(Branch),
    Template(String, Option<Pipeline>),
    Break,
    Continue,
}

/// `if`, `with` and `range`: a pipeline and what is shown for it.
#[derive(Debug, Clone)]
pub(super) struct Branch {
    pub(super) pipeline: Pipeline,
    pub(super) body: Vec<Node>,
    pub(super) otherwise: Vec<Node>,
}

/// Commands joined by `|`, with the variables that take the result.
#[derive(Debug, Clone, Default)]
pub(super) struct Pipeline {
    pub(super) variables: Vec<String>,
    /// `=` rather than `:=`.
    pub(super) assigns: bool,
    pub(super) commands: Vec<Vec<Operand>>,
}

/// One word of a command.
#[derive(Debug, Clone)]
pub(super) enum Operand {
    Dot,
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Rc<str>),
    Function(String),
    /// `.A.B`
    Field(Vec<String>),
    /// `$x.A.B`
    Variable(String, Vec<String>),
    /// `(pipeline).A.B`; without fields a plain parenthesis.
    Pipeline(Box<Pipeline>, Vec<String>),
}

/// The templates that a template defines, by name.
pub(super) type Defined = BTreeMap<String, Vec<Node>>;

/// Parses all tokens into the template's body and the templates that it defines.
pub(super) fn parse(tokens: &[Token]) -> Result<(Vec<Node>, Defined), TemplateError> {
    let mut parser = Parser { tokens, at: 0, depth: 0, defined: BTreeMap::new() };
    let (body, end) = parser.list()?;
    match end {
        End::OfInput => Ok((body, parser.defined)),
        End::OfBlock | End::Else => Err(failed("unexpected {{end}} or {{else}}")),
    }
}

/// What ended a list of nodes.
#[derive(PartialEq)]
enum End {
    OfInput,
    OfBlock,
    Else,
}

struct Parser<'t> {
    tokens: &'t [Token],
    at: usize,
    depth: usize,
    defined: BTreeMap<String, Vec<Node>>,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<&'t Kind> {
        self.tokens.get(self.at).map(|token| &token.kind)
    }

    fn next(&mut self) -> Option<&'t Kind> {
        let kind = self.peek();
        self.at += 1;
        kind
    }

    fn descend(&mut self) -> Result<(), TemplateError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(TemplateError::Unsupported("a template that nests too deeply".to_owned()));
        }
        Ok(())
    }

    fn list(&mut self) -> Result<(Vec<Node>, End), TemplateError> {
        let mut nodes = Vec::new();
        loop {
            match self.next() {
                None => return Ok((nodes, End::OfInput)),
                Some(Kind::Text(text)) => nodes.push(Node::Text(text.clone())),
                Some(_) => {
                    let Some(Kind::Word(word)) = self.peek() else {
                        nodes.push(Node::Action(self.pipeline(&Kind::Close)?));
                        continue;
                    };
                    self.at += 1;
                    match word.as_str() {
                        "end" => {
                            self.close()?;
                            return Ok((nodes, End::OfBlock));
                        }
                        "else" => return Ok((nodes, End::Else)),
                        "if" => nodes.push(Node::If(self.branch("if")?)),
                        "with" => nodes.push(Node::With(self.branch("with")?)),
                        "range" => nodes.push(Node::Range(self.branch("range")?)),
                        "define" => self.define()?,
                        "template" => nodes.push(self.template()?),
                        "block" => return Err(TemplateError::Unsupported("{{block}} in a template".to_owned())),
                        "break" | "continue" => {
                            self.close()?;
                            nodes.push(if word == "break" { Node::Break } else { Node::Continue });
                        }
                        _ => {
                            self.at -= 1;
                            nodes.push(Node::Action(self.pipeline(&Kind::Close)?));
                        }
                    }
                }
            }
        }
    }

    fn close(&mut self) -> Result<(), TemplateError> {
        match self.next() {
            Some(Kind::Close) => Ok(()),
            _ => Err(failed("unexpected operand in action")),
        }
    }

    fn branch(&mut self, keyword: &str) -> Result<Branch, TemplateError> {
        self.descend()?;
        let pipeline = self.pipeline(&Kind::Close)?;
        let (body, end) = self.list()?;
        let otherwise = match end {
            End::OfBlock => Vec::new(),
            End::OfInput => return Err(failed("unexpected end of template")),
            End::Else => self.otherwise(keyword)?,
        };
        self.depth -= 1;
        Ok(Branch { pipeline, body, otherwise })
    }

    /// After `else`: either the end of the action, or `if`/`with` of a chain that shares the last `end`.
    fn otherwise(&mut self, keyword: &str) -> Result<Vec<Node>, TemplateError> {
        match self.next() {
            Some(Kind::Close) => match self.list()? {
                (nodes, End::OfBlock) => Ok(nodes),
                _ => Err(failed("expected {{end}}")),
            },
            Some(Kind::Word(word)) if word == keyword && word == "if" => Ok(vec![Node::If(self.branch("if")?)]),
            Some(Kind::Word(word)) if word == keyword && word == "with" => Ok(vec![Node::With(self.branch("with")?)]),
            _ => Err(failed("unexpected operand after else")),
        }
    }

    fn define(&mut self) -> Result<(), TemplateError> {
        let Some(Kind::Quoted(name)) = self.next() else { return Err(failed("define needs a name")) };
        self.close()?;
        self.descend()?;
        let (body, end) = self.list()?;
        self.depth -= 1;
        if end != End::OfBlock {
            return Err(failed("expected {{end}} of define"));
        }
        self.defined.insert(name.clone(), body);
        Ok(())
    }

    fn template(&mut self) -> Result<Node, TemplateError> {
        let Some(Kind::Quoted(name)) = self.next() else { return Err(failed("template needs a name")) };
        if self.peek() == Some(&Kind::Close) {
            self.at += 1;
            return Ok(Node::Template(name.clone(), None));
        }
        Ok(Node::Template(name.clone(), Some(self.pipeline(&Kind::Close)?)))
    }

    fn pipeline(&mut self, end: &Kind) -> Result<Pipeline, TemplateError> {
        self.descend()?;
        let mut pipeline = Pipeline::default();
        self.declarations(&mut pipeline);
        loop {
            let mut command = Vec::new();
            loop {
                let Some(kind) = self.next() else { return Err(failed("unclosed action")) };
                if kind == end || *kind == Kind::Pipe {
                    if command.is_empty() {
                        return Err(failed("missing value for command"));
                    }
                    pipeline.commands.push(command);
                    if *kind == Kind::Pipe {
                        break;
                    }
                    self.depth -= 1;
                    return Ok(pipeline);
                }
                let operand = self.operand(kind)?;
                command.push(operand);
            }
        }
    }

    /// `$x :=`, `$x =` and, in a range, `$i, $x :=`.
    fn declarations(&mut self, pipeline: &mut Pipeline) {
        let start = self.at;
        let mut variables = Vec::new();
        while let Some(Kind::Variable(name)) = self.peek() {
            variables.push(name.clone());
            self.at += 1;
            match self.next() {
                Some(Kind::Declare) => {
                    pipeline.variables = variables;
                    return;
                }
                Some(Kind::Assign) => {
                    pipeline.variables = variables;
                    pipeline.assigns = true;
                    return;
                }
                Some(Kind::Comma) => {}
                _ => break,
            }
        }
        self.at = start;
    }

    fn operand(&mut self, kind: &Kind) -> Result<Operand, TemplateError> {
        Ok(match kind {
            Kind::Dot => Operand::Dot,
            Kind::Int(number) => Operand::Int(*number),
            Kind::Float(number) => Operand::Float(*number),
            Kind::Quoted(text) => Operand::Str(Rc::from(text.as_str())),
            Kind::Word(word) => match word.as_str() {
                "true" => Operand::Bool(true),
                "false" => Operand::Bool(false),
                "nil" => Operand::Nil,
                _ => Operand::Function(word.clone()),
            },
            Kind::Field(name) => {
                let mut names = vec![name.clone()];
                names.extend(self.chain());
                Operand::Field(names)
            }
            Kind::Variable(name) => Operand::Variable(name.clone(), self.chain()),
            Kind::LeftParen => {
                let pipeline = self.pipeline(&Kind::RightParen)?;
                Operand::Pipeline(Box::new(pipeline), self.chain())
            }
            _ => return Err(failed("unexpected token in action")),
        })
    }

    /// The `.A.B` that follows without a space.
    fn chain(&mut self) -> Vec<String> {
        let mut names = Vec::new();
        while let Some(Token { kind: Kind::Field(name), spaced: false }) = self.tokens.get(self.at) {
            names.push(name.clone());
            self.at += 1;
        }
        names
    }
}

fn failed(why: &str) -> TemplateError {
    TemplateError::Failed(format!("template: {why}"))
}
