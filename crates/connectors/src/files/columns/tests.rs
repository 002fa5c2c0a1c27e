//! Parquet, CSV and JSON in columns: read with every kill, written, and bad ones told.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{Array, Int32Array, StringArray};
use millstream_dataflow::batch::Batch;
use millstream_dataflow::sink::Sink;
use millstream_dataflow::source::Source;
use millstream_formats::file::WriteFormat;
use millstream_model::error::Result;
use millstream_model::id::CheckpointId;
use millstream_model::record::Record;
use millstream_testkit::conformance::{Run, check_sink, check_source, open_writer};
use serde::{Deserialize, Serialize};

use super::*;
use crate::files::sink::{Compression, FileSink, Rolling};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Flight {
    carrier: String,
    delay: Option<i32>,
}

fn flights(range: std::ops::Range<i32>) -> Vec<Flight> {
    range
        .map(|n| Flight { carrier: format!("{n} {}", "x".repeat(20)), delay: (n % 3 > 0).then_some(n) })
        .collect()
}

fn write<T: Record, F: WriteFormat<T>>(folder: &Path, format: F, records: Vec<T>) -> Result<()> {
    let sink = FileSink::of(folder, format);
    let mut writer = open_writer(&sink, Vec::new())?;
    writer.write(&mut Batch::from(records))?;
    let staged = writer.prepare(CheckpointId(1))?;
    sink.committer()?.unwrap().commit(staged)
}

/// Groups of 500 rows.
fn parquet() -> WriteParquetRows<Flight> {
    WriteParquetRows::of(WriteParquet { group_rows: 500, ..WriteParquet::default() })
}

fn read<S: Source>(source: &S) -> Result<Vec<S::Record>> {
    let mut run = Run::open(source, 2, None)?;
    while run.step()? {}
    Ok(run.take())
}

fn told<S: Source>(source: &S) -> String {
    match read(source) {
        Ok(_) => panic!("nothing was wrong"),
        Err(failure) => failure.to_string(),
    }
}

/// The two columns of batches as rows.
fn rows(batches: &[ArrowBatch]) -> Vec<Flight> {
    let mut rows = Vec::new();
    for batch in batches {
        let carrier = batch.column(0).as_any().downcast_ref::<StringArray>().unwrap();
        let delay = batch.column(1).as_any().downcast_ref::<Int32Array>().unwrap();
        rows.extend((0..batch.num_rows()).map(|at| Flight {
            carrier: carrier.value(at).to_owned(),
            delay: delay.is_valid(at).then(|| delay.value(at)),
        }));
    }
    rows.sort();
    rows
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("carrier", DataType::Utf8, false),
        Field::new("delay", DataType::Int32, true),
    ]))
}

fn batch(flights: &[Flight]) -> ArrowBatch {
    let carrier = StringArray::from_iter_values(flights.iter().map(|flight| &flight.carrier));
    let delay = Int32Array::from_iter(flights.iter().map(|flight| flight.delay));
    RecordBatch::try_new(schema(), vec![Arc::new(carrier), Arc::new(delay)]).unwrap().into()
}

#[test]
fn row_groups_are_read_exactly_once_for_every_size_of_split() {
    let folder = tempfile::tempdir().unwrap();
    let all = flights(0..3_000);
    write(folder.path(), parquet(), all[..2_600].to_vec()).unwrap();
    write(folder.path(), parquet(), all[2_600..].to_vec()).unwrap();
    let path = folder.path().to_str().unwrap();
    for bytes in [1_000, 20_000, u64::MAX] {
        check_source(|| ParquetRowFiles::<Flight>::parquet(path).split_bytes(bytes), &all);
    }
    let condition = || Condition::of("delay", Compare::AtLeast, 1_700);
    let late: Vec<Flight> = all.iter().filter(|flight| flight.delay >= Some(1_700)).cloned().collect();
    check_source(|| ParquetRowFiles::<Flight>::parquet(path).split_bytes(20_000).only(condition()), &late);
}

