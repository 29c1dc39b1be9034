//! Pages: whole in themselves, without scripts, for small screens and screen readers.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::words::Words;

const STYLE: &str = "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:12vh auto;padding:0 1.2rem;color:#1b1b1b;background:#fff}\
h1{font-size:1.5rem}button{font:inherit;padding:.7rem 1.4rem;border:0;border-radius:.4rem;background:#14532d;color:#fff;cursor:pointer}\
button:focus-visible{outline:3px solid #f59e0b;outline-offset:2px}\
@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}button{background:#86efac;color:#111}}";

/// Returns a page with a heading and a text, and perhaps a button that sends the form back to where it came from.
pub(super) fn page(status: StatusCode, words: &Words, title: &str, text: &str, button: Option<&str>) -> Response {
    let (title, text) = (escape(title), escape(text));
    let form = button.map_or_else(String::new, |button| {
        format!("<form method=\"post\"><button type=\"submit\">{}</button></form>\n", escape(button))
    });
    let language = words.language;
    let html = format!(
        "<!doctype html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
         </head>\n<body>\n<main>\n<h1>{title}</h1>\n<p>{text}</p>\n{form}</main>\n</body>\n</html>\n"
    );
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
