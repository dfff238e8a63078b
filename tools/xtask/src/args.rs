//! Command-line options. The help text of a subcommand is also its grammar: an option exists if and
//! only if a line of the help starts with it, and takes a value if a `<VALUE>` follows it there. A
//! line that starts with a `<VALUE>` itself stands for an argument without an option.

/// The options given to one subcommand, already checked against its help text.
pub struct Args {
    given: Vec<(String, Option<String>)>,
}

impl Args {
    /// Reads `words`. `Ok(None)` means that help was asked for.
    ///
    /// # Errors
    /// An option the help text does not list, a missing or unwanted value, an option given twice.
    pub fn parse(
        help: &str,
        words: impl IntoIterator<Item = String>,
    ) -> Result<Option<Self>, String> {
        let mut given: Vec<(String, Option<String>)> = Vec::new();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            if word == "--help" || word == "-h" {
                return Ok(None);
            }
            if !word.starts_with("--") {
                let taken = given.iter().filter(|(name, _)| name.starts_with('<'));
                let name = operands(help)
                    .nth(taken.count())
                    .ok_or_else(|| format!("unknown argument `{word}`"))?;
                given.push((name.to_owned(), Some(word)));
                continue;
            }
            let (name, inline) = match word.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (word, None),
            };
            let takes_value =
                option(help, &name).ok_or_else(|| format!("unknown argument `{name}`"))?;
            let value = match (takes_value, inline) {
                (true, Some(value)) => Some(value),
                (true, None) => Some(words.next().ok_or(format!("`{name}` needs a value"))?),
                (false, Some(_)) => return Err(format!("`{name}` takes no value")),
                (false, None) => None,
            };
            if given.iter().any(|(earlier, _)| *earlier == name) {
                return Err(format!("`{name}` is given twice"));
            }
            given.push((name, value));
        }
        Ok(Some(Self { given }))
    }

    /// Whether the option was given.
    pub fn has(&self, name: &str) -> bool {
        self.given.iter().any(|(given, _)| given == name)
    }

    /// The value of an option, or of an argument such as `<BOARD>`, if it was given.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.given
            .iter()
            .find(|(given, _)| given == name)?
            .1
            .as_deref()
    }
}

/// The arguments without an option, in the order of the help text.
fn operands(help: &str) -> impl Iterator<Item = &str> {
    let words = help
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    words.filter(|word| word.starts_with('<'))
}

/// Whether the help text lists the option, and if so whether it takes a value.
fn option(help: &str, name: &str) -> Option<bool> {
    help.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some(name)).then(|| words.next().is_some_and(|next| next.starts_with('<')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELP: &str = "Usage: x\n\nOptions:\n  --long           more\n  --board <NAME>   which\n";

    fn parse(words: &[&str]) -> Result<Option<Args>, String> {
        Args::parse(HELP, words.iter().map(|word| (*word).to_owned()))
    }

    #[test]
    fn listed_options_are_read() {
        let args = parse(&["--board", "b1", "--long"]).unwrap().unwrap();
        assert!(args.has("--long"));
        assert_eq!(args.value("--board"), Some("b1"));
        assert_eq!(
            parse(&["--board=b2"]).unwrap().unwrap().value("--board"),
            Some("b2")
        );
        assert!(!parse(&[]).unwrap().unwrap().has("--long"));
    }

    #[test]
    fn anything_else_is_an_error() {
        for words in [
            &["--short"][..],
            &["long"],
            &["Usage:"],
            &["--board"],
            &["--long=1"],
            &["--long", "--long"],
        ] {
            assert!(parse(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn arguments_without_an_option_come_in_order() {
        let help = "Usage: x <ONE>\n\nArguments:\n  <ONE>  which\n  <TWO>  how\n  --long  more\n";
        let parse = |words: &[&str]| Args::parse(help, words.iter().map(|word| (*word).to_owned()));
        let args = parse(&["a", "--long", "b"]).unwrap().unwrap();
        assert_eq!(args.value("<ONE>"), Some("a"));
        assert_eq!(args.value("<TWO>"), Some("b"));
        assert!(args.has("--long"));
        assert!(parse(&["a"]).unwrap().unwrap().value("<TWO>").is_none());
        assert!(parse(&["a", "b", "c"]).is_err());
    }

    #[test]
    fn help_wins_over_everything_after_a_good_start() {
        assert!(parse(&["--long", "--help"]).unwrap().is_none());
        assert!(parse(&["-h"]).unwrap().is_none());
    }
}
