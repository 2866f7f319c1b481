//! The machine a figure was measured on: a figure without it says nothing.

use std::fmt;
use std::fs;
use std::num::NonZero;

use serde::Serialize;

/// What must be quoted beside every figure.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    pub(crate) rustc: &'static str,
    /// False for a debug build, whose figures mean nothing.
    pub(crate) optimised: bool,
    /// Load average of the last minute at the start: above 0.5 or so, trust instructions, not times.
    pub(crate) load: String,
}

impl Machine {
    pub(crate) fn read() -> Self {
        Self {
            cpu: cpu_model().unwrap_or_else(|| "unknown CPU".to_owned()),
            cores: cores(),
            kernel: first_line("/proc/sys/kernel/osrelease")
                .unwrap_or_else(|| "unknown kernel".to_owned()),
            rustc: env!("BENCH_RUSTC"),
            optimised: !cfg!(debug_assertions),
            load: first_line("/proc/loadavg")
                .and_then(|line| line.split(' ').next().map(str::to_owned))
                .unwrap_or_else(|| "unknown".to_owned()),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cpu,
            cores,
            kernel,
            rustc,
            load,
            ..
        } = self;
        write!(
            formatter,
            "{cpu}, {cores} cores, Linux {kernel}, {rustc}; load average at the start {load}"
        )?;
        if !self.optimised {
            write!(
                formatter,
                "\nA DEBUG BUILD: these figures mean nothing; run it with --release."
            )?;
        }
        Ok(())
    }
}

/// Cores of the machine, whichever of them this thread keeps to.
pub(crate) fn cores() -> usize {
    let processors =
        fs::read_to_string("/proc/cpuinfo").map_or(0, |text| text.matches("processor\t").count());
    if processors > 0 {
        processors
    } else {
        std::thread::available_parallelism().map_or(1, NonZero::get)
    }
}

/// Undoes what a child inherits from the thread that started it.
pub(crate) fn use_all_cores() {
    let mut set = rustix::thread::CpuSet::new();
    (0..cores()).for_each(|core| set.set(core));
    let _ = rustix::thread::sched_setaffinity(None, &set);
}

/// Keeps the calling thread, and those it starts, on one core. Quietly does nothing where the system says no.
pub(crate) fn pin_to_core(core: usize) {
    let mut set = rustix::thread::CpuSet::new();
    set.set(core);
    let _ = rustix::thread::sched_setaffinity(None, &set);
}

fn cpu_model() -> Option<String> {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = cpuinfo
        .lines()
        .find(|line| line.starts_with("model name"))?;
    let family = field(&cpuinfo, "cpu family").unwrap_or("?");
    let model = field(&cpuinfo, "model\t").unwrap_or("?");
    let name = line.split_once(':')?.1.trim();
    Some(format!("{name} (family {family}, model {model})"))
}

fn field<'a>(cpuinfo: &'a str, name: &str) -> Option<&'a str> {
    let line = cpuinfo.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim())
}

fn first_line(path: &str) -> Option<String> {
    fs::read_to_string(path)
        .ok()?
        .lines()
        .next()
        .map(str::to_owned)
}
