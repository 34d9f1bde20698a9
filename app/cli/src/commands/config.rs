//! `sealkeep config`.

use client_core::error::Error;

use crate::{
    documents, plain,
    plain::Plain,
    render::{self, Output},
    settings::{Origin, Setting, Settings},
    table::Column,
};

/// Prints the settings in effect. Needs neither a home directory nor an account.
pub(crate) fn run(output: &Output, settings: &Settings) -> Result<(), Error> {
    let Settings { file, list, .. } = settings;
    let document = documents::Config {
        file: file.as_ref().map(|(path, _)| path.clone()),
        exists: file.as_ref().is_some_and(|(_, exists)| *exists),
        settings: list.iter().map(document).collect(),
    };
    output.result(&document, || {
        let rows: Vec<Vec<String>> = list
            .iter()
            .map(|setting| {
                let value = setting.value.clone().unwrap_or_else(|| "–".to_owned());
                vec![setting.name.to_owned(), value, from(setting)]
            })
            .collect();
        let header: [Column; 3] = ["SETTING".into(), Column::name("VALUE"), "FROM".into()];
        let mut text = head(file.as_ref().map(|(path, exists)| (path.as_path(), *exists)));
        text.push(&render::fitting(&header, &rows, &[]));
        text
    })
}

fn head(file: Option<(&std::path::Path, bool)>) -> Plain {
    match file {
        Some((path, true)) => plain!("Configuration file {}\n\n", path.display()),
        Some((path, false)) => plain!("Configuration file {} (does not exist)\n\n", path.display()),
        None => plain!("No configuration file: HOME is not set\n\n"),
    }
}

/// `SEALKEEP_HOME`, `file`.
fn from(setting: &Setting) -> String {
    match (setting.origin, setting.variable) {
        (Origin::Environment, Some(variable)) => variable.to_owned(),
        (Origin::Option, _) => "command line".to_owned(),
        (origin, _) => origin.as_str().to_owned(),
    }
}

fn document(setting: &Setting) -> documents::Setting {
    documents::Setting {
        name: setting.name,
        value: setting.value.clone(),
        from: setting.origin.as_str(),
        variable: setting.variable,
        option: setting.option,
    }
}
