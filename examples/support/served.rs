//! A replica on a thread of its own, asked from async code.

#![allow(dead_code, reason = "the programs that share this use a part each")]

use std::io;
use std::thread;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use visibly::store::{Journal, Replica, ReplicaError};
use visibly::{Change, Engine, Revision, TeammateId};

/// How many changes may wait; who sends more waits too.
const QUEUE: usize = 1_024;

/// How often the journal is looked at where nobody asks.
const INTERVAL: Duration = Duration::from_millis(50);

/// A handle on the thread; cloning it is cheap. The thread ends with the last handle.
pub(crate) struct Served<E> {
    requests: mpsc::Sender<Request<E>>,
    snapshots: watch::Receiver<Engine>,
}

impl<E> Clone for Served<E> {
    fn clone(&self) -> Self {
        Self { requests: self.requests.clone(), snapshots: self.snapshots.clone() }
    }
}

enum Request<E> {
    Submit {
        actor: Option<TeammateId>,
        change: Box<Change>,
        answer: oneshot::Sender<Result<Revision, ReplicaError<E>>>,
    },
    /// Look at the journal now.
    CatchUp { answer: oneshot::Sender<Result<Revision, ReplicaError<E>>> },
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServedError<E> {
    /// The replica's thread is gone: it panicked.
    #[error("the replica has stopped")]
    Stopped,
    #[error(transparent)]
    Replica(#[from] ReplicaError<E>),
    /// The journal has not got there within the time that a reader waits.
    #[error("the replica is behind revision {0}")]
    Behind(Revision),
}

impl<E: std::error::Error + Send + Sync + 'static> Served<E> {
    /// Moves the replica to its thread.
    pub(crate) fn start<J: Journal<Error = E> + Send + 'static>(replica: Replica<J>) -> io::Result<Self> {
        let (requests, queue) = mpsc::channel(QUEUE);
        let (publish, snapshots) = watch::channel(replica.engine().clone());
        thread::Builder::new().name("replica".to_owned()).spawn(move || serve(replica, queue, &publish))?;
        // Other replicas' changes come in without anybody asking for them.
        let ticking = requests.downgrade();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(INTERVAL).await;
                let Some(requests) = ticking.upgrade() else { return };
                let (answer, _) = oneshot::channel();
                if requests.send(Request::CatchUp { answer }).await.is_err() {
                    return;
                }
            }
        });
        Ok(Self { requests, snapshots })
    }

    /// The facts as the replica last knew them, at once. How old they are is not told, nor that the journal cannot be read;
    /// who must not be shown what has been closed asks [`Served::at_least`].
    pub(crate) fn snapshot(&self) -> Engine {
        self.snapshots.borrow().clone()
    }

    /// Submits a change, a teammate's or the service's own. Once sent it takes effect, or is refused, whether or not
    /// anybody waits for the answer.
    pub(crate) async fn submit(&self, actor: Option<TeammateId>, change: Change) -> Result<Revision, ServedError<E>> {
        let change = Box::new(change);
        self.ask(|answer| Request::Submit { actor, change, answer }).await
    }

    /// The facts at this revision or a later one, as soon as they are known.
    pub(crate) async fn at_least(&self, want: Revision) -> Result<Engine, ServedError<E>> {
        if self.snapshots.borrow().revision() < want {
            self.ask(|answer| Request::CatchUp { answer }).await?;
        }
        match self.snapshot() {
            engine if engine.revision() < want => Err(ServedError::Behind(want)),
            engine => Ok(engine),
        }
    }

    async fn ask(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<Revision, ReplicaError<E>>>) -> Request<E>,
    ) -> Result<Revision, ServedError<E>> {
        let (sender, answer) = oneshot::channel();
        self.requests.send(request(sender)).await.map_err(|_| ServedError::Stopped)?;
        Ok(answer.await.map_err(|_| ServedError::Stopped)??)
    }
}

fn serve<J: Journal>(
    mut replica: Replica<J>,
    mut queue: mpsc::Receiver<Request<J::Error>>,
    publish: &watch::Sender<Engine>,
) {
    while let Some(request) = queue.blocking_recv() {
        let (answer, result) = match request {
            Request::Submit { actor: Some(actor), change, answer } => (answer, replica.submit(&actor, &change)),
            Request::Submit { actor: None, change, answer } => (answer, replica.submit_as_service(&change)),
            Request::CatchUp { answer } => (answer, replica.catch_up()),
        };
        // Published before it is answered: whoever has the answer finds its change in the next snapshot.
        publish.send_if_modified(|shown| {
            let moved = shown.revision() != replica.revision();
            if moved {
                *shown = replica.engine().clone();
            }
            moved
        });
        // Who asked may have gone; the change stands all the same.
        let _ = answer.send(result);
    }
}
