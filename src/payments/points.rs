//! Where a test may kill this process: both sides of every commit, enumerated from the code that runs.

/// The sides of a commit.
#[derive(Debug, Clone, Copy)]
pub struct CommitPoints {
    pub before_commit: &'static str,
    /// On disk, and nobody was told.
    pub after_commit: &'static str,
}

macro_rules! commit_points {
    ($request:literal) => {
        CommitPoints {
            before_commit: concat!("payments.", $request, ".before_commit"),
            after_commit: concat!("payments.", $request, ".after_commit"),
        }
    };
}

pub const TOKEN: CommitPoints = commit_points!("token");
pub const OPEN: CommitPoints = commit_points!("open");
pub const CANCEL: CommitPoints = commit_points!("cancel");
pub const REFUND: CommitPoints = commit_points!("refund");
pub const DECIDE: CommitPoints = commit_points!("decide");
/// A webhook was acknowledged, and that is recorded.
pub const ACKNOWLEDGE: CommitPoints = commit_points!("acknowledge");

/// Every fault point of the provider, for the crash sweep.
pub fn fault_points() -> Vec<String> {
    let commits = [TOKEN, OPEN, CANCEL, REFUND, DECIDE, ACKNOWLEDGE].into_iter();
    commits.flat_map(|at| [at.before_commit, at.after_commit]).map(str::to_owned).collect()
}
