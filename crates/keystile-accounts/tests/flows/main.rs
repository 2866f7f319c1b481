//! The flows as a program uses them: a manual clock in place of sleeping, held-back winners in place of luck.

include!("modules.rs");
