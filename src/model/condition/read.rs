//! Text → expression: parsing, and taking out what depends on the person.

use std::ops::Range;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue, SelectExpr, SourceInfo};
use cel::parser::{ParseError, Parser};

use super::call::{Call, FUNCTIONS};
use super::edge::Edges;
use super::{ConditionError, Input, variable};
use crate::model::delay::Span;

/// Longer than any condition a person writes, shorter than what would exhaust the stack.
const MAX_LENGTH: usize = 4096;
/// The parser and the evaluator recurse once for each; a thread's stack bears several times these.
const MAX_DEPTH: usize = 32;
const MAX_OPERATORS: usize = 200;

/// CEL's own functions, beside its operators.
const STANDARD: [&str; 31] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "int",
    "uint",
    "double",
    "string",
    "bool",
    "bytes",
    "type",
    "dyn",
    "timestamp",
    "duration",
    "getFullYear",
    "getMonth",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
    "min",
    "max",
    "has",
    "optional",
    "orValue",
    "hasValue",
];

/// What a text says.
pub(super) struct Read {
    pub(super) expression: IdedExpr,
    pub(super) inputs: Vec<Input>,
    /// One for each input.
    pub(super) edges: Vec<Edges>,
    /// The stages that `stage` is compared with.
    pub(super) stages: Vec<String>,
}

pub(super) fn read(source: &str) -> Result<Read, ConditionError> {
    let whole = 0..source.len();
    if source.trim().is_empty() {
        return Err(ConditionError { message: "the condition is empty".to_owned(), span: whole, hint: None });
    }
    if source.len() > MAX_LENGTH {
        let message = format!("the condition is longer than {MAX_LENGTH} bytes");
        return Err(ConditionError { message, span: whole, hint: None });
    }
    if let Some(error) = common_slip(source) {
        return Err(error);
    }
    if is_too_complex(source) {
        let message = "the condition is nested too deeply or has too many operators".to_owned();
        let hint = Some("split it into named segments in drip.yaml".to_owned());
        return Err(ConditionError { message, span: whole, hint });
    }
    let (mut expression, positions) =
        Parser::new().parse_with_source_info(source).map_err(|errors| syntax(source, &errors.errors))?;
    let (inputs, edges, stages, bound) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut reader = Reader { source, positions: &positions, inputs, edges, stages, bound };
    reader.expression(&mut expression)?;
    if let Expr::Literal(literal) = &expression.expr
        && !matches!(literal, LiteralValue::Boolean(_))
    {
        let hint = Some("compare it with something, as `contact.plan == \"pro\"`".to_owned());
        return Err(ConditionError {
            message: "the condition is neither true nor false".to_owned(),
            span: whole,
            hint,
        });
    }
    Ok(Read { expression, inputs: reader.inputs, edges: reader.edges, stages: reader.stages })
}

/// Finds what people write who think of another language, before CEL's grammar complains in its own words.
fn common_slip(source: &str) -> Option<ConditionError> {
    let mut quote = None;
    let bytes = source.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        match quote {
            Some(open) => {
                if byte == b'\\' {
                    at += 1;
                } else if byte == open {
                    quote = None;
                }
            }
            None if byte == b'"' || byte == b'\'' => quote = Some(byte),
            None if byte == b'=' => {
                let before = at.checked_sub(1).map(|i| bytes[i]);
                if bytes.get(at + 1) == Some(&b'=') {
                    at += 1;
                } else if !matches!(before, Some(b'!' | b'<' | b'>')) {
                    return Some(slip("`=` does not compare", at..at + 1, "write `==`"));
                }
            }
            None if byte.is_ascii_alphabetic() || byte == b'_' => {
                let end =
                    at + source[at..].find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(source.len() - at);
                let instead = match &source[at..end] {
                    "and" | "AND" => "&&",
                    "or" | "OR" => "||",
                    "not" | "NOT" => "!",
                    _ => "",
                };
                // A field may be called `contact.not`.
                if !instead.is_empty() && at.checked_sub(1).is_none_or(|i| bytes[i] != b'.') {
                    let message = format!("`{}` is not a word of conditions", &source[at..end]);
                    return Some(slip(&message, at..end, &format!("write `{instead}`")));
                }
                at = end;
                continue;
            }
            None => {}
        }
        at += 1;
    }
    None
}

