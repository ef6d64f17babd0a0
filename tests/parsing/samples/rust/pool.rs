//! A pool of connections.

use std::collections::HashMap;

/// How many at most.
pub const MAX: usize = 16;

static COUNT: AtomicUsize = AtomicUsize::new(0);

pub type Result<T> = std::result::Result<T, Error>;

/// One connection.
#[derive(Debug, Clone)]
pub struct Conn<'a> {
    id: u64,
    name: &'a str,
}

#[derive(Debug)]
pub enum Error {
    /// No room.
    Full,
    Io(std::io::Error),
}

pub trait Transport: Send {
    type Item;
    const KIND: u8 = 0;

    /// Sends bytes.
    fn send(&mut self, data: &[u8]) -> Result<usize>;

    fn flush(&mut self) {}
}

impl<'a> Conn<'a> {
    /// Opens one.
    #[must_use]
    pub fn open(name: &'a str) -> Self {
        fn next() -> u64 {
            1
        }
        Self { id: next(), name }
    }
}

impl<'a> Transport for Conn<'a> {
    type Item = u8;

    fn send(&mut self, data: &[u8]) -> Result<usize> {
        Ok(data.len())
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

#[macro_export]
macro_rules! pool {
    ($($x:expr),*) => { vec![$($x),*] };
}

union Bits { a: u32, b: f32 }

pub async unsafe fn run(pool: &mut HashMap<u64, Conn<'_>>) {
    pool.clear();
}

extern "C" {
    fn getpid() -> i32;
}

mod inner;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens() {
        assert_eq!(Conn::open("a").name, "a");
    }
}
