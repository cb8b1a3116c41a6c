//! Books from a CSV file, row by row: good rows go in, bad ones come back with their line and every reason.
//!
//! The file is read as a stream and sent in batches; what is in memory is three batches. Sending a batch again is harmless:
//! a row is known by its ISBN or SKU, and the stock of a book that is there is left alone.

/// Rows that are sent together, and what became of them.
mod batch;
/// What is mended in a cell before it is sent.
mod clean;
/// Which column feeds which field.
mod plan;
/// Records of a CSV file with their true lines.
mod records;
/// The rows that were not taken.
mod rejects;

use std::{
    collections::{HashSet, VecDeque},
    fmt,
    fs::File,
    io::{BufReader, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use indicatif::{ProgressBar, ProgressStyle};
use shared_types::books::ImportOutcome;
use tokio::task::JoinHandle;

use crate::{
    CommandError,
    door::{Door, DoorArgs},
};
use batch::{Answered, Batch};
pub use plan::{Field, Plan};
pub use records::{Record, Records};
use rejects::Rejects;

/// Every row that is good is in, and some were not.
const SOME_REJECTED: u8 = 2;

/// What to read, and how.
#[derive(Debug, Clone, clap::Args)]
pub struct ImportArgs {
    /// A CSV file, UTF-8, with a header.
    pub file: PathBuf,
    /// Which column feeds a field: `author=authors`. A field that is not mapped takes the column of its own name.
    /// Fields: sku isbn title author topic first_year price stock warn_limit.
    #[arg(long = "map", value_name = "FIELD=COLUMN", value_parser = plan::assignment)]
    pub maps: Vec<(Field, String)>,
    /// What a field is where the row has nothing: `stock=5`.
    #[arg(long = "default", value_name = "FIELD=VALUE", value_parser = plan::assignment)]
    pub defaults: Vec<(Field, String)>,
    /// Where rejected rows go, with line, field and reason. Default: `FILE.rejects.csv` in the current directory.
    #[arg(long)]
    pub rejects: Option<PathBuf>,
    #[command(flatten)]
    pub door: DoorArgs,
}

/// What became of the rows so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub created: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub rejected: u64,
}

impl Tally {
    fn count(&mut self, outcome: ImportOutcome) {
        match outcome {
            ImportOutcome::Created => self.created += 1,
            ImportOutcome::Updated => self.updated += 1,
            ImportOutcome::Unchanged => self.unchanged += 1,
            ImportOutcome::Rejected => self.rejected += 1,
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { created, updated, unchanged, rejected } = self;
        write!(f, "created {created}, updated {updated}, unchanged {unchanged}, rejected {rejected}")
    }
}

/// `lastcopy import`.
pub async fn run(args: ImportArgs) -> Result<ExitCode, CommandError> {
    let file = File::open(&args.file).map_err(CommandError::file(&args.file))?;
    let bar = progress(&file);
    let stream = BufReader::with_capacity(64 * 1024, bar.wrap_read(file));
    let records = Records::open(stream).map_err(CommandError::file(&args.file))?;
    let plan = Plan::new(records.header(), &args.maps, &args.defaults)?;
    let rejects_path = args.rejects.clone().unwrap_or_else(|| rejects_beside(&args.file));
    let rejects = Rejects::create(&rejects_path, &args.file, records.header())?;

    let door = Arc::new(Door::open(&args.door).await?);
    let mut import = Import { file: args.file, records, plan, rejects, tally: Tally::default() };
    let outcome = import.run(&door).await;
    Arc::into_inner(door).expect("BUG: a batch is under way when all have been answered").close().await;
    bar.finish_and_clear();
    import.finish(outcome)
}

/// Batches under way at once: while the shop writes the rows of one, it reads those of the next.
const MAX_UNDER_WAY: usize = 2;

/// A batch that was sent.
struct UnderWay {
    /// What it is about.
    books: HashSet<String>,
    answered: JoinHandle<Result<Answered, CommandError>>,
}

struct Import<R> {
    file: PathBuf,
    records: Records<R>,
    plan: Plan,
    rejects: Rejects,
    tally: Tally,
}

impl<R: std::io::BufRead> Import<R> {
    /// While batches are under way the next one is read. It is sent beside the last of them, unless both are about one book:
    /// what the file says of a book is taken in the order of the file.
    async fn run(&mut self, door: &Arc<Door>) -> Result<(), CommandError> {
        let mut under_way = VecDeque::new();
        let mut ended = self.send_all(door, &mut under_way).await;
        // However it ended, nothing is under way afterwards.
        while let Some(sent) = under_way.pop_front() {
            let recorded = self.record(sent).await;
            ended = ended.and(recorded);
        }
        ended
    }

    async fn send_all(&mut self, door: &Arc<Door>, under_way: &mut VecDeque<UnderWay>) -> Result<(), CommandError> {
        loop {
            let batch = self.batch()?;
            if batch.is_empty() {
                return Ok(());
            }
            let books = batch.books();
            while under_way.len() == MAX_UNDER_WAY || under_way.iter().any(|sent| !sent.books.is_disjoint(&books)) {
                let first = under_way.pop_front().expect("BUG: something is under way");
                self.record(first).await?;
            }
            under_way.push_back(UnderWay { books, answered: tokio::spawn(batch.send(Arc::clone(door))) });
        }
    }

    /// The next rows; none at the end of the file.
    fn batch(&mut self) -> Result<Batch, CommandError> {
        let mut batch = Batch::default();
        while !batch.is_full()
            && let Some(record) = self.records.next().map_err(CommandError::file(&self.file))?
        {
            batch.add(record, &self.plan);
        }
        Ok(batch)
    }

    async fn record(&mut self, sent: UnderWay) -> Result<(), CommandError> {
        let answered = sent.answered.await.expect("BUG: sending a batch panicked, or was given up")?;
        answered.record(&mut self.rejects, &mut self.tally)
    }

    /// Says what was taken, however it ended.
    fn finish(self, outcome: Result<(), CommandError>) -> Result<ExitCode, CommandError> {
        let rejects = self.rejects.finish()?;
        let mut report = self.tally.to_string();
        if let Some(path) = rejects {
            report = format!("{report} (see {})", path.display());
        }
        if outcome.is_err() {
            report = format!("{report}; the import was not finished: repeat it, what is in is left as it is");
        }
        writeln!(std::io::stdout(), "{report}").map_err(CommandError::Output)?;
        outcome?;
        Ok(if self.tally.rejected == 0 { ExitCode::SUCCESS } else { ExitCode::from(SOME_REJECTED) })
    }
}

fn rejects_beside(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".rejects.csv");
    PathBuf::from(name)
}

/// On standard error, in bytes of the file; nothing where standard error is no terminal.
fn progress(file: &File) -> ProgressBar {
    let bytes = file.metadata().map_or(0, |metadata| metadata.len());
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    ProgressBar::new(bytes).with_style(style.expect("BUG: the template is fixed"))
}
