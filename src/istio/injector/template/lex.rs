//! Cuts a template into text and the tokens of its actions (`parse/lex.go`).

use super::TemplateError;

/// One token; `spaced` tells whether white space stands before it, which parts arguments (`a .b`) from chains (`(a).b`).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) spaced: bool,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Text(String),
    /// `{{` and `}}`, trim markers already applied.
    Open,
    Close,
    /// A keyword, a function's name, `true`, `false` or `nil`.
    Word(String),
    /// `.Name`, without the dot.
    Field(String),
    /// `$` or `$name`, with the dollar.
    Variable(String),
    Dot,
    Int(i64),
    Float(f64),
    Quoted(String),
    LeftParen,
    RightParen,
    Pipe,
    Declare,
    Assign,
    Comma,
}

/// The tokens of a whole template.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, TemplateError> {
    let mut lexer = Lexer { rest: text, tokens: Vec::new() };
    let mut trim = false;
    loop {
        let (before, found) = match lexer.rest.find("{{") {
            Some(at) => (&lexer.rest[..at], true),
            None => (lexer.rest, false),
        };
        let mut shown = if trim { before.trim_start_matches(is_space) } else { before };
        lexer.rest = &lexer.rest[before.len()..];
        if !found {
            lexer.text(shown);
            return Ok(lexer.tokens);
        }
        lexer.rest = &lexer.rest[2..];
        if let Some(rest) = lexer.rest.strip_prefix('-').filter(|rest| rest.starts_with(is_space)) {
            shown = shown.trim_end_matches(is_space);
            lexer.rest = rest;
        }
        lexer.text(shown);
        trim = match lexer.comment()? {
            Some(trim) => trim,
            None => lexer.action()?,
        };
    }
}

struct Lexer<'t> {
    rest: &'t str,
    tokens: Vec<Token>,
}

impl<'t> Lexer<'t> {
    fn push(&mut self, kind: Kind, spaced: bool) {
        self.tokens.push(Token { kind, spaced });
    }

    fn text(&mut self, text: &str) {
        if !text.is_empty() {
            self.push(Kind::Text(text.to_owned()), false);
        }
    }

    /// Skips a comment, which fills its action alone; tells whether the text after it is trimmed.
    fn comment(&mut self) -> Result<Option<bool>, TemplateError> {
        let Some(inside) = self.rest.trim_start_matches(is_space).strip_prefix("/*") else { return Ok(None) };
        let unclosed = || TemplateError::Failed("template: unclosed comment".to_owned());
        let end = inside.find("*/").ok_or_else(unclosed)?;
        let after = &inside[end + 2..];
        if let Some(rest) = after.strip_prefix("}}") {
            self.rest = rest;
            return Ok(Some(false));
        }
        let rest = after.trim_start_matches(is_space).strip_prefix("-}}").ok_or_else(unclosed)?;
        self.rest = rest;
        Ok(Some(true))
    }

    /// Reads the tokens of one action up to its end; tells whether the text after it is trimmed.
    fn action(&mut self) -> Result<bool, TemplateError> {
        self.push(Kind::Open, false);
        loop {
            let trimmed = self.rest.trim_start_matches(is_space);
            let spaced = trimmed.len() < self.rest.len();
            self.rest = trimmed;
            if let Some(rest) = trimmed.strip_prefix("-}}").filter(|_| spaced) {
                self.rest = rest;
                self.push(Kind::Close, spaced);
                return Ok(true);
            }
            if let Some(rest) = trimmed.strip_prefix("}}") {
                self.rest = rest;
                self.push(Kind::Close, spaced);
                return Ok(false);
            }
            let kind = self.token()?;
            self.push(kind, spaced);
        }
    }

