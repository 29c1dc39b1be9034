//! Partials that are given values, and the lines of the text part.

use super::*;

const BUTTON: (&str, &str) = (
    "_partials/button.html",
    "<table><tr><td><a href=\"{{url}}\">{{#if icon}}{{icon}} {{/if}}{{text}}</a></td></tr></table>\n",
);

#[test]
fn a_partial_sees_the_values_it_is_given_and_behind_them_its_template() {
    let body = "---\nsubject: S\n---\nHi\n\n{{> button text=\"Đặt <ngay>\" url=(concat \"https://acme.example/\" slug) icon=@root.sign}}\n\nand\n\n\
                {{#each items}}\n{{> row what=this by=@root.name}}\n{{/each}}\n\n{{text}}";
    let row = ("_partials/row.md", "- *{{what}}*, {{> by who=by}}{{@root.sign}}");
    let by = ("_partials/by.md", "by {{who}}");
    let data = json!({ "slug": "trà?a=1&b=2", "text": "own", "sign": "★", "items": ["một", "hai"], "name": "Lan" });
    let made = rendered(&[("a.md", body), BUTTON, row, by], &data);
    assert_eq!(
        made.text,
        "Hi\n\n★ Đặt <ngay> (https://acme.example/trà?a=1&b=2)\n\nand\n\n* một, by Lan★\n* hai, by Lan★\n\nown\n"
    );
    assert!(
        inner(&made.html).contains("<a href=\"https://acme.example/trà?a&#x3D;1&amp;b&#x3D;2\">★ Đặt &lt;ngay&gt;</a>"),
        "{}",
        made.html
    );
}

#[test]
fn a_value_that_is_missing_or_leads_astray_holds_the_mail() {
    let button = |tag: &str, data: Value| {
        let body = format!("---\nsubject: S\n---\n{tag}\n");
        let error = compiled(&[("a.md", &body), BUTTON]).render(&mail("a"), locale("vi"), data.clone()).unwrap_err();
        error.to_string()
    };
    assert_eq!(
        button("{{> button text=name url=\"https://acme.example\"}}", json!({})),
        "templates/_partials/button.html:1:62: `text` is missing"
    );
    assert_eq!(
        button("{{> button text=\"x\" url=url}}", json!({ "url": "javascript:alert(1)" })),
        "templates/_partials/button.html:1:25: `javascript:alert(1)` is no address for a mail"
    );
}

#[test]
fn what_a_partial_is_given_is_checked_before_any_mail() {
    let all = complaints(&[
        ("a.md", "---\nsubject: S\n---\n{{> button name}}\n"),
        ("b.md", "---\nsubject: S\n---\n{{> button text=(uper name)}}\n"),
        ("c.md", "---\nsubject: S\n---\n{{> button text=\"x}}\n"),
        ("d.md", "---\nsubject: S\n---\n{{#drip-values text=\"x\"}}x{{/drip-values}}\n"),
        BUTTON,
    ]);
    insta::assert_snapshot!(all, @r"
    templates/a.md:4:1: `{{> button name}}` gives its partial a value without a name
      hint: write `name=value`; the partial also sees everything its template sees
    templates/b.md:4:1: there is no function `uper`
      hint: did you mean `upper`?
    templates/c.md:4:1: a `{{` is never closed
      hint: close it with `}}`, or write `\{{` to print the braces
    templates/d.md:4:1: there is no block `drip-values`
      hint: the blocks are if, unless, each, with
    ");
}

#[test]
fn lines_of_the_text_part_are_broken_when_their_values_are_known() {
    let long = "https://acme.example/a/very/long/address/that/nobody/may/break/whatever/happens/to/it";
    let body = "Hôm nay {{#if city}}ở {{city}}{{else}}ở khắp mọi nơi trên đất nước tươi đẹp này của chúng ta{{/if}} trời nắng to.\n\n\
                1. Nước vừa ngừng sôi: tám mươi độ cho trà xanh, chín mươi lăm độ cho {{tea}}.\n\n\
                > Lá tốt pha được ba lần, mà lần thứ hai bao giờ cũng ngon hơn lần đầu, bà nói.\n\n{{url}}\n";
    let short = markdown(body, json!({ "city": "Huế", "tea": "ô long", "url": long }));
    insta::assert_snapshot!(short.text, @r"
    Hôm nay ở Huế trời nắng to.

    1. Nước vừa ngừng sôi: tám mươi độ cho trà xanh, chín mươi lăm độ cho ô
       long.

    > Lá tốt pha được ba lần, mà lần thứ hai bao giờ cũng ngon hơn lần đầu, bà
    > nói.

    https://acme.example/a/very/long/address/that/nobody/may/break/whatever/happens/to/it
    ");
}

/// A file without a language is in the project's, and what goes around it speaks as it does, whoever reads it.
#[test]
fn what_goes_around_a_text_speaks_its_language() {
    let layout = |farewell: &str| format!("<html lang=\"und\"><body>{{{{{{body}}}}}}<p>{farewell}</p></body></html>");
    let (plain, vi, en) = (layout("Unsubscribe"), layout("Hủy đăng ký"), layout("Leave"));
    let files = |layouts: &[(&'static str, &str)], footers: &[(&'static str, &str)]| {
        let front = "---\nsubject: S\n---\nbody {{> foot}}\n";
        let mails = [("a.md", front), ("a.fr.md", front), ("b.vi.md", front)];
        let all = [&mails[..], layouts, footers].concat();
        all.into_iter().map(|(path, text)| file(path, text)).collect::<Vec<_>>()
    };
    let layouts = [("_layouts/main.html", &*plain), ("_layouts/main.vi.html", &*vi), ("_layouts/main.en.html", &*en)];
    let footers = [("_partials/foot.md", "foot"), ("_partials/foot.vi.md", "chân thư")];
    let said = |files: &[TemplateFile], project: &str, name: &str, reader: &str| {
        let templates = Templates::compile(files, &[], project).unwrap();
        let made = templates.render(&mail(name), locale(reader), json!({})).unwrap();
        let language = made.html.split_once("lang=\"").unwrap().1.split_once('"').unwrap().0.to_owned();
        format!("{language}: {}", made.text.replace('\n', " ").trim_end())
    };
    let all = files(&layouts, &footers);
    for reader in ["vi", "de"] {
        assert_eq!(said(&all, "vi", "a", reader), "vi: body chân thư  Hủy đăng ký");
        assert_eq!(said(&all, "vi-VN", "a", reader), "vi-VN: body chân thư  Hủy đăng ký");
    }
    // In an English project the same file is English, for a Vietnamese reader too.
    assert_eq!(said(&all, "en", "a", "vi"), "en: body foot  Leave");
    assert_eq!(said(&all, "en", "b", "vi"), "vi: body chân thư  Hủy đăng ký");
    // Nothing in French: what has no language comes before any other.
    assert_eq!(said(&all, "vi", "a", "fr"), "fr: body foot  Unsubscribe");
    assert_eq!(said(&files(&layouts[..1], &footers[..1]), "vi", "a", "vi"), "vi: body foot  Unsubscribe");
}
