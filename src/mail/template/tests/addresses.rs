//! Where the links and pictures of a mail may lead.

use super::*;

#[test]
fn no_value_turns_a_link_into_a_script() {
    let body = "[tea]({{url}}) <img src=\"{{photo}}\" alt=\"x\">";
    let templates = compiled(&[("a.md", &format!("---\nsubject: S\n---\n{body}"))]);
    let render = |url: &str, photo: &str| {
        let data = json!({ "url": url, "photo": photo });
        templates.render(&mail("a"), locale("vi"), data.clone()).map_err(|error| error.to_string())
    };
    let good = "https://acme.example/?q=javascript:x&y";
    assert!(render(good, good).unwrap().html.contains("href=\"https://acme.example/?q&#x3D;javascript:x&amp;y\""));
    for bad in [
        "javascript:alert(1)",
        " JaVa\tScript\n:alert(1)",
        "\u{1}vbscript:x",
        "data:text/html,x",
        "java\u{200b}script:x",
    ] {
        let held = render(bad, good).unwrap_err();
        assert!(held.starts_with("templates/a.md:4:7: `") && held.ends_with("` is no address for a mail"), "{held}");
        assert!(render(good, bad).unwrap_err().starts_with("templates/a.md:4:26: "));
    }
}

#[test]
fn an_author_writes_no_script_either() {
    let fixed =
        "---\nsubject: S\n---\n<a href=\"java&#115;cript:x\">x</a> <img src=\"data:image/png;base64,AAAA\" alt=\"x\">";
    insta::assert_snapshot!(complaints(&[("a.html", fixed)]), @r"
    templates/a.html:1:1: `javascript:x` is no address for a mail
      hint: link to a page of the web, with `https://`
    templates/a.html:4:45: `data:image/png;base64,AAAA` is no address for a mail
      hint: mail readers drop such pictures; put the file below `templates/` and name its path
    ");
}