    fn token(&mut self) -> Result<Kind, TemplateError> {
        let Some(first) = self.rest.chars().next() else { return Err(failed("unclosed action")) };
        let second = self.rest[first.len_utf8()..].chars().next();
        let simple = match first {
            '(' => Some(Kind::LeftParen),
            ')' => Some(Kind::RightParen),
            '|' => Some(Kind::Pipe),
            ',' => Some(Kind::Comma),
            '=' => Some(Kind::Assign),
            _ => None,
        };
        if let Some(kind) = simple {
            self.rest = &self.rest[1..];
            return Ok(kind);
        }
        match first {
            ':' if second == Some('=') => {
                self.rest = &self.rest[2..];
                Ok(Kind::Declare)
            }
            '"' => self.quoted(),
            '`' => {
                let inside = &self.rest[1..];
                let end = inside.find('`').ok_or_else(|| failed("unterminated raw quoted string"))?;
                self.rest = &inside[end + 1..];
                Ok(Kind::Quoted(inside[..end].replace('\r', "")))
            }
            '.' if !second.is_some_and(|c| c.is_ascii_digit()) => {
                self.rest = &self.rest[1..];
                let name = self.name();
                Ok(if name.is_empty() { Kind::Dot } else { Kind::Field(name.to_owned()) })
            }
            '$' => {
                self.rest = &self.rest[1..];
                Ok(Kind::Variable(format!("${}", self.name())))
            }
            '+' | '-' | '.' | '0'..='9' => self.number(),
            c if is_name(c) => Ok(Kind::Word(self.name().to_owned())),
            '\'' => Err(TemplateError::Unsupported("character constants in templates".to_owned())),
            c => Err(failed(&format!("unexpected {c:?} in action"))),
        }
    }

    fn name(&mut self) -> &'t str {
        let end = self.rest.find(|c: char| !is_name(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        name
    }

    fn number(&mut self) -> Result<Kind, TemplateError> {
        let end = self
            .rest
            .char_indices()
            .find(|(at, c)| {
                let sign = matches!(c, '+' | '-') && (*at == 0 || self.rest[..*at].ends_with(['e', 'E']));
                !(sign || c.is_alphanumeric() || matches!(c, '.' | '_'))
            })
            .map_or(self.rest.len(), |(at, _)| at);
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        if text.strip_prefix(['+', '-']).unwrap_or(text).chars().all(|c| c.is_ascii_digit())
            && (text == "0" || !text.trim_start_matches(['+', '-']).starts_with('0'))
        {
            return text.parse().map(Kind::Int).map_err(|_| failed(&format!("bad number syntax: {text:?}")));
        }
        if text.starts_with(['0']) && text.contains(['x', 'X', 'o', 'b', '_']) || text.contains('_') {
            return Err(TemplateError::Unsupported(format!("the number {text} in a template")));
        }
        text.parse().map(Kind::Float).map_err(|_| failed(&format!("bad number syntax: {text:?}")))
    }

    fn quoted(&mut self) -> Result<Kind, TemplateError> {
        let mut value = String::new();
        let mut chars = self.rest[1..].char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &self.rest[at + 2..];
                    return Ok(Kind::Quoted(value));
                }
                '\n' => break,
                '\\' => value.push(match chars.next().map(|(_, escaped)| escaped) {
                    Some('n') => '\n',
                    Some('t') => '\t',
                    Some('r') => '\r',
                    Some(same @ ('\\' | '"')) => same,
                    _ => return Err(TemplateError::Unsupported("an escape in a template's string".to_owned())),
                }),
                _ => value.push(c),
            }
        }
        Err(failed("unterminated quoted string"))
    }
}

fn failed(why: &str) -> TemplateError {
    TemplateError::Failed(format!("template: {why}"))
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_name(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        tokens(text).expect("lexes").into_iter().map(|token| token.kind).collect()
    }

    #[test]
    fn trim_markers_need_a_space_and_take_white_space_only() {
        let text = |text: &str| Kind::Text(text.to_owned());
        assert_eq!(kinds("a \n {{- . -}} \n b"), [text("a"), Kind::Open, Kind::Dot, Kind::Close, text("b")]);
        assert_eq!(kinds("a {{-3}} b"), [text("a "), Kind::Open, Kind::Int(-3), Kind::Close, text(" b")]);
        assert_eq!(kinds("a {{- /* x */ -}} b"), [text("a"), text("b")]);
        assert_eq!(kinds("a {{/* x */}} b"), [text("a "), text(" b")]);
    }

    #[test]
    fn chains_are_told_from_arguments_by_the_space() {
        let spaced: Vec<bool> = tokens("{{(.A).B .C}}").expect("lexes").iter().map(|token| token.spaced).collect();
        assert_eq!(spaced, [false, false, false, false, false, true, false]);
    }

    #[test]
    fn strings_keep_what_go_keeps() {
        assert_eq!(
            kinds(r#"{{"a\"\\\n" `b\n`}}"#)[1..3],
            [Kind::Quoted("a\"\\\n".into()), Kind::Quoted("b\\n".into())]
        );
        assert!(tokens("{{ \"a").is_err());
        assert!(tokens("{{ . ").is_err());
    }
}
