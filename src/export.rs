use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use reqwest::Method;
use shared_types::{
    books::{BookPage, BookView},
    limits::MAX_PAGE_ROWS,
};

use crate::{
    CommandError,
    door::{Door, DoorArgs},
    import::Field,
};

/// Where the books go.
#[derive(Debug, Clone, clap::Args)]
pub struct ExportArgs {
    /// A file, written whole or not at all. Default: standard output.
    #[arg(long)]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub door: DoorArgs,
}

/// `lastcopy export`: every book of the catalog as CSV, page by page, in a form that `lastcopy import` reads back.
pub async fn run(args: ExportArgs) -> Result<ExitCode, CommandError> {
    let data_dir = &args.door.data_dir;
    if args.door.url.is_none() && !data_dir.is_dir() {
        return Err(CommandError::Usage(format!("{}: there is no shop here", data_dir.display())));
    }
    let door = Door::open(&args.door).await?;
    let outcome = match &args.out {
        None => write_books(&door, io::stdout().lock(), CommandError::Output).await,
        Some(path) => to_file(&door, path).await,
    };
    door.close().await;
    outcome.map(|()| ExitCode::SUCCESS)
}

async fn to_file(door: &Door, path: &Path) -> Result<(), CommandError> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".part");
    let unfinished = PathBuf::from(unfinished);
    let failed = |reason| CommandError::file(path)(reason);
    let file = File::create(&unfinished).map_err(failed)?;
    let written = write_books(door, &file, failed).await;
    match written.and_then(|()| file.sync_all().and_then(|()| fs::rename(&unfinished, path)).map_err(failed)) {
        Ok(()) => Ok(()),
        Err(error) => {
            fs::remove_file(&unfinished).map_err(failed)?;
            Err(error)
        }
    }
}

async fn write_books<W: Write>(
    door: &Door,
    out: W,
    failed: impl Fn(io::Error) -> CommandError,
) -> Result<(), CommandError> {
    let mut writer = csv::Writer::from_writer(out);
    let written = |outcome: csv::Result<()>| outcome.map_err(|error| failed(error.into()));
    written(writer.write_record(Field::ALL.iter().map(|field| field.name())))?;
    let mut path = format!("/api/v1/books?sort=id&limit={MAX_PAGE_ROWS}");
    loop {
        let page: BookPage = door.ask(Method::GET, &path, None::<&()>).await?;
        for book in &page.items {
            written(writer.write_record(Field::ALL.iter().map(|field| cell(book, *field))))?;
        }
        let Some(cursor) = page.next_cursor else { break };
        path = format!("/api/v1/books?sort=id&limit={MAX_PAGE_ROWS}&cursor={cursor}");
    }
    writer.flush().map_err(failed)
}

fn cell(book: &BookView, field: Field) -> String {
    let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    match field {
        Field::Sku => book.sku.clone(),
        Field::Isbn => book.isbn.map(|isbn| isbn.to_string()).unwrap_or_default(),
        Field::Title => book.title.clone(),
        Field::Author => book.author.clone().unwrap_or_default(),
        Field::Topic => book.topic.clone(),
        Field::FirstYear => number(book.first_year),
        Field::Price => book.price.to_string(),
        Field::Stock => number(book.on_hand),
        Field::WarnLimit => number(book.warn_limit),
    }
}
