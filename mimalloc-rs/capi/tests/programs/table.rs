//! Which programs are run, and what each is there to show.

/// Something that has to be installed.
#[derive(Debug)]
pub(crate) struct Need {
    pub(crate) name: &'static str,
    /// A line for the shell that succeeds if it is there.
    pub(crate) question: &'static str,
    /// The Debian package.
    pub(crate) package: &'static str,
}

/// A script that prints the same each time it is run.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    /// Its file in `tests/programs/`.
    pub(crate) script: &'static str,
    pub(crate) needs: &'static [Need],
    /// Programs that have to have been started with the library.
    pub(crate) starts: &'static [&'static str],
    /// How long it may take on a slow and busy machine.
    pub(crate) patience_seconds: u64,
}

const fn need(name: &'static str, question: &'static str, package: &'static str) -> Need {
    Need { name, question, package }
}

const GCC: Need = need("gcc", "command -v gcc", "gcc");
const GXX: Need = need("g++", "command -v g++", "g++");
const GIT: Need = need("git", "command -v git", "git");
const JAVA: Need = need("javac", "command -v java && command -v javac", "default-jdk-headless");
const MAKE: Need = need("make", "command -v make", "make");
const NODE: Need = need("node", "command -v node", "nodejs");
const OPENSSL: Need = need("openssl", "command -v openssl", "openssl");
const PERL: Need = need("perl", "command -v perl", "perl");
const PYTHON: Need = need("python3", "command -v python3", "python3");
const PYTHON_TESTS: Need =
    need("python3's test package", "python3 -c 'import test.test_dict'", "libpython3.11-testsuite");
const REDIS_SERVER: Need = need("redis-server", "command -v redis-server", "redis-server");
const REDIS_TOOLS: Need = need("redis-benchmark", "command -v redis-benchmark", "redis-tools");
const SQLITE: Need = need("sqlite3", "command -v sqlite3", "sqlite3");
const XZ: Need = need("xz", "command -v xz", "xz-utils");

/// All of them, the small ones first.
pub(crate) const PROGRAMS: &[Program] = &[
    Program { name: "bash", script: "bash.sh", needs: &[], starts: &["bash", "cat"], patience_seconds: 60 },
    Program {
        name: "coreutils",
        script: "coreutils.sh",
        needs: &[],
        starts: &["sort", "shuf", "ls", "sha256sum", "seq"],
        patience_seconds: 60,
    },
    Program { name: "perl", script: "perl.sh", needs: &[PERL], starts: &["perl"], patience_seconds: 60 },
    Program {
        name: "sqlite3",
        script: "sqlite.sh",
        needs: &[SQLITE],
        starts: &["sqlite3"],
        patience_seconds: 60,
    },
    Program {
        name: "openssl",
        script: "openssl.sh",
        needs: &[OPENSSL],
        starts: &["openssl"],
        patience_seconds: 60,
    },
    Program {
        name: "tar_and_xz",
        script: "archive.sh",
        needs: &[XZ],
        starts: &["tar", "xz", "gzip"],
        patience_seconds: 60,
    },
    Program { name: "git", script: "git.sh", needs: &[GIT], starts: &["git"], patience_seconds: 120 },
    Program {
        name: "gcc",
        script: "gcc.sh",
        needs: &[GCC],
        starts: &["gcc", "cc1", "as", "sieve"],
        patience_seconds: 120,
    },
    Program {
        name: "gxx",
        script: "gxx.sh",
        needs: &[GXX],
        starts: &["g++", "cc1plus", "containers"],
        patience_seconds: 120,
    },
    Program {
        name: "make",
        script: "make.sh",
        needs: &[MAKE, GCC],
        starts: &["make", "cc1", "table"],
        patience_seconds: 120,
    },
    Program {
        name: "python3",
        script: "python.sh",
        needs: &[PYTHON],
        starts: &["python3"],
        patience_seconds: 120,
    },
    Program {
        name: "python3_tests_itself",
        script: "python_tests.sh",
        needs: &[PYTHON, PYTHON_TESTS],
        starts: &["python3"],
        patience_seconds: 240,
    },
    Program {
        name: "redis",
        script: "redis.sh",
        needs: &[REDIS_SERVER, REDIS_TOOLS],
        starts: &["redis-server", "redis-benchmark", "redis-cli"],
        patience_seconds: 120,
    },
    Program {
        name: "java",
        script: "java.sh",
        needs: &[JAVA],
        starts: &["java", "javac"],
        patience_seconds: 120,
    },
    Program { name: "node", script: "node.sh", needs: &[NODE], starts: &["node"], patience_seconds: 120 },
];
