//! Reading an archive: which files and folders it holds, one after the other, all of it checked.
//!
//! The bytes may come from anywhere. Nothing is taken on trust: not the sizes, not the names, not that there is an end.

use std::cell::Cell;
use std::io::{self, BufReader, Read};

use flate2::bufread::GzDecoder;
use fsconnector_engine::files::Part;
use fsconnector_engine::path::RelPath;
use tar::{Archive, Entry, EntryType};

use super::bounds::length;
use super::fault::{Fault, Odd};
use super::names::{Names, is_file_systems, parse};

/// A file or folder in an archive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member<'a> {
    /// Its path in the tree.
    pub(crate) path: &'a RelPath,
    /// Its permission bits.
    pub(crate) mode: u32,
    /// What the file says; nothing if it is a folder.
    pub(crate) content: Option<&'a [u8]>,
}

/// So much may be read of the archive besides contents, before each entry and at the end: headers, long names, padding.
const BETWEEN: u64 = 1 << 16;

/// The end of an archive: so many zeros at least.
const END: u64 = 1024;

/// The unit of an archive.
const BLOCK: u64 = 512;

/// Shows `visit` all that is in the archive of this part, but for what belongs to a file system. Names that are not fit, and sizes that pass the bounds, are
/// refused before `visit` sees them; what is wrong behind them is only found then.
pub(crate) fn read<E, V>(packed: &[u8], part: Part, mut visit: V) -> Result<(), E>
where
    E: From<Fault>,
    V: FnMut(Member<'_>) -> Result<(), E>,
{
    let meter = Meter::default();
    let mut stream = Metered { source: BufReader::new(GzDecoder::new(packed)), meter: &meter };
    let end = read_members(&mut stream, part, &mut visit)?;
    read_end(&mut stream, end)?;
    if stream.source.into_inner().into_inner().is_empty() { Ok(()) } else { Err(Fault::Trailing.into()) }
}

/// Shows `visit` all members, and says where in the archive they end.
fn read_members<E, V>(stream: &mut Metered<'_, impl Read>, part: Part, visit: &mut V) -> Result<u64, E>
where
    E: From<Fault>,
    V: FnMut(Member<'_>) -> Result<(), E>,
{
    let meter = stream.meter;
    let mut names = Names::default();
    let mut content = Vec::new();
    let (mut end, mut has_file) = (0, false);
    let mut archive = Archive::new(stream);
    let mut entries = archive.entries().map_err(damaged)?;
    loop {
        meter.allow(BETWEEN);
        let Some(entry) = entries.next() else { break };
        let mut entry = entry.map_err(damaged)?;
        let is_folder = is_folder(&mut entry)?;
        let path = parse(&entry.path_bytes(), part, is_folder)?;
        let mode = entry.header().mode().map_err(damaged)? & 0o777;
        let size = entry.size();
        end = entry.raw_file_position().saturating_add(size.next_multiple_of(BLOCK));
        let Some(path) = path else { continue };
        if is_folder {
            names.add_folder(&path)?;
            if is_file_systems(path.as_str()) {
                continue;
            }
            visit(Member { path: &path, mode, content: None })?;
        } else {
            names.add_file(&path, size)?;
            meter.allow(size);
            read_content(&mut entry, size, &mut content)?;
            if is_file_systems(path.as_str()) {
                continue;
            }
            has_file = true;
            visit(Member { path: &path, mode, content: Some(&content) })?;
        }
    }
    if has_file { Ok(end) } else { Err(Fault::Empty.into()) }
}

/// Whether the entry is a folder. It has to be that or a file, with its content in one piece.
fn is_folder(entry: &mut Entry<'_, impl Read>) -> Result<bool, Fault> {
    let kind = match entry.header().entry_type() {
        EntryType::Directory if entry.size() == 0 => return Ok(true),
        EntryType::Regular if !is_sparse(entry)? => return Ok(false),
        EntryType::Directory => return Err(Fault::Damaged("a folder has a content".into())),
        EntryType::Symlink => Odd::SymbolicLink,
        EntryType::Link => Odd::HardLink,
        EntryType::Regular | EntryType::GNUSparse => Odd::Sparse,
        _ => Odd::Other,
    };
    Err(Fault::Odd { name: String::from_utf8_lossy(&entry.path_bytes()).into_owned(), kind })
}

/// Whether a plain file only holds the pieces of a file with holes.
fn is_sparse(entry: &mut Entry<'_, impl Read>) -> Result<bool, Fault> {
    let Some(extensions) = entry.pax_extensions().map_err(damaged)? else { return Ok(false) };
    for extension in extensions {
        if extension.map_err(damaged)?.key_bytes().starts_with(b"GNU.sparse.") {
            return Ok(true);
        }
    }
    Ok(false)
}

fn read_content(entry: &mut Entry<'_, impl Read>, size: u64, content: &mut Vec<u8>) -> Result<(), Fault> {
    content.clear();
    entry.read_to_end(content).map_err(damaged)?;
    if length(content.len()) == size { Ok(()) } else { Err(damaged(io::ErrorKind::UnexpectedEof.into())) }
}

/// Checks that there is the proper end of an archive behind its members, and nothing else.
fn read_end(stream: &mut Metered<'_, impl Read>, end: u64) -> Result<(), Fault> {
    let meter = stream.meter;
    meter.allow(BETWEEN);
    io::copy(stream, &mut io::sink()).map_err(damaged)?;
    if meter.behind_last_nonzero.get() > end {
        return Err(Fault::Trailing);
    }
    if meter.read.get() < end + END { Err(damaged(io::ErrorKind::UnexpectedEof.into())) } else { Ok(()) }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what an error is mapped with")]
fn damaged(error: io::Error) -> Fault {
    Fault::Damaged(match error.kind() {
        io::ErrorKind::UnexpectedEof => "it ends too early".into(),
        _ => error.to_string(),
    })
}

/// What is read of a stream.
#[derive(Debug, Default)]
struct Meter {
    /// How much may still be read.
    left: Cell<u64>,
    read: Cell<u64>,
    /// Where the last byte ends that is not zero.
    behind_last_nonzero: Cell<u64>,
}

impl Meter {
    fn allow(&self, bytes: u64) {
        self.left.set(bytes);
    }
}

/// A stream of which no more is read than is allowed.
struct Metered<'m, R> {
    source: R,
    meter: &'m Meter,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let meter = self.meter;
        let most = usize::try_from(meter.left.get()).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 && !buffer.is_empty() {
            return Err(io::Error::other("there is too much that is no content of a file"));
        }
        let room = buffer.get_mut(..most).unwrap_or_default();
        let count = self.source.read(room)?;
        if let Some(last) = room.get(..count).and_then(|read| read.iter().rposition(|byte| *byte != 0)) {
            meter.behind_last_nonzero.set(meter.read.get() + length(last + 1));
        }
        meter.read.set(meter.read.get() + length(count));
        meter.left.set(meter.left.get() - length(count));
        Ok(count)
    }
}
