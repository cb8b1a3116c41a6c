use shared_types::{Amount, Cell, FieldError, books::ImportRow};

use super::clean;
use crate::CommandError;

macro_rules! fields {
    ($($(#[$doc:meta])* $variant:ident $name:ident),+ $(,)?) => {
        /// A field of a book that a table can fill.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Field { $($(#[$doc])* $variant),+ }

        impl Field {
            /// Every field, in the order in which tables show them.
            pub const ALL: &'static [Field] = &[$(Field::$variant),+];

            /// The field's name: on the command line, in a header, in a reject.
            pub const fn name(self) -> &'static str {
                match self { $(Field::$variant => stringify!($name)),+ }
            }

            fn place(self, row: &mut ImportRow) -> &mut Option<Cell> {
                match self { $(Field::$variant => &mut row.$name),+ }
            }
        }
    };
}

fields!(
    Sku sku,
    Isbn isbn,
    Title title,
    Author author,
    Topic topic,
    FirstYear first_year,
    Price price,
    Stock stock,
    WarnLimit warn_limit,
);

/// `field=something`, as `--map` and `--default` have it.
pub(super) fn assignment(text: &str) -> Result<(Field, String), String> {
    let (name, value) = text.split_once('=').ok_or("is not FIELD=SOMETHING")?;
    let field = Field::ALL.iter().find(|field| field.name() == name.trim()).ok_or_else(|| {
        let names: Vec<&str> = Field::ALL.iter().map(|field| field.name()).collect();
        format!("{name:?} is no field; fields are {}", names.join(", "))
    })?;
    Ok((*field, value.trim().to_owned()))
}

/// Where each field of a row comes from.
#[derive(Debug)]
pub struct Plan {
    sources: Vec<Source>,
}

#[derive(Debug)]
struct Source {
    field: Field,
    column: Option<usize>,
    default: Option<String>,
}

impl Plan {
    /// Reads the header. Refuses what could only go wrong for every row: a column that is not there, a default that is
    /// none, rows that nothing identifies.
    pub fn new(
        header: &[String],
        maps: &[(Field, String)],
        defaults: &[(Field, String)],
    ) -> Result<Plan, CommandError> {
        let mut sources = Vec::new();
        for field in Field::ALL.iter().copied() {
            let column = match asked(maps, field, "--map")? {
                Some(name) => Some(column(header, name)?.ok_or_else(|| no_column(header, field, name))?),
                None => column(header, field.name())?,
            };
            let default = asked(defaults, field, "--default")?.map(str::to_owned);
            if let Some(value) = &default {
                check_default(field, value)?;
            }
            if column.is_some() || default.is_some() {
                sources.push(Source { field, column, default });
            }
        }
        if !sources.iter().any(|source| matches!(source.field, Field::Isbn | Field::Sku)) {
            let columns = header.join(", ");
            return Err(CommandError::Usage(format!(
                "no column feeds isbn or sku, so no book can be told from another: --map isbn=COLUMN ({columns})"
            )));
        }
        Ok(Plan { sources })
    }

    /// The row as it is sent. What is wrong with its identity is found here; the rest is the catalog's to judge.
    pub fn row(&self, line: u64, cells: &[String]) -> Result<ImportRow, Vec<FieldError>> {
        let mut row = ImportRow { line: i64::try_from(line).unwrap_or(i64::MAX), ..ImportRow::default() };
        let mut errors = Vec::new();
        for source in &self.sources {
            match source.cell(cells) {
                Ok(found) => *source.field.place(&mut row) = found,
                Err(detail) => errors.push(FieldError { field: source.field.name().to_owned(), detail }),
            }
        }
        let is_isbn_column = self.sources.iter().any(|source| source.field == Field::Isbn);
        if row.isbn.is_none() && row.sku.is_none() && errors.is_empty() {
            let field = if is_isbn_column { Field::Isbn } else { Field::Sku };
            errors.push(FieldError { field: field.name().to_owned(), detail: "is empty".to_owned() });
        }
        if errors.is_empty() { Ok(row) } else { Err(errors) }
    }
}

impl Source {
    fn cell(&self, cells: &[String]) -> Result<Option<Cell>, String> {
        let found = self.column.and_then(|column| cells.get(column)).map(|cell| cell.trim());
        let text = found.filter(|text| !text.is_empty()).or(self.default.as_deref());
        text.map(|text| match self.field {
            Field::Isbn => clean::isbn(text).map(|isbn| Cell::new(isbn.to_string())),
            Field::FirstYear | Field::Stock | Field::WarnLimit => Ok(Cell::new(clean::whole_number(text))),
            Field::Title | Field::Author | Field::Topic => Ok(Cell::new(clean::text(text))),
            Field::Sku | Field::Price => Ok(Cell::new(text)),
        })
        .transpose()
    }
}

/// What the command line says of a field, if it does so once.
fn asked<'a>(given: &'a [(Field, String)], field: Field, flag: &str) -> Result<Option<&'a str>, CommandError> {
    let mut values = given.iter().filter(|(of, _)| *of == field).map(|(_, value)| value.as_str());
    let first = values.next();
    match values.next() {
        None => Ok(first),
        Some(_) => Err(CommandError::Usage(format!("{flag} {}=… is given twice", field.name()))),
    }
}

