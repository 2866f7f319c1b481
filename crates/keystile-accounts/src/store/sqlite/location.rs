//! Where the database is: the URL, the folder and file with their modes, the server's lock.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::super::{StoreError, url};

/// As many links behind each other as Linux follows.
const MOST_LINKS: usize = 40;

/// A database in memory or in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Location {
    Memory,
    File(PathBuf),
}

impl Location {
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
        let rest = url
            .strip_prefix("sqlite:")
            .ok_or_else(|| url::why_not(url))?;
        let path = rest.strip_prefix("//").unwrap_or(rest);
        match path {
            "" => Err(url::why_not(url)),
            ":memory:" => Ok(Self::Memory),
            path => Ok(Self::File(PathBuf::from(path))),
        }
    }

    /// Makes the folder and the file where they are missing, readable by their owner alone. SQLite gives its other files
    /// the mode of this one.
    pub(super) fn prepare(&self) -> Result<(), StoreError> {
        let Self::File(path) = self else {
            return Ok(());
        };
        let path = &the_file_itself(path);
        make_folder(folder_of(path))?;
        match OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
        {
            Ok(_) => sync_folder(folder_of(path)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(source) => Err(cannot_open(path, source)),
        }
    }
}

/// Whether a URL names a file or memory.
pub(in crate::store) fn check_url(url: &str) -> Result<(), StoreError> {
    Location::parse(url).map(|_| ())
}

/// A server's claim on a database, until it is dropped (or its process ends, however that happens).
#[derive(Debug)]
#[must_use = "the claim ends when this is dropped"]
pub struct ServerLock(Option<(File, PathBuf)>);

impl ServerLock {
    /// For a database that several servers may share.
    #[cfg(feature = "postgres")]
    pub(in crate::store) fn needless() -> Self {
        Self(None)
    }

    pub(super) fn claim(location: &Location) -> Result<Self, StoreError> {
        let Location::File(database) = location else {
            return Ok(Self(None));
        };
        let path = beside(&the_file_itself(database), ".lock");
        loop {
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&path)
                .map_err(|source| cannot_open(&path, source))?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                // Whoever held it may have removed it in between: then it keeps nobody out any more.
                Ok(()) if is_still_at(&file, &path) => return Ok(Self(Some((file, path)))),
                Ok(()) => {}
                Err(rustix::io::Errno::WOULDBLOCK) => return Err(StoreError::ServerRunning(path)),
                Err(errno) => return Err(cannot_open(&path, errno.into())),
            }
        }
    }
}

/// Leaves no file behind. It goes while its lock is held: nobody else holds a file of that name then.
impl Drop for ServerLock {
    fn drop(&mut self) {
        if let Some((file, path)) = &self.0
            && is_still_at(file, path)
        {
            let _ = fs::remove_file(path);
        }
    }
}

fn is_still_at(file: &File, path: &Path) -> bool {
    let (open, named) = (file.metadata(), fs::metadata(path));
    matches!((open, named), (Ok(open), Ok(named)) if (open.dev(), open.ino()) == (named.dev(), named.ino()))
}

/// The path of the file itself where it, or a folder on the way, is a link: two names of one file must find the same files
/// beside it. It need not be there yet, nor what its link leads to.
pub(super) fn the_file_itself(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        if let Ok(found) = fs::canonicalize(&path) {
            return found;
        }
        // A link into nothing: the opening makes the file that it leads to.
        match fs::read_link(&path) {
            Ok(target) => path = folder_of(&path).join(target),
            Err(_) => break,
        }
    }
    match (fs::canonicalize(folder_of(&path)), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path,
    }
}

/// Whether two names are of one file that is there.
pub(super) fn is_same(one: &Path, other: &Path) -> bool {
    let of = |path| fs::metadata(path).map(|found| (found.dev(), found.ino()));
    matches!((of(one), of(other)), (Ok(one), Ok(other)) if one == other)
}

/// The path with something behind its name.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes a folder where it is missing, for its owner alone.
pub(super) fn make_folder(folder: &Path) -> Result<(), StoreError> {
    if folder.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|source| cannot_open(folder, source))?;
    sync_folder(folder_of(folder))
}

/// A new name in a folder is on disk only once the folder is.
fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder)
        .and_then(|file| file.sync_all())
        .map_err(|source| cannot_open(folder, source))
}

fn cannot_open(path: &Path, source: io::Error) -> StoreError {
    StoreError::Open {
        path: path.to_owned(),
        source,
    }
}
