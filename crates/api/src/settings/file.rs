//! A file of settings: `name = value` lines of TOML; a table's name comes before the names in it, joined by a dot.

use millstream_model::error::{Failure, Result};
use millstream_model::settings::{Origin, Values};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Sets what the file at `path` says.
pub(super) fn read(path: &str, settings: &mut Values) -> Result<()> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::user(format!("the settings file `{path}` cannot be read"))
            .because(error)
            .advice("name a file of lines such as: parallelism = 2")
    })?;
    let table = DeTable::parse(&text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(&text, span.start));
        Failure::user(format!(
            "the settings file `{path}` is no TOML ({path}, line {line}): {}",
            error.message()
        ))
        .advice("write a setting on each line, text in quotes: checkpoint-interval = \"1 s\"")
    })?;
    put(path, &text, "", table.get_ref(), settings)
}

fn put(path: &str, text: &str, family: &str, table: &DeTable<'_>, settings: &mut Values) -> Result<()> {
    let mut entries: Vec<(&Spanned<_>, &Spanned<DeValue<'_>>)> = table.iter().collect();
    // The first fault of the file is the one that is said.
    entries.sort_by_key(|(name, _)| name.span().start);
    for (name, value) in entries {
        let origin = Origin::File { path: path.into(), line: line_of(text, name.span().start) };
        let name = format!("{family}{}", name.get_ref());
        match value.get_ref() {
            DeValue::String(value) => settings.set(&name, value, origin)?,
            DeValue::Integer(value) if value.radix() == 10 => settings.set(&name, value.as_str(), origin)?,
            DeValue::Float(value) => settings.set(&name, value.as_str(), origin)?,
            DeValue::Boolean(value) => settings.set(&name, &value.to_string(), origin)?,
            DeValue::Table(table) => put(path, text, &format!("{name}."), table, settings)?,
            DeValue::Integer(_) | DeValue::Array(_) | DeValue::Datetime(_) => {
                let setting = settings.list().find(&name, &origin)?;
                return Err(Failure::user(format!(
                    "setting `{name}` is neither text, decimal number nor true or false ({origin}), but must be {}",
                    setting.expected()
                ))
                .advice(format!("such as {name} = \"{}\"", setting.examples().join("\" or \""))));
            }
        }
    }
    Ok(())
}

fn line_of(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|byte| *byte == b'\n').count() + 1
}
