//! The whole of an embedded shop as it was at one instant, taken while it sells; and the way back.
//!
//! What the services had told one another by then is on both sides of the copy, and what was on its way is on none: to a
//! shop that starts on the copy it is a message that was lost, and those it knows how to deal with. Only who was told
//! from outside, such as a buyer or a bank of somebody else's, knows of what came after.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use indicatif::{ProgressBar, ProgressStyle};
use service_kit::db::{Cut, OpenError, log_of};

use crate::{
    CommandError,
    address::ShopAddress,
    audit::{self, AuditArgs},
    databases::{self, DatabaseArgs},
    demo,
    whole_folder::WholeFolder,
};

/// Where a backup is taken, and where to.
#[derive(Debug, Clone, clap::Args)]
pub struct BackupArgs {
    /// A folder that is not there yet, or is empty.
    pub to: PathBuf,
    /// Where the shop keeps its databases. It may run.
    #[arg(long, env = "LASTCOPY_DATA_DIR", default_value = "lastcopy-data")]
    pub data_dir: PathBuf,
}

/// Which backup comes back, and where.
#[derive(Debug, Clone, clap::Args)]
pub struct RestoreArgs {
    /// What `backup` made.
    pub from: PathBuf,
    /// A data directory that is not there yet, or is empty.
    #[arg(long, env = "LASTCOPY_DATA_DIR", default_value = "lastcopy-data")]
    pub data_dir: PathBuf,
}

/// `lastcopy backup`: copies every database, as they all were at one instant, and checks the promise on the copy. Exit
/// code 1: the copy is there, and the check found something.
pub async fn backup(args: BackupArgs) -> Result<ExitCode, CommandError> {
    let files = databases::files(&args.data_dir)?;
    let folder = WholeFolder::begin(&args.to)?;
    let copy = folder.unfinished().to_path_buf();
    blocking(move || copy_cut(&files, &copy)).await?;
    let mark = args.data_dir.join(demo::MARK);
    if mark.exists() {
        copy_file(&mark, folder.unfinished())?;
    }
    checked(folder, &args.to).await
}

/// `lastcopy restore`: fills an empty data directory from a backup, and checks the promise on it. Exit code 1: the data
/// is there, and the check found something.
pub async fn restore(args: RestoreArgs) -> Result<ExitCode, CommandError> {
    if let Some(shop) = ShopAddress::find(&args.from).await {
        return Err(CommandError::Usage(format!("a shop runs on this backup: {}", shop.gateway)));
    }
    let files = databases::files(&args.from)?;
    let folder = WholeFolder::begin(&args.data_dir)?;
    for file in files.iter().flat_map(|file| [file.clone(), log_of(file)]).chain([args.from.join(demo::MARK)]) {
        if file.exists() {
            copy_file(&file, folder.unfinished())?;
        }
    }
    checked(folder, &args.data_dir).await
}

fn copy_cut(files: &[PathBuf], folder: &Path) -> Result<(), CommandError> {
    let shop = |error: OpenError| CommandError::Shop(error.to_string());
    let began = Instant::now();
    let cut = Cut::through(files).map_err(shop)?;
    let held = began.elapsed();
    let progress = progress(cut.bytes().map_err(shop)?);
    cut.copy_into(folder, |bytes| progress.inc(bytes)).map_err(shop)?;
    progress.finish_and_clear();
    let (count, bytes) = (files.len(), progress.position());
    writeln!(std::io::stdout(), "{count} databases, {bytes} bytes; the shop waited for at most {} ms", held.as_millis())
        .map_err(CommandError::Output)
}

fn copy_file(file: &Path, folder: &Path) -> Result<(), CommandError> {
    let to = folder.join(file.file_name().unwrap_or_default());
    fs::copy(file, to).map(drop).map_err(CommandError::file(file))
}

/// The promise on the copy, before it gets its name.
async fn checked(folder: WholeFolder, named: &Path) -> Result<ExitCode, CommandError> {
    let databases = DatabaseArgs::in_folder(folder.unfinished());
    let code = audit::run(AuditArgs::of(databases, None)).await?;
    folder.finish()?;
    writeln!(std::io::stdout(), "{} is complete", named.display()).map_err(CommandError::Output)?;
    Ok(code)
}

async fn blocking<F>(work: F) -> Result<(), CommandError>
where
    F: FnOnce() -> Result<(), CommandError> + Send + 'static,
{
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(CommandError::Shop(error.to_string())))
}

fn progress(bytes: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    ProgressBar::new(bytes).with_style(style.expect("BUG: the template is fixed"))
}
