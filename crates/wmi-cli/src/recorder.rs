//! `--capture`: a session's octets as a pcap file.

use std::fs::File;
use std::io::{self, BufWriter};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use wmi_capture::{Direction, PcapWriter};
use wmi_mio::Tap;
use wmi_proto::TransportId;

use crate::status::{Status, complain};

/// The file, shared by the session that fills it and the subcommand that ends it.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    path: PathBuf,
    /// The file, or the first thing that went wrong with it.
    state: Arc<Mutex<io::Result<PcapWriter<BufWriter<File>>>>>,
}

impl Recorder {
    /// Creates the file at `path`.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let writer = PcapWriter::new(BufWriter::new(File::create(path)?))?;
        Ok(Self { path: path.to_owned(), state: Arc::new(Mutex::new(Ok(writer))) })
    }

    /// Ends the file. One that could not be written to its end is a failure of its own.
    pub(crate) fn finish(&self) -> Status {
        self.write(|writer, _| writer.finish());
        match &*self.state.lock().unwrap_or_else(PoisonError::into_inner) {
            Ok(_) => Status::Done,
            Err(error) => {
                complain(format_args!("{}: writing: {error}", self.path.display()));
                Status::Failed
            }
        }
    }

    fn write(&self, write: impl FnOnce(&mut PcapWriter<BufWriter<File>>, Duration) -> io::Result<()>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        if let Ok(writer) = &mut *state
            && let Err(error) = write(writer, now)
        {
            *state = Err(error);
        }
    }
}

impl Tap for Recorder {
    fn opened(&mut self, transport: TransportId, local: SocketAddr, host: SocketAddr) {
        self.write(|writer, now| writer.opened(transport.index(), local, host, now));
    }

    fn sent(&mut self, transport: TransportId, data: &[u8]) {
        self.write(|writer, now| writer.data(transport.index(), Direction::FromClient, data, now));
    }

    fn received(&mut self, transport: TransportId, data: &[u8]) {
        self.write(|writer, now| writer.data(transport.index(), Direction::FromServer, data, now));
    }

    fn closed(&mut self, transport: TransportId) {
        self.write(|writer, now| writer.closed(transport.index(), now));
    }
}
