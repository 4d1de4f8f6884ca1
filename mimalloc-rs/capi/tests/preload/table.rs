//! Which programs are run, and what each is there to show.

/// Something that has to be installed.
#[derive(Debug)]
pub(crate) struct Need {
    pub(crate) name: &'static str,
    /// A line for the shell that succeeds if it is there.
    pub(crate) question: &'static str,
    /// The Debian package.
    pub(crate) package: &'static str,
    /// Too large to be asked for where all programs are required.
    pub(crate) large: bool,
}

/// A script that prints the same each time it is run: `tests/preload/<name>.sh`.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) needs: &'static [Need],
    /// Programs that have to have been started with the library.
    pub(crate) starts: &'static [&'static str],
}

const fn need(name: &'static str, question: &'static str, package: &'static str) -> Need {
    Need { name, question, package, large: false }
}

const fn large(need: Need) -> Need {
    Need { large: true, ..need }
}

const GCC: Need = need("gcc", "command -v gcc", "gcc");
const GXX: Need = need("g++", "command -v g++", "g++");
const GIT: Need = need("git", "command -v git", "git");
const JAVA: Need = large(need("javac", "command -v java && command -v javac", "default-jdk-headless"));
const MAKE: Need = need("make", "command -v make", "make");
const NODE: Need = large(need("node", "command -v node", "nodejs"));
const OPENSSL: Need = need("openssl", "command -v openssl", "openssl");
const PERL: Need = need("perl", "command -v perl", "perl");
const PYTHON: Need = need("python3", "command -v python3", "python3");
const PYTHON_TESTS: Need =
    need("python3's test package", "python3 -c 'import test.test_dict'", "'libpython3.*-testsuite'");
const REDIS_SERVER: Need = need("redis-server", "command -v redis-server", "redis-server");
const REDIS_TOOLS: Need = need("redis-benchmark", "command -v redis-benchmark", "redis-tools");
const SQLITE: Need = need("sqlite3", "command -v sqlite3", "sqlite3");
const XZ: Need = need("xz", "command -v xz", "xz-utils");

const fn program(name: &'static str, needs: &'static [Need], starts: &'static [&'static str]) -> Program {
    Program { name, needs, starts }
}

/// All of them, the small ones first.
pub(crate) const PROGRAMS: &[Program] = &[
    program("bash", &[], &["bash", "cat"]),
    program("coreutils", &[], &["sort", "shuf", "ls", "sha256sum", "seq"]),
    program("perl", &[PERL], &["perl"]),
    program("sqlite3", &[SQLITE], &["sqlite3"]),
    program("openssl", &[OPENSSL], &["openssl"]),
    program("archive", &[XZ], &["tar", "xz", "gzip"]),
    program("git", &[GIT], &["git"]),
    program("gcc", &[GCC], &["gcc", "cc1", "as", "sieve"]),
    program("gxx", &[GXX], &["g++", "cc1plus", "containers"]),
    program("make", &[MAKE, GCC], &["make", "cc1", "table"]),
    program("python3", &[PYTHON], &["python3"]),
    program("python3_tests_itself", &[PYTHON, PYTHON_TESTS], &["python3"]),
    program("redis", &[REDIS_SERVER, REDIS_TOOLS], &["redis-server", "redis-benchmark", "redis-cli"]),
    program("java", &[JAVA], &["java", "javac"]),
    program("node", &[NODE], &["node"]),
];