#[test]
fn only_columns_and_row_groups_that_are_asked_for_are_read() {
    #[derive(Clone, Debug, PartialEq, Deserialize)]
    struct Carrier {
        carrier: String,
    }
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), parquet(), flights(0..3_000)).unwrap();
    let path = folder.path().to_str().unwrap();
    for (compare, value, groups, first) in [
        (Compare::Greater, 2_000_i64, 4, Some(2_002)),
        (Compare::AtLeast, 2_500, 5, Some(2_500)),
        (Compare::Less, 500, 5, Some(1)),
        (Compare::AtMost, 3, 5, Some(1)),
        (Compare::Equal, 1_234, 5, Some(1_234)),
        (Compare::Equal, 9_999, 6, None),
    ] {
        let source = ParquetRowFiles::<Flight>::parquet(path).only(Condition::of("delay", compare, value));
        let found = read(&source).unwrap();
        assert_eq!(source.skipped_groups(), groups, "{compare:?} {value}");
        assert_eq!(
            found.iter().min_by_key(|flight| flight.delay).and_then(|flight| flight.delay),
            first,
            "{compare:?}"
        );
    }
    let text = ParquetRowFiles::<Carrier>::parquet(path).only(Condition::of("delay", Compare::Equal, 7));
    assert_eq!(read(&text).unwrap()[0].carrier, flights(7..8)[0].carrier);
    let batches = read(&ParquetFiles::batches(path).columns(["delay"])).unwrap();
    assert!(batches.iter().all(|batch| batch.num_columns() == 1));
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 3_000);
}

#[test]
fn batches_are_written_exactly_once_as_parquet_and_as_csv() {
    let records: Vec<ArrowBatch> = (0..6).map(|n| batch(&flights(n * 10..n * 10 + 10))).collect();
    let show = |batch: &ArrowBatch| rows(std::slice::from_ref(batch));
    fn seen<S: Source<Record = ArrowBatch>>(folder: &Path, source: impl Fn(String) -> S) -> Vec<Vec<Flight>> {
        let pattern = format!("{}/part-*", folder.display());
        if crate::files::found(&pattern).is_err() {
            return Vec::new();
        }
        let all = rows(&read(&source(pattern)).unwrap());
        // As they were written: ten by ten, in the order of their numbers.
        let mut tens: Vec<Vec<Flight>> = Vec::new();
        for n in 0..6 {
            let ten: Vec<Flight> = rows(&[batch(&flights(n * 10..n * 10 + 10))]);
            let count = all.iter().filter(|flight| ten.contains(flight)).count();
            assert_eq!(count % 10, 0);
            (0..count / 10).for_each(|_| tens.push(ten.clone()));
        }
        tens
    }
    let make = || {
        let folder = tempfile::tempdir().unwrap();
        let sink = FileSink::of(folder.path(), WriteParquet::default());
        let visible: Box<dyn Fn() -> Vec<Vec<Flight>>> =
            Box::new(move || seen(folder.path(), ParquetFiles::batches));
        (sink, visible)
    };
    check_sink(make, &records, show);
    for compression in [Compression::Plain, Compression::Gzip] {
        let make = || {
            let folder = tempfile::tempdir().unwrap();
            let sink = FileSink::of(folder.path(), CsvColumns::default()).compress(compression);
            let source = |path| CsvColumnFiles::columns(path, Csv::default(), Some(schema()));
            let visible: Box<dyn Fn() -> Vec<Vec<Flight>>> = Box::new(move || seen(folder.path(), source));
            (sink, visible)
        };
        check_sink(make, &records, show);
    }
}

