//! The tree of subcommands. Each noun or command stands in the file of its name, with its arguments and their help.

mod audit;
mod explain;
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

use crate::verbs::verbs;

verbs! {
    Command {
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
}
