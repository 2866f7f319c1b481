//! A door that leads to a node, and to another once that is killed: what a balancer is to a long stream.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// It ends when it is dropped; connections that it let through do not.
pub(super) struct Door {
    pub(super) address: SocketAddr,
    leads_to: Arc<Mutex<SocketAddr>>,
    listening: AbortHandle,
}

impl Door {
    pub(super) async fn to(node: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let leads_to = Arc::new(Mutex::new(node));
        let leads = Arc::clone(&leads_to);
        let listening = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let to = *leads.lock().unwrap_or_else(PoisonError::into_inner);
                // However it ends, both sides see it.
                tokio::spawn(pass(client, to));
            }
        });
        Ok(Self {
            address,
            leads_to,
            listening: listening.abort_handle(),
        })
    }

    /// From now on new connections go there.
    pub(super) fn lead_to(&self, node: SocketAddr) {
        *self.leads_to.lock().unwrap_or_else(PoisonError::into_inner) = node;
    }
}

async fn pass(mut client: TcpStream, to: SocketAddr) -> std::io::Result<()> {
    let mut server = TcpStream::connect(to).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

impl Drop for Door {
    fn drop(&mut self) {
        self.listening.abort();
    }
}
