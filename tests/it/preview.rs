//! Looking before anybody gets it: previews, and campaigns as tables.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;

use crate::support::Sandbox;
use crate::support::smtp::{Script, SmtpServer};

fn project() -> Sandbox {
    Sandbox::new()
        .settings("frequency_cap: none\nlanguage: en")
        .file("templates/tea.md", "---\nsubject: Tea for {{first_name}}\n---\nFrom {{city}}, because of {{event.item}}. {{postal_address}} [Stop]({{unsubscribe_url}})\n")
        .file("templates/tea.vi.md", "---\nsubject: Trà cho {{first_name}}\n---\nTừ {{city}}, vì {{event.item}}. {{postal_address}} [Dừng]({{unsubscribe_url}})\n")
        .campaign(
            "w",
            "name: Chào mừng\ntrigger: [{ event: go, where: 'event.item != \"\"' }, { date: birthday, offset: -3d, yearly: true }]\ngoal: { event: purchased, within: 30d }\nreentry: after 90d",
            &[
                "id: a, send: tea",
                "id: active, delay: 1d, wait_for: { event: activated, at_most: 7d }",
                "id: b, if: 'contact.plan != \"pro\"', delay: 2d at 09:00, test: { plain: { send: tea }, loud: { send: mail, subject: LOUD, share: 30 } }",
                "id: sales, notify: sales@acme.example",
                "id: crm, webhook: { url: \"https://crm.example/x\", headers: { X-Key: \"${CRM}\" }, json: { who: \"{{contact.email}}\" } }",
            ],
        )
        .contacts("email,first_name,city,language", &["lan@example.com,Lan,Hà Nội,vi"])
}

#[test]
fn a_preview_is_the_very_mail_that_leaves() {
    let sandbox = project();
    sandbox.drip(&["track", "lan@example.com", "go", "item=oolong", "--at", "2026-03-01T01:00:00Z"]).code(0);
    sandbox.run("2026-03-01T01:00:00Z");
    let sent = sandbox.outbox().remove(0).raw;
    let shown = sandbox.drip(&["preview", "w", "a", "--contact", "lan@example.com", "--format", "eml"]).code(0).stdout;
    assert_eq!(shown.replace("\r\n", "\n"), sent.replace("\r\n", "\n"));
    assert!(
        sandbox
            .drip(&["preview", "w", "b", "--contact", "nobody@example.com"])
            .code(2)
            .stderr
            .contains("there is no contact")
    );
}

#[test]
fn a_preview_of_a_mail_to_the_firm_tells_what_that_mail_told() {
    let sandbox = Sandbox::new()
        .campaign("w", "trigger: { event: asked }", &["id: sales, notify: sales@acme.example"])
        .contacts("email", &["lan@example.com"]);
    for (event, at) in [("visited", "2026-03-01T00:30:00Z"), ("asked", "2026-03-01T01:00:00Z")] {
        sandbox.drip(&["track", "lan@example.com", event, "--at", at]).code(0);
    }
    sandbox.run("2026-03-01T01:00:00Z");
    let sent = sandbox.outbox().remove(0).raw;
    assert!(sent.contains("visited"), "{sent}");
    // What came after the mail is not in it.
    sandbox.drip(&["track", "lan@example.com", "bought", "--at", "2026-03-01T05:00:00Z"]).code(0);
    let words =
        ["--now", "2026-03-02T01:00:00Z", "preview", "w", "sales", "--contact", "lan@example.com", "--format", "eml"];
    let shown = sandbox.drip(&words).code(0).stdout;
    assert_eq!(shown.replace("\r\n", "\n"), sent.replace("\r\n", "\n"));
}

