//! One module for each group of commands.

mod audit;
mod explain;
mod init;
mod inspect;
mod keys;
mod publish;
mod serve;
mod store;
mod tenants;
mod verify;

use std::process::ExitCode;

use crate::args::{Cli, Command};
use crate::context::Context;
use crate::failure::Result;

pub(crate) fn run(cli: Cli) -> Result<ExitCode> {
    let context = Context::new(cli.global);
    match cli.command {
        Command::Init(args) => init::run(&context, &args)?,
        Command::Keys(command) => return keys::run(&context, command),
        Command::Orgs(command) => tenants::orgs(&context, command)?,
        Command::Owners(command) => tenants::owners(&context, command)?,
        Command::Roles(command) => tenants::roles(&context, command)?,
        Command::Realms => tenants::realms(&context)?,
        Command::Audit(command) => return audit::run(&context, command),
        Command::Usage(command) => audit::usage(&context, &command)?,
        Command::Explain(command) => return explain::run(&context, command),
        Command::Purge => audit::purge(&context)?,
        Command::Store(command) => store::run(&context, &command)?,
        Command::Publish(args) => publish::publish(&context, &args)?,
        Command::Serve(args) => serve::serve(&context, &args)?,
        Command::Inspect(args) => inspect::run(&args)?,
        Command::Verify(args) => return verify::run(&context, args),
    }
    Ok(ExitCode::SUCCESS)
}
