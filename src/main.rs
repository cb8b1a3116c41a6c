use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// For all that is Rust; C keeps the C library's. How it is set, and why: `.cargo/config.toml`.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    lastcopy::cli::run()
}
