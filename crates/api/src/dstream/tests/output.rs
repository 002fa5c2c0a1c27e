//! What makes a batch be computed, and where it goes.

use std::fs;
use std::io::Write;
use std::sync::{Arc, Mutex};

use super::*;

/// What was printed.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn print_writes_the_first_records_of_each_batch_below_its_time() {
    let context = Context::builder().parallelism(1).build().unwrap();
    let clock = ManualClock::new(Timestamp::from_millis(1_690_000_000_000));
    let page = Page::default();
    let builder = StreamingContext::builder(&context, seconds(1)).manual_clock(&clock);
    let batches = builder.output(page.clone()).build();
    queued(&batches, &[&[("to", 2), ("be", 2), ("or", 1)], &[("not", 1)]]).print(2);
    batches.start().unwrap();
    clock.advance(seconds(2));
    batches.await_batches(2).unwrap();
    let rule = "-------------------------------------------";
    let expected = format!(
        "{rule}\nTime: 1690000001000 ms\n{rule}\n(\"to\", 2)\n(\"be\", 2)\n...\n\n\
         {rule}\nTime: 1690000002000 ms\n{rule}\n(\"not\", 1)\n\n"
    );
    assert_eq!(String::from_utf8(page.0.lock().unwrap().clone()).unwrap(), expected);
}

#[test]
fn each_batch_is_saved_as_a_folder_of_text_files() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("numbers");
    let (batches, clock) = program();
    queued(&batches, &[&[1, 2], &[3, 4]]).save_as_text_files(prefix.to_str().unwrap(), "txt");
    batches.start().unwrap();
    clock.advance(seconds(2));
    batches.await_batches(2).unwrap();
    let saved = |time: i64| {
        let folder = folder.path().join(format!("numbers-{time}.txt"));
        assert!(folder.join("_SUCCESS").exists());
        ["part-00000", "part-00001"].map(|part| fs::read_to_string(folder.join(part)).unwrap()).concat()
    };
    assert_eq!((saved(1000), saved(2000)), ("1\n2\n".to_owned(), "3\n4\n".to_owned()));
}

#[test]
fn a_folder_that_is_there_already_ends_the_program() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("out-1000")).unwrap();
    let (batches, clock) = program();
    queued(&batches, &[&[1]]).save_as_text_files(folder.path().join("out").to_str().unwrap(), "");
    batches.start().unwrap();
    clock.advance(seconds(1));
    let error = batches.await_termination().unwrap_err().to_string();
    assert!(error.contains("`save_as_text_files`, failed in the batch of 1000 ms"), "{error}");
    assert!(error.contains("out-1000 already exists"), "{error}");
}

#[test]
fn output_operations_run_in_the_order_they_were_given() {
    let (batches, clock) = program();
    let (each, seen) = channel();
    let numbers = queued(&batches, &[&[1], &[2]]);
    for name in ["first", "second"] {
        let each = each.clone();
        numbers.foreach_rdd_with_time(move |rdd, time| {
            each.send((name, time.millis(), rdd.collect()?)).unwrap();
            Ok(())
        });
    }
    batches.start().unwrap();
    clock.advance(seconds(2));
    batches.await_batches(2).unwrap();
    let seen: Vec<_> = seen.try_iter().collect();
    let expected = [
        ("first", 1000, vec![1]),
        ("second", 1000, vec![1]),
        ("first", 2000, vec![2]),
        ("second", 2000, vec![2]),
    ];
    assert_eq!(seen, expected);
}
