//! The settings in effect, and where each is from: an option, its variable, the configuration file, or the default.

use std::path::PathBuf;

use clap::{ArgMatches, parser::ValueSource};
use client_core::error::Error;

use crate::{
    args::{Global, ProgressForm},
    config::{self, Values},
};

/// Where a value is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// An option of the command line.
    Option,
    /// Its variable.
    Environment,
    /// The configuration file.
    File,
    /// Nobody said.
    Default,
}

impl Origin {
    /// For JSON.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Option => "option",
            Self::Environment => "environment",
            Self::File => "file",
            Self::Default => "default",
        }
    }
}

/// One setting, for display.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// Its key in the file.
    pub(crate) name: &'static str,
    pub(crate) value: Option<String>,
    pub(crate) origin: Origin,
    pub(crate) variable: Option<&'static str>,
    pub(crate) option: &'static str,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) home: Option<PathBuf>,
    pub(crate) server: String,
    pub(crate) storage_origin: Option<String>,
    pub(crate) stall_timeout: u16,
    pub(crate) patience: u16,
    pub(crate) progress: Option<ProgressForm>,
    /// kB per second, unless the command says otherwise.
    pub(crate) limit_upload: Option<u32>,
    /// Whether `--server` was typed.
    pub(crate) server_is_typed: bool,
    /// The configuration file, and whether it exists.
    pub(crate) file: Option<(PathBuf, bool)>,
    /// The same as a list.
    pub(crate) list: Vec<Setting>,
}

impl Settings {
    /// Reads the configuration file, and adds what neither an option nor a variable says.
    ///
    /// # Errors
    /// The file is refused.
    pub(crate) fn effective(global: &Global, typed: &ArgMatches) -> Result<Self, Error> {
        let path = global.config.clone().or_else(config::usual_path);
        let values = path.as_deref().map(|path| config::read(path, global.config.is_some())).transpose()?;
        let values = values.flatten();
        let file = path.map(|path| (path, values.is_some()));
        Ok(Self::merged(global, &|id| typed.value_source(id), values.unwrap_or_default(), file))
    }

    fn merged(
        global: &Global,
        source: &dyn Fn(&str) -> Option<ValueSource>,
        values: Values,
        file: Option<(PathBuf, bool)>,
    ) -> Self {
        let origin = |id: &str, in_file: bool| match source(id) {
            Some(ValueSource::CommandLine) => Origin::Option,
            Some(ValueSource::EnvVariable) => Origin::Environment,
            _ if in_file => Origin::File,
            _ => Origin::Default,
        };
        let mut list = Vec::new();
        let mut note = |name, origin, value, variable, option| {
            list.push(Setting { name, value, origin, variable, option });
        };

        let at = origin("home", values.home.is_some());
        let home = if at == Origin::File { values.home } else { global.home.clone() };
        let shown = home.as_ref().map(|home| home.display().to_string());
        note("home", at, shown, Some("SEALKEEP_HOME"), "--home");

        let at = origin("server", values.server.is_some());
        let server_is_typed = at == Origin::Option;
        let server = values.server.filter(|_| at == Origin::File).unwrap_or_else(|| global.server.clone());
        note("server", at, Some(server.clone()), Some("SEALKEEP_SERVER"), "--server");

        let at = origin("storage_origin", values.storage_origin.is_some());
        let storage_origin =
            if at == Origin::File { values.storage_origin } else { global.storage_origin.clone() };
        note(
            "storage_origin",
            at,
            storage_origin.clone(),
            Some("SEALKEEP_STORAGE_ORIGIN"),
            "--storage-origin",
        );

        let at = origin("stall_timeout", values.stall_timeout.is_some());
        let stall_timeout =
            values.stall_timeout.filter(|_| at == Origin::File).unwrap_or(global.stall_timeout);
        let shown = Some(format!("{stall_timeout} s"));
        note("stall_timeout", at, shown, Some("SEALKEEP_STALL_TIMEOUT"), "--stall-timeout");

        let at = origin("patience", values.patience.is_some());
        let patience = values.patience.filter(|_| at == Origin::File).unwrap_or(global.patience);
        note("patience", at, Some(format!("{patience} s")), Some("SEALKEEP_PATIENCE"), "--patience");

        // --quiet is an option, too.
        let at = if global.quiet { Origin::Option } else { origin("progress", values.progress.is_some()) };
        let progress = if at == Origin::File { values.progress } else { global.progress };
        let form = if global.quiet { ProgressForm::None } else { progress.unwrap_or(ProgressForm::Auto) };
        note("progress", at, Some(form.as_str().to_owned()), None, "--progress");

        let at = if values.limit_upload.is_some() { Origin::File } else { Origin::Default };
        let shown = values.limit_upload.map(|limit| format!("{limit} kB/s"));
        note("limit_upload", at, shown, None, "backup --limit-upload");

        let limit_upload = values.limit_upload;
        Self {
            home,
            server,
            storage_origin,
            stall_timeout,
            patience,
            progress,
            limit_upload,
            server_is_typed,
            file,
            list,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use clap::{CommandFactory, FromArgMatches};

    use super::*;
    use crate::args::Cli;

    /// The settings for a command line without variables, if the file says this.
    fn merged(typed: &str, values: Values) -> Settings {
        let command = Cli::command().mut_args(|argument| argument.env(None::<&'static str>));
        let words = std::iter::once("sealkeep").chain(typed.split(' '));
        let typed = command.try_get_matches_from(words).unwrap();
        let cli = Cli::from_arg_matches(&typed).unwrap();
        Settings::merged(&cli.global, &|id| typed.value_source(id), values, None)
    }

    fn origin(settings: &Settings, name: &str) -> Origin {
        settings.list.iter().find(|setting| setting.name == name).unwrap().origin
    }

    #[test]
    fn an_option_counts_before_the_file_and_the_file_before_the_default() {
        let file = || Values {
            home: Some("/file".into()),
            server: Some("https://file".into()),
            patience: Some(1),
            limit_upload: Some(5),
            progress: Some(ProgressForm::Plain),
            ..Values::default()
        };
        let settings = merged("status --patience 7 --server https://typed", file());
        assert_eq!((settings.patience, settings.server.as_str()), (7, "https://typed"));
        assert_eq!(origin(&settings, "patience"), Origin::Option);
        assert!(settings.server_is_typed);
        assert_eq!(settings.home.as_deref(), Some(std::path::Path::new("/file")));
        assert_eq!(origin(&settings, "home"), Origin::File);
        assert_eq!((settings.progress, settings.limit_upload), (Some(ProgressForm::Plain), Some(5)));
        assert_eq!((settings.stall_timeout, origin(&settings, "stall_timeout")), (45, Origin::Default));

        let settings = merged("--server https://typed status", file());
        assert_eq!(settings.server, "https://typed", "an option may stand before the command");
        let settings = merged("status --quiet", file());
        assert_eq!(origin(&settings, "progress"), Origin::Option);
        let settings = merged("status", Values::default());
        assert_eq!(settings.server, "http://127.0.0.1:8787");
        assert!(!settings.server_is_typed && settings.list.iter().all(|s| s.origin == Origin::Default));
    }

    /// Every global option that has a variable is a setting.
    #[test]
    fn every_variable_of_a_global_option_is_listed() {
        let settings = merged("status", Values::default());
        for argument in Cli::command().get_arguments() {
            let Some(variable) = argument.get_env().filter(|name| *name != "SEALKEEP_CONFIG") else {
                continue;
            };
            let listed = settings.list.iter().any(|s| s.variable.is_some_and(|known| variable == known));
            assert!(listed, "{}", variable.display());
        }
    }
}
