//! Files that are refused as a whole, or read only in part.

use std::io::Read;

use super::*;

#[test]
fn a_file_that_cannot_be_meant_is_refused_with_what_to_do() {
    for (text, expected) in [
        (&b""[..], "contacts.csv: the file is empty | its first line names the columns, as `email,first_name,tags`"),
        (
            b"PK\x03\x04\x14\0[Content_Types].xml",
            "contacts.csv: the file is an Excel workbook, not text | open it and save it as `CSV UTF-8`",
        ),
        (b"PK\x03\x04\x14\0a.csv", "contacts.csv: the file is a zip archive, not text | unpack it first"),
        (b"\x1f\x8b\x08\0", "contacts.csv: the file is compressed (gzip), not text | unpack it first: `gunzip -k`"),
        (
            b"email,n\na@x.vn,Ma\xb3gorzata\n",
            "contacts.csv: the encoding of the file is not known; in Windows-1252 it would say `Ma³gorzata` \
             | save it as `CSV UTF-8`, or name its encoding: --encoding windows-1251",
        ),
        (
            "email,name\na@x.vn,NguyÔn ThÞ Lan\n".as_bytes(),
            "contacts.csv: the text was typed for a TCVN3 (ABC) font, not in Unicode \
             | convert it first: UniKey, Toolkit (Ctrl+Shift+F6), from TCVN3 (ABC) to Unicode",
        ),
        (
            b"email,name\na@x.vn,Nguye\xe3n Th\xf2 Lan\nb@x.vn,Tra\xe0n Va\xean \xd1\xf6\xf9c\n",
            "contacts.csv: the text was typed for a VNI font, not in Unicode \
             | convert it first: UniKey, Toolkit (Ctrl+Shift+F6), from VNI to Unicode",
        ),
        (
            b"[{\"email\": \"a@x.vn\"}]",
            "contacts.csv: the file is one JSON array; drip reads JSON lines, one object a line \
             | take it apart: jq -c '.[]' contacts.csv | drip import -",
        ),
        (
            b"{\n  \"email\": \"a@x.vn\"\n}\n",
            "contacts.csv:1: the object goes on over several lines | write one object a line: jq -c . contacts.csv",
        ),
        (
            b"email,n\ra@x.vn,b\r",
            "contacts.csv: its lines end in CR alone, as on an old Mac | convert it: `tr '\\r' '\\n'`",
        ),
        (
            b"emial,n\n",
            "contacts.csv:1: no column is called `email` | did you mean `emial`? say so: --map 'emial=email'",
        ),
        (
            "name,Mail của khách\n".as_bytes(),
            "contacts.csv:1: no column is called `email` | did you mean `Mail của khách`? say so: --map 'Mail của khách=email'",
        ),
        (
            b"a,b\n",
            "contacts.csv:1: no column is called `email` | the columns are `a`, `b`; say which one holds the addresses: --map 'Column=email'",
        ),
        (
            b"lan@x.vn,Lan\n",
            "contacts.csv:1: no column is called `email` | the first line holds an address; put a line above it that names the columns, as `email,first_name`",
        ),
        (
            b"\n\nemail,plan, Plan \n",
            "contacts.csv:3: columns 2 and 3 are both `Plan` | rename one of them, or delete it",
        ),
        (
            b"email,E-Mail\n",
            "contacts.csv:1: columns 1 and 2, `email` and `E-Mail`, would both be `email` | leave one out: --map 'E-Mail='",
        ),
        (
            b"email,Total Spent,total_spent\n",
            "contacts.csv:1: columns 2 and 3, `Total Spent` and `total_spent`, would both be `total_spent` \
             | leave one out: --map 'total_spent='",
        ),
        (
            b"email,***\n",
            "contacts.csv:1: no template can write the name of column 2, `***` | name it for drip: --map '***=some_name'",
        ),
        (
            b"email,,n\na@x.vn,1,2\n",
            "contacts.csv:1: column 2 has no name | name it in the first line, or delete the column",
        ),
        (
            b"email,\"n\n",
            "contacts.csv:1: the quote that opens on this line is never closed | close the quote in the header, or write the `\"` twice",
        ),
    ] {
        assert_eq!(refusal(text), expected, "{text:?}");
    }
}

#[test]
fn a_header_over_two_lines_is_named_by_its_first() {
    assert_eq!(
        refusal("\nname,\"first\nname\"\n"),
        "contacts.csv:2: the name of column 2, `first name`, holds a line break or control character \
         | write the name on one line, in the first line of the file"
    );
}

#[test]
fn a_quote_left_open_is_found_where_it_opened() {
    let text = "email,note\na@x.vn,\"two\nlines\"\nb@x.vn,\"open\nc@x.vn,x\nd@x.vn,y";
    let mut file = open(text.as_bytes(), "contacts.csv", &hanoi()).expect("a header");
    assert!(matches!(file.next(), Some(Err(Rejected { line: 2, .. }))));
    let open_quote = file.next().expect("an item").expect_err("a rejection");
    assert_eq!((open_quote.line, open_quote.reason.as_str()), (4, "the quote that opens on this line is never closed"));
    assert!(file.next().is_none());
    assert_eq!(file.cut_short(), Some("line 4: the quote that opens on this line is never closed"));

    // Not the whole file is taken into memory for it.
    let endless = format!("email,note\na@x.vn,\"{}", "b@x.vn,c\n".repeat(1_000_000));
    let mut file = open(endless.as_bytes(), "contacts.csv", &hanoi()).expect("a header");
    let open_quote = file.next().expect("an item").expect_err("a rejection");
    assert_eq!(open_quote.line, 2);
    assert!(open_quote.record[1].len() < 2 << 20 && file.next().is_none());
}

#[test]
fn a_file_that_breaks_off_says_so() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    // Longer than what is read ahead, so that the fault comes in the middle.
    let text = format!("email\n{}", "a@x.vn\n".repeat(200_000));
    let mut file = open(text.as_bytes().chain(Broken), "contacts.csv", &hanoi()).expect("a header");
    let (good, bad): (Vec<_>, Vec<_>) = file.by_ref().partition(Result::is_ok);
    assert_eq!((good.len(), bad.len()), (200_000, 1));
    assert_eq!(file.cut_short(), Some("line 200001: the file cannot be read any further: the disk is gone"));
}
