//! Pictures and attachments: from files of the project to parts of a mail, and from nowhere else.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::Sandbox;

const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n\0\r\n.\r\nnot really";

fn project() -> Sandbox {
    let sandbox = Sandbox::new()
        .settings("frequency_cap: none\nlanguage: en")
        .file("templates/_layouts/main.html", "<img src=\"images/logo.png\" alt=\"Acme\">{{{body}}}<p>{{postal_address}} <a href=\"{{unsubscribe_url}}\">Stop</a></p>")
        .file(
            "templates/tea.md",
            "---\nsubject: Tea\nattachments:\n  - { file: files/menu.pdf, name: \"Bảng giá.pdf\" }\n---\n\
             {{#if vip}}![Gold](<images/cốc vàng.jpg>){{/if}}\n\nHello\n",
        )
        .campaign("w", "trigger: manual", &["id: a, send: tea"]);
    for (path, bytes) in [("images/logo.png", PICTURE), ("images/cốc vàng.jpg", b"cup"), ("files/menu.pdf", b"%PDF")]
    {
        let path = sandbox.path("templates").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    sandbox
}

/// Returns what stands behind each part's headers, by the name of its file.
fn enclosed(mail: &str) -> Vec<(String, Vec<u8>)> {
    let parts = mail.split("\r\n--=_").filter(|part| part.contains("Content-Transfer-Encoding: base64"));
    let read = |part: &str| {
        let (head, body) = part.split_once("\r\n\r\n")?;
        let name = head.split_once("filename")?.1.lines().next()?.to_owned();
        Some((name, STANDARD.decode(body.replace("\r\n", "")).unwrap()))
    };
    parts.filter_map(read).collect()
}

#[test]
fn a_mail_carries_what_it_shows_and_what_is_attached() {
    let sandbox = project().contacts("email,vip", &["lan@example.com,true", "minh@example.com,"]);
    sandbox.drip(&["--now", "2026-03-01T09:00:00Z", "enrol", "w", "--where", "contact.email != ''"]).code(0);
    sandbox.run("2026-03-01T10:00:00Z");
    let mut mails: Vec<_> =
        sandbox.outbox().into_iter().map(|mail| mail.raw.replace("\r\n", "\n").replace('\n', "\r\n")).collect();
    mails.sort_by_key(|mail| mail.contains("minh@example.com"));
    let logo = ("=\"logo.png\"".to_owned(), PICTURE.to_vec());
    let menu = ("*0*=utf-8''B%E1%BA%A3ng%20gi%C3%A1.pdf".to_owned(), b"%PDF".to_vec());
    let cup = ("*0*=utf-8''c%E1%BB%91c%20v%C3%A0ng.jpg".to_owned(), b"cup".to_vec());
    assert_eq!(enclosed(&mails[0]), [logo.clone(), cup, menu.clone()]);
    assert_eq!(enclosed(&mails[1]), [logo, menu]);
    assert!(mails.iter().all(|mail| mail.lines().all(|line| line.len() <= 998 && line.is_ascii())));

    let html = sandbox.drip(&["preview", "w", "a", "--contact", "lan@example.com", "--format", "html"]).code(0).stdout;
    assert!(html.contains(&format!("src=\"data:image/png;base64,{}\"", STANDARD.encode(PICTURE))), "{html}");
    assert!(!html.contains("cid:"), "{html}");
}

#[test]
fn a_picture_of_a_style_travels_too() {
    let sandbox = Sandbox::new()
        .file("templates/a.html", "---\nsubject: S\n---\n<div style=\"background: url('images/tea.png')\">x</div>")
        .campaign("w", "trigger: manual", &["id: a, send: a"]);
    fs::create_dir_all(sandbox.path("templates/images")).unwrap();
    sandbox.write("templates/images/tea.png", "x");
    let eml = sandbox.drip(&["preview", "w", "a", "--format", "eml"]).code(0).stdout;
    let id = eml.split("Content-ID: <").nth(1).unwrap().split('>').next().unwrap();
    assert!(eml.replace("=\r\n", "").contains(&format!("cid:{id}")), "{eml}");
    sandbox.write("templates/a.html", "---\nsubject: S\n---\n<div style=\"background: url(images/te.png)\">x</div>");
    let said = sandbox.drip(&["check"]).code(3).stderr;
    assert!(said.contains("templates/a.html:4:29: there is no file `templates/images/te.png`"), "{said}");
}

#[test]
fn a_new_picture_gives_a_held_mail_another_try() {
    let sandbox = project()
        .file("templates/tea.md", "---\nsubject: S\n---\n![Gold](images/logo.png) {{city}}\n")
        .contacts("email", &["lan@example.com"]);
    sandbox.drip(&["--now", "2026-03-01T09:00:00Z", "enrol", "w", "lan@example.com"]).code(0);
    sandbox.run_ends("2026-03-01T10:00:00Z", 6);
    let fingerprint = || sandbox.sql("SELECT fingerprint FROM campaigns");
    let before = fingerprint();
    fs::write(sandbox.path("templates/images/logo.png"), b"another").unwrap();
    sandbox.run_ends("2026-03-01T11:00:00Z", 6);
    assert_ne!(before, fingerprint());
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_project_carries_nothing_out() {
    let sandbox = project();
    fs::write(sandbox.path("secret.png"), "secret").unwrap();
    std::os::unix::fs::symlink("../../secret.png", sandbox.path("templates/images/way-out.png")).unwrap();
    let said = sandbox.drip(&["check"]).code(3).stderr;
    assert!(said.contains("templates/images/way-out.png: the link leads out of templates/"), "{said}");
}

#[test]
fn what_no_mail_carries_is_told_before_anything_is_sent() {
    let sandbox = project();
    fs::write(sandbox.path("templates/files/big.zip"), vec![0; 10_000_001]).unwrap();
    fs::write(sandbox.path("templates/files/setup.exe"), "MZ").unwrap();
    let said = sandbox.drip(&["check"]).code(3).stderr;
    for expected in [
        "templates/files/big.zip: the file is larger than 10 MB\nhint: make it smaller",
        "templates/files/setup.exe: `.exe` is not a kind of template, nor of picture or document that mails carry",
    ] {
        assert!(said.contains(expected), "{said}");
    }
}
