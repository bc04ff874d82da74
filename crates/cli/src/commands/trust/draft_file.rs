//! Drafts in files.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use edgelatch_sync::Error;
use edgelatch_sync::trust::{MAX_DRAFT_BYTES, RootDraft};

use crate::prelude::*;

/// Reads a draft. An error names its file.
pub(super) fn read(path: &Path) -> Result<RootDraft> {
    let named = |error: Error| Failure::from(error).and(format!("the file is {}", path.display()));
    let mut text = String::new();
    let file = File::open(path).map_err(|error| Failure::file(path, &error))?;
    let length = file.take(MAX_DRAFT_BYTES + 1).read_to_string(&mut text).map_err(|error| Failure::file(path, &error))?;
    if length as u64 > MAX_DRAFT_BYTES {
        return Err(named(Error::RootDraft { reason: format!("it has more than {MAX_DRAFT_BYTES} bytes") }));
    }
    RootDraft::parse(&text).map_err(named)
}

/// Writes a draft to a new file, or in the place of the one that it was read from. Whoever reads it meanwhile gets one of the two.
pub(super) fn write(path: &Path, draft: &RootDraft, new: bool) -> Result<()> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(dir)?;
        file.write_all(draft.to_string().as_bytes())?;
        file.as_file().sync_all()?;
        #[cfg(unix)]
        std::fs::set_permissions(file.path(), std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
        if new {
            file.persist_noclobber(path)?
        } else {
            file.persist(path)?
        };
        if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
    };
    write().map_err(|error| Failure::file(path, &error))
}
