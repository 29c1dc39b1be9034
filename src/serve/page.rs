//! Pages: whole in themselves, without scripts, for small screens and screen readers.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::words::Words;

const STYLE: &str = "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:8vh auto;padding:0 1.2rem;color:#1b1b1b;background:#fff}\
h1{font-size:1.5rem}fieldset{border:0;margin:1.5rem 0;padding:0}legend{font-weight:600;padding:0;margin-bottom:.4rem}\
label{display:flex;gap:.7rem;align-items:center;padding:.5rem 0;cursor:pointer}input{flex:none;width:1.3rem;height:1.3rem;margin:0;accent-color:#14532d}\
button{font:inherit;padding:.7rem 1.4rem;border:1px solid #14532d;border-radius:.4rem;background:#14532d;color:#fff;cursor:pointer}\
button.quiet{background:none;color:inherit;border-color:currentColor}form+form,.rule{border-top:1px solid #8886;margin-top:2rem;padding-top:1rem}\
a{color:inherit}[role=status]{border-left:.3rem solid #14532d;padding-left:.8rem}\
:focus-visible{outline:3px solid #b45309;outline-offset:2px}\
@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}button{background:#86efac;border-color:#86efac;color:#111}\
input{accent-color:#86efac}[role=status]{border-color:#86efac}:focus-visible{outline-color:#f59e0b}}";

/// Returns a page with a heading and what stands below it.
pub(super) fn page(status: StatusCode, words: &Words, title: &str, body: &Markup) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang=(words.language) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { main { h1 { (title) } (body) } }
        }
    };
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page.into_string()).into_response()
}

/// Returns a page of a heading and a sentence.
pub(super) fn notice(status: StatusCode, words: &Words, title: &str, text: &str) -> Response {
    page(status, words, title, &html! { p { (text) } })
}

/// A button that posts to where the page came from.
pub(super) fn button(text: &str) -> Markup {
    html! { form method="post" { button type="submit" { (text) } } }
}
