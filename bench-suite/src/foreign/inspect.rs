//! Whether a program can be run under a preloaded allocator at all.

use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use object::elf::{ET_DYN, ET_EXEC, FileHeader64};
use object::read::elf::{ElfFile64, FileHeader, ProgramHeader};
use object::{Architecture, Endianness, Object, ObjectSymbol, ReadCache};

/// Longest chain of scripts that are run by scripts; the kernel follows no longer ones either.
const MAX_CHAIN: usize = 5;
/// What the kernel reads of the first line of a script.
const SCRIPT_LINE: u64 = 256;
/// Where the kernel keeps the capabilities of a file.
const CAPABILITIES: &str = "security.capability";
const SETUID: u32 = 0o4000;
const SETGID: u32 = 0o2000;
const EXECUTABLE: u32 = 0o111;

/// A program that an allocator can be preloaded into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// The program's file.
    pub path: PathBuf,
    /// What runs it if it is a script, what runs that, and so on.
    pub interpreters: Vec<PathBuf>,
}

impl Inspected {
    /// Whether the file itself is machine code.
    pub fn is_binary(&self) -> bool {
        self.interpreters.is_empty()
    }
}

/// Why a program cannot be run under a preloaded allocator; its text says what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such program.
    NotFound(PathBuf),
    /// The file may not be executed.
    NotExecutable(PathBuf),
    /// The loader ignores preloads for it, since it runs with more rights than whoever starts it.
    Privileged(PathBuf),
    /// No loader is involved in starting it.
    Static(PathBuf),
    /// The loader it asks for is missing.
    NoLoader(PathBuf, PathBuf),
    /// It is for another kind of processor.
    OtherMachine(PathBuf),
    /// It brings its own `malloc`, which comes before any preloaded one.
    OwnMalloc(PathBuf),
    /// It is neither machine code nor a script.
    NoProgram(PathBuf),
    /// Scripts run by scripts run by scripts.
    ChainTooLong(PathBuf),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, what) = match self {
            Self::NotFound(path) => (path, "not found; install it, or give its path"),
            Self::NotExecutable(path) => (path, "may not be executed; chmod +x it"),
            Self::Privileged(path) => (
                path,
                "has set-user-ID, set-group-ID or capabilities, so preloads are ignored; run a copy without",
            ),
            Self::Static(path) => {
                (path, "is linked statically, so nothing can be preloaded; link it dynamically")
            }
            Self::NoLoader(path, loader) => {
                return write!(
                    f,
                    "{} needs the loader {}, which is missing",
                    path.display(),
                    loader.display()
                );
            }
            Self::OtherMachine(path) => (path, "is not for x86-64; give a build that is"),
            Self::OwnMalloc(path) => (
                path,
                "brings its own malloc, which no preload can replace; give a build that uses the system's",
            ),
            Self::NoProgram(path) => (path, "is neither an ELF program nor a script that starts with #!"),
            Self::ChainTooLong(path) => (path, "is a script run by too long a chain of scripts"),
        };
        write!(f, "{} {what}", path.display())
    }
}

impl std::error::Error for Refusal {}

/// Looks at the program `name`, which is a path if there is a slash in it, and else is searched for on `PATH`.
pub fn inspect(name: impl AsRef<OsStr>) -> Result<Inspected, Refusal> {
    inspect_file(&resolve(name.as_ref())?)
}

/// The first program `name` on `PATH` that is machine code and can be run under a preloaded allocator. Version
/// managers put scripts of the same names in front.
///
/// # Errors
/// Why the first of that name does not do.
pub fn first_binary(name: &str) -> Result<Inspected, Refusal> {
    let mut first_refusal = None;
    for path in which::which_all(name).into_iter().flatten() {
        match inspect_file(&path) {
            Ok(inspected) if inspected.is_binary() => return Ok(inspected),
            Ok(_) => {}
            Err(refusal) => first_refusal = first_refusal.or(Some(refusal)),
        }
    }
    Err(first_refusal.unwrap_or_else(|| Refusal::NotFound(name.into())))
}

fn resolve(name: &OsStr) -> Result<PathBuf, Refusal> {
    if name.as_bytes().contains(&b'/') {
        return Ok(name.into());
    }
    which::which(name).map_err(|_| Refusal::NotFound(name.into()))
}

