//! Child processes that never outlive us. Each runs in a process group of its own, so that everything it has started
//! ends with it; Ctrl-C and SIGTERM are passed on to the one that is being waited for, and cleaning up is then an
//! ordinary return through `Drop`. Should we be killed outright, the kernel ends the children.

use anyhow::{Context, Result, bail};
use std::fmt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often the end of a process is looked for where the wait is bounded: the platform offers no event with a bound.
pub const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What the signal thread needs to know.
struct Foreground {
    /// The first signal that asked us to end.
    interrupted: Option<i32>,
    /// The process group that is being waited for.
    group: Option<i32>,
}

static FOREGROUND: Mutex<Foreground> = Mutex::new(Foreground { interrupted: None, group: None });

/// A signal asked us to end.
#[derive(Debug, Clone, Copy)]
pub struct Interrupted(i32);

impl Interrupted {
    /// As a shell reports a process that died of the signal.
    pub fn exit_code(self) -> u8 {
        128 + u8::try_from(self.0).unwrap_or(0)
    }
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interrupted by signal {}", self.0)
    }
}

impl std::error::Error for Interrupted {}

/// Passes Ctrl-C, SIGTERM and SIGHUP on from now on, instead of dying of them. Call it first thing, before there are threads.
#[allow(unsafe_code)]
pub fn catch_signals() -> Result<()> {
    // SAFETY: the set is initialized by sigemptyset before it is read, and lives through the calls. The mask is set
    // before other threads exist, so all of them have it, and only the thread below receives the signals.
    let set = unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
            libc::sigaddset(&mut set, signal);
        }
        if libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut()) != 0 {
            bail!("cannot take over Ctrl-C");
        }
        set
    };
    std::thread::spawn(move || {
        loop {
            let mut signal = 0;
            // SAFETY: both point to live, initialized values of the right type.
            if unsafe { libc::sigwait(&set, &mut signal) } == 0 {
                pass_on(signal);
            }
        }
    });
    Ok(())
}

/// Fails once a signal has asked us to end. For loops that wait for something other than a process.
pub fn check_interrupted() -> Result<()> {
    match foreground().interrupted {
        Some(signal) => Err(Interrupted(signal).into()),
        None => Ok(()),
    }
}

/// Runs a command to its end; fails if it does.
pub fn run(command: &mut Command) -> Result<()> {
    let status = Group::spawn(command, libc::SIGKILL)?.wait()?;
    if !status.success() {
        bail!("`{}` failed ({status})", shown(command));
    }
    Ok(())
}

