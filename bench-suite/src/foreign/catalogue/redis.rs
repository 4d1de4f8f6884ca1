//! The server redis, filled through a socket by its own benchmark client, which keeps its own allocator.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use workloads::rows::{Preset, Size};

use crate::exec::environment::isolate;
use crate::foreign::companion::{Beside, Companion};
use crate::foreign::program::{Checked, CommandLine, Finished, Program, Start, Task, Unready, tool};
use crate::plan::Params;

/// Longest time the server may take to answer its first command, or any later one.
const PATIENCE: Duration = Duration::from_secs(20);
/// Time between two looks at what cannot be waited for.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// The score is the time of as many requests, whatever number was made, as of all rows that are told as a rate.
const SCORED_REQUESTS: f64 = 1e9;

/// The server redis.
#[derive(Debug)]
pub(super) struct Redis;

impl Program for Redis {
    fn id(&self) -> &'static str {
        "redis"
    }

    fn packages(&self) -> &'static [&'static str] {
        &["redis-server", "redis-tools"]
    }

    fn prepare(&self, params: Params, _folder: &Path) -> Result<Box<dyn Task>, Unready> {
        let server = tool("redis-server", "redis-server")?.path;
        let client = tool("redis-benchmark", "redis-tools")?.path;
        let (numbers, pipeline, full) = match params.preset {
            Preset::Current => (5, 16, 100_000),
            Preset::Seed2019 => (10, 8, 1_000_000),
        };
        let requests = match params.size {
            Size::Check => 4_000,
            Size::Quick => 20_000,
            Size::Calibrated => 100_000,
            Size::Full => full,
        };
        // The client takes all of this for the arguments of one command, so that words are pushed, too.
        let mut pushed: Vec<String> = (1..=numbers).map(|number| number.to_string()).collect();
        pushed.extend(["lrange", "a", "1", &numbers.to_string()].map(str::to_owned));
        Ok(Box::new(Filled { server, client, requests, pipeline, pushed }))
    }
}

/// A server that is to be filled by a client.
#[derive(Debug, Clone)]
struct Filled {
    server: PathBuf,
    client: PathBuf,
    requests: u64,
    pipeline: u64,
    /// What one request appends to the list `a`, each in front of the one before.
    pushed: Vec<String>,
}

impl Task for Filled {
    fn row(&self) -> &str {
        Redis.id()
    }

    fn threads(&self) -> usize {
        1
    }

    fn start(&self, work: &Path) -> Result<Start, String> {
        let port = free_port()?;
        let options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"];
        let command = CommandLine::new(&self.server)
            .args(["--port".to_owned(), port.to_string()])
            .args(options)
            .args([work.as_os_str()]);
        let session = Session { port, work: work.as_os_str().to_owned(), filled: self.clone() };
        let companion = Companion::new(move |beside| session.work(beside));
        Ok(Start { companion: Some(companion), ..command.into() })
    }

    fn again(&self, stdout: &str) -> bool {
        stdout.contains("Address already in use")
    }

    fn judge(&self, finished: &Finished<'_>) -> Result<Checked, String> {
        let line = finished.companion.unwrap_or_default();
        let rate = rate(line).ok_or_else(|| format!("its client says no rate: {line}"))?;
        let nanoseconds = |requests: f64| (requests / rate * 1e9) as u64;
        Ok(Checked {
            run_ns: nanoseconds(self.requests as f64),
            score_ns: nanoseconds(SCORED_REQUESTS),
            operations: self.requests,
            figure: format!("{rate} requests per second"),
            checksum: None,
        })
    }
}

/// A port that nobody listens on at this moment.
fn free_port() -> Result<u16, String> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| format!("cannot find a free port: {error}"))
}

/// Requests per second in the client's last line.
fn rate(line: &str) -> Option<f64> {
    let before = line.split(" requests per second").next().filter(|before| before.len() < line.len())?;
    before.split_whitespace().last()?.parse().ok().filter(|rate: &f64| *rate > 0.0)
}

/// What is done with one server.
struct Session {
    port: u16,
    work: OsString,
    filled: Filled,
}

impl Session {
    /// Fills the server, checks what is in it, and has it end. Returns the client's last line.
    fn work(&self, beside: &Beside) -> Result<String, String> {
        let mut connection = self.connect(beside)?;
        // Whoever else may have taken the port must not be filled, let alone be ended.
        let folder = connection.ask("CONFIG GET dir")?;
        if folder.last().map(String::as_str) != self.work.to_str() {
            return Err("another server answers at its port".to_owned());
        }
        let line = self.fill(beside)?;
        self.check(&mut connection)?;
        connection.tell("SHUTDOWN NOSAVE")?;
        connection.until_closed()?;
        Ok(line)
    }