/// Looks at one file and, if it is a script, at everything that takes part in running it.
pub(super) fn inspect_file(path: &Path) -> Result<Inspected, Refusal> {
    let mut interpreters = Vec::new();
    let mut current = path.to_path_buf();
    loop {
        check_rights(&current)?;
        let Some(words) = script_words(&current)? else {
            check_binary(&current)?;
            return Ok(Inspected { path: path.to_path_buf(), interpreters });
        };
        let mut words = words.into_iter();
        let interpreter = words.next().ok_or_else(|| Refusal::NoProgram(current.clone()))?;
        current = PathBuf::from(interpreter);
        interpreters.push(current.clone());
        if current.file_name() == Some(OsStr::new("env")) {
            check_rights(&current)?;
            check_binary(&current)?;
            let runs = words.find(|word| !word.starts_with('-') && !word.contains('='));
            current = resolve(OsStr::new(&runs.ok_or_else(|| Refusal::NoProgram(path.to_path_buf()))?))?;
            interpreters.push(current.clone());
        }
        if interpreters.len() > MAX_CHAIN {
            return Err(Refusal::ChainTooLong(path.to_path_buf()));
        }
    }
}

fn check_rights(path: &Path) -> Result<(), Refusal> {
    let metadata = fs::metadata(path).map_err(|_| Refusal::NotFound(path.to_path_buf()))?;
    let mode = metadata.permissions().mode();
    if !metadata.is_file() || mode & EXECUTABLE == 0 {
        return Err(Refusal::NotExecutable(path.to_path_buf()));
    }
    let mut value = [0_u8; 64];
    let capable = rustix::fs::getxattr(path, CAPABILITIES, &mut value).is_ok_and(|length| length > 0);
    if capable || mode & (SETUID | SETGID) != 0 {
        return Err(Refusal::Privileged(path.to_path_buf()));
    }
    Ok(())
}

/// The interpreter and its arguments, if the file is a script.
fn script_words(path: &Path) -> Result<Option<Vec<String>>, Refusal> {
    let mut start = Vec::new();
    File::open(path)
        .and_then(|file| file.take(SCRIPT_LINE).read_to_end(&mut start))
        .map_err(|_| Refusal::NotExecutable(path.to_path_buf()))?;
    let Some(rest) = start.strip_prefix(b"#!") else { return Ok(None) };
    let line = rest.split(|&byte| byte == b'\n').next().unwrap_or_default();
    Ok(Some(String::from_utf8_lossy(line).split_whitespace().map(str::to_owned).collect()))
}

