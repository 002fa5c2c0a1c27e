//! No drawers: a folder or file whose name says nothing collects what has no place.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::finding::Finding;
use crate::project::Project;

/// Names that say nothing about what is inside.
const DRAWERS: [&str; 7] = ["common", "core", "util", "utils", "helpers", "base", "misc"];

/// What has the names of PyFlink's and PySpark's modules, since users import them.
const MIRRORS: [&str; 2] = ["python/millstream/flink/", "python/millstream/spark/"];

/// Reads the names of all files that git knows, and of the folders they are in.
pub(crate) fn check(project: &Project) -> Result<Vec<Finding>> {
    Ok(judge(&project.files()?))
}

/// Each folder and file with such a name, once. A file's name is what stands before its first dot.
fn judge(files: &[String]) -> Vec<Finding> {
    let own = files.iter().filter(|file| !MIRRORS.iter().any(|mirror| file.starts_with(mirror)));
    let places: BTreeSet<&str> = own.flat_map(|file| drawers(file)).collect();
    places.into_iter().map(finding).collect()
}

/// The parts of a path, from its start, that end in the name of a drawer.
fn drawers(file: &str) -> impl Iterator<Item = &str> {
    let ends = file.match_indices('/').map(|(at, _)| at).chain([file.len()]);
    ends.map(|end| &file[..end]).filter(|place| {
        let last = place.rsplit('/').next().unwrap_or(place);
        let stem = last.split('.').next().unwrap_or(last).to_ascii_lowercase();
        DRAWERS.contains(&stem.as_str())
    })
}

fn finding(place: &str) -> Finding {
    Finding {
        what: "the name says nothing, so that anything may be put there".to_owned(),
        place: place.to_owned(),
        right: "name it after the one concept inside, or move what is inside to where it belongs".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::judge;

    fn places(files: &[&str]) -> Vec<String> {
        let files: Vec<String> = files.iter().map(|&file| file.to_owned()).collect();
        judge(&files).into_iter().map(|finding| finding.place).collect()
    }

    #[test]
    fn a_drawer_is_found_as_a_folder_and_as_a_file() {
        assert_eq!(
            places(&["crates/core/src/lib.rs", "crates/model/src/utils.rs"]),
            ["crates/core", "crates/model/src/utils.rs"]
        );
    }

    #[test]
    fn a_folder_is_named_once_for_all_its_files() {
        assert_eq!(places(&["x/common/a.rs", "x/common/b.rs"]), ["x/common"]);
    }

    #[test]
    fn case_and_further_endings_do_not_hide_a_drawer() {
        assert_eq!(places(&["Misc/a.rs", "base.test.py"]), ["Misc", "base.test.py"]);
    }

    #[test]
    fn a_module_that_has_the_peers_name_passes() {
        assert!(places(&["python/millstream/flink/common/__init__.py"]).is_empty());
        assert_eq!(places(&["python/millstream/common.py"]), ["python/millstream/common.py"]);
    }

    #[test]
    fn names_that_only_contain_such_a_word_pass() {
        assert!(places(&["crates/model/src/database.rs", "score.rs", "src/common_prefix.rs"]).is_empty());
    }
}