    fn connect(&self, beside: &Beside) -> Result<Connection, String> {
        let started = Instant::now();
        while !beside.over() && started.elapsed() < PATIENCE {
            if let Ok(stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)) {
                return Connection::new(stream);
            }
            thread::sleep(LOOK_EVERY);
        }
        Err("the server does not listen".to_owned())
    }

    fn fill(&self, beside: &Beside) -> Result<String, String> {
        let Filled { client, requests, pipeline, pushed, .. } = &self.filled;
        let mut command = Command::new(client);
        isolate(&mut command, 0);
        command
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-r", "1000000", "-q"])
            .args(["-n", &requests.to_string(), "-P", &pipeline.to_string(), "lpush", "a"])
            .args(pushed)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut client =
            Client(command.spawn().map_err(|error| format!("cannot start its client: {error}"))?);
        while client.0.try_wait().map_err(|error| format!("cannot wait for its client: {error}"))?.is_none() {
            if beside.over() {
                return Err("the server ended before its client".to_owned());
            }
            thread::sleep(LOOK_EVERY);
        }
        let said = client.said()?;
        said.split(['\r', '\n'])
            .rev()
            .find(|line| line.contains(" requests per second"))
            .map(|line| line.trim().to_owned())
            .ok_or_else(|| format!("its client failed: {}", said.trim()))
    }

    /// Whether exactly what was sent has arrived.
    fn check(&self, connection: &mut Connection) -> Result<(), String> {
        let Filled { requests, pushed, .. } = &self.filled;
        let length = connection.ask("LLEN a")?;
        let expected = (requests * pushed.len() as u64).to_string();
        if length != [expected.as_str()] {
            return Err(format!("the list has {length:?} entries, not {expected}"));
        }
        let newest = connection.ask("LRANGE a 0 9")?;
        let expected: Vec<_> = pushed.iter().rev().cycle().take(10).cloned().collect();
        if newest != expected {
            return Err(format!("the list begins with {newest:?}, not {expected:?}"));
        }
        Ok(())
    }
}

/// A client that ends with its owner.
struct Client(Child);

