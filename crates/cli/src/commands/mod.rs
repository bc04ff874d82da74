//! The tree of subcommands. Each noun or command stands in the file of its name, with its arguments and their help.

mod audit;
mod explain;
mod fleet;
mod init;
mod inspect;
mod keys;
mod orgs;
mod owners;
mod publish;
mod purge;
mod realms;
mod roles;
mod serve;
mod store;
mod usage;
mod verify;

/// The tree of subcommands, and what each of them runs.
macro_rules! commands {
    ($($(#[$meta:meta])* $command:ident($args:ty)),* $(,)?) => {
        #[derive(clap::Subcommand)]
        pub(crate) enum Command { $($(#[$meta])* $command(Box<$args>)),* }

        impl Command {
            pub(crate) fn run(self, context: &crate::context::Context) -> crate::failure::Result<std::process::ExitCode> {
                match self { $(Command::$command(args) => args.run(context)),* }
            }
        }
    };
}

commands! {
    Init(init::Init),
    #[command(subcommand)]
    Keys(keys::Keys),
    #[command(subcommand)]
    Orgs(orgs::Orgs),
    #[command(subcommand)]
    Owners(owners::Owners),
    #[command(subcommand)]
    Roles(roles::Roles),
    Realms(realms::Realms),
    #[command(subcommand)]
    Audit(audit::Audit),
    #[command(subcommand)]
    Usage(usage::Usage),
    Fleet(fleet::Fleet),
    #[command(subcommand)]
    Explain(explain::Explain),
    Purge(purge::Purge),
    #[command(subcommand)]
    Store(store::Store),
    Publish(publish::Publish),
    Serve(serve::Serve),
    Inspect(inspect::Inspect),
    Verify(verify::Verify),
}
