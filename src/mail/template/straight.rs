//! The straight way through a compiled text: fixed pieces and plain values, which most of a mail is, without what handlebars
//! builds around each of them.
//!
//! It only ever gives what handlebars gives. Where anything is amiss it gives nothing, and handlebars says what it is.

use std::io;

use handlebars::template::{Parameter, TemplateElement};
use handlebars::{Context, Handlebars, Output, Path, PathSeg, RenderContext, Renderable, Template};
use serde_json::Value;

use super::registry::{self, SHOW};
use super::value::write;

/// How large a rendered text may be, in bytes.
const MAX_OUTPUT: usize = 1_000_000;

/// How each element of a template is rendered.
#[derive(Debug)]
pub(super) struct Straight(Vec<Way>);

#[derive(Debug)]
enum Way {
    Fixed,
    /// `show` of a value by its names, from the outermost.
    Value(Vec<String>),
    Handlebars,
}

impl Straight {
    pub(super) fn of(template: &Template) -> Self {
        Self(template.elements.iter().map(way).collect())
    }

    pub(super) fn render(
        &self,
        template: &Template,
        registry: &Handlebars<'static>,
        data: &Context,
        mut out: Limited,
    ) -> Option<String> {
        registry::begin();
        let mut context = RenderContext::new(None);
        for (way, element) in self.0.iter().zip(&template.elements) {
            match (way, element) {
                (Way::Fixed, TemplateElement::RawString(text)) => out.write(text).ok()?,
                (Way::Value(names), _) => {
                    let value = names.iter().try_fold(data.data(), |value, name| value.as_object()?.get(name))?;
                    registry::work(&[value]).ok()?;
                    let escape = registry.get_escape_fn();
                    match value {
                        Value::String(text) => out.write(&escape(text)).ok()?,
                        other => out.write(&escape(&write(other)?)).ok()?,
                    }
                }
                _ => element.render(registry, data, &mut context, &mut out).ok()?,
            }
        }
        Some(out.text)
    }
}

fn way(element: &TemplateElement) -> Way {
    let TemplateElement::Expression(call) = element else {
        return if matches!(element, TemplateElement::RawString(_)) { Way::Fixed } else { Way::Handlebars };
    };
    let shows = matches!(&call.name, Parameter::Name(name) if name == SHOW)
        || matches!(&call.name, Parameter::Path(Path::Relative((_, raw))) if raw == SHOW);
    match call.params.as_slice() {
        [Parameter::Path(Path::Relative((names, _)))] if shows && call.hash.is_empty() => {
            names.iter().map(plain).collect::<Option<_>>().map_or(Way::Handlebars, Way::Value)
        }
        _ => Way::Handlebars,
    }
}

fn plain(segment: &PathSeg) -> Option<String> {
    let PathSeg::Named(name) = segment else { return None };
    let letters = |text: &str| text.chars().all(|c| c.is_alphanumeric() || c == '_');
    (letters(name) && name.starts_with(|c: char| !c.is_numeric())).then(|| name.clone())
}

/// Text that refuses to grow for ever.
pub(super) struct Limited {
    pub(super) text: String,
}

impl Limited {
    pub(super) fn new(length: usize) -> Self {
        Self { text: String::with_capacity(length) }
    }
}

impl Output for Limited {
    fn write(&mut self, text: &str) -> Result<(), io::Error> {
        if self.text.len() + text.len() > MAX_OUTPUT {
            return Err(io::Error::other("too large"));
        }
        self.text.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_straight_way_leads_where_handlebars_does() {
        let data = serde_json::json!({
            "name": "Lan & <Minh> \"'=`", "n": 3.0, "big": 12_345_678, "yes": true, "none": null, "empty": "", "list": ["a", 1, null],
            "contact": { "email": "lan@example.com", "deep": { "er": "Huế" } }, "show": "a name as any", "họ": "Trần",
        });
        let (mut straight, mut refused) = (0, 0);
        for tag in [
            "name",
            "n",
            "big",
            "yes",
            "none",
            "empty",
            "list",
            "list.0",
            "list.[1]",
            "contact",
            "contact.email",
            "contact.deep.er",
            "contact.deep.none",
            "show",
            "họ",
            "missing",
            "this.name",
            "@root.name",
            "./name",
            "../name",
            "(upper name)",
            "\"text\"",
            "3",
        ] {
            for text in [
                format!("<p>{{{{show {tag}}}}}</p>\n"),
                format!("a \n {{{{~show {tag}~}}}} \n{{{{#if name}}}}{{{{show {tag}}}}}{{{{/if}}}}{{{{show name}}}}"),
                format!("{{{{#each list}}}}{{{{show {tag}}}}}{{{{/each}}}}"),
            ] {
                let template = Template::compile(&text).unwrap();
                for registry in [&*registry::HTML, &*registry::TEXT] {
                    let data = Context::wraps(&data).unwrap();
                    registry::begin();
                    let mut out = Limited::new(0);
                    let slow = template
                        .render(registry, &data, &mut RenderContext::new(None), &mut out)
                        .ok()
                        .map(|()| out.text);
                    let fast = Straight::of(&template).render(&template, registry, &data, Limited::new(0));
                    if let Some(fast) = fast {
                        assert_eq!(Some(fast), slow, "{text}");
                        straight += 1;
                    } else {
                        refused += 1;
                    }
                }
            }
        }
        assert!(straight > 60 && refused > 10, "{straight} straight, {refused} left to handlebars");
        let plain = Straight::of(&Template::compile("Hi {{show contact.deep.er}}{{show name}}").unwrap());
        assert!(matches!(&plain.0[..], [Way::Fixed, Way::Value(_), Way::Value(_)]), "{plain:?}");
    }
}
