//! What foreign code needs to run, installed below `target/`: a Python with the pinned packages, and the Go programs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

/// Why a client cannot be run.
#[derive(Clone, Debug)]
pub(crate) enum Missing {
    /// The machine lacks something; CI has installed it beforehand.
    Tool(String),
    /// No Go that is new enough, or no captures because somebody said so: allowed everywhere.
    Allowed(String),
}

/// What the foreign clients need, installed.
pub(crate) struct Toolbox {
    python: Result<PathBuf, Missing>,
    go: Result<PathBuf, Missing>,
}

impl Toolbox {
    /// Installs what is not there yet: a virtual environment with the pinned packages, and the Go programs.
    pub(crate) fn install() -> Self {
        thread::scope(|scope| {
            let go = scope.spawn(build_go);
            Self { python: python(), go: go.join().unwrap_or_else(|_| Err(Missing::Allowed("panicked".to_owned()))) }
        })
    }

    /// The command that runs a Python script of this folder, or what is missing.
    pub(crate) fn script(&self, name: &str) -> Result<Command, Missing> {
        let mut command = Command::new(self.python.clone()?);
        command.arg(sources().join(name)).env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONUNBUFFERED", "0");
        Ok(command)
    }

    /// The command that runs one of the Go programs, or what is missing.
    pub(crate) fn go(&self, program: &str) -> Result<Command, Missing> {
        self.go.clone().map(|programs| Command::new(programs.join(program)))
    }
}

/// Below what everything is installed.
fn target() -> PathBuf {
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    tmp.parent().unwrap_or(tmp).to_owned()
}

/// Where the foreign programs' sources are.
fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/interop")
}

/// The Python of a virtual environment in which exactly the pinned packages are installed.
fn python() -> Result<PathBuf, Missing> {
    let tool = |what: &str, why: String| Missing::Tool(format!("{what}: {why}"));
    let requirements = sources().join("requirements.txt");
    let wanted = fs::read_to_string(&requirements).map_err(|e| tool("requirements.txt", e.to_string()))?;
    let home = target().join("interop-venv");
    let (python, stamp) = (home.join("bin/python"), home.join("installed.txt"));
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) && python.is_file() {
        return Ok(python);
    }
    let mut create = Command::new("python3");
    finish(create.args(["-m", "venv", "--clear"]).arg(&home)).map_err(|why| tool("python3 -m venv", why))?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "2"]);
    install.args(["--require-hashes", "--only-binary", ":all:", "--requirement"]).arg(&requirements);
    finish(&mut install).map_err(|why| tool("pip install", why))?;
    fs::write(&stamp, wanted).map_err(|e| tool("installed.txt", e.to_string()))?;
    Ok(python)
}

/// The folder of the Go programs, built from the pinned modules.
fn build_go() -> Result<PathBuf, Missing> {
    let told = finish(Command::new("go").args(["env", "GOVERSION"]).env("GOTOOLCHAIN", "local"))
        .map_err(|why| Missing::Allowed(format!("no Go: {why}")))?;
    let minor = told.trim().strip_prefix("go1.").and_then(|rest| rest.split('.').next()?.parse::<u32>().ok());
    if minor.is_none_or(|minor| minor < GO_MINOR) {
        return Err(Missing::Allowed(format!("go1.{GO_MINOR} or later is needed, this is {}", told.trim())));
    }
    let programs = target().join("interop-go");
    fs::create_dir_all(&programs).map_err(|e| Missing::Tool(e.to_string()))?;
    let mut build = Command::new("go");
    build.arg("-C").arg(sources().join("go")).args(["build", "-mod=readonly", "-buildvcs=false", "-o"]).arg(&programs);
    build.arg("./...").env("GOTOOLCHAIN", "local").env("GOFLAGS", "");
    finish(&mut build).map_err(|why| Missing::Tool(format!("go build: {why}")))?;
    Ok(programs)
}

/// The output of a command that ends well, or the last line of its complaint.
fn finish(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(complaint.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("failed without a word").to_owned())
}

/// The minor version of Go that `go.mod` asks for.
const GO_MINOR: u32 = 25;
