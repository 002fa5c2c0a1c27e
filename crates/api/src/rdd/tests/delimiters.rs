//! What may end a line of a file.

use millstream_connectors::files::LineSettings;

use super::context;

#[test]
fn lines_that_a_text_of_several_bytes_ends_are_each_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines.txt");
    let expected: Vec<String> = (0..100).map(|n| format!("{n}\nand {n}")).collect();
    std::fs::write(&path, expected.join("\r\n")).unwrap();
    let settings = LineSettings { delimiter: "\r\n".into(), ..LineSettings::default() };
    let lines = context().text_file_with(&path, settings).unwrap();
    assert_eq!(lines.collect().unwrap(), expected);
}
