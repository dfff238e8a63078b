//! A server that other machines could reach, with the token attached: a person opens a book, posts,
//! and asks for a balance and a total over TLS, with an API key. The server's log, with all that
//! its libraries can say, tells nothing of it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use e2e_tests::process::{Service, emulator, program, text};

/// Secrets that can't be in a log by chance.
const PIN: &str = "27182818284590";
const NID: &str = "KQZX77019283";
const AMOUNT: &str = "4711889.42";
/// What is not to be found, in the ways it could be written.
const SECRETS: [&str; 6] = [
    PIN,
    NID,
    "kqzx77019283",
    AMOUNT,
    "471188942",
    // The balance after two postings.
    "9423778.84",
];

struct Exposed {
    dir: PathBuf,
    certificate: PathBuf,
    token: Service,
}

impl Exposed {
    fn new(dir: &Path) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]);
        let made = made.expect("a certificate");
        let certificate = dir.join("server.pem");
        fs::write(&certificate, made.cert.pem()).expect("written");
        fs::write(dir.join("server.key"), made.signing_key.serialize_pem()).expect("written");
        Self {
            dir: dir.to_owned(),
            certificate,
            token: emulator(dir),
        }
    }

    /// `host-server` on the ledger here.
    fn host_server(&self) -> Command {
        let mut command = Command::new(program("HOST_SERVER_BIN"));
        let ledger = self.dir.join("ledger.redb");
        command
            .arg("--store")
            .arg(format!("redb:{}", ledger.display()));
        command
    }

    fn create_key(&self, scopes: &[&str]) -> String {
        let mut command = self.host_server();
        command
            .args(["key", "create", "--name", "a person"])
            .args(scopes);
        succeeded(&command.output().expect("it runs"))
            .trim()
            .to_owned()
    }

    /// Serves other machines, logging all it can into a file.
    fn serve(&self, log: &Path) -> Service {
        let mut command = self.host_server();
        command
            .args([
                "--listen",
                "0.0.0.0:0",
                "--public-name",
                "localhost",
                "--token",
            ])
            .arg(&self.token.address)
            .arg("--tls-cert")
            .arg(&self.certificate)
            .arg("--tls-key")
            .arg(self.dir.join("server.key"))
            .env("RUST_LOG", "trace")
            .stderr(Stdio::from(fs::File::create(log).expect("a file")));
        Service::start(&mut command)
    }

    /// `tally` on the server's own token.
    fn tally(&self, key: &str, url: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(program("TALLY_BIN"));
        command
            .args(arguments)
            .env_remove("TALLY_TOKEN")
            .env("TALLY_SERVER", url)
            .env("TALLY_CA_FILE", &self.certificate)
            .env("TALLY_API_KEY", key)
            .env("TALLY_PIN", PIN)
            .stdin(Stdio::null());
        for folder in ["CONFIG", "STATE", "DATA", "CACHE"] {
            command.env(format!("XDG_{folder}_HOME"), self.dir.join(folder));
        }
        command.output().expect("tally starts")
    }
}

fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn the_log_of_a_whole_day_over_tls_has_no_amount_nid_pin_or_key() {
    let dir = tempfile::tempdir().expect("a folder");
    let exposed = Exposed::new(dir.path());
    let token = ["--token", &exposed.token.address];
    let provision = ["token", "provision", "--allow", "totals,balances"];
    succeeded(&exposed.tally("", "http://localhost", &[&token[..], &provision].concat()));
    let key = exposed.create_key(&["--read", "--teller", "--admin"]);
    let log = dir.path().join("log");
    let server = exposed.serve(&log);
    let (_, port) = server.address.rsplit_once(':').expect("a port");
    let url = format!("https://localhost:{port}");
    let tally = |arguments: &[&str]| exposed.tally(&key, &url, arguments);

    let create = [
        "book",
        "create",
        "savings",
        "--currency",
        "EUR",
        "--min-entries",
        "2",
    ];
    succeeded(&tally(&[&create[..], &["--cap", "5000000.00"]].concat()));
    let post = ["post", "--book", "savings", "--nid", NID];
    for _ in 0..2 {
        succeeded(&tally(&[&post[..], &[AMOUNT]].concat()));
    }
    let balance = succeeded(&tally(&["balance", "--book", "savings", "--nid", NID]));
    assert!(balance.contains("9423778.84"), "{balance}");
    let total = succeeded(&tally(&["total", "--book", "savings"]));
    assert!(total.contains("9423778.84"), "{total}");
    // What is refused is logged, too.
    assert!(
        !tally(&[&post[..], &["9999999.00"]].concat())
            .status
            .success()
    );
    let another = succeeded(&tally(&["key", "create", "--name", "till", "--read"]));
    let refused = exposed.tally(another.trim(), &url, &[&post[..], &[AMOUNT]].concat());
    assert!(
        text(&refused.stderr).contains("may not do this"),
        "{}",
        text(&refused.stderr)
    );
    let wrong = exposed.tally("tally_00", &url, &["book", "list"]);
    assert!(
        text(&wrong.stderr).contains("--api-key-file"),
        "{}",
        text(&wrong.stderr)
    );

    drop(server);
    let log = fs::read_to_string(&log).expect("a log");
    assert!(log.contains("TRACE"), "the log has all that can be said");
    assert!(
        log.matches("answered").count() > 8,
        "the log has the requests"
    );
    let digits = [&key, another.trim()].map(|key| &key["tally_".len()..]);
    for secret in SECRETS.iter().chain(&digits) {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "the log tells {secret}: {line:?}");
    }
}
