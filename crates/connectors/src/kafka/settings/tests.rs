//! Defaults, secrets, and the page of the reference.

use std::path::Path;

use super::*;

/// Writes the page anew where it differs, so that it only has to be committed.
#[test]
fn the_reference_of_settings_is_in_step_with_the_program() {
    let page = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../docs/reference/kafka.md");
    let expected = format!(
        "# Settings of Kafka sources and sinks\n\n\
         Generated from the descriptions in `crates/connectors/src/kafka/settings/list.rs`; a test keeps it in step.\n\n\
         A source or sink is given them by `.set(name, value)`; unknown names and malformed values are refused when the job\n\
         starts. `.property(name, value)` hands librdkafka one of its own properties, which holds against these.\n\
         \"Elsewhere\" is what the like is called by Kafka's own clients: whoever writes that is told the name here.\n\n\
         ## Sources\n\n{}\n## Sinks\n\n{}",
        SOURCE_SETTINGS.markdown(),
        SINK_SETTINGS.markdown()
    );
    if std::fs::read_to_string(&page).ok().as_deref() != Some(&expected) {
        std::fs::write(&page, expected).unwrap();
        panic!("{} was not in step; it has been written anew: look at it and commit it", page.display());
    }
}

#[test]
fn a_default_is_a_value_of_its_setting() {
    for list in [&SOURCE_SETTINGS, &SINK_SETTINGS] {
        for setting in list.settings() {
            assert!(setting.default().is_none_or(|text| setting.accepts(text)), "{}", setting.name());
        }
    }
}

#[test]
fn a_secret_that_is_malformed_is_not_repeated() {
    let mut chosen = Chosen::new("localhost:9092".into(), &SOURCE_SETTINGS);
    chosen.set("sasl-password", "hush");
    chosen.set("sasl-pasword", "hush");
    let refused = chosen.check().unwrap_err().to_string();
    assert!(!refused.contains("hush") && !format!("{chosen:?}").contains("hush"), "{refused}");
}

#[test]
fn a_user_without_a_password_is_refused() {
    let mut chosen = Chosen::new("localhost:9092".into(), &SOURCE_SETTINGS);
    chosen.set("security", "sasl-ssl");
    let refused = chosen.check().unwrap_err().to_string();
    assert!(refused.contains("asks for a user and a password"), "{refused}");
}
