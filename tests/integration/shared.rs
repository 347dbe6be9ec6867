//! The recorded facts of the domain, which are kept beside the project.

use std::io::Read;
use std::path::PathBuf;

/// A file of the shared folder, unpacked where it ends in `.gz`; None, said on standard error, where the folder is not
/// there. In CI it must be there.
pub(crate) fn read(name: &str) -> Option<String> {
    let folder = std::env::var_os("UNROOT_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    if !folder.is_dir() {
        assert!(std::env::var_os("CI").is_none(), "the shared folder is missing: set UNROOT_SHARED");
        eprintln!("skipped: the shared folder is missing: set UNROOT_SHARED");
        return None;
    }
    let path = folder.join(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut text = String::new();
    if name.ends_with(".gz") {
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).expect("a gzip file of UTF-8");
    } else {
        text = String::from_utf8(bytes).expect("UTF-8");
    }
    Some(text)
}