#[test]
fn a_made_up_contact_is_given_what_it_lacks() {
    let sandbox = project();
    let shown = sandbox.drip(&["preview", "w", "a"]).code(0).stdout;
    assert!(shown.starts_with("Subject: Tea for Lan\n\nFrom [city], because of [item]."), "{shown}");
    let shown =
        sandbox.drip(&["preview", "w", "a", "--lang", "vi", "--set", "city=Huế", "--format", "html"]).code(0).stdout;
    assert!(shown.contains("Từ Huế, vì [item]."), "{shown}");
    let shown = sandbox.drip(&["preview", "w", "b", "--variant", "loud"]).code(0).stdout;
    assert!(shown.starts_with("Subject: LOUD"), "{shown}");
    let said = sandbox.drip(&["preview", "w", "b", "--variant", "quiet"]).code(2).stderr;
    assert!(said.contains("its variants are plain, loud"), "{said}");
    assert!(sandbox.drip(&["preview", "w", "bb"]).code(2).stderr.contains("did you mean `b`?"));
    let said = sandbox.drip(&["preview", "w", "active"]).code(0).stderr;
    assert!(said.contains("Step active sends nothing: it is a `wait_for`."), "{said}");
    let shown = sandbox.drip(&["preview", "w", "sales"]).code(0).stdout;
    assert!(shown.starts_with("Subject: Nguyễn Thị Lan (lan@example.com) reached Chào mừng: sales"), "{shown}");
    let shown = sandbox.drip_with(&[("CRM", "s3cret")], &["preview", "w", "crm"]).code(0).stdout;
    assert!(shown.contains("\"X-Key\": \"${CRM}\"") && shown.contains("lan@example.com"), "{shown}");
}

#[test]
fn a_preview_goes_to_a_colleague_and_to_nobody_else() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = project().through(&relay);
    let words = ["preview", "w", "a", "--contact", "lan@example.com", "--send-to", "me@acme.example"];
    // The event that lets her in is not there yet, so the template misses it.
    assert!(sandbox.drip(&words).code(3).stderr.contains("`event.item` is missing"));
    sandbox.drip(&["preview", "w", "a", "--send-to", "me@acme.example"]).code(0);
    assert_eq!(relay.recipients(), ["me@acme.example"]);
    assert!(sandbox.sends().is_empty());
}

#[test]
fn every_mail_is_written_with_a_page_to_look_through_them() {
    let sandbox = project();
    let said = sandbox.drip(&["preview", "--all", "out"]).code(0).stderr;
    assert!(said.contains("Wrote 6 mails as .eml, .html and .txt; look at out/index.html."), "{said}");
    for path in ["w/a.en", "w/a.vi", "w/b.plain.en", "w/b.plain.vi", "w/b.loud.en", "w/sales.en"] {
        for ending in ["eml", "html", "txt"] {
            assert!(sandbox.path(&format!("out/{path}.{ending}")).exists(), "{path}.{ending}");
        }
    }
    let page = fs::read_to_string(sandbox.path("out/index.html")).unwrap();
    assert!(page.contains("href=\"w/b.plain.vi.html\">Trà cho Lan</a>"), "{page}");
    let own = sandbox.drip(&["preview", "--all", "out/../templates/x"]).code(2).stderr;
    assert!(own.contains("`templates/` holds the files of the project themselves"), "{own}");
    let one = sandbox.drip(&["preview", "w", "--all", "one"]).code(0).stderr;
    assert!(one.contains("Wrote 6 mails"), "{one}");
    assert!(sandbox.drip(&["preview", "v", "--all", "two"]).code(2).stderr.contains("there is no campaign `v`"));
}

