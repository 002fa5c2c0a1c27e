//! What is kept of text: a word in state, in a table or in a result must not keep the buffer alive it was read into.

#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use std::path::Path;

use millstream::connectors::text_files::TextFiles;
use millstream::rdd::Context;
use millstream::{DataStream, Mode, StreamEnvironment, Text};

/// Words too long to be inline, one in each line, in some reads of 64 KB; each comes three times.
fn words() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("words.txt");
    let lines: Vec<String> = (0..30_000).map(|n| format!("word-number-{:020}\n", n % 10_000)).collect();
    std::fs::write(&path, lines.concat()).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

fn read(path: &str, parallelism: u32) -> DataStream<Text> {
    let env = StreamEnvironment::new();
    env.set_mode(Mode::Batch).set_parallelism(parallelism);
    env.source(TextFiles::read(path).split_bytes(200_000))
}

fn assert_small<'a>(texts: impl IntoIterator<Item = &'a Text>) {
    let mut count = 0;
    for text in texts {
        assert!(text.pinned_bytes() < 100, "{} bytes are kept alive for `{text}`", text.pinned_bytes());
        count += 1;
    }
    assert_eq!(count, 10_000);
}

#[test]
fn the_lines_themselves_are_views_of_their_read() {
    let (_folder, path) = words();
    let lines = read(&path, 1).execute_and_collect("lines").unwrap();
    let views = lines.iter().filter(|line| line.pinned_bytes() > 60_000).count();
    assert!(views > 20_000, "{views} of 30,000 share a read of 64 KB; else nothing here is tested");
}

#[test]
fn keyed_aggregates_keep_no_read_buffer_in_keys_and_values() {
    let (_folder, path) = words();
    for parallelism in [1, 2] {
        let lines = read(&path, parallelism);
        let counts = lines.key_by(Text::clone).count().execute_and_collect("count").unwrap();
        assert_small(counts.iter().map(|(word, _)| word));

        let pairs = read(&path, parallelism).map(|line| (line, 1u64));
        let sums = pairs.key_by(|(word, _)| word.clone()).sum(|(_, n)| n);
        let sums = sums.execute_and_collect("sum").unwrap();
        assert!(sums.iter().all(|(_, n)| *n == 3));
        assert_small(sums.iter().map(|(word, _)| word));

        let pairs = read(&path, parallelism).map(|line| (line, 1u64));
        let last = pairs.key_by(|(word, _)| (0u8, word.clone())).reduce(|a, b| (b.0, a.1 + b.1));
        assert_small(last.execute_and_collect("reduce").unwrap().iter().map(|(word, _)| word));

        let numbered = read(&path, parallelism).map(|line| (line.len() as u64, line));
        let greatest = numbered.key_by(|(_, word)| word.clone()).max_by(|(n, _)| *n);
        assert_small(greatest.execute_and_collect("max_by").unwrap().iter().map(|(_, word)| word));

        let lists = read(&path, parallelism).key_by(Text::clone).fold(
            |first| vec![first.clone()],
            |all: &mut Vec<Text>, next| *all = vec![next],
            |_, all| all[0].clone(),
        );
        assert_small(&lists.execute_and_collect("fold").unwrap());
    }
}

#[test]
fn an_rdd_keeps_no_read_buffer_in_what_it_combines() {
    let (_folder, path) = words();
    for parallelism in [1, 2] {
        let context = Context::builder().parallelism(parallelism).build().unwrap();
        let lines = context.text_file(Path::new(&path)).unwrap();
        let counts = lines.map(|word| ((1u8, word), 1u64)).reduce_by_key(|a, b| a + b).collect().unwrap();
        assert_small(counts.iter().map(|((_, word), _)| word));
        let last = lines.map(|word| (word.len() as u64, word)).map(|(n, word)| (word.clone(), (n, word)));
        let last = last.reduce_by_key(|_, b| b).collect().unwrap();
        assert_small(last.iter().map(|(_, (_, word))| word));
    }
}