/// Counts brackets and operators, also those in quotes: an estimate from above is enough.
fn is_too_complex(source: &str) -> bool {
    let (mut depth, mut deepest, mut operators) = (0_usize, 0, 0);
    for byte in source.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'+' | b'-' | b'*' | b'/' | b'%' | b'!' | b'?' | b'&' | b'|' | b'=' | b'<' | b'>' | b'.' => operators += 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest > MAX_DEPTH || operators > MAX_OPERATORS
}

fn slip(message: &str, span: Range<usize>, hint: &str) -> ConditionError {
    ConditionError { message: message.to_owned(), span, hint: Some(hint.to_owned()) }
}

fn syntax(source: &str, errors: &[ParseError]) -> ConditionError {
    let first = errors.first();
    let (line, column) = first.map_or((1, 0), |error| error.pos);
    let line_start =
        source.split_inclusive('\n').take(usize::try_from(line - 1).unwrap_or(0)).map(str::len).sum::<usize>();
    let offset: usize = source
        .get(line_start..)
        .unwrap_or_default()
        .chars()
        .take(usize::try_from(column - 1).unwrap_or(0))
        .map(char::len_utf8)
        .sum();
    let start = (line_start + offset).min(source.len());
    let rest = source[start..].chars().next().map_or(0, char::len_utf8);
    let message = first.map_or("", |error| error.msg.as_str());
    let (message, hint) = if start >= source.trim_end().len() || message.contains("<EOF>") {
        ("the condition ends too early", "close every bracket and quote, and finish the comparison")
    } else if message.contains("token recognition") {
        ("a character is not expected here", "close every quote; write names outside ASCII as contact[\"tên\"]")
    } else {
        (
            "the condition cannot be read from here on",
            "conditions are CEL: `contact.plan == \"pro\" && did(\"activated\")`",
        )
    };
    ConditionError { message: message.to_owned(), span: start..start + rest, hint: Some(hint.to_owned()) }
}

struct Reader<'a> {
    source: &'a str,
    positions: &'a SourceInfo,
    inputs: Vec<Input>,
    edges: Vec<Edges>,
    stages: Vec<String>,
    /// Names that a macro such as `exists` binds.
    bound: Vec<String>,
}