fn column(header: &[String], name: &str) -> Result<Option<usize>, CommandError> {
    let mut places = header.iter().enumerate().filter(|(_, column)| *column == name).map(|(place, _)| place);
    let first = places.next();
    match places.next() {
        None => Ok(first),
        Some(_) => Err(CommandError::Usage(format!("the header has two columns {name:?}"))),
    }
}

fn no_column(header: &[String], field: Field, name: &str) -> CommandError {
    let columns = header.join(", ");
    CommandError::Usage(format!("--map {}={name}: there is no such column; columns are {columns}", field.name()))
}

fn check_default(field: Field, value: &str) -> Result<(), CommandError> {
    let wrong = match field {
        Field::Isbn | Field::Sku => Some("would make all books one".to_owned()),
        Field::FirstYear | Field::Stock | Field::WarnLimit => {
            clean::whole_number(value).parse::<i64>().err().map(|_| "is not a whole number".to_owned())
        }
        Field::Price => value.parse::<Amount>().err().map(|error| error.to_string()),
        Field::Title | Field::Author | Field::Topic => value.is_empty().then(|| "is empty".to_owned()),
    };
    wrong.map_or(Ok(()), |why| Err(CommandError::Usage(format!("--default {}={value}: {why}", field.name()))))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    fn given(list: &[&str]) -> Vec<(Field, String)> {
        list.iter().map(|text| assignment(text).unwrap()).collect()
    }

    #[test]
    fn a_field_takes_its_mapped_column_or_the_one_of_its_name_or_its_default() {
        let header = texts(&["isbn", "title", "authors", "year"]);
        let maps = given(&["author=authors", "first_year=year"]);
        let plan = Plan::new(&header, &maps, &given(&["price=9.99", "first_year=2000.0"])).unwrap();
        let row = plan.row(7, &texts(&[" 439023483 ", "The Hunger Games", "", "2008.0"])).unwrap();
        let text = |cell: &Option<Cell>| cell.as_ref().and_then(Cell::text).map(str::to_owned);
        assert_eq!((row.line, text(&row.isbn)), (7, Some("9780439023481".into())));
        assert_eq!((text(&row.author), text(&row.first_year)), (None, Some("2008".into())));
        assert_eq!((text(&row.price), text(&row.stock)), (Some("9.99".into()), None));
        let row = plan.row(8, &texts(&["61120081", "Mockingbird", "Lee", ""])).unwrap();
        assert_eq!(text(&row.first_year), Some("2000".into()));
    }

    #[test]
    fn a_book_without_isbn_is_refused_unless_its_sku_names_it() {
        let plan = Plan::new(&texts(&["isbn", "sku"]), &[], &[]).unwrap();
        assert_eq!(plan.row(2, &texts(&[" ", ""])).unwrap_err()[0].field, "isbn");
        assert!(plan.row(2, &texts(&["", "mug-1"])).is_ok());
        assert_eq!(plan.row(2, &texts(&["12", "mug-1"])).unwrap_err()[0].field, "isbn");
    }

    #[test]
    fn what_would_go_wrong_for_every_row_is_refused_at_once() {
        let header = texts(&["isbn", "title", "title"]);
        for (maps, defaults) in [
            (&["author=writer"][..], &[][..]),
            (&["isbn=isbn", "isbn=isbn"], &[]),
            (&[], &["price=9,99"]),
            (&[], &["stock=many"]),
            (&[], &["isbn=9780439023481"]),
        ] {
            let single = &header[..2];
            assert!(Plan::new(single, &given(maps), &given(defaults)).is_err(), "{maps:?} {defaults:?}");
        }
        assert!(Plan::new(&header, &[], &[]).is_err(), "two columns of one name");
        assert!(Plan::new(&texts(&["title"]), &[], &[]).is_err(), "nothing identifies a row");
        assert!(assignment("colour=red").is_err() && assignment("price").is_err());
    }
}