impl Client {
    /// All that a client which has ended said.
    fn said(&mut self) -> Result<String, String> {
        let mut said = String::new();
        let unreadable = |error| format!("cannot read what its client said: {error}");
        if let Some(mut stream) = self.0.stderr.take() {
            stream.read_to_string(&mut said).map_err(unreadable)?;
        }
        if let Some(mut stream) = self.0.stdout.take() {
            stream.read_to_string(&mut said).map_err(unreadable)?;
        }
        Ok(said)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A connection for the harness's own few questions.
struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    fn new(stream: TcpStream) -> Result<Self, String> {
        stream.set_read_timeout(Some(PATIENCE)).map_err(|error| format!("cannot limit a wait: {error}"))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    fn tell(&mut self, command: &str) -> Result<(), String> {
        let line = format!("{command}\r\n");
        self.stream.get_mut().write_all(line.as_bytes()).map_err(|error| no_answer(command, &error))
    }

    /// The strings and numbers in the answer to a command.
    fn ask(&mut self, command: &str) -> Result<Vec<String>, String> {
        self.tell(command)?;
        let first = self.line(command)?;
        let Some(count) = first.strip_prefix('*') else { return Ok(vec![self.value(command, &first)?]) };
        let count: usize = count.parse().map_err(|_| format!("{command} is answered with {first}"))?;
        (0..count)
            .map(|_| {
                let line = self.line(command)?;
                self.value(command, &line)
            })
            .collect()
    }

    /// One value, of which `line` was read already.
    fn value(&mut self, command: &str, line: &str) -> Result<String, String> {
        match line.split_at_checked(1) {
            Some((":" | "+", value)) => Ok(value.to_owned()),
            Some(("$", _)) => self.line(command),
            _ => Err(format!("{command} is answered with {line}")),
        }
    }

    fn line(&mut self, command: &str) -> Result<String, String> {
        let mut line = String::new();
        self.stream.read_line(&mut line).map_err(|error| no_answer(command, &error))?;
        Ok(line.trim_end().to_owned())
    }

    /// Waits until the server closes the connection.
    fn until_closed(&mut self) -> Result<(), String> {
        let line = self.line("SHUTDOWN NOSAVE")?;
        if line.is_empty() { Ok(()) } else { Err(format!("the server does not end: {line}")) }
    }
}

fn no_answer(command: &str, error: &std::io::Error) -> String {
    format!("the server does not answer {command}: {error}")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::exec::Execution;
    use crate::foreign::launch::Terms;
    use crate::foreign::tests::{Place, TERMS, all_end, glibc};
    use crate::status::Status;

    /// A server with another client, or nothing where there is no server.
    fn filled_by(client: &Path) -> Option<Filled> {
        let server = match tool("redis-server", "redis-server") {
            Ok(server) => server.path,
            Err(unready) => {
                eprintln!("skipped: {}", unready.reason);
                return None;
            }
        };
        let pushed = vec!["1".to_owned()];
        Some(Filled { server, client: client.to_path_buf(), requests: 10, pipeline: 1, pushed })
    }

    fn run(place: &Place, task: &Filled, limit: Duration) -> Option<Execution> {
        let terms = Terms { limit, ..TERMS };
        let execution = place.stage().execute(task, &glibc(), terms, "").unwrap();
        assert!(all_end(place.folder()));
        execution
    }

    #[test]
    fn score_is_the_time_of_a_billion_requests() {
        let pushed = Vec::new();
        let filled = Filled { server: "".into(), client: "".into(), requests: 100_000, pipeline: 1, pushed };
        let finished = Finished {
            exit_code: 0,
            wall_ns: 0,
            stdout: "",
            work: Path::new(""),
            output: Path::new(""),
            companion: Some("rpush: 400000.00 requests per second, p50=1.2 msec"),
        };
        let checked = filled.judge(&finished).unwrap();
        assert_eq!((checked.run_ns, checked.score_ns), (250_000_000, 2_500_000_000_000));
    }

    /// A client that never ends by itself, and whether it runs.
    fn endless_client(place: &Place) -> (PathBuf, impl Fn() -> bool) {
        let client = place.path("client");
        fs::write(&client, "#!/bin/sh\nwhile :; do :; done\n").unwrap();
        fs::set_permissions(&client, fs::Permissions::from_mode(0o755)).unwrap();
        let name = client.to_str().unwrap().to_owned();
        let runs = move || {
            let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
            let mut lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
            lines.any(|line| String::from_utf8_lossy(&line).contains(&name))
        };
        (client, runs)
    }

    #[test]
    fn rate_is_read_from_the_clients_words() {
        let line = "lpush a 1 2 3 4 5 lrange a 1 5: 204081.62 requests per second, p50=3.255 msec";
        assert_eq!(rate(line), Some(204_081.62));
        assert_eq!(rate("Could not connect to Redis"), None);
        assert_eq!(rate("x: 0.00 requests per second"), None);
    }

    #[test]
    fn the_suites_command_pushes_nine_words() {
        let params = Params { preset: Preset::Current, size: Size::Full, threads: 2, levelled: true };
        match Redis.prepare(params, Path::new("/")) {
            Ok(task) => {
                let task = format!("{task:?}");
                assert!(task.contains(r#"["1", "2", "3", "4", "5", "lrange", "a", "1", "5"]"#), "{task}");
            }
            Err(unready) => eprintln!("skipped: {}", unready.reason),
        }
    }

    #[test]
    fn failing_client_ends_the_server() {
        let place = Place::new();
        let Some(task) = filled_by(Path::new("/bin/false")) else { return };
        let execution = run(&place, &task, TERMS.limit).unwrap();
        assert_eq!(execution.status, Status::WrongOutput);
        assert!(execution.reason.unwrap().contains("its client failed"));
    }

    #[test]
    fn client_that_sends_something_else_is_found_out() {
        let place = Place::new();
        let liar = place.path("liar");
        fs::write(&liar, "#!/bin/sh\necho 'x: 5.00 requests per second'\n").unwrap();
        fs::set_permissions(&liar, fs::Permissions::from_mode(0o755)).unwrap();
        let Some(task) = filled_by(&liar) else { return };
        let execution = run(&place, &task, TERMS.limit).unwrap();
        assert_eq!(execution.status, Status::WrongOutput);
        assert!(execution.reason.unwrap().contains(r#"the list has ["0"] entries, not 10"#));
    }

    #[test]
    fn timeout_and_interruption_end_server_and_client() {
        let place = Place::new();
        let (client, runs) = endless_client(&place);
        let Some(task) = filled_by(&client) else { return };
        let execution = run(&place, &task, Duration::from_secs(1)).unwrap();
        assert_eq!(execution.status, Status::Timeout);
        assert!(!runs(), "the client is left");
        let stopped = thread::scope(|scope| {
            scope.spawn(|| {
                // Only when it runs is there something to stop.
                let started = Instant::now();
                while !runs() && started.elapsed() < TERMS.limit {
                    thread::sleep(LOOK_EVERY);
                }
                place.cancel().request();
            });
            run(&place, &task, TERMS.limit)
        });
        assert!(stopped.is_none() && !runs());
    }

    #[test]
    fn server_that_dies_is_the_one_to_blame() {
        let place = Place::new();
        let Some(task) = filled_by(Path::new("/bin/true")) else { return };
        let task = Filled { server: "/bin/false".into(), ..task };
        assert_eq!(run(&place, &task, TERMS.limit).unwrap().status, Status::Exit(1));
    }
}
