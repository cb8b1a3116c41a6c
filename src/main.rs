use std::process::ExitCode;

fn main() -> ExitCode {
    lastcopy::cli::run()
}