fn check_binary(path: &Path) -> Result<(), Refusal> {
    let no_program = || Refusal::NoProgram(path.to_path_buf());
    // The cache reads only the parts of the file that are looked at.
    let file = ReadCache::new(File::open(path).map_err(|_| no_program())?);
    let kind = object::FileKind::parse(&file).map_err(|_| no_program())?;
    match kind {
        object::FileKind::Elf64 => {}
        object::FileKind::Elf32 => return Err(Refusal::OtherMachine(path.to_path_buf())),
        _ => return Err(no_program()),
    }
    let elf = ElfFile64::<Endianness, _>::parse(&file).map_err(|_| no_program())?;
    if elf.architecture() != Architecture::X86_64 {
        return Err(Refusal::OtherMachine(path.to_path_buf()));
    }
    let header: &FileHeader64<Endianness> = elf.elf_header();
    if ![ET_EXEC, ET_DYN].contains(&header.e_type(elf.endian())) {
        return Err(no_program());
    }
    let loader = elf
        .elf_program_headers()
        .iter()
        .find_map(|header| header.interpreter(elf.endian(), &file).ok().flatten())
        .ok_or_else(|| Refusal::Static(path.to_path_buf()))?;
    let loader = Path::new(OsStr::from_bytes(loader));
    if !loader.is_file() {
        return Err(Refusal::NoLoader(path.to_path_buf(), loader.to_path_buf()));
    }
    let mut symbols = elf.dynamic_symbols().chain(elf.symbols());
    if symbols.any(|symbol| symbol.is_definition() && symbol.name_bytes() == Ok(b"malloc")) {
        return Err(Refusal::OwnMalloc(path.to_path_buf()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use tempfile::TempDir;

    use super::*;

    /// A folder to make programs in.
    struct Bench(TempDir);

    impl Bench {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn script(&self, name: &str, first_line: &str) -> PathBuf {
            let path = self.path(name);
            fs::write(&path, format!("{first_line}\n")).unwrap();
            set_mode(&path, 0o755);
            path
        }

        fn compiled(&self, name: &str, source: &str, flags: &[&str]) -> PathBuf {
            let (text, path) = (self.path("source.c"), self.path(name));
            fs::write(&text, source).unwrap();
            let done = Command::new("cc").args(flags).arg(&text).arg("-o").arg(&path).status().unwrap();
            assert!(done.success());
            path
        }

        fn copy(&self, original: &str, mode: u32) -> PathBuf {
            let path = self.path("copy");
            fs::copy(original, &path).unwrap();
            set_mode(&path, mode);
            path
        }
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    const NOTHING: &str = "int main(void) { return 0; }";

    #[test]
    fn ordinary_programs_are_fine_however_they_are_named() {
        let shell = inspect("sh").unwrap();
        assert!(shell.path.is_absolute() && shell.is_binary());
        assert_eq!(inspect("/bin/sh").unwrap().path, Path::new("/bin/sh"));
        let place = Bench::new();
        assert!(inspect(place.compiled("fixed", NOTHING, &["-no-pie"])).is_ok());
    }

    #[test]
    fn scripts_are_followed_to_what_runs_them() {
        let place = Bench::new();
        let inner = place.script("inner", "#! /bin/sh -e");
        let outer = place.script("outer", &format!("#!{}", inner.display()));
        let inspected = inspect(&outer).unwrap();
        assert_eq!(inspected.interpreters, [inner, PathBuf::from("/bin/sh")]);
        let by_name = inspect(place.script("by-name", "#!/usr/bin/env -S A=1 sh -e")).unwrap();
        assert_eq!(by_name.interpreters[0], Path::new("/usr/bin/env"));
        assert!(by_name.interpreters[1].ends_with("sh") && by_name.interpreters.len() == 2);
    }

    #[test]
    fn scripts_are_refused_for_what_runs_them() {
        let place = Bench::new();
        let fixed = place.compiled("fixed", NOTHING, &["-static"]);
        let script = place.script("script", &format!("#!{}", fixed.display()));
        assert_eq!(inspect(script), Err(Refusal::Static(fixed)));
        let gone = place.script("gone", "#!/nonexistent/sh");
        assert_eq!(inspect(gone), Err(Refusal::NotFound("/nonexistent/sh".into())));
        let itself = place.path("itself");
        let itself = place.script("itself", &format!("#!{}", itself.display()));
        assert_eq!(inspect(&itself), Err(Refusal::ChainTooLong(itself)));
    }

    #[test]
    fn missing_and_unusable_files_are_told_apart() {
        let place = Bench::new();
        assert_eq!(inspect("surely-no-such"), Err(Refusal::NotFound("surely-no-such".into())));
        assert_eq!(inspect("/nonexistent"), Err(Refusal::NotFound("/nonexistent".into())));
        let copy = place.copy("/bin/sh", 0o644);
        assert_eq!(inspect(&copy), Err(Refusal::NotExecutable(copy)));
        let text = place.script("text", "no program");
        assert_eq!(inspect(&text), Err(Refusal::NoProgram(text)));
    }

    #[test]
    fn privileged_programs_are_refused() {
        let place = Bench::new();
        for mode in [0o4755, 0o2755] {
            let copy = place.copy("/bin/sh", mode);
            assert_eq!(inspect(&copy), Err(Refusal::Privileged(copy)));
        }
        let copy = place.copy("/bin/sh", 0o755);
        // Permitted and inheritable sets with one capability each, in the kernel's second format.
        let one_capability = [0, 0, 0, 2, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let flags = rustix::fs::XattrFlags::empty();
        match rustix::fs::setxattr(&copy, CAPABILITIES, &one_capability, flags) {
            Ok(()) => assert_eq!(inspect(&copy), Err(Refusal::Privileged(copy))),
            Err(error) => eprintln!("skipped: cannot set capabilities here: {error}"),
        }
    }

    #[test]
    fn static_programs_are_refused_with_and_without_a_fixed_address() {
        let place = Bench::new();
        for flag in ["-static", "-static-pie"] {
            let path = place.compiled("static", NOTHING, &[flag]);
            assert_eq!(inspect(&path), Err(Refusal::Static(path)));
        }
    }

    #[test]
    fn own_malloc_is_refused_whether_others_see_it_or_not() {
        let place = Bench::new();
        let source =
            "#include <stddef.h>\nvoid *malloc(size_t n) { return NULL; }\nint main(void) { return 0; }";
        for flags in [&["-rdynamic"][..], &["-fvisibility=hidden"]] {
            let path = place.compiled("own", source, flags);
            assert_eq!(inspect(&path), Err(Refusal::OwnMalloc(path)));
        }
        // Taking the address of the system's is not defining one.
        let user = "#include <stdlib.h>\nvoid *(*f)(size_t) = malloc;\nint main(void) { return !f(8); }";
        assert!(inspect(place.compiled("user", user, &["-no-pie"])).is_ok());
    }

    #[test]
    fn other_machines_and_loaders_are_refused() {
        let place = Bench::new();
        let mut bytes = fs::read("/bin/sh").unwrap();
        const MACHINE: usize = 18;
        const AARCH64: u8 = 183;
        bytes[MACHINE] = AARCH64;
        let path = place.path("other");
        fs::write(&path, &bytes).unwrap();
        set_mode(&path, 0o755);
        assert_eq!(inspect(&path), Err(Refusal::OtherMachine(path)));
        let flags = ["-Wl,--dynamic-linker=/nonexistent/ld.so"];
        let path = place.compiled("lost", NOTHING, &flags);
        assert_eq!(inspect(&path), Err(Refusal::NoLoader(path, "/nonexistent/ld.so".into())));
    }
}
