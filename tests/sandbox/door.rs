//! Listening ports: taken with a clear sentence when they cannot be had, and shut and opened again on request.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Connections that the kernel holds until they are accepted.
const BACKLOG: u32 = 1024;
/// The pause after a failed accept, which is mostly a want of file descriptors.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Takes a port, or says in one sentence why not. `flag` is the one that chose it.
pub(crate) fn listen(addr: SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    bind(addr).and_then(|socket| socket.listen(BACKLOG)).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => {
            anyhow!("port {} is taken on {}: stop what holds it or choose another with {flag}", addr.port(), addr.ip())
        }
        _ => anyhow!("cannot listen on {addr} ({flag}): {error}"),
    })
}

/// A port that can refuse connections for a while without losing its number.
///
/// While it is shut the port stays bound by a socket that does not listen: the kernel refuses connections and lets nobody else listen
/// there.
#[derive(Clone)]
pub(crate) struct Door {
    /// Where it is.
    pub addr: SocketAddr,
    orders: mpsc::Sender<Order>,
}

struct Order {
    shut: bool,
    done: oneshot::Sender<io::Result<()>>,
}

enum State {
    Open(TcpListener),
    Shut(TcpSocket),
    /// The port could not be had back.
    Lost,
}

impl Door {
    /// Opens a door that hands each connection to `welcome`, until `stop`.
    pub(crate) fn open<F>(addr: SocketAddr, flag: &str, stop: &CancellationToken, welcome: F) -> anyhow::Result<Self>
    where
        F: Fn(TcpStream, SocketAddr) + Send + 'static,
    {
        let listener = listen(addr, flag)?;
        let addr = listener.local_addr().context("reading the port")?;
        let (orders, inbox) = mpsc::channel(1);
        tokio::spawn(attend(addr, State::Open(listener), inbox, stop.clone(), welcome));
        Ok(Self { addr, orders })
    }

    /// Shuts or opens it. Once this returns, it is so.
    pub(crate) async fn turn(&self, shut: bool) -> anyhow::Result<()> {
        let (done, turned) = oneshot::channel();
        self.orders.send(Order { shut, done }).await.context("the sandbox is stopping")?;
        turned.await.context("the sandbox is stopping")?.with_context(|| format!("getting {} back", self.addr))
    }
}

async fn attend<F>(addr: SocketAddr, mut state: State, mut inbox: mpsc::Receiver<Order>, stop: CancellationToken, welcome: F)
where
    F: Fn(TcpStream, SocketAddr) + Send + 'static,
{
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            Some(order) = inbox.recv() => {
                let turned;
                (state, turned) = turn(state, order.shut, addr);
                let _ = order.done.send(turned);
            }
            visitor = accept(&state) => match visitor {
                Ok((socket, peer)) => welcome(socket, peer),
                Err(error) => {
                    tracing::warn!(%addr, %error, "accepting a connection failed");
                    tokio::time::sleep(ACCEPT_AGAIN_AFTER).await;
                }
            },
        }
    }
}

async fn accept(state: &State) -> io::Result<(TcpStream, SocketAddr)> {
    match state {
        State::Open(listener) => listener.accept().await,
        State::Shut(_) | State::Lost => std::future::pending().await,
    }
}

fn turn(state: State, shut: bool, addr: SocketAddr) -> (State, io::Result<()>) {
    let turned = match (state, shut) {
        (state @ State::Open(_), false) | (state @ State::Shut(_), true) => Ok(state),
        (State::Open(listener), true) => {
            // The kernel gives the port to a second socket only once none listens on it.
            drop(listener);
            hold(addr)
        }
        (State::Shut(socket), false) => socket.set_reuseaddr(true).and_then(|()| socket.listen(BACKLOG)).map(State::Open),
        (State::Lost, true) => hold(addr),
        (State::Lost, false) => bind(addr).and_then(|socket| socket.listen(BACKLOG)).map(State::Open),
    };
    match turned {
        Ok(state) => (state, Ok(())),
        Err(error) => (State::Lost, Err(error)),
    }
}

/// Binds the port without listening. A socket that does not allow the address's reuse keeps all others from listening there.
fn hold(addr: SocketAddr) -> io::Result<State> {
    let socket = bind(addr)?;
    socket.set_reuseaddr(false)?;
    Ok(State::Shut(socket))
}

fn bind(addr: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Without it, the connections of a moment ago would keep the port from being taken again.
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    Ok(socket)
}
