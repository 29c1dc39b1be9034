//! A socket that comes back before long, so that whoever reads or writes can look at the clock, and at whether the run
//! is to stop. Knows neither.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Between two looks. The system's own time-out is set once, because setting it for each read would cost more than the
/// read.
const GLANCE: Duration = Duration::from_millis(250);

/// A socket below TLS.
///
/// rustls reads on until a record is whole, and each byte of it would begin the system's time-out anew: a relay that
/// sends one now and then could keep a single read of it for ever.
pub(super) struct Socket {
    pub(super) tcp: TcpStream,
    until: Instant,
}

impl Socket {
    pub(super) fn new(tcp: TcpStream) -> Self {
        Self { tcp, until: Instant::now() }
    }

    /// Begins to read or write, for as long as a glance.
    pub(super) fn begin(&mut self) {
        self.until = Instant::now() + GLANCE;
    }

    fn in_time(&self) -> io::Result<()> {
        if Instant::now() < self.until { Ok(()) } else { Err(io::ErrorKind::WouldBlock.into()) }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.in_time()?;
        self.tcp.read(buffer)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.in_time()?;
        self.tcp.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tcp.flush()
    }
}

/// Has a socket's reads and writes return now and then.
pub(super) fn glance(tcp: &TcpStream) -> io::Result<()> {
    tcp.set_read_timeout(Some(GLANCE))?;
    tcp.set_write_timeout(Some(GLANCE))
}
