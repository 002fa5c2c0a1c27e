//! A list of settings for people: as help in a terminal, and as a page of the reference.

use std::fmt::Write as _;

use super::list::SettingsList;
use super::setting::Described;

/// How wide help may be, in characters.
const WIDTH: usize = 100;

impl SettingsList {
    /// The settings as arguments of a command line, each with its meaning.
    pub fn help(&self) -> String {
        let mut text = String::new();
        for setting in self.settings() {
            let _ = writeln!(text, "  --{} VALUE", setting.name());
            let about = format!("{} {}", setting.meaning(), facts(setting).join("; "));
            let mut line = String::new();
            for word in about.split_whitespace() {
                if !line.is_empty() && 7 + line.len() + word.len() > WIDTH {
                    let _ = writeln!(text, "      {line}");
                    line.clear();
                }
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
            }
            let _ = writeln!(text, "      {line}");
        }
        text
    }

    /// The settings as a table in Markdown.
    pub fn markdown(&self) -> String {
        let mut text = String::from("| setting | value | default | meaning |\n|---|---|---|---|\n");
        for setting in self.settings() {
            let name = setting.name();
            let default = setting.default().map_or("-".to_owned(), |default| format!("`{default}`"));
            let mut value = setting.expected();
            if !setting.unit().is_empty() {
                let _ = write!(value, " ({})", setting.unit());
            }
            let _ = write!(text, "| `{name}` | {value} | {default} | {}", setting.meaning());
            if !setting.elsewhere().is_empty() {
                let names = setting.elsewhere().iter().map(|name| format!("`{name}`"));
                let _ = write!(text, " Elsewhere: {}.", names.collect::<Vec<_>>().join(", "));
            }
            text.push_str(" |\n");
        }
        text
    }
}

fn facts(setting: &dyn Described) -> Vec<String> {
    let mut facts = vec![format!("Expects {}", setting.expected())];
    if !setting.unit().is_empty() {
        facts.push(format!("in {}", setting.unit()));
    }
    facts.push(match setting.default() {
        Some(default) => format!("default {default}."),
        None => format!("such as {}.", setting.examples().join(" or ")),
    });
    facts
}
