//! The images of the workspace, as their own manifests describe them:
//!
//! ```toml
//! [package.metadata.image]
//! target = "thumbv7em-none-eabihf"
//! probe-rs = "nRF52840_xxAA"  # the chip, if probe-rs writes its flash
//! uf2-family = 0xe48bff59     # the family, if it takes UF2 files
//! ```
//!
//! So another board is a folder under `firmware/boards`, and nothing here.

use serde_json::Value;

use crate::shell;

/// An image for a microcontroller: a package with `[package.metadata.image]`.
#[derive(Debug, PartialEq, Eq)]
pub struct Image {
    /// Name of the package, and of the ELF file.
    pub package: String,
    /// The target it is compiled for.
    pub target: String,
    /// How it gets into the flash.
    pub loader: Loader,
    /// It is a token: its folder lies under `firmware/boards`.
    pub is_board: bool,
}

/// How an image gets into the flash of its chip.
#[derive(Debug, PartialEq, Eq)]
pub enum Loader {
    /// Not at all: the machine is emulated.
    Emulated,
    /// By probe-rs, through the debug port.
    ProbeRs {
        /// What probe-rs calls the chip.
        chip: String,
    },
    /// As a UF2 file, copied to the drive that the chip shows.
    Uf2 {
        /// The family of chips that take the file.
        family: u32,
    },
}

/// All images, boards first.
///
/// # Errors
/// A manifest that cargo can't read, or an image without a target or with two loaders.
pub fn images() -> Result<Vec<Image>, String> {
    read(&shell::metadata()?)
}

/// The image of a package.
///
/// # Errors
/// As for [`images`], and if the package is no image.
pub fn image(package: &str) -> Result<Image, String> {
    let image = images()?.into_iter().find(|image| image.package == package);
    image.ok_or_else(|| format!("`{package}` has no [package.metadata.image] in its manifest"))
}

/// The board of that name.
///
/// # Errors
/// As for [`images`], and if there is none; then the message lists those there are.
pub fn board(name: &str) -> Result<Image, String> {
    let mut boards = boards()?;
    match boards.iter().position(|board| board.package == name) {
        Some(index) => Ok(boards.swap_remove(index)),
        None => {
            let names: Vec<_> = boards.iter().map(|board| board.package.as_str()).collect();
            let names = names.join(", ");
            Err(format!("there is no board `{name}`, but these: {names}"))
        }
    }
}

/// All boards.
///
/// # Errors
/// As for [`images`].
pub fn boards() -> Result<Vec<Image>, String> {
    Ok(images()?
        .into_iter()
        .filter(|image| image.is_board)
        .collect())
}

/// The targets of all images, each once.
///
/// # Errors
/// As for [`images`].
pub fn targets() -> Result<Vec<String>, String> {
    let mut targets: Vec<_> = images()?.into_iter().map(|image| image.target).collect();
    targets.sort_unstable();
    targets.dedup();
    Ok(targets)
}

fn read(metadata: &Value) -> Result<Vec<Image>, String> {
    let packages = metadata["packages"]
        .as_array()
        .ok_or("cargo metadata: no packages")?;
    let mut images = Vec::new();
    for package in packages {
        let manifest = package["manifest_path"].as_str().unwrap_or_default();
        let is_board = manifest.contains("/firmware/boards/");
        let description = &package["metadata"]["image"];
        if description.is_null() && !is_board {
            continue;
        }
        let image = describe(package, description, is_board);
        images.push(image.map_err(|what| format!("{manifest}: [package.metadata.image] {what}"))?);
    }
    images.sort_by(|a, b| (!a.is_board, &a.package).cmp(&(!b.is_board, &b.package)));
    Ok(images)
}

fn describe(package: &Value, description: &Value, is_board: bool) -> Result<Image, String> {
    let known = ["target", "probe-rs", "uf2-family"];
    let keys = description.as_object().ok_or("is missing")?.keys();
    if let Some(unknown) = keys.into_iter().find(|key| !known.contains(&key.as_str())) {
        return Err(format!("has an unknown key `{unknown}`"));
    }
    let chip = description["probe-rs"].as_str();
    let family = description["uf2-family"].as_u64();
    let loader = match (chip, family) {
        (None, None) => Loader::Emulated,
        (Some(chip), None) => Loader::ProbeRs {
            chip: chip.to_owned(),
        },
        (None, Some(family)) => Loader::Uf2 {
            family: u32::try_from(family).map_err(|_| "has a family of more than 32 bits")?,
        },
        (Some(_), Some(_)) => return Err("has two loaders".to_owned()),
    };
    Ok(Image {
        package: package["name"].as_str().ok_or("has no package")?.to_owned(),
        target: description["target"]
            .as_str()
            .ok_or("has no target")?
            .to_owned(),
        loader,
        is_board,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn package(folder: &str, name: &str, image: Value) -> Value {
        let manifest = format!("/somewhere/{folder}/{name}/Cargo.toml");
        json!({"name": name, "manifest_path": manifest, "metadata": {"image": image}})
    }

    fn read_one(image: Value) -> Result<Vec<Image>, String> {
        read(&json!({"packages": [package("firmware/boards", "b", image)]}))
    }

    #[test]
    fn every_kind_of_image_is_read_and_boards_come_first() {
        let plain = json!({"name": "cli", "manifest_path": "/somewhere/cli", "metadata": null});
        let packages = json!({"packages": [
            package("firmware", "a", json!({"target": "t1"})),
            package("firmware/boards", "c", json!({"target": "t2", "uf2-family": 7})),
            package("firmware/boards", "b", json!({"target": "t1", "probe-rs": "chip"})),
            plain,
        ]});
        let image = |package: &str, target: &str, loader, is_board| Image {
            package: package.to_owned(),
            target: target.to_owned(),
            loader,
            is_board,
        };
        let chip = "chip".to_owned();
        assert_eq!(
            read(&packages).unwrap(),
            [
                image("b", "t1", Loader::ProbeRs { chip }, true),
                image("c", "t2", Loader::Uf2 { family: 7 }, true),
                image("a", "t1", Loader::Emulated, false),
            ]
        );
    }

    #[test]
    fn a_board_that_does_not_say_enough_is_an_error() {
        for image in [
            Value::Null,
            json!({}),
            json!({"probe-rs": "chip"}),
            json!({"target": "t", "probe-rs": "chip", "uf2-family": 7}),
            json!({"target": "t", "uf2-family": 1_u64 << 32}),
            json!({"target": "t", "uf2_family": 7}),
        ] {
            let error = read_one(image.clone()).unwrap_err();
            assert!(error.contains("/b/Cargo.toml"), "{image}: {error}");
        }
        assert!(read_one(json!({"target": "t"})).is_ok());
    }

    #[test]
    fn the_boards_of_this_workspace_are_found() {
        let boards = boards().unwrap();
        let folders = std::fs::read_dir(shell::root().join("firmware/boards")).unwrap();
        let is_folder = |entry: &std::fs::DirEntry| entry.path().is_dir();
        assert_eq!(boards.len(), folders.flatten().filter(is_folder).count());
        assert_eq!(board("mps2-an386").unwrap().loader, Loader::Emulated);
        assert!(board("mps2").unwrap_err().contains("mps2-an386"));
        assert!(image("xtask").is_err());
        assert!(!targets().unwrap().is_empty());
    }
}