/// A command's output, whether it succeeded or not; None if there is no such program, or it doesn't end in time.
pub fn output(command: &mut Command, within: Duration) -> Option<Output> {
    let mut child =
        attentive(command).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().ok()?;
    let deadline = Instant::now() + within;
    while child.try_wait().ok()?.is_none() {
        if Instant::now() >= deadline {
            // It may have ended just now, which is as good.
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(LOOK_EVERY);
    }
    child.wait_with_output().ok()
}

/// Becomes the command: the terminal, Ctrl-C and the exit code are its own from then on. Returns only if it can't.
pub fn replace(command: &mut Command) -> anyhow::Error {
    let error = attentive(command).exec();
    anyhow::Error::new(error).context(format!("cannot start `{}`", shown(command)))
}

/// Gives the command's process back the signals that [`catch_signals`] has taken over: blocked ones stay so over fork and
/// exec, and a child that is deaf to SIGTERM would have to be killed.
#[allow(unsafe_code)]
pub fn attentive(command: &mut Command) -> &mut Command {
    let none_blocked = || {
        // SAFETY: the set is initialized by sigemptyset before it is read; both calls are async-signal-safe, as they
        // must be between fork and exec.
        let failed = unsafe {
            let mut none = std::mem::zeroed();
            libc::sigemptyset(&mut none);
            libc::pthread_sigmask(libc::SIG_SETMASK, &none, std::ptr::null_mut())
        };
        if failed == 0 { Ok(()) } else { Err(std::io::Error::from_raw_os_error(failed)) }
    };
    // SAFETY: see above; nothing is allocated.
    unsafe { command.pre_exec(none_blocked) }
}

/// A command as one would type it, without its environment.
pub fn shown(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// A process and all that it starts. Dropping it ends them.
pub struct Group {
    child: Child,
}

impl Group {
    /// Starts the command. `when_orphaned` is the signal that the kernel sends it when the calling *thread* ends: start
    /// what must last from the main thread.
    #[allow(unsafe_code)]
    pub fn spawn(command: &mut Command, when_orphaned: i32) -> Result<Self> {
        check_interrupted()?;
        attentive(command).process_group(0);
        let parent = i32::try_from(std::process::id())?;
        // SAFETY: between fork and exec only async-signal-safe calls are made, and nothing is allocated on success.
        unsafe {
            command.pre_exec(move || die_with_parent(parent, when_orphaned));
        }
        let child = command.spawn().with_context(|| format!("cannot start `{}`", shown(command)))?;
        Ok(Group { child })
    }

    /// Waits for its end. Meanwhile signals are passed on to it, and fail the wait once it has ended.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        {
            let mut foreground = foreground();
            foreground.group = Some(self.id());
            if foreground.interrupted.is_some() {
                send(self.id(), libc::SIGTERM);
            }
        }
        let status = self.child.wait();
        foreground().group = None;
        check_interrupted()?;
        Ok(status?)
    }

    /// Its exit status, if it has ended.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Asks it to end, and waits for that as long as `within`.
    pub fn stop(&mut self, within: Duration) {
        send(self.id(), libc::SIGTERM);
        let deadline = Instant::now() + within;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Sends it any signal.
    pub fn signal(&self, signal: i32) {
        send(self.id(), signal);
    }

    /// Ends it without asking, and waits for that.
    pub fn kill(&mut self) {
        send(self.id(), libc::SIGKILL);
        // It fails only if it has been waited for already.
        let _ = self.child.wait();
    }

    fn id(&self) -> i32 {
        // A process id is positive and fits: the platform's pid_t is an i32.
        self.child.id() as i32
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Even if the first process has ended: what it started may live on.
        self.kill();
    }
}

fn foreground() -> MutexGuard<'static, Foreground> {
    FOREGROUND.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pass_on(signal: i32) {
    let mut foreground = foreground();
    // Whoever asks twice means it. Not the signal itself: what runs in the background of a script ignores Ctrl-C.
    let passed = if foreground.interrupted.is_some() { libc::SIGKILL } else { libc::SIGTERM };
    foreground.interrupted.get_or_insert(signal);
    if let Some(group) = foreground.group {
        send(group, passed);
    }
}

#[allow(unsafe_code)]
fn send(group: i32, signal: i32) {
    // SAFETY: no memory is involved; a group that has ended meanwhile is an error that changes nothing.
    unsafe {
        libc::kill(-group, signal);
    }
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn die_with_parent(parent: i32, signal: i32) -> std::io::Result<()> {
    // SAFETY: system calls without memory.
    unsafe {
        if libc::prctl(libc::PR_SET_PDEATHSIG, signal) != 0 {
            return Err(std::io::Error::last_os_error());
        }
        // The parent may have died before the kernel knew that we care.
        if libc::getppid() != parent {
            return Err(std::io::Error::from_raw_os_error(libc::ESRCH));
        }
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent(_parent: i32, _signal: i32) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Read};

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_failing_command_is_named_with_its_status() {
        let error = run(&mut sh("exit 3")).unwrap_err();

        assert_eq!(error.to_string(), "`sh -c exit 3` failed (exit status: 3)");
    }

    #[test]
    fn a_dropped_group_takes_its_grandchildren_along() {
        let mut command = sh("sleep 600 & echo started; wait");
        command.stdout(Stdio::piped());
        let mut group = Group::spawn(&mut command, libc::SIGKILL).unwrap();
        let mut stdout = BufReader::new(group.child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();

        drop(group);

        // The grandchild holds the other end of the pipe: it is closed only when that has ended as well.
        assert_eq!(stdout.read_to_string(&mut String::new()).unwrap(), 0);
    }

    #[test]
    fn a_group_is_given_time_to_end_by_itself() {
        let mut command = sh("trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done");
        command.stdout(Stdio::piped());
        let mut group = Group::spawn(&mut command, libc::SIGKILL).unwrap();
        BufReader::new(group.child.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();

        group.stop(Duration::from_secs(10));

        assert_eq!(group.ended().unwrap().unwrap().code(), Some(7));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_child_is_not_deaf_to_the_signals_that_we_have_taken_over() {
        let blocked = std::thread::spawn(|| {
            catch_signals().unwrap();
            // Not by way of a shell: some clear the mask themselves.
            output(Command::new("grep").args(["SigBlk", "/proc/self/status"]), Duration::from_secs(10)).unwrap().stdout
        });

        assert_eq!(String::from_utf8(blocked.join().unwrap()).unwrap(), "SigBlk:\t0000000000000000\n");
    }

    #[test]
    fn output_is_not_waited_for_longer_than_said() {
        assert!(output(&mut sh("sleep 600"), Duration::from_millis(50)).is_none());
        assert!(output(&mut Command::new("there-is-no-such-program"), Duration::from_secs(1)).is_none());
        assert_eq!(output(&mut sh("echo here"), Duration::from_secs(10)).unwrap().stdout, b"here\n");
    }
}
