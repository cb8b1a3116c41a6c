use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// For all of the process, SQLite too. How it is set, and why: `.cargo/config.toml`.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    lastcopy::cli::run()
}
