//! What a check has found, printed as it comes.

use crate::report::Failure;

/// What was found, printed as it comes.
#[derive(Default)]
pub(super) struct Facts {
    bad: usize,
}

impl Facts {
    #[allow(clippy::needless_pass_by_value, reason = "every caller makes the text for this")]
    pub(super) fn good(&mut self, fact: String) {
        println!("ok   {fact}");
    }

    #[allow(clippy::needless_pass_by_value, reason = "every caller makes the text for this")]
    pub(super) fn doubtful(&self, fact: String, hint: Option<&str>) {
        println!("WARN {fact}");
        if let Some(hint) = hint {
            println!("     hint: {hint}");
        }
    }

    #[allow(clippy::needless_pass_by_value, reason = "every caller makes the text for this")]
    pub(super) fn bad(&mut self, fact: String, hint: Option<&str>) {
        self.bad += 1;
        println!("BAD  {fact}");
        if let Some(hint) = hint {
            println!("     hint: {hint}");
        }
    }

    pub(super) fn conclude(self) -> Result<(), Failure> {
        match self.bad {
            0 => Ok(()),
            bad => Err(Failure::failed(
                format!("{} found", many(bad, "problem")),
                "fix what is marked BAD above",
            )),
        }
    }
}

/// Bytes as people say them.
pub(super) fn about(bytes: u64) -> String {
    #[allow(clippy::cast_precision_loss, reason = "it is rounded anyway")]
    let mib = bytes as f64 / f64::from(1 << 20);
    if mib < 1024.0 { format!("{mib:.0} MiB") } else { format!("{:.1} GiB", mib / 1024.0) }
}

pub(super) fn many(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// What is said of a name without an address, in place of the words of three libraries.
pub(super) fn unresolved(host: Option<&str>) -> String {
    let host = host.map(|host| format!("the host `{host}`"));
    format!("{} can't be resolved to an address", host.as_deref().unwrap_or("its host"))
}
