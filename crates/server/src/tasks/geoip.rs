//! Countries of addresses, from a MaxMind database (GeoLite2 Country or City, or one made like these). It is read whole, and again when its file
//! has changed; a file that cannot be read then is told of in the log, and the database that was read before goes on.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use maxminddb::{Reader, path};
use tracing::{error, info};

use super::watched::Watched;
use crate::limits::GEOIP_LOOK;
use crate::log::GEOIP;

/// Where the database lies.
#[derive(Clone, Debug)]
pub struct GeoIp {
    /// Its file, with the name ending `.mmdb` as a rule.
    pub path: PathBuf,
    /// How often it is looked whether the file has changed.
    pub pause: Duration,
}

impl GeoIp {
    /// The file, looked at every ten seconds.
    pub fn new(path: PathBuf) -> GeoIp {
        GeoIp { path, pause: GEOIP_LOOK }
    }
}

type Database = Reader<Vec<u8>>;

fn read(path: &Path) -> Result<Database, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    Reader::from_source(bytes).map_err(|error| format!("is no MaxMind database: {error}"))
}

/// The database.
pub(crate) struct Countries(Watched<Database>);

impl fmt::Debug for Countries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Countries")
    }
}

impl Countries {
    /// Reads the database; an error says what is wrong with the file.
    pub(crate) fn open(GeoIp { path, pause }: &GeoIp) -> Result<Countries, String> {
        let (file, named) = (path.clone(), path.clone());
        let told = move |read: Result<(), String>| match read {
            Ok(()) => info!(target: GEOIP, path = %named.display(), "the database of countries was read again"),
            Err(error) => {
                error!(target: GEOIP, path = %named.display(), error, "the database of countries cannot be read: the last one goes on");
            }
        };
        Watched::open("geoip", vec![path.clone()], *pause, move || read(&file), told).map(Countries)
    }

    /// The country of an address: two letters.
    pub(crate) fn of(&self, ip: &str) -> Option<String> {
        let ip = ip.parse::<IpAddr>().ok()?.to_canonical();
        let database = self.0.current();
        let code: String = database.lookup(ip).ok()?.decode_path(&path!["country", "iso_code"]).ok()??;
        (code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase())).then_some(code)
    }
}
