//! Where a test may kill this process: both sides of every commit, enumerated from the code that runs.

/// The sides of a commit that a request asked for.
#[derive(Debug, Clone, Copy)]
pub struct CommitPoints {
    pub before_commit: &'static str,
    /// On disk, and nobody was told.
    pub after_commit: &'static str,
}

macro_rules! commit_points {
    ($request:literal) => {
        CommitPoints {
            before_commit: concat!("delivery.", $request, ".before_commit"),
            after_commit: concat!("delivery.", $request, ".after_commit"),
        }
    };
}

pub const BOOK: CommitPoints = commit_points!("book");
pub const MOVE: CommitPoints = commit_points!("move");
pub const CANCEL: CommitPoints = commit_points!("cancel");
pub const ASSIGN: CommitPoints = commit_points!("assign");

/// Every fault point of this service, for the crash sweep.
pub fn fault_points() -> Vec<String> {
    let commits = [BOOK, MOVE, CANCEL, ASSIGN].into_iter();
    commits.flat_map(|at| [at.before_commit, at.after_commit]).map(str::to_owned).collect()
}
