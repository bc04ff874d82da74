//! `edgelatch init`

use std::path::PathBuf;

use clap::Args;

#[derive(Args)]
pub(crate) struct Init {
    /// The system to begin with, which gives settings, roles, prefix and headers: default, vergeos, vergecloud, ipaware or
    /// valar
    #[arg(long, default_value = "default")]
    pub(crate) preset: String,
    /// Prefix of issued keys [default: the preset's]
    #[arg(long)]
    pub(crate) prefix: Option<String>,
    /// Name of the realm for people [default: the realm]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Headers in which edges accept a key: bearer, x-api-key or both [default: the preset's]
    #[arg(long, value_name = "LIST")]
    pub(crate) credentials: Option<String>,
    /// The first org
    #[arg(long, default_value = "main")]
    pub(crate) org: String,
    /// The first owner, a user of that org
    #[arg(long, default_value = "admin")]
    pub(crate) owner: String,
    /// How long the first root lives
    #[arg(long, value_name = "SPAN", default_value = "10y")]
    pub(crate) root_lifetime: String,
    /// How long a head lives: what edges may do without the control plane
    #[arg(long, value_name = "SPAN", default_value = "24h")]
    pub(crate) head_lifetime: String,
    /// Save the first administrator key in this new file, readable by its owner only, rather than showing it
    #[arg(long, value_name = "FILE.PAK")]
    pub(crate) save_admin_key: Option<PathBuf>,
}
