//! Evaluates a parsed template (`exec.go`).

use std::collections::BTreeMap;
use std::rc::Rc;

use super::parse::{Branch, Node, Operand, Pipeline};
use super::{Template, TemplateError, Value, format, functions};

/// Bounds for templates that would loop: an injection template needs a few thousand steps and 10 kB.
const MAX_STEPS: usize = 2_000_000;
const MAX_OUTPUT: usize = 4 << 20;
const MAX_CALLS: usize = 50;

/// What functions know beside their arguments.
pub(in crate::istio::injector) struct Environment<'e> {
    /// istiod's environment; `None` where the value is not in the manifest.
    pub(in crate::istio::injector) variables: &'e BTreeMap<String, Option<String>>,
}

/// Evaluates `template` with `data` as dot and as `$`.
pub(super) fn render(
    template: &Template,
    data: Value<'_>,
    environment: &Environment<'_>,
) -> Result<String, TemplateError> {
    let mut state = State {
        template,
        environment,
        variables: vec![("$", data.clone())],
        output: String::new(),
        steps: 0,
        calls: 0,
    };
    state.walk(&data, &template.body)?;
    Ok(state.output)
}

/// How a list of nodes ended.
#[derive(PartialEq)]
enum Flow {
    Next,
    Break,
    Continue,
}

struct State<'t> {
    template: &'t Template,
    environment: &'t Environment<'t>,
    variables: Vec<(&'t str, Value<'t>)>,
    output: String,
    steps: usize,
    calls: usize,
}

impl<'t> State<'t> {
    fn walk(&mut self, dot: &Value<'t>, nodes: &'t [Node]) -> Result<Flow, TemplateError> {
        for node in nodes {
            self.steps += 1;
            if self.steps > MAX_STEPS || self.output.len() > MAX_OUTPUT {
                return Err(TemplateError::Unsupported("a template that takes too long".to_owned()));
            }
            let flow = match node {
                Node::Text(text) => {
                    self.output.push_str(text);
                    Flow::Next
                }
                Node::Action(pipeline) => {
                    let value = self.pipeline(dot, pipeline)?;
                    if pipeline.variables.is_empty() {
                        self.output.push_str(&format::shown(&value)?);
                    }
                    Flow::Next
                }
                Node::If(branch) => self.condition(dot, branch, false)?,
                Node::With(branch) => self.condition(dot, branch, true)?,
                Node::Range(branch) => self.range(dot, branch)?,
                Node::Template(name, argument) => {
                    self.call(dot, name, argument.as_ref())?;
                    Flow::Next
                }
                Node::Break => Flow::Break,
                Node::Continue => Flow::Continue,
            };
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn condition(&mut self, dot: &Value<'t>, branch: &'t Branch, moves_dot: bool) -> Result<Flow, TemplateError> {
        let mark = self.variables.len();
        let value = self.pipeline(dot, &branch.pipeline)?;
        let flow = if value.truth() {
            self.walk(if moves_dot { &value } else { dot }, &branch.body)?
        } else {
            self.walk(dot, &branch.otherwise)?
        };
        self.variables.truncate(mark);
        Ok(flow)
    }

    fn range(&mut self, dot: &Value<'t>, branch: &'t Branch) -> Result<Flow, TemplateError> {
        let start = self.variables.len();
        let value = self.pipeline(dot, &branch.pipeline)?;
        let entries: Vec<(Value<'t>, Value<'t>)> = match &value {
            Value::Invalid | Value::Nil => Vec::new(),
            Value::List(items) => {
                items.iter().enumerate().map(|(at, item)| (Value::Int(at as i64), item.clone())).collect()
            }
            Value::Map(map) => map.iter().map(|(key, item)| (Value::str(key), item.clone())).collect(),
            Value::Labels(labels) => {
                labels.sorted().iter().map(|(key, item)| (Value::str(key), Value::str(item))).collect()
            }
            Value::Int(count) => {
                (0..(*count).min(MAX_STEPS as i64)).map(|at| (Value::Invalid, Value::Int(at))).collect()
            }
            other => return Err(TemplateError::Failed(format!("range can't iterate over {}", other.type_name()))),
        };
        if entries.is_empty() {
            let flow = self.walk(dot, &branch.otherwise)?;
            self.variables.truncate(start);
            return Ok(flow);
        }
        let mark = self.variables.len();
        let names = &branch.pipeline.variables;
        for (key, item) in entries {
            let values = if names.len() > 1 { vec![key, item.clone()] } else { vec![item.clone()] };
            for (name, value) in names.iter().zip(values) {
                self.set(name, value)?;
            }
            let flow = self.walk(&item, &branch.body)?;
            self.variables.truncate(mark);
            if flow == Flow::Break {
                break;
            }
        }
        self.variables.truncate(start);
        Ok(Flow::Next)
    }

    /// `{{template "name" argument}}`: the called template sees none of the caller's variables.
    fn call(&mut self, dot: &Value<'t>, name: &str, argument: Option<&'t Pipeline>) -> Result<(), TemplateError> {
        let dot = match argument {
            Some(pipeline) => self.pipeline(dot, pipeline)?,
            None => Value::Invalid,
        };
        let template = self.template;
        let Some(body) = template.defined.get(name) else {
            return Err(TemplateError::Failed(format!("template {} not defined", format::go_quote(name))));
        };
        self.calls += 1;
        if self.calls > MAX_CALLS {
            return Err(TemplateError::Unsupported("templates that call each other too deeply".to_owned()));
        }
        let outer = std::mem::replace(&mut self.variables, vec![("$", dot.clone())]);
        self.walk(&dot, body)?;
        self.variables = outer;
        self.calls -= 1;
        Ok(())
    }

    fn set(&mut self, name: &str, value: Value<'t>) -> Result<(), TemplateError> {
        match self.variables.iter_mut().rev().find(|(known, _)| *known == name) {
            Some((_, place)) => {
                *place = value;
                Ok(())
            }
            None => Err(TemplateError::Failed(format!("undefined variable: {name}"))),
        }
    }

    fn pipeline(&mut self, dot: &Value<'t>, pipeline: &'t Pipeline) -> Result<Value<'t>, TemplateError> {
        let mut result = None;
        for command in &pipeline.commands {
            // An interface is unwrapped between commands, so that its nil is no value.
            result = Some(match self.command(dot, command, result)? {
                Value::Nil => Value::Invalid,
                value => value,
            });
        }
        let value = result.unwrap_or(Value::Invalid);
        for name in &pipeline.variables {
            if pipeline.assigns {
                self.set(name, value.clone())?;
            } else {
                self.variables.push((name, value.clone()));
            }
        }
        Ok(value)
    }

    fn command(
        &mut self,
        dot: &Value<'t>,
        command: &'t [Operand],
        last: Option<Value<'t>>,
    ) -> Result<Value<'t>, TemplateError> {
        let Some((first, rest)) = command.split_first() else { return Ok(Value::Invalid) };
        if let Operand::Function(name) = first {
            return self.function(dot, name, rest, last);
        }
        if !rest.is_empty() || last.is_some() {
            return Err(match first {
                Operand::Field(_) | Operand::Variable(..) | Operand::Pipeline(..) => {
                    TemplateError::Unsupported("a method with arguments in a template".to_owned())
                }
                _ => TemplateError::Failed("can't give argument to non-function".to_owned()),
            });
        }
        if matches!(first, Operand::Nil) {
            return Err(TemplateError::Failed("nil is not a command".to_owned()));
        }
        self.operand(dot, first)
    }

