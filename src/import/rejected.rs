//! The rows that were not taken, in a file beside the one they came from, to be mended and imported again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::Rejected;

/// The keys that drip adds to a rejected object.
pub(super) const OWN_KEYS: [&str; 2] = ["rejected_line", "rejected_reason"];

/// Writes rejected rows with their line and reason.
///
/// Cells stand as they were: the file is its owner's own data, to be mended and read in again.
pub struct RejectedWriter {
    path: PathBuf,
    form: Form,
    file: Option<Target>,
}

/// How the file is written.
pub(super) enum Form {
    Csv {
        header: Vec<String>,
        delimiter: u8,
        /// Whether the file begins with a byte order mark, without which Excel misreads Vietnamese.
        marked: bool,
    },
    JsonLines,
}

enum Target {
    Csv(Box<csv::Writer<File>>),
    JsonLines(BufWriter<File>),
}

impl RejectedWriter {
    pub(super) fn new(source: Option<&Path>, form: Form) -> Self {
        let (usual, ending) =
            if matches!(form, Form::Csv { .. }) { ("csv", "rejected.csv") } else { ("jsonl", "rejected.jsonl") };
        let source = source.unwrap_or(Path::new("stdin"));
        let path = match source.extension() {
            // `shop.csv` and `shop.tsv` have different people in them.
            Some(other) if other != usual => {
                let mut name = source.as_os_str().to_owned();
                name.push(".");
                name.push(ending);
                PathBuf::from(name)
            }
            _ => source.with_extension(ending),
        };
        Self { path, form, file: None }
    }

    /// Writes one row; the first one creates the file and replaces an older one.
    ///
    /// # Errors
    /// Returns why the file cannot be written.
    pub fn write(&mut self, rejected: &Rejected) -> io::Result<()> {
        let target = match &mut self.file {
            Some(target) => target,
            None => self.file.insert(create(&self.path, &self.form)?),
        };
        match (target, &self.form) {
            (Target::Csv(file), Form::Csv { header, .. }) => {
                let (cells, surplus) = rejected.record.split_at(rejected.record.len().min(header.len()));
                let missing = std::iter::repeat_n("", header.len() - cells.len());
                for cell in cells.iter().map(String::as_str).chain(missing) {
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
            (Target::JsonLines(file), _) => writeln!(file, "{}", object(rejected)),
            (Target::Csv(_), Form::JsonLines) => Ok(()),
        }
    }

    /// Ends the file and returns where it is, if there is one.
    ///
    /// # Errors
    /// Returns why the file cannot be written.
    pub fn finish(self) -> io::Result<Option<PathBuf>> {
        match self.file {
            Some(Target::Csv(mut file)) => file.flush()?,
            Some(Target::JsonLines(mut file)) => file.flush()?,
            None => return Ok(None),
        }
        Ok(Some(self.path))
    }
}

/// Returns the object as it was, with what is wrong; a line that is none becomes a text.
fn object(rejected: &Rejected) -> Value {
    let line = rejected.record.first().map_or("", String::as_str);
    let mut object = match serde_json::from_str(line) {
        Ok(Value::Object(object)) => object,
        _ => Map::from_iter([("unreadable".to_owned(), json!(line))]),
    };
    object.insert(OWN_KEYS[0].to_owned(), json!(rejected.line));
    object.insert(OWN_KEYS[1].to_owned(), json!(rejected.reason));
    Value::Object(object)
}

fn create(path: &Path, form: &Form) -> io::Result<Target> {
    // What was mended in an older one is somebody's work. A link with this name is moved aside, not followed.
    match fs::rename(path, path.with_extension(format!("old.{}", path.extension().unwrap_or_default().display()))) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Other people's rows, and perhaps from a file that nobody else may read.
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let Form::Csv { header, delimiter, marked } = form else { return Ok(Target::JsonLines(BufWriter::new(file))) };
    if *marked {
        file.write_all("\u{feff}".as_bytes())?;
    }
    let mut writer = csv::WriterBuilder::new().delimiter(*delimiter).flexible(true).from_writer(file);
    writer.write_record(header.iter().map(String::as_str).chain(["line", "reason"]))?;
    Ok(Target::Csv(Box::new(writer)))
}
