//! The tree of subcommands. Each noun or command stands in the file of its name, with its arguments and their help.

mod audit;
mod backup;
mod completions;
mod doctor;
mod events;
mod explain;
mod fleet;
mod health;
mod init;
mod inspect;
mod keys;
mod man;
mod orgs;
mod owners;
mod people;
mod publish;
mod purge;
mod realms;
mod restore;
mod roles;
mod serve;
mod services;
mod store;
mod trust;
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
    People(people::People),
    #[command(subcommand)]
    Roles(roles::Roles),
    #[command(subcommand)]
    Realms(realms::Realms),
    #[command(subcommand)]
    Audit(audit::Audit),
    #[command(subcommand)]
    Usage(usage::Usage),
    #[command(subcommand)]
    Events(events::Events),
    Services(services::Services),
    Fleet(fleet::Fleet),
    #[command(subcommand)]
    Explain(explain::Explain),
    Purge(purge::Purge),
    #[command(subcommand)]
    Store(store::Store),
    Backup(backup::Backup),
    Restore(restore::Restore),
    #[command(subcommand)]
    Trust(trust::Trust),
    Publish(publish::Publish),
    Serve(serve::Serve),
    Doctor(doctor::Doctor),
    Health(health::Ask),
    Inspect(inspect::Inspect),
    Verify(verify::Verify),
    Completions(completions::Completions),
    Man(man::Man),
}
