//! A noun and its verbs: clap's tree of subcommands, and what each of them runs.

/// An enumeration of subcommands. Each stands in a file of its own: its arguments, their help, and what it does.
macro_rules! verbs {
    ($(#[$doc:meta])* $noun:ident { $($(#[$meta:meta])* $verb:ident($args:ty)),* $(,)? }) => {
        $(#[$doc])*
        #[derive(clap::Subcommand)]
        pub(crate) enum $noun { $($(#[$meta])* $verb(Box<$args>)),* }

        impl $noun {
            pub(crate) fn run(self, context: &$crate::context::Context) -> $crate::failure::Result<std::process::ExitCode> {
                match self { $($noun::$verb(args) => args.run(context)),* }
            }
        }
    };
}
pub(crate) use verbs;
