//! The systems that can be had ready-made. Each is one file of data: settings for new orgs, and the roles of the realm.

use serde::Deserialize;

use super::settings::Settings;
use super::text::{Name, Pattern, Slug};
use super::words::words;
use crate::error::Error;

words! {
    /// A ready-made system.
    Preset {
        /// Everything that Edgelatch offers.
        Default = "default",
        /// Keys with the authority of their owner.
        VergeOs = "vergeos",
        /// Keys with predefined roles and a scope, never edited.
        VergeCloud = "vergecloud",
        /// Keys with one role.
        IpAware = "ipaware",
        /// Keys with their org's whole authority.
        Valar = "valar",
        /// Keys for the management API.
        Management = "management",
    }
}

/// What a preset's file holds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PresetData {
    /// Settings of its orgs.
    pub settings: Settings,
    /// Its predefined roles.
    pub roles: Vec<PresetRole>,
}

/// A predefined role.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PresetRole {
    /// Its identifier.
    pub role: Slug,
    /// What people call it.
    pub name: Name,
    /// What it grants.
    pub permissions: Vec<Pattern>,
}

impl Preset {
    const fn file(self) -> &'static str {
        match self {
            Preset::Default => include_str!("../../presets/default.json"),
            Preset::VergeOs => include_str!("../../presets/vergeos.json"),
            Preset::VergeCloud => include_str!("../../presets/vergecloud.json"),
            Preset::IpAware => include_str!("../../presets/ipaware.json"),
            Preset::Valar => include_str!("../../presets/valar.json"),
            Preset::Management => include_str!("../../presets/management.json"),
        }
    }

    /// Its settings and roles.
    pub fn data(self) -> Result<PresetData, Error> {
        let data: PresetData = serde_json::from_str(self.file())
            .map_err(|e| Error::Store { detail: format!("preset `{self}` cannot be read: {e}") })?;
        data.settings.check()?;
        Ok(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Word;

    #[test]
    fn every_file_holds_sound_settings_and_roles() {
        for (word, preset) in Preset::WORDS {
            let data = preset.data().unwrap_or_else(|e| panic!("{word}: {e}"));
            assert!(data.roles.iter().all(|role| !role.permissions.is_empty()), "{word}");
        }
        assert_eq!(Preset::VergeCloud.data().unwrap().roles.len(), 8);
        assert_eq!(Preset::Valar.data().unwrap().settings.prefix.as_str(), "vsp_sk");
    }
}
