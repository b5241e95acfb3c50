//! The door to the maker of spreadsheets.

use std::fmt;

use super::mailer::BoxFuture;
use crate::{
    accounts::locale::Locale,
    reports::table::{Cell, Column},
};

/// Makes spreadsheets.
pub trait Spreadsheets: fmt::Debug + Send + Sync {
    /// Begins one.
    ///
    /// # Errors
    /// It cannot be begun.
    fn begin(&self, head: &Head<'_>) -> Result<Box<dyn Spreadsheet>, SpreadsheetTrouble>;
}

/// A spreadsheet that is being made, row by row. However many rows it has, it takes no more memory.
pub trait Spreadsheet: Send {
    /// Adds a row. What a sheet has no room for goes on to the next.
    ///
    /// # Errors
    /// It cannot be kept.
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), SpreadsheetTrouble>;

    /// Ends it. The file is at its beginning, has no name, and is gone with its handle.
    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<std::fs::File, SpreadsheetTrouble>>;
}

/// What stands above the rows.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// What the sheet is called.
    pub sheet: &'a str,
    /// Its columns.
    pub columns: &'static [Column],
    /// In which language.
    pub locale: Locale,
    /// Of which client alone it tells; none: of every one. Said on a sheet of notes, behind the others.
    pub client: Option<&'a str>,
    /// By which rule it counts, where that is not plain: said there too.
    pub how: Option<&'static str>,
}

/// Why there is no spreadsheet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("making a spreadsheet: {0}")]
pub struct SpreadsheetTrouble(pub String);
