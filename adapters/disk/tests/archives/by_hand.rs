//! Archives that are made by hand, as no honest program makes them.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
pub(crate) use tar::EntryType;
use tar::Header;

/// One entry: its header, and its content in blocks.
pub(crate) fn entry(kind: EntryType, name: &[u8], content: &[u8]) -> Vec<u8> {
    entry_of_size(kind, name, content, content.len() as u64)
}

/// A plain file.
pub(crate) fn file(name: &str, content: &[u8]) -> Vec<u8> {
    entry(EntryType::Regular, name.as_bytes(), content)
}

/// A folder.
pub(crate) fn folder(name: &str) -> Vec<u8> {
    entry(EntryType::Directory, name.as_bytes(), b"")
}

/// An entry whose header gives a size of its own choice.
pub(crate) fn entry_of_size(kind: EntryType, name: &[u8], content: &[u8], size: u64) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_mode(0o640);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1);
    header.set_size(size);
    header.set_cksum();
    let mut entry = header.as_bytes().to_vec();
    entry.extend(content);
    entry.resize(entry.len().next_multiple_of(512), 0);
    entry
}

/// A plain file under a name of any length, as GNU tar writes it.
pub(crate) fn long_file(name: &str, content: &[u8]) -> Vec<u8> {
    let long = [name.as_bytes(), b"\0"].concat();
    [entry(EntryType::GNULongName, b"././@LongLink", &long), file("short", content)].concat()
}

/// A plain file with PAX records before it.
pub(crate) fn pax_file(records: &[(&str, &str)], name: &str, content: &[u8]) -> Vec<u8> {
    let records: String = records.iter().map(|(key, value)| record(key, value)).collect();
    [entry(EntryType::XHeader, b"PaxHeaders/x", records.as_bytes()), file(name, content)].concat()
}

/// A record says how long it is, that number included.
fn record(key: &str, value: &str) -> String {
    let rest = key.len() + value.len() + 3;
    let length = (1..10).map(|digits| rest + digits).find(|length| length.to_string().len() + rest == *length);
    format!("{} {key}={value}\n", length.unwrap())
}

/// The entries, and the end of an archive.
pub(crate) fn tar(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut tar = entries.concat();
    tar.resize(tar.len() + 1024, 0);
    tar
}

pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(content).unwrap();
    packed.finish().unwrap()
}

/// A whole archive.
pub(crate) fn archive(entries: &[Vec<u8>]) -> Vec<u8> {
    gzip(&tar(entries))
}
