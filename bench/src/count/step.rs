//! Counts by stepping through a thread one instruction at a time (ptrace): slow, but on the real processor.

use std::thread::JoinHandle;

use anyhow::{Context, bail};
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// Steps through the first thread of a process from when it is attached until it is told to stop.
pub(crate) struct Steps {
    process: Pid,
    tracer: JoinHandle<anyhow::Result<u64>>,
}

impl Steps {
    pub(crate) fn attach(process: u32) -> anyhow::Result<Self> {
        let process = Pid::from_raw(i32::try_from(process)?);
        let (attached, is_attached) = std::sync::mpsc::channel();
        // Only the thread that attached may step.
        let tracer = std::thread::spawn(move || {
            ptrace::attach(process).context("attaching to the measured process")?;
            waitpid(process, Some(WaitPidFlag::__WALL))?;
            let _ = attached.send(());
            step_until_stopped(process)
        });
        // An error means that attaching failed: `finish` tells why.
        let _ = is_attached.recv();
        Ok(Self { process, tracer })
    }

    /// Stops stepping, lets the process run on, and gives the number of instructions.
    pub(crate) fn finish(self) -> anyhow::Result<u64> {
        kill(self.process, Signal::SIGSTOP)?;
        match self.tracer.join() {
            Ok(count) => {
                kill(self.process, Signal::SIGCONT)?;
                count
            }
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

/// Whether this machine lets a process trace its child.
pub(crate) fn works() -> bool {
    let Ok(mut child) = std::process::Command::new("sleep").arg("60").spawn() else {
        return false;
    };
    let counted = Steps::attach(child.id()).and_then(Steps::finish);
    let _ = child.kill();
    let _ = child.wait();
    counted.is_ok()
}

fn step_until_stopped(process: Pid) -> anyhow::Result<u64> {
    let mut count = 0;
    let mut pending = None;
    loop {
        ptrace::step(process, pending)?;
        pending = match waitpid(process, Some(WaitPidFlag::__WALL))? {
            WaitStatus::Stopped(_, Signal::SIGTRAP) => {
                count += 1;
                None
            }
            WaitStatus::Stopped(_, Signal::SIGSTOP) => {
                ptrace::detach(process, None)?;
                return Ok(count);
            }
            WaitStatus::Stopped(_, other) => Some(other),
            ended => bail!("the measured process ended while it was stepped through: {ended:?}"),
        };
    }
}