    fn operand(&mut self, dot: &Value<'t>, operand: &'t Operand) -> Result<Value<'t>, TemplateError> {
        let (start, names): (Value<'t>, &[String]) = match operand {
            Operand::Dot => return Ok(dot.clone()),
            Operand::Nil => return Ok(Value::Invalid),
            Operand::Bool(truth) => return Ok(Value::Bool(*truth)),
            Operand::Int(number) => return Ok(Value::Int(*number)),
            Operand::Float(number) => return Ok(Value::Float(*number)),
            Operand::Str(text) => return Ok(Value::Str(Rc::clone(text))),
            Operand::Function(name) => return self.function(dot, name, &[], None),
            Operand::Field(names) => (dot.clone(), names),
            Operand::Variable(name, names) => {
                let found = self.variables.iter().rev().find(|(known, _)| *known == name);
                let undefined = || TemplateError::Failed(format!("undefined variable: {name}"));
                (found.map(|(_, value)| value.clone()).ok_or_else(undefined)?, names)
            }
            Operand::Pipeline(pipeline, names) => (self.pipeline(dot, pipeline)?, names),
        };
        names.iter().try_fold(start, |value, name| value.field(name))
    }

    fn function(
        &mut self,
        dot: &Value<'t>,
        name: &str,
        operands: &'t [Operand],
        last: Option<Value<'t>>,
    ) -> Result<Value<'t>, TemplateError> {
        // `and` and `or` do not evaluate what cannot matter.
        if name == "and" || name == "or" {
            let mut value = Value::Invalid;
            for operand in operands {
                value = self.operand(dot, operand)?;
                if value.truth() == (name == "or") {
                    return Ok(value);
                }
            }
            return Ok(last.unwrap_or(value));
        }
        let mut args = Vec::with_capacity(operands.len() + 1);
        for operand in operands {
            args.push(self.operand(dot, operand)?);
        }
        args.extend(last);
        functions::call(name, &args, self.environment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(text: &str, data: serde_json::Value) -> Result<String, TemplateError> {
        let variables = BTreeMap::from([("SET".to_owned(), Some("yes".to_owned())), ("SECRET".to_owned(), None)]);
        Template::parse(text)?.render(Value::from_json(&data), &Environment { variables: &variables })
    }

    #[test]
    fn templates_render_as_in_go() {
        let data = serde_json::json!({
            "a": {"b": "x", "n": 15020, "null": null, "list": ["p", "q"], "empty": {}, "t": true},
        });
        // Each right side was printed by text/template of Go 1.26 with sprig 3.3 and Istio's functions.
        let rows = [
            ("{{ .a.b }}", "x"),
            ("{{ .a.n }}", "15020"),
            ("{{ .a.missing }}", "<no value>"),
            ("{{ .a.missing.deeper.still }}", "<no value>"),
            ("{{ (.a.null).deeper }}", "<no value>"),
            ("{{ eq (.a.null).deeper true }}", "false"),
            ("{{ if .a.empty }}y{{ else if .a.t }}z{{ else }}n{{ end }}", "z"),
            ("{{ range $i, $e := .a.list }}{{ if $i }},{{ end }}{{ $i }}={{ $e }}{{ end }}", "0=p,1=q"),
            ("{{ range .a.empty }}x{{ else }}none{{ end }}", "none"),
            ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"),
            ("{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ end }}{{ $x }}", "1"),
            ("{{ with .a.b }}[{{ . }}]{{ end }}{{ $.a.b }}", "[x]x"),
            ("{{ define \"t\" }}<{{ . }}>{{ end }}{{ template \"t\" .a.b }}", "<x>"),
            ("{{ and .a.t .a.b }}|{{ or .a.empty .a.b }}|{{ not .a.t }}", "x|x|false"),
            ("{{ .a.b | default \"d\" | quote }}{{ .a.missing | default \"d\" | quote }}", "\"x\"\"d\""),
            (
                "{{ $l := list }}{{ $l = append $l \"a\" }}{{ $l = append $l \"b\" }}{{ $l | join \",\" }}{{ len $l }}",
                "a,b2",
            ),
            ("a{{- /* c */ -}}  b {{- \" c\" }}", "ab c"),
            ("{{ ne .a.missing \"\" }}", "true"),
            ("{{ env \"SET\" \"no\" }}{{ env \"UNSET\" \"no\" }}", "yesno"),
            ("{{ printf \"%s-%t\" .a.b .a.t }}", "x-true"),
            ("{{ indent 2 \"a\\nb\" }}|{{ nindent 2 \"a\\nb\" }}", "a\n  b|\n  a\n  b"),
            ("{{ range $i, $e := .a.list }}{{ if eq $e \"q\" }}{{ break }}{{ end }}{{ $e }}{{ end }}", "p"),
            ("{{ index .a.list 1 }}{{ index .a \"b\" }}", "qx"),
            ("{{ \"abcdef\" | trunc 3 | trimSuffix \"c\" }}", "ab"),
            ("{{ and\n (or .a.missing .a.t)\n (not .a.empty) }}", "true"),
        ];
        for (template, expected) in rows {
            assert_eq!(rendered(template, data.clone()).as_deref(), Ok(expected), "{template}");
        }
    }

    #[test]
    fn what_fails_in_go_fails() {
        let data = serde_json::json!({"n": 1, "s": "x", "null": null});
        for template in [
            "{{ .null.deeper }}",
            "{{ eq .n .s }}",
            "{{ eq .n 1 }}",
            "{{ contains \"/\" .missing }}",
            "{{ $undefined }}",
            "{{ template \"none\" . }}",
            "{{ if .n }}",
            "{{ end }}",
            "{{ index .missing \"x\" }}",
            "{{ fail \"no\" }}",
        ] {
            assert!(matches!(rendered(template, data.clone()), Err(TemplateError::Failed(_))), "{template}");
        }
    }

    #[test]
    fn what_is_not_known_is_said() {
        for template in ["{{ genCA \"x\" 1 }}", "{{ env \"SECRET\" \"x\" }}", "{{ block \"x\" . }}{{ end }}"] {
            let result = rendered(template, serde_json::json!({}));
            assert!(matches!(result, Err(TemplateError::Unsupported(_))), "{template}: {result:?}");
        }
    }
}
