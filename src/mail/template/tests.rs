use serde_json::{Value, json};

use super::*;
use crate::model::template::{AssetFile, Format};

fn file(path: &str, text: &str) -> TemplateFile {
    let (stem, ending) = path.rsplit_once('.').unwrap();
    let (name, language) = match stem.rsplit_once('.') {
        Some((name, language)) => (name, Some(language.to_owned())),
        None => (stem, None),
    };
    TemplateFile {
        name: TemplateName::new(name),
        language,
        format: Format::from_ending(ending).unwrap(),
        path: format!("templates/{path}").into(),
        text: text.to_owned(),
    }
}

#[track_caller]
/// Returns a reader in Viet Nam.
fn locale(language: &str) -> Locale<'_> {
    Locale { language, zone: chrono_tz::Asia::Ho_Chi_Minh }
}

fn compiled(files: &[(&str, &str)]) -> Templates {
    let files: Vec<_> = files.iter().map(|(path, text)| file(path, text)).collect();
    Templates::compile(&files, &[], "vi").unwrap_or_else(|found| panic!("{}", complaints_of(&found)))
}

fn complaints_of(found: &[Diagnostic]) -> String {
    found
        .iter()
        .map(|one| {
            let rest = one.causes.iter().map(|c| format!("\n  caused by: {c}"));
            let hints = one.hints.iter().map(|h| format!("\n  hint: {h}"));
            format!("{one}{}", rest.chain(hints).collect::<String>())
        })
        .collect::<Vec<_>>()
        .join("\n")
}

#[track_caller]
fn complaints(files: &[(&str, &str)]) -> String {
    let files: Vec<_> = files.iter().map(|(path, text)| file(path, text)).collect();
    complaints_of(&Templates::compile(&files, &[], "vi").expect_err("these files are wrong"))
}

fn mail(template: &str) -> Mail {
    Mail { template: TemplateName::new(template), subject: None, preheader: None, sender: None }
}

#[track_caller]
fn rendered(files: &[(&str, &str)], data: &Value) -> Rendered {
    compiled(files).render(&mail("a"), locale("vi"), data.clone()).unwrap_or_else(|error| panic!("{error}"))
}

/// Renders one Markdown body without a layout.
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "reads well with `json!`")]
fn markdown(body: &str, data: Value) -> Rendered {
    rendered(&[("a.md", &format!("---\nsubject: S\n---\n{body}"))], &data)
}

fn inner(html: &str) -> &str {
    html.split_once("<body>").unwrap().1.split_once("</body>").unwrap().0.trim()
}

