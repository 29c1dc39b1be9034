//! One message on its way in: what is read of it in memory, the rest of a long one in a file without a name.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, Write};

use sha2::{Digest, Sha256};

use crate::inbound::LONGEST_MESSAGE;
use crate::model::octets::hexadecimal;

/// The headers that each stop on the way puts on top.
const WAY: [&str; 6] = ["return-path", "delivered-to", "x-original-to", "envelope-to", "delivery-date", "received"];

#[derive(Default)]
pub(super) struct Incoming {
    head: Vec<u8>,
    rest: Option<File>,
}

impl Incoming {
    /// Takes all that a reader has.
    pub(super) fn from(mut reader: impl Read) -> io::Result<Self> {
        let mut message = Self::default();
        io::copy(&mut reader, &mut message)?;
        Ok(message)
    }

    /// Returns as much as a message is judged by.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Returns what tells it from every other message whatever way it comes, in hexadecimal: each way puts headers of its own
    /// on top, and has its own line ends.
    pub(super) fn hash(&mut self) -> io::Result<String> {
        let mut way = of_the_way(&self.head);
        let mut reader = BufReader::new(self.reader()?);
        let mut hash = Sha256::new();
        loop {
            let bytes = reader.fill_buf()?;
            let length = bytes.len();
            if length == 0 {
                break;
            }
            let passed = way.min(length);
            bytes[passed..].split(|byte| *byte == b'\r').for_each(|piece| hash.update(piece));
            way -= passed;
            reader.consume(length);
        }
        Ok(hexadecimal(hash.finalize()))
    }

    /// Returns all of it, from its start.
    pub(super) fn reader(&mut self) -> io::Result<impl Read + '_> {
        let rest: Box<dyn Read + '_> = match &mut self.rest {
            Some(file) => {
                file.rewind()?;
                Box::new(file)
            }
            None => Box::new(io::empty()),
        };
        Ok(self.head.as_slice().chain(rest))
    }
}

/// Returns how many bytes at the start of a message tell of its way: the line of an mbox, and the headers of delivery.
fn of_the_way(head: &[u8]) -> usize {
    let (mut end, mut is_of_way) = (0, true);
    for (place, line) in head.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let goes_on = matches!(line.first(), Some(b' ' | b'\t'));
        if !(goes_on && is_of_way) {
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
            is_of_way = place == 0 && line.starts_with(b"From ")
                || WAY.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
        }
        if !is_of_way {
            break;
        }
        end += line.len();
    }
    end
}

impl Write for Incoming {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = LONGEST_MESSAGE - self.head.len();
        let (first, more) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(first);
        if !more.is_empty() {
            let file = match &mut self.rest {
                Some(file) => file,
                None => self.rest.insert(tempfile::tempfile()?),
            };
            file.write_all(more)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_out_as_it_came_in_however_long() {
        for length in [0, 1, LONGEST_MESSAGE - 1, LONGEST_MESSAGE, LONGEST_MESSAGE + 70_000] {
            let bytes: Vec<u8> = (0..length).map(|place| u8::try_from(place % 251).unwrap()).collect();
            let mut message = Incoming::from(bytes.as_slice()).unwrap();
            for _ in 0..2 {
                let mut read = Vec::new();
                message.reader().unwrap().read_to_end(&mut read).unwrap();
                assert!(read == bytes, "{length}");
            }
            let said: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != b'\r').collect();
            let hash = hexadecimal(Sha256::digest(&said));
            assert_eq!(message.hash().unwrap(), hash);
            assert_eq!(message.head().len(), length.min(LONGEST_MESSAGE));
        }
    }

    #[test]
    fn a_message_is_the_same_whatever_way_it_comes_and_no_other_is() {
        let hash = |text: &str| Incoming::from(text.as_bytes()).unwrap().hash().unwrap();
        let mail = "Subject: hi\nReceived: from a\n\nDelivered-To: you\n";
        let same = [
            "From bounces Mon Mar  2 09:05:00 2026\nReturn-Path: <>\n",
            "Return-Path: <>\r\nDelivered-To: a@b.example\r\nReceived: from x\r\n\tby y; Mon\r\n",
            "X-Original-To: a@b.example\n",
        ];
        for way in same {
            assert_eq!(hash(&format!("{way}{mail}")), hash(mail), "{way}");
        }
        assert_eq!(hash(&mail.replace('\n', "\r\n")), hash(mail));
        for other in [mail.replace("from a", "from b"), mail.replace("you", "me"), format!("To: a\n{mail}")] {
            assert_ne!(hash(&other), hash(mail), "{other}");
        }
    }
}
