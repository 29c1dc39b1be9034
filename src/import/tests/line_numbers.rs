//! Lines are counted as an editor counts them.

use std::fmt::Write as _;
use std::io::Read;

use super::*;

#[test]
fn the_line_is_that_of_an_editor_whatever_stands_before() {
    let text = "sep=,\r\n\r\nemail,note\r\n\r\n\
                a@x.vn,one\r\n\r\n\r\n\
                wrong,\"two\r\nlines\"\r\n\
                b@x.vn,\"say \"\"hi\"\"\"\r\n,,\r\n ,\r\n\
                worse\r\n\
                c@x.vn,end";
    let (rows, rejected) = import(text);
    let lines: Vec<_> = rows
        .iter()
        .map(|row| match row {
            Row::Contact(contact) => (contact.line, contact.address.key()),
            Row::Event(_) => panic!("no events here"),
        })
        .collect();
    assert_eq!(lines, [(5, "a@x.vn"), (10, "b@x.vn"), (14, "c@x.vn")]);
    let lines: Vec<_> = rejected.iter().map(|row| (row.line, row.reason.as_str())).collect();
    assert_eq!(lines, [(8, "`wrong` has no `@`"), (13, "2 fields expected, 1 found")]);
    assert_eq!(rejected[0].record, ["wrong", "two\nlines"]);
}

#[test]
fn lines_are_counted_in_pieces_of_any_size() {
    let mut text = "email,note\r\n".to_owned();
    for row in 0..3000 {
        write!(text, "p{row}@x.vn,\"{}\"\r\n\r\n", "é".repeat(row % 97)).expect("a string grows");
    }
    write!(text, "last,{}\r\r\n", "x".repeat(200_000)).expect("a string grows");
    let expected = 2 + 3000 * 2;
    for size in [1, 2, 3, 7, 4096, usize::MAX] {
        let import = open(Pieces { rest: text.as_bytes(), size }, "contacts.csv", &hanoi()).expect("a header");
        let (good, bad): (Vec<_>, Vec<_>) = import.partition(Result::is_ok);
        assert_eq!((good.len(), bad.len()), (3000, 1));
        let rejected = bad[0].as_ref().expect_err("no address");
        assert_eq!((rejected.line, rejected.record[1].len()), (expected, 200_001), "in pieces of {size}");
    }
}

/// A reader that gives at most `size` bytes a call, as a pipe may.
struct Pieces<'a> {
    rest: &'a [u8],
    size: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let length = self.size.min(out.len());
        self.rest.read(&mut out[..length])
    }
}
