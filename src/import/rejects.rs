use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use shared_types::FieldError;

use crate::CommandError;

/// The columns before the original row's own.
const COLUMNS: [&str; 3] = ["line", "field", "reason"];

/// The file of rejected rows: one record per row, with its line, the fields and every reason, and the row as it was.
/// Mended, it can be imported like any other.
pub(super) struct Rejects {
    path: PathBuf,
    writer: csv::Writer<File>,
    rows: u64,
}

impl Rejects {
    /// Begins the file anew: what an earlier import left there is gone.
    pub(super) fn create(path: &Path, source: &Path, header: &[String]) -> Result<Rejects, CommandError> {
        if fs::canonicalize(path).ok().is_some_and(|existing| fs::canonicalize(source).ok() == Some(existing)) {
            return Err(CommandError::Usage(format!("{}: is the file to import", path.display())));
        }
        let file = File::create(path).map_err(CommandError::file(path))?;
        let writer = csv::WriterBuilder::new().flexible(true).from_writer(file);
        let mut rejects = Rejects { path: path.to_path_buf(), writer, rows: 0 };
        rejects.write(COLUMNS.map(str::to_owned), header)?;
        Ok(rejects)
    }

    pub(super) fn add(&mut self, line: u64, errors: &[FieldError], cells: &[String]) -> Result<(), CommandError> {
        self.rows += 1;
        let mut fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        fields.dedup();
        let reason = |error: &FieldError| format!("{} {}", error.field, error.detail).trim().to_owned();
        let reasons: Vec<String> = errors.iter().map(reason).collect();
        self.write([line.to_string(), fields.join("; "), reasons.join("; ")], cells)
    }

    /// The file, if there is anything in it. An empty one is not kept.
    pub(super) fn finish(mut self) -> Result<Option<PathBuf>, CommandError> {
        self.writer.flush().map_err(CommandError::file(&self.path))?;
        if self.rows > 0 {
            return Ok(Some(self.path));
        }
        fs::remove_file(&self.path).map_err(CommandError::file(&self.path))?;
        Ok(None)
    }

    fn write(&mut self, own: [String; 3], cells: &[String]) -> Result<(), CommandError> {
        let record = own.iter().chain(cells);
        self.writer.write_record(record).map_err(|error| CommandError::file(&self.path)(error.into()))
    }
}
