//! The network between the workers and a store: slow, cut, or silent, as told.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::servers::free_port;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::broadcast,
};

/// Listens for workers and passes on what they and the store say.
#[derive(Debug)]
pub struct Proxy {
    /// Where it listens.
    pub addr: SocketAddr,
    leads_to: Arc<Mutex<SocketAddr>>,
    weather: Arc<Weather>,
    cuts: broadcast::Sender<Cut>,
}

/// What slows every connection down.
#[derive(Debug, Default)]
struct Weather {
    latency_ms: AtomicU64,
    /// 0: as many as there are.
    bytes_per_second: AtomicU64,
}

/// What happens to every connection that is open now.
#[derive(Debug, Clone, Copy)]
enum Cut {
    /// Both ends are told at once, rudely.
    Reset,
    /// Nothing gets through any more, and both ends are told only after this.
    Silence(Duration),
}

impl Proxy {
    /// A proxy before the server of a URL, and the URL that leads there by way of it.
    ///
    /// # Panics
    /// The URL has no port, or there is no port to listen on.
    pub async fn before_url(server: &str) -> (Self, String) {
        let mut url = url::Url::parse(server).expect("a URL");
        let proxy = Self::before(([127, 0, 0, 1], url.port().expect("a port")).into()).await.expect("a port to listen on");
        url.set_port(Some(proxy.addr.port())).expect("a URL with a port");
        (proxy, url.into())
    }

    /// Stands before the store at `store`.
    ///
    /// # Errors
    /// There is no port to listen on.
    pub async fn before(store: SocketAddr) -> io::Result<Self> {
        let mut listener = TcpListener::bind(("127.0.0.1", free_port())).await?;
        let (addr, weather, cuts) = (listener.local_addr()?, Arc::<Weather>::default(), broadcast::Sender::new(8));
        let (skies, cutter, leads_to) = (weather.clone(), cuts.clone(), Arc::new(Mutex::new(store)));
        let target = leads_to.clone();
        tokio::spawn(async move {
            while let Ok((worker, _)) = listener.accept().await {
                let store = *target.lock().unwrap_or_else(PoisonError::into_inner);
                if let Ok(store) = TcpStream::connect(store).await {
                    tokio::spawn(connect(worker, store, skies.clone(), cutter.subscribe()));
                    continue;
                }
                // A store that is down refuses, and so do we until it is back.
                drop((worker, listener));
                while TcpStream::connect(store).await.is_err() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                listener = TcpListener::bind(addr).await.expect("the proxy's own port");
            }
        });
        Ok(Self { addr, leads_to, weather, cuts })
    }

    /// Leads new connections to another store: a failover by address. Those that are open stay where they are.
    pub fn lead_to(&self, store: SocketAddr) {
        *self.leads_to.lock().unwrap_or_else(PoisonError::into_inner) = store;
    }

    /// Resets every open connection.
    pub fn reset(&self) {
        let _ = self.cuts.send(Cut::Reset);
    }

    /// Swallows all that open connections say from now on, and resets them after `length`; new ones work.
    pub fn silence(&self, length: Duration) {
        let _ = self.cuts.send(Cut::Silence(length));
    }

    /// Delays every piece by up to twice this.
    pub fn set_latency(&self, latency_ms: u64) {
        self.weather.latency_ms.store(latency_ms, Ordering::Relaxed);
    }

    /// Lets so many bytes a second through each connection; 0: any number.
    pub fn set_rate(&self, bytes_per_second: u64) {
        self.weather.bytes_per_second.store(bytes_per_second, Ordering::Relaxed);
    }
}

async fn connect(mut worker: TcpStream, mut store: TcpStream, weather: Arc<Weather>, mut cuts: broadcast::Receiver<Cut>) {
    let _ = (worker.set_nodelay(true), store.set_nodelay(true));
    let cut = {
        let ((from_worker, to_worker), (from_store, to_store)) = (worker.split(), store.split());
        tokio::select! {
            // What one end said last is lost when the other has gone: so it is with networks.
            () = pass_on(from_worker, to_store, &weather) => return,
            () = pass_on(from_store, to_worker, &weather) => return,
            cut = cuts.recv() => cut,
        }
    };
    if let Ok(Cut::Silence(length)) = cut {
        let swallowing = async { tokio::join!(swallow(&mut worker), swallow(&mut store)) };
        let _ = tokio::time::timeout(length, swallowing).await;
    }
    let _ = (worker.set_zero_linger(), store.set_zero_linger());
}

async fn pass_on(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, weather: &Weather) {
    let mut piece = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        let latency = weather.latency_ms.load(Ordering::Relaxed);
        if latency > 0 {
            tokio::time::sleep(Duration::from_millis(rand::random_range(0..=2 * latency))).await;
        }
        if let Some(millis) = (length as u64 * 1000).checked_div(weather.bytes_per_second.load(Ordering::Relaxed)) {
            tokio::time::sleep(Duration::from_millis(millis)).await;
        }
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}

/// Reads and forgets; an end that leaves tells nobody.
async fn swallow(end: &mut TcpStream) {
    let mut piece = vec![0; 16 * 1024];
    while let Ok(1..) = end.read(&mut piece).await {}
    std::future::pending::<()>().await;
}
