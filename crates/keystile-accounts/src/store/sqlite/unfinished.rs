//! A file that gets its name when it is whole, and is gone if it never is.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::super::CopyError;
use super::location::{beside, folder_of};

/// A file beside the one that it will be, for its owner alone. Whatever is not named is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Unfinished(PathBuf);

impl Unfinished {
    /// Makes it, empty. Its name holds the process's id: two at once do not meet.
    pub(super) fn beside(file: &Path) -> Result<Self, CopyError> {
        let path = beside(file, &format!(".{}.unfinished", std::process::id()));
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(|source| match source.kind() {
                ErrorKind::NotFound => failed(folder_of(file), source),
                _ => failed(&path, source),
            })?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Puts what was written up to now on disk.
    pub(super) fn flush(&self) -> Result<(), CopyError> {
        let flushed = File::open(&self.0).and_then(|file| file.sync_all());
        flushed.map_err(|source| failed(&self.0, source))
    }

    /// Names it where nothing has that name.
    pub(super) fn name(self, file: &Path) -> Result<(), CopyError> {
        self.flush()?;
        match fs::hard_link(&self.0, file) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Err(CopyError::FileExists(file.to_owned()));
            }
            // A file system without hard links: there a file that comes at this very moment is not seen.
            Err(_) if file.exists() => return Err(CopyError::FileExists(file.to_owned())),
            Err(_) => fs::rename(&self.0, file).map_err(|source| failed(file, source))?,
        }
        sync_folder(file)
    }

    /// Names it in place of what has that name.
    pub(super) fn replace(self, file: &Path) -> Result<(), CopyError> {
        self.flush()?;
        fs::rename(&self.0, file).map_err(|source| failed(file, source))?;
        sync_folder(file)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        for end in ["", "-journal", "-wal", "-shm"] {
            let _ = fs::remove_file(beside(&self.0, end));
        }
    }
}

/// A name is on disk only once its folder is.
pub(super) fn sync_folder(file: &Path) -> Result<(), CopyError> {
    let folder = folder_of(file);
    let synced = File::open(folder).and_then(|open| open.sync_all());
    synced.map_err(|source| failed(folder, source))
}

pub(super) fn failed(path: &Path, source: std::io::Error) -> CopyError {
    CopyError::File {
        path: path.to_owned(),
        source,
    }
}
