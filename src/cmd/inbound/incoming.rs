//! One message on its way in: what is read of it in memory, the rest of a long one in a file without a name.

use std::fs::File;
use std::io::{self, Read, Seek, Write};

use sha2::{Digest, Sha256};

use crate::inbound::LONGEST_MESSAGE;

#[derive(Default)]
pub(super) struct Incoming {
    head: Vec<u8>,
    rest: Option<File>,
    hash: Sha256,
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

    /// Returns what tells it from every other message, in hexadecimal.
    pub(super) fn hash(&self) -> String {
        self.hash.clone().finalize().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
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
        self.hash.update(bytes);
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
            let hash = Sha256::digest(&bytes).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
            assert_eq!(message.hash(), hash);
            assert_eq!(message.head().len(), length.min(LONGEST_MESSAGE));
        }
    }
}
