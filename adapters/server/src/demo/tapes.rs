//! What the simulated switch records: it only says that it does, so the files are written here, with a tone in them.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use fsconnector_engine::time::Wall;
use fsconnector_simulator::Conference;

use super::wave;

/// The conferences of which there are recordings from the beginning.
const RECORDED: [&str; 2] = ["team", "friends_video"];

/// The folder of the recordings.
#[derive(Debug)]
pub(crate) struct Tapes {
    folder: PathBuf,
    /// What is recorded at present.
    running: BTreeSet<String>,
}

impl Tapes {
    /// Makes the folder, with two recordings in it.
    pub(crate) fn new(folder: &Path, now: Wall) -> io::Result<Self> {
        std::fs::create_dir(folder)?;
        for (conference, hertz) in RECORDED.into_iter().zip([440, 660]) {
            std::fs::write(folder.join(format!("{conference}-{now}.wav")), wave::tone(hertz))?;
        }
        Ok(Self { folder: folder.to_owned(), running: BTreeSet::new() })
    }

    /// Writes the files of the recordings that have begun since the last time. What is to go elsewhere is not written.
    pub(crate) fn follow(&mut self, conferences: &[Conference]) {
        let recordings = conferences.iter().flat_map(|conference| &conference.recordings);
        let running = recordings.map(|recording| recording.path.clone()).collect();
        let before = std::mem::replace(&mut self.running, running);
        for path in self.running.difference(&before).map(Path::new) {
            let is_here = path.parent() == Some(&*self.folder) && path.extension().is_some_and(|end| end == "wav");
            if is_here && let Err(error) = write_new(path) {
                log::warn!("{}: {error}", path.display());
            }
        }
    }
}

fn write_new(path: &Path) -> io::Result<()> {
    File::create_new(path)?.write_all(&wave::tone(550))
}
