//! The rows that were not taken, in a file beside the one they came from, to be mended and imported again.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::Rejected;

/// Writes rejected rows with their line and reason.
///
/// Cells stand as they were: the file is its owner's own data, to be mended and read in again.
pub struct RejectedWriter {
    path: PathBuf,
    header: Vec<String>,
    delimiter: u8,
    /// Whether the file begins with a byte order mark, without which Excel misreads Vietnamese.
    marked: bool,
    file: Option<csv::Writer<File>>,
}

impl RejectedWriter {
    pub(super) fn new(source: Option<&Path>, header: &[String], delimiter: u8, marked: bool) -> Self {
        let path = source.unwrap_or(Path::new("stdin")).with_extension("rejected.csv");
        Self { path, header: header.to_vec(), delimiter, marked, file: None }
    }

    /// Writes one row; the first one creates the file and replaces an older one.
    ///
    /// # Errors
    /// Returns why the file cannot be written.
    pub fn write(&mut self, rejected: &Rejected) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(create(&self.path, &self.header, self.delimiter, self.marked)?),
        };
        let (cells, surplus) = rejected.record.split_at(rejected.record.len().min(self.header.len()));
        for cell in cells.iter().map(String::as_str).chain(std::iter::repeat_n("", self.header.len() - cells.len())) {
            file.write_field(cell)?;
        }
        file.write_field(rejected.line.to_string())?;
        file.write_field(&rejected.reason)?;
        // Behind the reason, so that line and reason keep their columns.
        for cell in surplus {
            file.write_field(cell)?;
        }
        Ok(file.write_record(None::<&[u8]>)?)
    }

    /// Ends the file and returns where it is, if there is one.
    ///
    /// # Errors
    /// Returns why the file cannot be written.
    pub fn finish(mut self) -> io::Result<Option<PathBuf>> {
        match &mut self.file {
            Some(file) => {
                file.flush()?;
                Ok(Some(self.path))
            }
            None => Ok(None),
        }
    }
}

fn create(path: &Path, header: &[String], delimiter: u8, marked: bool) -> io::Result<csv::Writer<File>> {
    // Taken away first, so that a link with this name is replaced and not followed.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = File::create_new(path)?;
    if marked {
        file.write_all("\u{feff}".as_bytes())?;
    }
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).flexible(true).from_writer(file);
    writer.write_record(header.iter().map(String::as_str).chain(["line", "reason"]))?;
    Ok(writer)
}
