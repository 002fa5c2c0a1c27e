//! Arrow batches through a job: from CSV to Parquet and back, in S3 and HDFS.

use millstream::StreamEnvironment;
use millstream::connectors::files::Csv;
use millstream::connectors::files::columns::{
    ArrowBatch, CsvColumnFiles, ParquetFiles, ParquetRowFiles, WriteParquet,
};
use millstream::connectors::files::sink::FileSink;
use serde::{Deserialize, Serialize};

use crate::places;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Flight {
    carrier: String,
    delay: i64,
}

#[test]
fn batches_go_from_csv_to_parquet_and_back() {
    for place in places::both("columns") {
        let flights: Vec<Flight> =
            (0..20_000).map(|n| Flight { carrier: format!("c{:02}", n % 16), delay: n }).collect();
        let rows = flights.iter().map(|flight| format!("{},{}\n", flight.carrier, flight.delay));
        let csv = format!("carrier,delay\n{}", rows.collect::<String>());
        place.put("in/flights.csv", csv.as_bytes()).unwrap();

        let env = StreamEnvironment::new();
        env.set_parallelism(2);
        let source = CsvColumnFiles::columns(place.full_name("in"), Csv::default(), None);
        let sink = FileSink::<ArrowBatch, _>::of(place.full_name("out"), WriteParquet::default());
        env.source(source.storage(places::settings()))
            .rebalance()
            .filter(|batch| batch.num_rows() > 0)
            .sink_to(sink.storage(places::settings()));
        env.execute("csv to parquet").unwrap();

        let env = StreamEnvironment::new();
        let batches = ParquetFiles::batches(place.full_name("out")).columns(["delay"]);
        let counted = env.source(batches.storage(places::settings())).map(|batch| batch.num_rows());
        assert_eq!(counted.execute_and_collect("count").unwrap().iter().sum::<usize>(), flights.len());

        let env = StreamEnvironment::new();
        let rows = ParquetRowFiles::<Flight>::parquet(place.full_name("out")).storage(places::settings());
        let mut found = env.source(rows).execute_and_collect("rows").unwrap();
        found.sort_by_key(|flight| flight.delay);
        assert!(found == flights, "{} rows of {}", found.len(), flights.len());
    }
}
