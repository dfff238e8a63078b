//! Libraries for Python that tests run, each in a folder of its own, pinned by version and hash.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{io, remove_folder};
use crate::shell;

/// A library and what it imports.
pub struct Library {
    /// Its name, for people.
    pub name: &'static str,
    /// Its version.
    version: &'static str,
    /// Its package, which is also the name of its folder.
    package: &'static str,
    /// Names another folder that holds it.
    pub variable: &'static str,
    /// What pip installs, with the hashes of what it may.
    requirements: &'static str,
}

/// Another implementation of the classic scheme.
pub const LIGHTPHE: Library = Library {
    name: "LightPHE",
    version: "0.0.27",
    package: "lightphe",
    variable: "LIGHTPHE",
    requirements: "\
lightphe==0.0.27 \
    --hash=sha256:106a05e8c17a24431b8e06e253281858bcaf03e4a914dc6d8e9759814f1a6afb
lightecc==0.0.8 \
    --hash=sha256:477b7ee3fe6b4f4a3bef9c89494ae8941020c8a702142c9c57e5b077594951a1
mpmath==1.3.0 \
    --hash=sha256:a0b2b9fe80bbcd81a6647ff13108738cfb482d481d826cc0e02f5b35e5c88d2c
sympy==1.14.0 \
    --hash=sha256:e091cc3e99d2141a0ba2847328f5479b05d94a6635cb96148ccb3f34671bd8f5
tqdm==4.70.1 \
    --hash=sha256:c293e525e6fef9c20e8728fd4612df02a0aa31bb5fe91ecd93e123b1b7bffa73
",
};

/// SLIP-39 as its authors have written it.
pub const SHAMIR_MNEMONIC: Library = Library {
    name: "shamir-mnemonic",
    version: "0.3.0",
    package: "shamir_mnemonic",
    variable: "SHAMIR_MNEMONIC",
    requirements: "\
shamir-mnemonic==0.3.0 \
    --hash=sha256:188c6b5bd00d5e756e12e2b186c3cb7c98ff7ff44df608d4c1d2077f6b6e730f
",
};

/// An emulator of processors, whose instructions can be left out. (Wheels for Linux on x86_64 and
/// AArch64, and for macOS.)
pub const UNICORN: Library = Library {
    name: "Unicorn",
    version: "2.1.4",
    package: "unicorn",
    variable: "UNICORN",
    requirements: "\
unicorn==2.1.4 \
    --hash=sha256:9d6e6dea140560de4ebd8446661f7ef84a357d428c14a3ef09dacd306ec8c239 \
    --hash=sha256:bd1fb0c9af5f57e356d8a96928b4fe045b2e18f308ef23b481d5f970008aa722 \
    --hash=sha256:d6c93e0f60328d8f4a1792af3f834137a28050fcc2305f2ec01efe8558a9844e
",
};

/// Requests made up from a description of an API. (Wheels for Python 3.11 to 3.13 on Linux on
/// x86_64.)
pub const SCHEMATHESIS: Library = Library {
    name: "Schemathesis",
    version: "4.32.5",
    package: "schemathesis",
    variable: "SCHEMATHESIS",
    requirements: include_str!("library/schemathesis.txt"),
};

impl Library {
    /// Its folder, downloaded first if need be.
    pub fn fetch(&self) -> Result<PathBuf, String> {
        if let Some(folder) = self.present()? {
            return Ok(folder);
        }
        let folder = self.folder()?;
        self.download(&folder).map_err(|error| {
            format!(
                "no {} for the tests: {error}\nget it with:\n    {}",
                self.name,
                self.line(&folder)
            )
        })?;
        Ok(folder)
    }

    /// Its folder, if it is here already.
    pub fn present(&self) -> Result<Option<PathBuf>, String> {
        let Some(folder) = env::var_os(self.variable).map(PathBuf::from) else {
            let folder = self.folder()?;
            return Ok(self.is_in(&folder).then_some(folder));
        };
        if self.is_in(&folder) {
            return Ok(Some(folder));
        }
        Err(format!(
            "{} is set to {}, which has no folder `{}`",
            self.variable,
            folder.display(),
            self.package
        ))
    }

    /// The line that gets it, to be copied by a person.
    pub fn by_hand(&self) -> Result<String, String> {
        Ok(self.line(&self.folder()?))
    }

    /// Name and version, for people.
    pub fn title(&self) -> String {
        format!("{} {}", self.name, self.version)
    }

    fn is_in(&self, folder: &Path) -> bool {
        folder.join(self.package).join("__init__.py").is_file()
    }

    fn folder(&self) -> Result<PathBuf, String> {
        let name = format!("{}-{}", self.package, self.version);
        Ok(shell::target_dir()?.join("tools").join(name))
    }

    fn line(&self, folder: &Path) -> String {
        format!(
            "python3 -m pip install --target {} {}=={}",
            folder.display(),
            self.package,
            self.version
        )
    }

    /// Installs beside the final folder, then renames: the library is whole or not there.
    fn download(&self, folder: &Path) -> Result<(), String> {
        let partial = folder.with_extension("partial");
        remove_folder(&partial)?;
        io(&partial, std::fs::create_dir_all(&partial))?;
        let requirements = partial.join("requirements-pinned.txt");
        io(
            &requirements,
            std::fs::write(&requirements, self.requirements),
        )?;
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--no-deps"]);
        pip.args(["--require-hashes", "--only-binary=:all:", "--target"])
            .arg(&partial);
        shell::run(pip.arg("--requirement").arg(&requirements))?;
        io(folder, std::fs::rename(&partial, folder))
    }
}