#[test]
fn a_parquet_file_is_closed_at_its_size() {
    let folder = tempfile::tempdir().unwrap();
    let rolling = Rolling { bytes: 1_000, ..Rolling::default() };
    let sink = FileSink::of(folder.path(), parquet()).rolling(rolling);
    let mut writer = open_writer(&sink, Vec::new()).unwrap();
    (0..3).for_each(|n| writer.write(&mut Batch::from(flights(n * 600..n * 600 + 600))).unwrap());
    let staged = writer.prepare(CheckpointId(1)).unwrap();
    assert_eq!(staged.len(), 3);
    sink.committer().unwrap().unwrap().commit(staged).unwrap();
    let mut found = read(&ParquetRowFiles::<Flight>::parquet(folder.path().to_str().unwrap())).unwrap();
    found.sort();
    let mut expected = flights(0..1_800);
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn csv_and_json_lines_are_read_into_batches_from_any_place_on() {
    let folder = tempfile::tempdir().unwrap();
    let all = flights(0..20_000);
    let csv: String = all
        .iter()
        .map(|flight| {
            format!(
                "\"{}\",{}\n",
                flight.carrier,
                flight.delay.map_or(String::new(), |delay| delay.to_string())
            )
        })
        .collect();
    fs::write(folder.path().join("a.csv"), format!("carrier,delay\n{csv}")).unwrap();
    let json: String = all.iter().map(|flight| serde_json::to_string(flight).unwrap() + "\n").collect();
    fs::write(folder.path().join("a.json"), json).unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let mut expected = all;
    expected.sort();
    fn check<S: Source<Record = ArrowBatch>>(make: impl Fn() -> S, expected: &[Flight]) {
        for kill in [0, 1, 2, 3] {
            let mut run = Run::open(&make(), 2, None).unwrap();
            (0..kill).for_each(|_| {
                run.step().unwrap();
            });
            let mut batches = run.take();
            let mut run = Run::open(&make(), 1, Some(run.snapshot())).unwrap();
            while run.step().unwrap() {}
            batches.extend(run.take());
            assert!(rows(&batches) == expected, "killed after {kill} polls");
        }
    }
    check(|| CsvColumnFiles::columns(at("a.csv"), Csv::default(), Some(schema())), &expected);
    check(|| JsonColumnFiles::columns(at("a.json"), schema()).split_bytes(300_000), &expected);
    let inferred = read(&CsvColumnFiles::columns(at("a.csv"), Csv::default(), None)).unwrap();
    assert_eq!(inferred[0].schema().field(1).data_type(), &DataType::Int64);
}

#[test]
fn parquet_files_that_are_none_cut_off_damaged_or_of_another_schema_are_told_with_a_way_out() {
    #[derive(Clone, Debug, Deserialize)]
    struct Wrong {
        #[allow(dead_code, reason = "it is never there")]
        carrier: i64,
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    write(folder.path(), parquet(), flights(0..1_000)).unwrap();
    let whole = fs::read(at("part-0-0.parquet")).unwrap();
    fs::write(at("cut.parquet"), &whole[..whole.len() / 2]).unwrap();
    let cut = told(&ParquetFiles::batches(at("cut.parquet")));
    assert!(
        cut.contains("cut.parquet` is no Parquet file, or is cut off") && cut.contains("it begins and ends")
            || cut.contains("begins and ends with PAR1"),
        "{cut}"
    );
    let mut damaged = whole.clone();
    damaged[10..2_000].fill(0xff);
    fs::write(at("damaged.parquet"), damaged).unwrap();
    let damaged = told(&ParquetFiles::batches(at("damaged.parquet")));
    assert!(damaged.contains("row group 0 of `") && damaged.contains("the file is damaged"), "{damaged}");
    let file = at("part-0-0.parquet");
    let missing = told(&ParquetFiles::batches(&file).columns(["airport"]));
    assert!(
        missing.contains("has no column `airport`")
            && missing.contains("its columns are: carrier Utf8, delay Int32"),
        "{missing}"
    );
    let none = told(&ParquetFiles::batches(&file).columns([""; 0]));
    assert!(none.starts_with("no column of the Parquet files is asked for\n"), "{none}");
    let other = Arc::new(Schema::new(vec![Field::new("delay", DataType::Utf8, true)]));
    let other = told(&ParquetFiles::batches(&file).expect_schema(other));
    assert!(
        other.contains("column `delay` of `") && other.contains("is Int32, and Utf8 is expected"),
        "{other}"
    );
    assert!(other.contains("read files of another schema by a source of their own"), "{other}");
    let wrong = told(&ParquetRowFiles::<Wrong>::parquet(&file));
    assert!(
        wrong.contains("row group 0 of `") && wrong.contains("Wrong") && wrong.contains("carrier"),
        "{wrong}"
    );
    let compared = told(&ParquetFiles::batches(&file).only(Condition::of("delay", Compare::Equal, "late")));
    assert!(compared.contains("is Int32, which does not compare with a value of type Utf8"), "{compared}");
    let unknown = told(&ParquetFiles::batches(&file).only(Condition::of("airport", Compare::Equal, 1)));
    assert!(unknown.contains("has no column `airport` to compare with"), "{unknown}");
}

#[test]
fn csv_and_json_that_do_not_fit_their_columns_are_told_with_file_place_column_and_type() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let csv = |text: &str| {
        fs::write(at("a.csv"), text).unwrap();
        told(&CsvColumnFiles::columns(at("a.csv"), Csv::default(), Some(schema())))
    };
    let late = csv("carrier,delay\nAA,1\nUA,late\n");
    assert!(
        late.contains("a.csv` does not fit its columns: ")
            && late.contains("'late' as type 'Int32' for column 1 at line 2"),
        "{late}"
    );
    assert!(late.contains("the columns are: carrier Utf8, delay Int32"), "{late}");
    let ragged = csv("carrier,delay\nAA\n");
    assert!(ragged.contains("does not fit its columns: incorrect number of fields"), "{ragged}");
    let header = csv("carrier,arrival\nAA,1\n");
    assert!(header.contains("does not fit its columns: ") && header.contains("arrival"), "{header}");
    fs::write(at("a.json"), "{\"carrier\":\"AA\",\"delay\":1}\n{\"carrier\":\"UA\",\"delay\":\"late\"}\n")
        .unwrap();
    let json = told(&JsonColumnFiles::columns(at("a.json"), schema()));
    assert!(
        json.contains("the line does not fit the columns: ")
            && json.contains(&format!("at {}, line 2", at("a.json"))),
        "{json}"
    );
    fs::write(at("a.json"), "{\"carrier\":\"AA\",\"delay\":1}\n{\"carrier\":\n").unwrap();
    let json = told(&JsonColumnFiles::columns(at("a.json"), schema()));
    assert!(json.contains("the value on the line has no end") && json.contains("line 2"), "{json}");
}

#[test]
fn sinks_refuse_batches_of_another_schema_and_settings_that_contradict_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let other = RecordBatch::try_from_iter([("n", Arc::new(Int32Array::from(vec![1])) as _)]).unwrap();
    let other = ArrowBatch(other);
    let both = || vec![batch(&flights(0..2)), other.clone()];
    for told in [
        write(folder.path(), WriteParquet::default(), both()).unwrap_err().to_string(),
        write(folder.path(), CsvColumns::default(), both()).unwrap_err().to_string(),
    ] {
        assert!(told.starts_with("a batch has the columns n Int32, and those before it in its file have carrier Utf8, delay Int32\n"), "{told}");
    }
    let sink =
        FileSink::<ArrowBatch, _>::of(folder.path(), WriteParquet::default()).compress(Compression::Gzip);
    let told = open_writer(&sink, Vec::new()).err().unwrap().to_string();
    assert!(
        told.starts_with("a Parquet file is not compressed as a whole, but column by column\n"),
        "{told}"
    );
    let none = WriteParquet { group_rows: 0, ..WriteParquet::default() };
    let told = write(folder.path(), none, vec![batch(&flights(0..1))]).unwrap_err().to_string();
    assert!(told.starts_with("a row group of a Parquet file cannot have 0 rows\n"), "{told}");
    type Map = std::collections::BTreeMap<String, i32>;
    let told = write(folder.path(), WriteParquetRows::<Map>::of(WriteParquet::default()), vec![Map::new()]);
    let told = told.unwrap_err().to_string();
    assert!(told.contains("does not tell which columns a file of it has"), "{told}");
}
