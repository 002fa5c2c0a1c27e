//! Defaults, and the page of the reference.

use std::path::Path;

use super::*;

/// Writes the page anew where it differs, so that it only has to be committed.
#[test]
fn the_reference_of_settings_is_in_step_with_the_program() {
    let page = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../docs/reference/flume.md");
    let expected = format!(
        "# Settings of Flume sources and sinks\n\n\
         Generated from the descriptions in `crates/connectors/src/flume/settings/list.rs`; a test keeps it in step.\n\n\
         A source or sink is given them by `.set(name, value)`; unknown names and malformed values are refused when the job\n\
         starts. \"Elsewhere\" is what the like is called by Flume or by Spark's connector for it: whoever writes that is told\n\
         the name here.\n\n\
         ## Sources that listen\n\n{}\n## Sources that pull\n\n{}\n## Sinks\n\n{}",
        LISTEN_SETTINGS.markdown(),
        PULL_SETTINGS.markdown(),
        SINK_SETTINGS.markdown()
    );
    if std::fs::read_to_string(&page).ok().as_deref() != Some(&expected) {
        std::fs::write(&page, expected).unwrap();
        panic!("{} was not in step; it has been written anew: look at it and commit it", page.display());
    }
}

#[test]
fn a_default_is_a_value_of_its_setting() {
    for list in [&LISTEN_SETTINGS, &PULL_SETTINGS, &SINK_SETTINGS] {
        for setting in list.settings() {
            assert!(setting.default().is_none_or(|text| setting.accepts(text)), "{}", setting.name());
        }
    }
}

#[test]
fn a_name_that_flume_has_is_answered_with_the_one_here() {
    let mut chosen = Chosen::new(&LISTEN_SETTINGS);
    chosen.set("compression-type", "deflate");
    let refused = chosen.check().unwrap_err().to_string();
    assert!(refused.contains("did you mean `compression`?"), "{refused}");
}