const LAYOUT: &str = r#"<mjml><mj-head><mj-title>{{subject}}</mj-title><mj-style>a { color: #0a5 } @media (max-width:400px) { .x{ width:1px } }</mj-style></mj-head><mj-body>
<mj-section><mj-column><mj-text>{{{body}}}</mj-text>
{{#if vip}}<mj-button href="https://acme.example/{{first_name}}">Mua</mj-button>{{/if}}
</mj-column></mj-section>
<mj-section><mj-column><mj-text font-size="12px">{{postal_address}} · <a href="{{unsubscribe_url}}">Hủy đăng ký</a></mj-text></mj-column></mj-section>
</mj-body></mjml>"#;

const LAN: &str = r#"<b>Lan</b> & "Co" {{7*7}} *x* _y_"#;

#[test]
fn a_contacts_name_is_never_markup() {
    let mail = markdown("Hi {{name}}\n\n[you](https://a.example/?n={{name}} \"{{name}}\")\n", json!({ "name": LAN }));
    let escaped = "&lt;b&gt;Lan&lt;/b&gt; &amp; &quot;Co&quot; {{7*7}} *x* _y_";
    assert_eq!(
        inner(&mail.html),
        format!("<p>Hi {escaped}</p>\n<p><a href=\"https://a.example/?n={escaped}\" title=\"{escaped}\">you</a></p>")
    );
    assert_eq!(mail.text, format!("Hi {LAN}\n\nyou (https://a.example/?n={LAN})\n"));
}

#[test]
fn functions_escape_what_they_return() {
    let mail = markdown("{{upper n}} {{lower n}} {{default x n}} {{default x (upper n)}}\n", json!({ "n": "<i>" }));
    assert_eq!(inner(&mail.html), "<p>&lt;I&gt; &lt;i&gt; &lt;i&gt; &lt;I&gt;</p>");
    assert_eq!(mail.text, "<I> <i> <i> <I>\n");
}

#[test]
fn blocks_directly_at_items_and_rows_stay_inside_lists_and_tables() {
    let body = "Before:\n\n{{#each items}}\n- {{this}}\n{{/each}}\n\n| a | b |\n|---|---|\n{{#each rows}}\n| {{x}} | {{y}} |\n\
                {{else}}\n| - | - |\n{{/each}}\n\n{{#if vip}}\n1. one\n{{#if no}}\n2. two\n{{/if}}\n3. three\n\n{{/if}}\nAfter\n";
    let data = json!({ "items": ["x", "y"], "rows": [{ "x": 1, "y": 30.0 }, { "x": 2, "y": 0.5 }], "vip": true });
    let mail = markdown(body, data);
    insta::assert_snapshot!(inner(&mail.html), @r#"
    <p>Before:</p>
    <ul>
    <li>x</li><li>y</li>
    </ul>
    <table><thead><tr><th>a</th><th>b</th></tr></thead><tbody>
    <tr><td> 1</td><td>30 </td></tr><tr><td> 2</td><td>0.5 </td></tr>
    </tbody></table>
    <ol>
    <li>one</li>

    <li>three</li>
    </ol>
    <p>After</p>
    "#);
    insta::assert_snapshot!(mail.text, @r#"
    Before:

    * x
    * y

    a | b
    1 | 30
    2 | 0.5

    * one
    * three

    After
    "#);
}

#[test]
fn a_vietnamese_mail_in_a_layout_of_mjml() {
    let files = [
        ("_layouts/main.mjml", LAYOUT),
        (
            "a.vi.md",
            "---\nsubject: Chào {{first_name}}\npreheader: \"Quà <tặng> {{first_name}}\"\n---\n# Chào {{default first_name \"bạn\"}}!\n\n\
             {{#if vip}}\nCảm ơn bạn đã dùng thử **Acme** từ Hà Nội. Nếu cần giúp đỡ, bạn chỉ cần trả lời thư này nhé.\n\
             {{else}}\nHẹn gặp lại.\n{{/if}}\n\n- một\n- hai\n",
        ),
    ];
    let data = json!({ "first_name": "Lan", "vip": true, "postal_address": "12 Lý Thường Kiệt",
        "unsubscribe_url": "https://acme.example/u/a-long-token-that-must-not-be-broken-over-two-lines-0123456789abcdef" });
    let mail = rendered(&files, &data);
    assert_eq!(mail.subject, "Chào Lan");
    assert_eq!(mail.preheader.as_deref(), Some("Quà <tặng> Lan"));
    insta::assert_snapshot!(mail.text, @r#"
    Chào Lan!

    Cảm ơn bạn đã dùng thử Acme từ Hà Nội. Nếu cần giúp đỡ, bạn chỉ cần trả lời
    thư này nhé.

    * một
    * hai

    Mua (https://acme.example/Lan)

    12 Lý Thường Kiệt · Hủy đăng ký
    (https://acme.example/u/a-long-token-that-must-not-be-broken-over-two-lines-0123456789abcdef)
    "#);
    assert!(!mail.html.contains("googleapis"));
    insta::assert_snapshot!(mail.html);
}

#[test]
fn a_missing_value_holds_the_mail_and_says_where() {
    let templates =
        compiled(&[("a.md", "---\nsubject: S\n---\nChào {{#if name}}{{name}}{{/if}},\n\nxin {{contact.plan}}.\n")]);
    for data in [json!({ "contact": {} }), json!({ "contact": { "plan": null } })] {
        let error = templates.render(&mail("a"), locale("vi"), data.clone()).unwrap_err();
        assert_eq!(error.to_string(), "templates/a.md:6:5: `contact.plan` is missing");
        assert_eq!(error.hint, "write `{{default contact.plan \"there\"}}`, or give the contact a value");
    }
    let blank = markdown(
        "{{default name \"there\"}}|{{#if (eq plan \"pro\")}}x{{/if}}|{{on}}|{{n}}|{{l}}",
        json!({ "name": " ", "on": true, "n": 30.0, "l": ["a", 1] }),
    );
    assert_eq!(blank.text, "there||true|30|a, 1\n");
}

#[test]
fn a_missing_list_and_a_missing_argument_are_named() {
    let held = |body: &str| {
        let templates = compiled(&[("a.md", &format!("---\nsubject: S\n---\n{body}"))]);
        templates.render(&mail("a"), locale("vi"), json!({ "n": null })).unwrap_err().to_string()
    };
    assert_eq!(held("x\n\n{{#each items}}\n- {{this}}\n{{/each}}\n"), "templates/a.md:6:1: `items` is missing");
    assert_eq!(held("{{upper n}}"), "templates/a.md:4:1: `n` is missing");
    assert_eq!(held("{{#if x}}{{else}}{{n}}{{/if}}"), "templates/a.md:4:18: `n` is missing");
}

#[test]
fn a_subject_is_one_line_and_not_empty() {
    let templates = compiled(&[("a.md", "---\nsubject: \"{{name}}\"\n---\nHi\n")]);
    let subject =
        |name: &str| templates.render(&mail("a"), locale("vi"), json!({ "name": name })).map(|mail| mail.subject);
    assert_eq!(subject("Lan\r\nBcc: x@y.example\u{85}\u{2028}\0<b>").unwrap(), "Lan  Bcc: x@y.example   <b>");
    assert_eq!(subject(" \n").unwrap_err().message, "the subject is empty for this contact");
    let own = Mail { subject: Some("{{name}}, còn {{days}} ngày".to_owned()), ..mail("a") };
    let data = json!({ "name": "Lan & Co", "days": 7 });
    assert_eq!(templates.render(&own, locale("vi"), data.clone()).unwrap().subject, "Lan & Co, còn 7 ngày");
    assert_eq!(
        templates.check_line("{{uper name}}", &subject::place("")).unwrap_err(),
        ("there is no function `uper`".to_owned(), Some("did you mean `upper`?".to_owned()))
    );
    assert!(templates.check_line("{{default name \"you\"}}", &subject::place("")).is_ok());
}

#[test]
fn the_nearest_language_is_chosen() {
    let front = "---\nsubject: S\n---\n";
    let one = |path: &'static str, text: &str| (path, format!("{front}{text}"));
    let all = [
        one("a.md", "none {{> foot}}"),
        one("a.pt.md", "pt {{> foot}}"),
        one("a.pt-BR.md", "br"),
        one("b.en.md", "en"),
        one("b.vi.md", "vi"),
    ];
    let mut files: Vec<_> = all.iter().map(|(path, text)| (*path, text.as_str())).collect();
    files.extend([("_partials/foot.md", "foot"), ("_partials/foot.pt.md", "pé")]);
    let templates = compiled(&files);
    let text = |name: &str, language: &str| templates.render(&mail(name), locale(language), json!({})).unwrap().text;
    assert_eq!(text("a", "pt-BR"), "br\n");
    assert_eq!(text("a", "pt-PT"), "pt pé\n");
    assert_eq!(text("a", "de"), "none foot\n");
    assert_eq!(text("b", "de"), "vi\n");
    assert_eq!(templates.languages(&TemplateName::new("b")), ["en", "vi"]);
}

#[test]
fn a_text_part_of_its_own_is_used_as_it_is() {
    let mail = rendered(
        &[
            ("a.md", "---\nsubject: S\n---\n*hi*\n"),
            ("a.txt", "Xin chào *{{n}}*  \n\n\n\n-- \n{{#if x}}\nx\n{{/if}}\nend"),
        ],
        &json!({ "n": "<Lan>" }),
    );
    assert_eq!(mail.text, "Xin chào *<Lan>*\n\n--\nend\n");
}

#[test]
fn braces_and_backslashes_of_the_author_are_text() {
    let mail = markdown("\\{{name}} `C:\\` &#123;&#123;x}} &#123;{{n}} \\\\{{! gone }}\n", json!({ "n": 1 }));
    assert_eq!(mail.text, "{{name}} C:\\ {{x}} {1 \\\n");
}

#[test]
fn blocks_in_mjml_and_html_go_around_sections_and_rows() {
    let mjml = "---\nsubject: S\n---\n<mjml><mj-body>{{#each l}}<mj-section><mj-column><mj-text>{{this}}</mj-text><mj-table>{{#each @root.r}}<tr><td>{{a}}</td></tr>{{/each}}</mj-table></mj-column></mj-section>{{/each}}</mj-body></mjml>";
    let mail = rendered(&[("a.mjml", mjml)], &json!({ "l": ["một", "hai"], "r": [{ "a": 1 }, { "a": 2 }] }));
    assert_eq!(mail.html.matches("<tr><td").count() - mail.html.matches("<!--[if mso | IE]><table border=\"0\" cellpadding=\"0\" cellspacing=\"0\" role=\"presentation\" align=\"center\"").count(), 8 + mail.html.matches("role=\"presentation\" align=\"center\" style").count());
    assert_eq!(mail.text, "một\n\n1\n\n2\n\nhai\n\n1\n\n2\n");
    let html = "---\nsubject: S\n---\n<table>{{#each r}}<tr><td>{{a}}</td></tr>{{/each}}</table>";
    let mail = rendered(&[("a.html", html)], &json!({ "r": [{ "a": 1 }, { "a": 2 }] }));
    assert_eq!(inner(&mail.html), "<table><tbody><tr><td>1</td></tr><tr><td>2</td></tr></tbody></table>");
}

#[test]
fn sloppy_html_in_a_layout_of_mjml_is_mended_not_refused() {
    let body = "---\nsubject: S\n---\n<p>a<br>b<p>{{#if x}}c{{/if}} &nbsp;&copy; <img src=\"https://acme.example/x.png\" alt=\"ảnh\">";
    let mail = rendered(
        &[("_layouts/main.mjml", LAYOUT), ("a.html", body)],
        &json!({ "x": 1, "vip": false, "postal_address": "HN", "unsubscribe_url": "u" }),
    );
    assert_eq!(mail.text, "a\nb\n\nc \u{a0}© ảnh\n\nHN · Hủy đăng ký (u)\n");
}

#[test]
fn a_file_from_windows_reads_like_any_other() {
    let mail = rendered(
        &[(
            "a.md",
            "\u{feff}---\r\nsubject: Chào {{n}}\r\n---\r\n{{#each l}}\r\n- {{this}}\r\n{{/each}}\r\n\r\n<!--{{n}}-->\r\n",
        )],
        &json!({ "n": "--><b>", "l": ["một", "hai"] }),
    );
    assert_eq!((mail.subject.as_str(), mail.text.as_str()), ("Chào --><b>", "* một\n* hai\n"));
    assert!(inner(&mail.html).ends_with("<!----&gt;&lt;b&gt;-->"), "{}", mail.html);
}

#[test]
fn every_fault_has_its_place() {
    let all = complaints(&[
        ("a.md", "---\nsubjet: S\n---\nx"),
        ("b.md", "no front matter"),
        (
            "c.md",
            "---\nsubject: S\n---\n\nHi {{uper name}} {{#if}}x{{/if}}\n{{#if a}}\n{{name | upper}} {{{name}}}\n{{> fot}}",
        ),
        ("d.md", "---\nsubject: \"{{nam e}}\"\nlayout: mian\n---\n{{#if a}}{{/each}} {{else}} {{/if}} {{name"),
        ("e.html", "---\nsubject: S\n---\n<a href={{url}} {{x}} onclick=\"{{y}}\">x</a><style>{{z}}</style>"),
        ("f.html", "---\nsubject: S\n---\n{{#if a}}<p>x{{/if}}</p>"),
        ("g.mjml", "---\nsubject: S\n---\n<mjml><mj-body>\n<mj-sektion></mj-sektion></mj-body></mjml>"),
        ("h.mjml", "---\nsubject: S\n---\n<mj-section></mj-section>"),
        ("i.txt", "alone"),
        ("j.mjml", "---\nsubject: S\n---\n<mjml><mj-body>\n<mj-section><mj-column></mj-section></mj-body></mjml>"),
        ("k.md", "---\nsubject: {{name}}\n---\nx"),
        ("_partials/foot.html", "{{> head}}"),
        ("_partials/head.html", "{{> foot}}"),
        ("_layouts/other.html", "none"),
    ]);
    insta::assert_snapshot!(all, @r#"
    templates/a.md:2:1: unknown key `subjet` in the front matter
      hint: did you mean `subject`?
    templates/b.md:1:1: the template has no subject
      hint: begin the file with `---`, a line `subject: …` and another `---`
    templates/c.md:5:4: there is no function `uper`
      hint: did you mean `upper`?
    templates/c.md:5:18: `{{#if}}` says nothing to look at
      hint: name an attribute, as `{{#if plan}}`
    templates/c.md:7:1: `{{name | upper}}` cannot be read as a tag
      hint: a function stands in front: `{{upper name}}`, not `{{name | upper}}`
    templates/c.md:7:18: `{{{name}}}` would let data write HTML
      hint: write `{{name}}`; only a layout's `{{{body}}}` has three braces
    templates/c.md:6:1: the block `{{#if a}}` is never closed
      hint: close it with `{{/if}}`
    templates/d.md:5:37: a `{{` is never closed
      hint: close it with `}}`, or write `\{{` to print the braces
    templates/d.md:2:11: there is no function `nam`
      hint: the functions are default, upper, lower, capitalize, trim, truncate, replace, join, concat, len, date, date_add, number, money, percent, plural, url, add, sub, mul, div, round, lookup, eq, ne, gt, gte, lt, lte, and, or, not, title
    templates/d.md:5:10: `{{/each}}` closes the block `{{#if}}` of line 5
      hint: write `{{/if}}`
    templates/d.md:5:20: an `{{else}}` stands outside a block
      hint: open one with `{{#if …}}`
    templates/d.md:5:29: `{{/if}}` closes a block that was not opened
      hint: open it with `{{#if …}}`, or remove this
    templates/g.mjml:5:2: MJML has no element `mj-sektion`
      hint: did you mean `mj-section`?
    templates/k.md:2:10: the front matter cannot be read as YAML
      caused by: expected string scalar
      hint: put a value with `{{`, `:` or `#` in quotes, as `subject: '{{name}}, hello'`
    templates/_layouts/other.html:1:1: the layout has 0 `{{{body}}}`
      hint: write `{{{body}}}` once, where the content goes
    templates/c.md:8:1: there is no partial `fot`
      hint: did you mean `foot`?
    templates/_partials/head.html:1:1: the partials include each other: foot → head → foot
      hint: take one of these tags out
    templates/_partials/foot.html:1:1: the partials include each other: head → foot → head
      hint: take one of these tags out
    templates/e.html:4:9: `{{url}}` stands in an attribute without quotes
      hint: write `href="{{url}}"`
    templates/e.html:4:17: `{{x}}` stands where an attribute's name belongs
      hint: put it inside an attribute's quotes, or write the element twice inside `{{#if …}}`
    templates/e.html:4:32: `{{y}}` stands inside the script `onclick`
      hint: remove it
    templates/e.html:4:51: `{{z}}` stands inside a style sheet or a script
      hint: choose between two classes with `{{#if …}}` in the text instead
    templates/f.html:4:1: the block `{{#if a}}` begins and ends in different elements
      hint: put whole elements, list items or table rows between its tags
    templates/h.mjml:1:1: the MJML is neither a whole document nor inside a layout
      hint: begin it with `<mjml>`, or add `templates/_layouts/main.mjml`
    templates/i.txt:1:1: the text part `templates/i.txt` has no template beside it
      hint: add one of the same name that ends in .md, .html or .mjml
    templates/j.mjml:5:54: an MJML element is never closed
      hint: look for an element that is not closed, or that stands in the wrong one
    "#);
}

#[test]
fn what_would_overflow_the_stack_is_refused() {
    let deep = format!("---\nsubject: S\n---\n{}x{}", "{{#if a}}".repeat(33), "{{/if}}".repeat(33));
    assert!(complaints(&[("a.md", &deep)]).starts_with("templates/a.md:4:289: blocks nest deeper than 32"));
    let chain = format!("---\nsubject: S\n---\n{{{{#if a}}}}{}{{{{/if}}}}", "{{else if b}}".repeat(3000));
    assert!(complaints(&[("a.md", &chain)]).contains("blocks nest deeper than 32"));
    for body in ["<div>".repeat(5000), "> ".repeat(5000) + "x"] {
        assert!(complaints(&[("a.md", &format!("---\nsubject: S\n---\n{body}"))]).contains("elements nest too deep"));
    }
}

#[test]
fn a_mail_does_not_grow_without_end() {
    let body = "---\nsubject: S\n---\n{{#each l}}{{#each @root.l}}0123456789{{/each}}{{/each}}";
    let data = json!({ "l": vec![1; 1000] });
    let error = compiled(&[("a.md", body)]).render(&mail("a"), locale("vi"), data.clone()).unwrap_err();
    assert_eq!(error.message, "the mail grows larger than 1 MB");
}

#[test]
fn threads_share_templates() {
    fn shared<T: Send + Sync>() {}
    shared::<Templates>();
}

mod addresses;
mod assets;
mod functions;
mod partials;
