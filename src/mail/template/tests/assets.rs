//! Pictures and attachments, in whole mails.

use super::*;

fn asset(path: &str, bytes: usize) -> AssetFile {
    let ending = path.rsplit_once('.').unwrap().1;
    AssetFile {
        path: path.to_owned(),
        media_type: AssetFile::media_type(ending).unwrap(),
        bytes: vec![7; bytes].into(),
    }
}

fn assets() -> Vec<AssetFile> {
    ["images/tea.png", "images/trà xanh.jpg", "images/logo.png", "files/menu.pdf"].map(|path| asset(path, 10)).into()
}

fn with(files: &[(&str, &str)], assets: &[AssetFile]) -> Result<Templates, String> {
    let files: Vec<_> = files.iter().map(|(path, text)| file(path, text)).collect();
    Templates::compile(&files, assets, "vi").map_err(|found| complaints_of(&found))
}

#[test]
fn a_picture_travels_once_and_only_when_it_is_shown() {
    let layout = "<mjml><mj-body><mj-section><mj-column><mj-image src=\"images/logo.png\" alt=\"Acme\" />\
                  <mj-text>{{{body}}}</mj-text></mj-column></mj-section></mj-body></mjml>";
    let body = "---\nsubject: S\nattachments: [files/menu.pdf, { file: files/menu.pdf, name: \"Bảng giá.pdf\" }]\n---\n\
                ![Tea](images/tea.png) ![](<images/trà xanh.jpg>)\n\n{{#if more}}![Tea](images/tea.png){{/if}}\n\n\
                ![Map](https://acme.example/map.png)\n";
    let files = [("_layouts/main.mjml", layout), ("a.md", body)];
    let templates = with(&files, &assets()).unwrap();
    let render = |data: Value| templates.render(&mail("a"), locale("vi"), data.clone()).unwrap();
    let first = render(json!({ "more": true }));
    let names = |mail: &Rendered| mail.images.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&first), ["logo.png", "tea.png", "trà xanh.jpg"]);
    assert_eq!(first.html.matches("src=\"cid:").count(), 4);
    for image in &first.images {
        assert!(first.html.contains(&format!("cid:{}\"", image.content_id)));
    }
    assert!(first.html.contains("src=\"https://acme.example/map.png\""));
    let attached: Vec<_> = first.attachments.iter().map(|one| (one.name.as_str(), one.media_type)).collect();
    assert_eq!(attached, [("menu.pdf", "application/pdf"), ("Bảng giá.pdf", "application/pdf")]);
    assert_eq!(
        complaints_of(templates.warnings()),
        "templates/a.md:5:29: the picture `images/trà xanh.jpg` has no words\n  \
         hint: say what it shows, as `![A cup of tea](…)` or `alt=\"A cup of tea\"`: many readers see no pictures"
    );
    let hidden = "---\nsubject: S\nlayout: none\n---\n{{#if more}}\n![Tea](images/tea.png)\n{{/if}}\n\nHi\n";
    let templates = with(&[("a.md", hidden)], &assets()).unwrap();
    assert!(templates.render(&mail("a"), locale("vi"), json!({})).unwrap().images.is_empty());
}

#[test]
fn a_path_leads_nowhere_else() {
    let body = "---\nsubject: S\nattachments:\n  - ../secret.pdf\n  - { file: files/menu.pdf, name: ../x.pdf }\n  \
                - { file: files/menu.pdf, name: menu.exe }\n  - files/menu.pdf\n  - files/menu.pdf\n---\n\
                <img src=\"../../etc/passwd.png\" alt=x>\n<img src=\"/etc/x.png\" alt=x>\n<img src=\"C:\\x.png\" alt=x>\n\
                <img src=\"images/te.png\" alt=x>\n<img src=\"images/tea.svg\" alt=x>\n<img src=\"files/menu.pdf\" alt=x>\n\
                <img src=\"images/{{city}}.png\" alt=x>\n<img src=\"\" alt=x>\n<img src=\"file:///etc/x.png\" alt=x>\n\
                <img src=\"%2e%2e/x.png\" alt=x>\n<img src=\"images%5ctea.png\" alt=x>\n<img src=\"images/tea.png%00\" alt=x>\n";
    insta::assert_snapshot!(with(&[("a.html", body)], &assets()).unwrap_err(), @r#"
    templates/a.html:10:11: `../../etc/passwd.png` leads out of `templates/`
      hint: paths count from `templates/`, as `images/tea.png` for `templates/images/tea.png`
    templates/a.html:11:11: `/etc/x.png` leads out of `templates/`
      hint: paths count from `templates/`, as `images/tea.png` for `templates/images/tea.png`
    templates/a.html:12:11: `C:\x.png` is not a path
      hint: put `/` between folders
    templates/a.html:13:11: there is no file `templates/images/te.png`
      hint: did you mean `images/tea.png`?
    templates/a.html:14:11: `images/tea.svg` is a drawing that most mail readers do not show
      hint: save it as PNG
    templates/a.html:15:11: `files/menu.pdf` is not a picture
      hint: attach it, with `attachments:` at the top
    templates/a.html:16:11: the picture `images/…` is named by a tag
      hint: choose between whole pictures with `{{#if …}}`
    templates/a.html:17:6: a picture has no address
      hint: write a path that counts from `templates/`, or an address that begins with `https://`
    templates/a.html:19:11: `../x.png` leads out of `templates/`
      hint: paths count from `templates/`, as `images/tea.png` for `templates/images/tea.png`
    templates/a.html:20:11: `images\tea.png` is not a path
      hint: put `/` between folders
    templates/a.html:21:11: `images/tea.png` is not a path
      hint: put `/` between folders
    templates/a.html:4:5: `../secret.pdf` leads out of `templates/`
      hint: paths count from `templates/`, as `images/tea.png` for `templates/images/tea.png`
    templates/a.html:5:5: `../x.pdf` is no name for a file
      hint: leave out slashes and quotes
    templates/a.html:6:5: `menu.exe` ends differently from `files/menu.pdf`
      hint: let it end in `.pdf`
    templates/a.html:8:5: `menu.pdf` is attached twice
      hint: keep one, or give it another `name`
    templates/a.html:18:11: `file:///etc/x.png` is no address for a mail
      hint: link to a page of the web, with `https://`
    "#);
}

#[test]
fn a_mail_carries_what_relays_take() {
    let body = "---\nsubject: S\nattachments: [files/big.pdf]\n---\n![Tea](images/tea.png)\n";
    let compile =
        |big: usize| with(&[("a.md", body)], &[asset("images/tea.png", 1_000_000), asset("files/big.pdf", big)]);
    assert!(compile(3_900_000).unwrap().warnings().is_empty());
    let much = compile(4_500_000).unwrap();
    assert!(much.warnings()[0].to_string().ends_with("a.md:1:1: the mail carries 5.5 MB of pictures and attachments"));
    assert!(compile(9_100_000).unwrap_err().contains("the mail carries 10.1 MB"));
}