#[test]
fn a_made_up_contact_has_what_functions_and_loops_can_use() {
    let sandbox = Sandbox::new()
        .file(
            "templates/a.md",
            "---\nsubject: S\n---\n{{date birthday}} {{money event.total \"VND\"}} {{plural event.n \"one\" \"many\"}}\n\n\
             {{#each event.items}}\n- {{name}} {{money price \"VND\"}}\n{{/each}}\n\n{{event.place}}\n",
        )
        .campaign("w", "trigger: manual", &["id: a, send: a"]);
    let words = ["--now", "2026-03-05T03:00:00Z", "preview", "w", "a", "--set", "event.place=Huế"];
    insta::assert_snapshot!(sandbox.drip(&words).code(0).stdout, @r"
    Subject: S

    5 March 2026 ₫120,000 many

    * [name] ₫120,000

    Huế
    ");
}

#[test]
fn a_step_or_a_language_that_is_missing_is_named() {
    let both = "{{postal_address}} {{unsubscribe_url}}";
    let mail = format!("---\nsubject: S\n---\nHi {both}\n");
    let sandbox = Sandbox::new()
        .file("templates/a.en.md", &mail)
        .file("templates/a.vi.md", &mail)
        .file("templates/b.vi.md", &mail)
        .campaign("w", "trigger: manual", &["id: x, send: a", "id: y, send: b"]);
    let said = sandbox.drip(&["check"]).code(0).stderr;
    assert!(said.contains("warning: `b` is not written in en, as other mails of campaign `w` are"), "{said}");
    assert!(!said.contains("`a` is not"), "{said}");
    assert!(sandbox.drip(&["preview", "w"]).code(2).stderr.contains("its steps are x, y"));
    assert!(sandbox.drip(&["preview"]).code(2).stderr.contains("there are w"));
}

#[test]
fn a_mail_that_shows_no_way_out_is_warned_of() {
    let both = "{{postal_address}} {{unsubscribe_url}}";
    let sandbox = Sandbox::new()
        .file("templates/bare.md", "---\nsubject: S\n---\nHi\n")
        .file("templates/good.md", &format!("---\nsubject: S\n---\nHi {both}\n"))
        .file("templates/half.md", &format!("---\nsubject: S\n---\nHi {both}\n"))
        .file("templates/half.txt", "Hi {{postal_address}}\n")
        .file("templates/inside.md", "---\nsubject: S\n---\nFor us\n")
        .campaign(
            "w",
            "trigger: manual",
            &[
                "id: a, send: bare",
                "id: b, send: good",
                "id: c, send: half",
                "id: d, notify: { to: sales@acme.example, send: inside }",
            ],
        );
    let said = sandbox.drip(&["check"]).code(0).stderr;
    let heads: Vec<&str> = said.lines().filter(|line| line.starts_with("warning: templates/")).collect();
    assert_eq!(
        heads,
        [
            "warning: templates/bare.md:1:1: the mail lacks a link to leave, which the law of many countries asks for",
            "warning: templates/bare.md:1:1: the mail lacks the sender's postal address, which the law of many countries asks for",
            "warning: templates/half.txt:1:1: the text part lacks a link to leave, which the law of many countries asks for",
        ],
        "{said}"
    );
}

#[test]
fn a_campaign_is_shown_as_the_sequence_it_is() {
    let sandbox = project();
    sandbox.drip(&["track", "lan@example.com", "go", "item=oolong", "--at", "2026-03-01T01:00:00Z"]).code(0);
    sandbox.run("2026-03-02T01:00:00Z");
    insta::assert_snapshot!(sandbox.drip(&["campaign", "show", "w"]).code(0).stdout, @r#"
    Chào mừng (w)
      enters    with the event go where event.item != ""; or every year 3 days before birthday
      again     90d after the passage before has ended
      goal      purchased within 30d

    step    does                               after the one before  day    only if                waiting
    a       send tea                           at once               1
    active  wait_for activated for 7d at most  1d                    by 9                          1
    b       test plain 70 %, loud 30 %         2d at 09:00           by 11  contact.plan != "pro"
    sales   notify sales@acme.example          at once               by 11
    crm     webhook https://crm.example/x      at once               by 11
    "#);
    sandbox.drip(&["campaign", "pause", "w", "--reason", "new prices"]).code(0);
    insta::assert_snapshot!(sandbox.drip(&["--now", "2026-03-02T01:00:00Z", "campaign", "list"]).code(0).stdout, @r"
    campaign  name       priority  steps  inside  due in 24 h  state
    w         Chào mừng  0         5      1       1            paused: new prices
    ");
    let json: serde_json::Value =
        serde_json::from_str(&sandbox.drip(&["--json", "campaign", "show", "w"]).code(0).stdout).unwrap();
    assert_eq!(json["steps"][2]["day"], 11);
    assert_eq!(json["paused"], "new prices");
}
