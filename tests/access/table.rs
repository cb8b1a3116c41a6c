//! The matrix as it is written: one line for each route, one column for each kind of caller.

use std::{collections::BTreeMap, fmt};

use crate::{
    callers::{Kind, key_name, keys},
    shop::Part,
};

/// What everybody gets at every route, reviewed cell by cell.
pub const MATRIX: &str = include_str!("matrix.txt");

/// What a kind of caller gets at a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// The route does its work for him, whatever comes of it.
    Yes,
    /// 401, 403 or 404.
    No(u16),
    /// There is no such caller at this service.
    Nobody,
    /// Not what a route may answer: to be mended, and never written into the matrix.
    Broken(u16),
}

/// A line of the matrix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Such as `GET /books`.
    pub route: String,
    pub cells: BTreeMap<Kind, Cell>,
}

/// The lines of one service, by route.
pub fn section(matrix: &str, part: Part) -> Result<BTreeMap<String, Row>, String> {
    let begin = format!("[{}]", part.name());
    let lines = matrix.lines().map(str::trim_end).skip_while(|line| *line != begin).skip(1);
    let mut rows = BTreeMap::new();
    for line in lines.take_while(|line| !line.starts_with('[')) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let row = Row::read(line).map_err(|why| format!("{why}: {line}"))?;
        if let Some(twice) = rows.insert(row.route.clone(), row) {
            return Err(format!("{} is there twice", twice.route));
        }
    }
    Ok(rows)
}

impl Cell {
    fn read(text: &str) -> Result<Cell, String> {
        match text {
            "yes" => Ok(Cell::Yes),
            "-" => Ok(Cell::Nobody),
            "401" => Ok(Cell::No(401)),
            "403" => Ok(Cell::No(403)),
            "404" => Ok(Cell::No(404)),
            other => Err(format!("{other:?} is no cell")),
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cell::Yes => f.pad("yes"),
            Cell::Nobody => f.pad("-"),
            Cell::No(status) => f.pad(&status.to_string()),
            Cell::Broken(status) => f.pad(&format!("{status}!")),
        }
    }
}

impl Row {
    pub fn new(route: String) -> Row {
        Row { route, cells: BTreeMap::new() }
    }

    fn read(line: &str) -> Result<Row, String> {
        let mut words = line.split_whitespace();
        let mut word = || words.next().ok_or("cells are missing");
        let route = format!("{} {}", word()?, word()?);
        let mut cells = BTreeMap::new();
        for (kind, _) in Kind::COLUMNS {
            cells.insert(kind, Cell::read(word()?)?);
        }
        let said: Vec<&str> = words.collect();
        cells.extend(read_keys(&said)?);
        Ok(Row { route, cells })
    }

    /// What keys get: one word for all of them, or those that are not sent away with 403.
    fn keys(&self) -> String {
        let cells: Vec<(String, Cell)> =
            keys().into_iter().enumerate().map(|(at, set)| (key_name(set), self.cells[&Kind::Key(at)])).collect();
        let all = |cell: Cell| cells.iter().all(|(_, known)| *known == cell);
        match cells[0].1 {
            first if all(first) => format!("all={first}"),
            _ => {
                let named = cells.iter().filter(|(_, cell)| *cell != Cell::No(403));
                named.map(|(name, cell)| format!("{name}={cell}")).collect::<Vec<_>>().join(" ")
            }
        }
    }
}

fn read_keys(said: &[&str]) -> Result<Vec<(Kind, Cell)>, String> {
    let mut named = BTreeMap::new();
    for word in said {
        let (name, cell) = word.split_once('=').ok_or("a key has no cell")?;
        named.insert(name, Cell::read(cell)?);
    }
    let all = named.remove("all");
    if named.is_empty() && all.is_none() {
        return Err("nothing is said of keys".to_owned());
    }
    let cell = |name: &str, named: &mut BTreeMap<&str, Cell>| named.remove(name).or(all).unwrap_or(Cell::No(403));
    let cells = keys().into_iter().enumerate();
    let cells = cells.map(|(at, set)| (Kind::Key(at), cell(&key_name(set), &mut named))).collect();
    match named.keys().next() {
        None => Ok(cells),
        Some(unknown) => Err(format!("nobody has the key {unknown:?}")),
    }
}

/// Wide enough for the longest route.
const ROUTE_WIDTH: usize = 62;

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (method, path) = self.route.split_once(' ').unwrap_or((&self.route, ""));
        write!(f, "{:<ROUTE_WIDTH$}", format!("{method:<6} {path}"))?;
        for (kind, name) in Kind::COLUMNS {
            write!(f, " {:<width$}", self.cells[&kind], width = name.len())?;
        }
        write!(f, " {}", self.keys())
    }
}

/// The line above the rows that names the columns.
pub fn heading() -> String {
    let names: Vec<&str> = Kind::COLUMNS.iter().map(|(_, name)| *name).collect();
    format!("{:<ROUTE_WIDTH$} {} keys", "# route", names.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(cells: &str, keys: &str) -> String {
        format!("[order]\nGET /orders {} {keys}\n", vec![cells; Kind::COLUMNS.len()].join(" "))
    }

    #[test]
    fn a_row_that_leaves_a_cell_out_or_names_a_key_that_nobody_has_is_refused() {
        let read = |text: &str| section(text, Part::Order).map(|rows| rows.len());
        assert_eq!(read(&line("401", "all=403")), Ok(1));
        assert_eq!(read(&line("401", "orders:read=404 orders:read+orders:review=yes")), Ok(1));
        for bad in [
            line("401", ""),
            line("401", "orders:buy=yes"),
            line("401", "orders:read"),
            line("402", "all=403"),
            line("401", "all=403").replacen(" 401", "", 1),
            line("401", "all=403") + "GET /orders\n",
            line("401", "all=403") + &line("401", "all=403").replace("[order]\n", ""),
        ] {
            assert!(read(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_row_is_written_as_it_is_read() {
        for part in Part::ALL {
            for row in section(MATRIX, part).unwrap().into_values() {
                assert_eq!(Row::read(&row.to_string()), Ok(row));
            }
        }
    }
}
