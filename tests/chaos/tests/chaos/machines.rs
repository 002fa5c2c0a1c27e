//! Machines in network namespaces of the test's own, on one bridge, and the cuts between them.
//!
//! Holds: all of it is gone with the value; nothing of the host's own network is touched.

use std::process::{Command, Stdio};

/// From a machine to another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way(pub(crate) usize, pub(crate) usize);

pub(crate) struct Machines {
    name: String,
    count: usize,
}

fn ip(words: &str) -> bool {
    let mut command = Command::new("ip");
    command.args(words.split(' ')).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

impl Machines {
    /// So many; nothing where that is not allowed.
    pub(crate) fn new(count: usize) -> Option<Self> {
        let own = Self { name: format!("ms{}", std::process::id()), count };
        let street = own.space("s");
        let paved = [
            format!("netns add {street}"),
            format!("-n {street} link add street type bridge"),
            format!("-n {street} link set street up"),
        ];
        let built =
            paved.iter().all(|words| ip(words)) && (0..count).all(|number| own.build(number, &street));
        built.then_some(own)
    }

    fn build(&self, number: usize, street: &str) -> bool {
        let space = self.space(number);
        let words = [
            format!("netns add {space}"),
            format!("-n {space} link set lo up"),
            format!("-n {space} link add eth type veth peer name door{number} netns {street}"),
            format!("-n {street} link set door{number} master street"),
            format!("-n {street} link set door{number} up"),
            format!("-n {space} addr add {}/24 dev eth", self.address(number)),
            format!("-n {space} link set eth up"),
        ];
        words.iter().all(|words| ip(words))
    }

    fn space(&self, of: impl std::fmt::Display) -> String {
        format!("{}-{of}", self.name)
    }

    pub(crate) fn address(&self, number: usize) -> String {
        format!("10.77.0.{}", number + 1)
    }

    /// What makes commands on a machine; the process of each is the program's own.
    pub(crate) fn on(&self, number: usize) -> impl Fn(&str) -> Command + 'static {
        let space = self.space(number);
        move |program| {
            let mut command = Command::new("ip");
            command.args(["netns", "exec", &space, program]);
            command
        }
    }

    /// What is sent that way gets lost.
    pub(crate) fn cut(&self, Way(from, to): Way) -> bool {
        ip(&format!("-n {} route add blackhole {}/32", self.space(from), self.address(to)))
    }

    pub(crate) fn mend(&self, Way(from, to): Way) {
        assert!(ip(&format!("-n {} route del blackhole {}/32", self.space(from), self.address(to))));
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        for number in 0..self.count {
            ip(&format!("netns del {}", self.space(number)));
        }
        ip(&format!("netns del {}", self.space("s")));
    }
}
