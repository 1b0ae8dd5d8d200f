//! What the tests need beside Rust: a browser with its driver, Chinese fonts, and the checkers of
//! pages and of the API. Taken from Debian, npm and PyPI with their ordinary clients, which know
//! where packages lie; pinned, and checked where it is code that runs in the tests.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::run;

/// Debian packages, each with a program or file that tells whether it is there.
const PACKAGES: &[(&str, &str)] = &[
    ("chromium", "/usr/bin/chromium"),
    ("chromium-driver", "/usr/bin/chromedriver"),
    ("fonts-noto-cjk", "/usr/share/fonts/opentype/noto"),
    ("curl", "/usr/bin/curl"),
    ("jq", "/usr/bin/jq"),
    ("npm", "/usr/bin/npm"),
    ("procps", "/usr/bin/kill"),
    ("python3-venv", "/usr/lib/python3/dist-packages"),
];

const AXE: &str = "4.14.1";
const AXE_SHA256: &str = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745";
const SCHEMATHESIS: &str = "4.32.5";
const MOTO: &str = "5.2.1";

/// What moto's server needs beside it.
const MOTO_WITH: &[&str] = &["flask==3.1.3", "flask-cors==6.0.5", "werkzeug==3.1.9"];

/// Installs what is missing, and tells the tests where it lies.
pub(crate) fn prepare() -> Result<Vec<(&'static str, PathBuf)>> {
    install()?;
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    std::fs::create_dir_all(&target)?;
    let target = target.canonicalize()?;
    Ok(vec![
        ("DUBAN_AXE", axe(&target)?),
        ("DUBAN_SCHEMATHESIS", schemathesis(&target)?),
        ("DUBAN_MOTO", moto(&target)?),
    ])
}

fn install() -> Result<()> {
    let missing: Vec<&str> = PACKAGES
        .iter()
        .filter(|(_, sign)| !Path::new(sign).exists())
        .map(|(name, _)| *name)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    let apt = |args: &[&str]| {
        let mut command = if is_root { Command::new("apt-get") } else { Command::new("sudo") };
        if !is_root {
            command.arg("apt-get");
        }
        run(command.args(["-q", "-y"]).args(args).stdout(Stdio::null()))
    };
    apt(&["update"])?;
    let install = [&["install", "--no-install-recommends"], missing.as_slice()].concat();
    apt(&install).with_context(|| format!("install by hand: {}", missing.join(" ")))
}

/// The accessibility checker, as published on npm.
fn axe(target: &Path) -> Result<PathBuf> {
    let folder = target.join(format!("axe-{AXE}"));
    let script = folder.join("package/axe.min.js");
    if script.exists() {
        return Ok(script);
    }
    std::fs::create_dir_all(&folder)?;
    let package = format!("axe-core@{AXE}");
    run(Command::new("npm")
        .args(["pack", "--silent", "--pack-destination"])
        .arg(&folder)
        .arg(package)
        .stdout(Stdio::null()))?;
    let archive = folder.join(format!("axe-core-{AXE}.tgz"));
    let sum = Command::new("sha256sum").arg(&archive).output()?;
    if !String::from_utf8_lossy(&sum.stdout).starts_with(AXE_SHA256) {
        bail!("axe-core {AXE} is not what it was: {}", String::from_utf8_lossy(&sum.stdout));
    }
    run(Command::new("tar")
        .arg("xzf")
        .arg(&archive)
        .arg("-C")
        .arg(&folder)
        .arg("package/axe.min.js"))?;
    Ok(script)
}

/// The checker of the API against its document, as published on PyPI.
fn schemathesis(target: &Path) -> Result<PathBuf> {
    let package = format!("schemathesis=={SCHEMATHESIS}");
    from_pypi(&target.join(format!("schemathesis-{SCHEMATHESIS}")), "st", &[&package])
}

/// A service that speaks S3 and checks signatures, as published on PyPI.
fn moto(target: &Path) -> Result<PathBuf> {
    let package = format!("moto[s3]=={MOTO}");
    let packages = [&[package.as_str()], MOTO_WITH].concat();
    from_pypi(&target.join(format!("moto-{MOTO}")), "moto_server", &packages)
}

/// A program of Python packages, in a folder of its own.
fn from_pypi(folder: &Path, program: &str, packages: &[&str]) -> Result<PathBuf> {
    let program = folder.join("bin").join(program);
    if !program.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
        run(Command::new(folder.join("bin/pip")).args(["install", "-q"]).args(packages))?;
    }
    Ok(program)
}
