//! The page of the reference that is made from the settings of the connectors of the network.

use std::path::Path;

use millstream_model::settings::SettingsList;

use crate::{generator, standard_io, tcp, webhook};

fn lists() -> [(&'static str, &'static SettingsList); 6] {
    [
        ("TCP sources that connect", &tcp::settings::SOURCE_SETTINGS),
        ("TCP sources that listen", &tcp::settings::LISTEN_SETTINGS),
        ("TCP sinks", &tcp::settings::SINK_SETTINGS),
        ("Webhooks", &webhook::settings::SINK_SETTINGS),
        ("Standard input", &standard_io::settings::INPUT_SETTINGS),
        ("Generators", &generator::settings::SETTINGS),
    ]
}

/// Writes the page anew where it differs, so that it only has to be committed.
#[test]
fn the_reference_of_settings_is_in_step_with_the_program() {
    let page =
        Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../docs/reference/network.md");
    let mut expected = "# Settings of TCP, webhooks, standard input and generators\n\n\
         Generated from the descriptions in `crates/connectors/src` (`tcp/settings.rs`, `webhook/settings.rs`, `tls/list.rs`,\n\
         `standard_io/settings.rs`, `generator/settings.rs`); a test keeps it in step.\n\n\
         A source or sink is given them by `.set(name, value)`; unknown names and malformed values are refused when the job\n\
         starts. \"Elsewhere\" is what the like is called in other systems: whoever writes that is told the name here.\n"
        .to_owned();
    for (title, list) in lists() {
        expected += &format!("\n## {title}\n\n{}", list.markdown());
    }
    if std::fs::read_to_string(&page).ok().as_deref() != Some(&expected) {
        std::fs::write(&page, expected).unwrap();
        panic!("{} was not in step; it has been written anew: look at it and commit it", page.display());
    }
}

#[test]
fn a_default_is_a_value_of_its_setting() {
    for (_, list) in lists() {
        for setting in list.settings() {
            assert!(setting.default().is_none_or(|text| setting.accepts(text)), "{}", setting.name());
        }
    }
}