impl Reader<'_> {
    fn expression(&mut self, node: &mut IdedExpr) -> Result<(), ConditionError> {
        if self.take_out(node, Edges::Everywhere)? {
            return Ok(());
        }
        self.note_stages(node);
        self.compared(node)?;
        let id = node.id;
        match &mut node.expr {
            Expr::Unspecified | Expr::Literal(_) | Expr::Struct(_) => Ok(()),
            // A variable that stands there already.
            Expr::Ident(name) if name.starts_with('#') => Ok(()),
            Expr::Ident(name) => {
                let name = name.clone();
                self.known_variable(&name, id)
            }
            Expr::Select(select) => self.expression(&mut select.operand),
            Expr::Call(call) => {
                self.known_function(call, id)?;
                if let Some(target) = &mut call.target {
                    self.expression(target)?;
                }
                call.args.iter_mut().try_for_each(|argument| self.expression(argument))
            }
            Expr::List(list) => list.elements.iter_mut().try_for_each(|element| self.expression(element)),
            Expr::Map(map) => map.entries.iter_mut().try_for_each(|entry| match &mut entry.expr {
                EntryExpr::MapEntry(entry) => {
                    self.expression(&mut entry.key)?;
                    self.expression(&mut entry.value)
                }
                EntryExpr::StructField(field) => self.expression(&mut field.value),
            }),
            Expr::Comprehension(inner) => {
                self.expression(&mut inner.iter_range)?;
                self.expression(&mut inner.accu_init)?;
                let outer = self.bound.len();
                self.bound.push(inner.iter_var.clone());
                self.bound.extend(inner.iter_var2.clone());
                self.bound.push(inner.accu_var.clone());
                self.expression(&mut inner.loop_cond)?;
                self.expression(&mut inner.loop_step)?;
                self.expression(&mut inner.result)?;
                self.bound.truncate(outer);
                Ok(())
            }
        }
    }

    /// Puts a variable in the place of what depends on the person; says whether that is what the node was.
    fn take_out(&mut self, node: &mut IdedExpr, edges: Edges) -> Result<bool, ConditionError> {
        let Some(input) = self.input(node)? else { return Ok(false) };
        let index = self.inputs.iter().position(|known| *known == input).unwrap_or_else(|| {
            self.inputs.push(input);
            self.edges.push(Edges::At(Vec::new()));
            self.inputs.len() - 1
        });
        self.edges[index].add(edges);
        node.expr = Expr::Ident(variable(index));
        Ok(true)
    }

    /// Notes what `stage` is compared with, or looked for among.
    fn note_stages(&mut self, node: &IdedExpr) {
        let Expr::Call(CallExpr { func_name, target: None, args }) = &node.expr else { return };
        let [left, right] = args.as_slice() else { return };
        let is_stage = |node: &IdedExpr| matches!(self.input(node), Ok(Some(Input::Call(Call::Stage))));
        let found: Vec<&str> = match (func_name.as_str(), &right.expr) {
            ("_==_" | "_!=_", _) if is_stage(left) => text(right).into_iter().collect(),
            ("_==_" | "_!=_", _) if is_stage(right) => text(left).into_iter().collect(),
            ("@in", Expr::List(list)) if is_stage(left) => list.elements.iter().filter_map(text).collect(),
            _ => return,
        };
        self.stages.extend(found.into_iter().map(str::to_owned));
    }

    /// Takes out what is compared with a whole number, and keeps that: nothing changes until it is crossed.
    fn compared(&mut self, node: &mut IdedExpr) -> Result<(), ConditionError> {
        let Expr::Call(CallExpr { func_name, target: None, args }) = &mut node.expr else { return Ok(()) };
        if !["_<_", "_<=_", "_>_", "_>=_", "_==_", "_!=_"].contains(&func_name.as_str()) {
            return Ok(());
        }
        let [left, right] = args.as_mut_slice() else { return Ok(()) };
        match (whole_number(left), whole_number(right)) {
            (None, Some(number)) => self.take_out(left, Edges::At(vec![number])).map(drop),
            (Some(number), None) => self.take_out(right, Edges::At(vec![number])).map(drop),
            _ => Ok(()),
        }
    }

    /// Returns what a node stands for when it depends on the person.
    fn input(&self, node: &IdedExpr) -> Result<Option<Input>, ConditionError> {
        let of = |operand: &IdedExpr, name: &str| matches!(&operand.expr, Expr::Ident(ident) if ident == name && !self.bound.iter().any(|bound| bound == name));
        Ok(match &node.expr {
            Expr::Ident(name) if name == "contact" && !self.bound.contains(name) => Some(Input::Contact),
            Expr::Ident(name) if name == "event" && !self.bound.contains(name) => Some(Input::Event),
            Expr::Ident(name) if name == "score" && !self.bound.contains(name) => Some(Input::Call(Call::Score)),
            Expr::Ident(name) if name == "stage" && !self.bound.contains(name) => Some(Input::Call(Call::Stage)),
            Expr::Select(SelectExpr { operand, field, test }) if of(operand, "contact") => Some(match test {
                true => Input::HasAttribute(field.clone()),
                false => Input::Attribute(field.clone()),
            }),
            Expr::Select(SelectExpr { operand, field, test }) if of(operand, "event") => Some(match test {
                true => Input::HasProperty(field.clone()),
                false => Input::Property(field.clone()),
            }),
            Expr::Call(CallExpr { func_name, target: None, args }) if func_name == "_[_]" => match args.as_slice() {
                [operand, key] if of(operand, "contact") => text(key).map(|key| Input::Attribute(key.to_owned())),
                [operand, key] if of(operand, "event") => text(key).map(|key| Input::Property(key.to_owned())),
                _ => None,
            },
            Expr::Call(call) if call.target.is_none() => self.call(call, node.id)?.map(Input::Call),
            _ => None,
        })
    }

    fn call(&self, call: &CallExpr, id: u64) -> Result<Option<Call>, ConditionError> {
        let Some((name, form, spans)) = FUNCTIONS.iter().find(|(name, ..)| *name == call.func_name) else {
            return Ok(None);
        };
        let wrong = |message: String| ConditionError {
            message,
            span: self.span(id, name),
            hint: Some(format!("write {form}")),
        };
        let (subject, within) = match call.args.as_slice() {
            [subject] => (subject, None),
            [subject, within] if *spans => (subject, Some(within)),
            arguments => {
                return Err(wrong(format!("`{name}` does not take {} arguments", arguments.len())));
            }
        };
        let subject = text(subject).ok_or_else(|| wrong(format!("`{name}` takes a name in quotes")))?;
        let within = match within {
            None => None,
            Some(node) => {
                let written = text(node).ok_or_else(|| wrong(format!("`{name}` takes a duration in quotes")))?;
                Some(Span::parse(written).map_err(wrong)?)
            }
        };
        Ok(Call::new(name, subject.to_owned(), within))
    }

    fn known_variable(&self, name: &str, id: u64) -> Result<(), ConditionError> {
        if self.bound.iter().any(|bound| bound == name) {
            return Ok(());
        }
        let hint = match crate::model::nearest(name, ["contact", "event", "score", "stage"]) {
            Some(known) => format!("did you mean `{known}`?"),
            None => format!("an attribute is written `contact.{name}`, a text `\"{name}\"`"),
        };
        let message = format!("`{name}` is not known here");
        Err(ConditionError { message, span: self.span(id, name), hint: Some(hint) })
    }

    fn known_function(&self, call: &CallExpr, id: u64) -> Result<(), ConditionError> {
        let name = call.func_name.as_str();
        let is_operator = !name.starts_with(|c: char| c.is_alphabetic());
        if is_operator || STANDARD.contains(&name) {
            return Ok(());
        }
        let ours = FUNCTIONS.iter().map(|(name, ..)| *name);
        let hint = match crate::model::nearest(name, ours.clone().chain(STANDARD)) {
            Some(known) => format!("did you mean `{known}`?"),
            None => format!("drip's functions are {}", ours.collect::<Vec<_>>().join(", ")),
        };
        let message = format!("there is no function `{name}`");
        Err(ConditionError { message, span: self.span(id, name), hint: Some(hint) })
    }

    /// Returns the bytes of `word` nearest to a node; the whole condition where it cannot be found.
    fn span(&self, id: u64, word: &str) -> Range<usize> {
        let at = self.positions.offset_for(id).and_then(|(start, _)| usize::try_from(start).ok()).unwrap_or(0);
        let byte = self.source.char_indices().nth(at).map_or(self.source.len(), |(byte, _)| byte);
        // A call is placed at its bracket, so the word stands before or at the node.
        let found = self.source.get(..byte + word.len()).unwrap_or(self.source).rfind(word);
        found.or_else(|| self.source.find(word)).map_or(0..self.source.len(), |start| start..start + word.len())
    }
}

fn whole_number(node: &IdedExpr) -> Option<i64> {
    match &node.expr {
        Expr::Literal(LiteralValue::Int(number)) => Some(*number.inner()),
        _ => None,
    }
}

fn text(node: &IdedExpr) -> Option<&str> {
    match &node.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}
