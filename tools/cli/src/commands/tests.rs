//! What command lines are taken for.

use clap::{CommandFactory, error::ErrorKind};

use super::*;

fn parse(line: &str) -> Result<Cli, ErrorKind> {
    Cli::try_parse_from(line.split(' ')).map_err(|error| error.kind())
}

#[test]
fn the_definition_of_all_commands_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_of_the_manual_is_understood() {
    for line in [
        "tally emulate --state token.bin --listen unix:token.sock --presence yes --ceremony",
        "tally emulate --state token.bin --listen pty",
        "tally token provision --allow totals,balances,open-sums",
        "tally token provision --pin-file pin",
        "tally token info --json",
        "tally token public-key till",
        "tally token unlock",
        "tally token lock",
        "tally token change-pin --new-pin-file new",
        "tally token wipe",
        "tally token policy --allow totals,balances",
        "tally token backup --shares 2of3",
        "tally token backup --shares 1of1 --out folder --json",
        "tally token restore",
        "tally token restore --allow totals --share-file a --share-file b --admit",
        "tally token new-writer --abandon",
        "tally book adopt --admit",
        "tally book create till --currency EUR",
        "tally book create till --currency EUR --cap 1000000.00 --suite ffdhe2048 --open",
        "tally book create till --currency EUR --min-entries 32",
        "tally book create till --currency EUR --open --suite ffdhe3072 --import-lightphe k.json",
        "tally book list",
        "tally book public-key till",
        "tally book public-key till --format lightphe",
        "tally lightphe inspect k.json --json",
        "tally lightphe import --book till c.json",
        "tally lightphe import --book till c.json --key k.json --negatives as-decrypted",
        "tally lightphe export --book till",
        "tally lightphe migrate --key k.json --book till c.json --unit major --window 40",
        "tally account open --book till --nid AB1234",
        "tally post --book till --nid AB1234 12.50",
        "tally post --book till --nid AB1234 -- -12.50",
        "tally post --book till --nid AB1234 -12.50",
        "tally post --book open 12.50",
        "tally import --book till rows.csv --skip-bad",
        "tally balance --book till --nid AB1234",
        "tally total --book till --statement s.json --json",
        "tally total --book till --from 1 --to 2026-01-31T23:59:59Z",
        "tally cut --book till",
        "tally cut list --book till",
        "tally status",
        "tally key create --name till --post 0a0b --post open --read",
        "tally key list --ca-file ca.pem --api-key-file key --client-cert-file me.pem",
        "tally key revoke 0a0b",
        "tally verify s.json --public-key key.txt",
        "tally --server http://x --token unix:/y --spool z status",
    ] {
        assert!(parse(line).is_ok(), "{line}: {:?}", parse(line).err());
    }
}

#[test]
fn what_is_missing_or_malformed_is_wrong_use() {
    for line in [
        "tally",
        "tally post --nid AB1234 12.50",
        "tally post --book till --nid AB1234",
        "tally book create till",
        "tally emulate --state s",
        "tally emulate --state s --listen tcp:1",
        "tally emulate --state s --listen pty --presence maybe",
        "tally token provision --allow everything",
        "tally token policy",
        "tally token backup",
        "tally token backup --shares 3of2",
        "tally account reveal --book till 1234",
        "tally --token /dev/ttyACM0 status",
        "tally cut",
        "tally verify",
        "tally book create till --currency EUR --import-lightphe k.json",
        "tally lightphe migrate --book till c.json",
        "tally lightphe import --book till c.json --window 49",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
}

#[test]
fn there_is_no_way_to_give_a_pin_as_an_argument() {
    for line in [
        "tally token unlock --pin 123456",
        "tally token unlock 123456",
    ] {
        assert_eq!(
            parse(line).err(),
            Some(ErrorKind::UnknownArgument),
            "{line}"
        );
    }
}

#[test]
fn help_lists_the_exit_codes() {
    let help = Cli::command().render_help().to_string();
    assert!(help.contains("3  the server can't be reached"), "{help}");
}

#[test]
fn shells_and_the_manual_know_every_command() {
    let names: Vec<_> = Cli::command()
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect();
    let folder = tempfile::tempdir().expect("a folder");
    let man = folder.path().to_str().expect("UTF-8");
    let Command::Man(args) = parse(&format!("tally man {man}"))
        .expect("understood")
        .command
    else {
        panic!("another command");
    };
    shell::man(&args).expect("written");
    for name in &names {
        let page = folder.path().join(format!("tally-{name}.1"));
        assert!(page.is_file(), "{}", page.display());
    }
    for shell in ["bash", "zsh", "fish"] {
        let line = format!("tally completions {shell}");
        let Command::Completions(_) = parse(&line).expect("understood").command else {
            panic!("another command");
        };
    }
    assert!(parse("tally completions cobol").is_err());
}
