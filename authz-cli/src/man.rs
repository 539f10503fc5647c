//! `authz man`: the manual, in the form that `man` reads.

use clap::{Args, CommandFactory};
use clap_mangen::Man;

use crate::Cli;
use crate::console::Console;
use crate::exit::{Answer, Failure};

/// Which page.
#[derive(Args, Clone, Debug)]
pub(crate) struct ManArgs {
    /// A command, as in `authz man check` [default: the page of authz itself]
    command: Option<String>,
}

pub(crate) fn run(args: &ManArgs, console: Console) -> Result<Answer, Failure> {
    // Built, the commands know their full names, such as `authz-check`.
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    if let Some(name) = &args.command {
        let names: Vec<String> = command.get_subcommands().map(|command| format!("`{}`", command.get_name())).collect();
        command = command
            .find_subcommand(name)
            .cloned()
            .ok_or_else(|| Failure::new(format!("`{name}` is not a command; the pages are {}", names.join(", "))))?;
    }
    let mut page = Vec::new();
    Man::new(command)
        .source(concat!("authz ", env!("CARGO_PKG_VERSION")))
        .render(&mut page)
        .map_err(|error| Failure::new(format!("cannot write the page: {error}")))?;
    console.print(&String::from_utf8_lossy(&page))?;
    Ok(Answer::Yes)
}
