//! What the example programs share: the place of the data they run on.
//!
//! Answers for finding the data from whatever folder a program is started in, and (by its tests) for the data being
//! what `data/README.md` says. Not for reading it: that is what the examples show.
//! Holds: the path is absolute and inside of this package.

/// The path of the flights kept in the repository: CSV, a header and 20,938 flights, 1 to 24 January 2013.
///
/// ```
/// let text = std::fs::read_to_string(millstream_examples::flights_csv())?;
/// assert_eq!(text.lines().count(), 1 + 20_938);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn flights_csv() -> String {
    // The clone that cargo runs, which need not be the one that it compiled: clones may share a build cache.
    let package =
        std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    package + "/data/flights.csv"
}

#[cfg(test)]
mod tests {
    use super::flights_csv;

    const HEADER: &str = "year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,arr_delay,carrier,\
                          flight,tailnum,origin,dest,air_time,distance,hour,minute,time_hour";

    fn text() -> String {
        std::fs::read_to_string(flights_csv()).unwrap()
    }

    #[test]
    fn the_flights_are_smaller_than_two_megabytes_and_have_unix_line_ends() {
        assert!(text().len() < 2_000_000);
        assert!(!text().contains('\r'));
        assert!(text().ends_with('\n'));
    }

    #[test]
    fn the_flights_have_the_columns_that_the_examples_name() {
        assert_eq!(text().lines().next(), Some(HEADER));
        assert!(text().lines().all(|line| line.split(',').count() == 19));
    }

    #[test]
    fn the_flights_are_whole_days_in_order() {
        let text = text();
        let mut days: Vec<&str> = text.lines().skip(1).map(|line| line.split(',').nth(2).unwrap()).collect();
        days.dedup();
        let expected: Vec<String> = (1..=24).map(|day: u32| day.to_string()).collect();
        assert_eq!(days, expected);
    }

    #[test]
    fn the_flights_keep_the_cancelled_ones() {
        let cancelled = text().lines().filter(|line| line.split(',').nth(3) == Some("NA")).count();
        assert_eq!(cancelled, 201);
    }
}

/// The programs of the book's pages that need no server.
#[cfg(doctest)]
pub mod book {
    #[doc = include_str!("../../docs/book/own-connector.md")]
    pub struct OwnConnector;

    #[doc = include_str!("../../docs/book/network.md")]
    pub struct Network;
}
