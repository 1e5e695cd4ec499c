//! A replica in async code: `cargo run --example async_service`
//!
//! The replica lives on a thread of its own, for a store blocks. Writers send it changes and await the answer; readers
//! take the latest snapshot of the engine, which costs them nothing and waits for nobody. A reader that must see a
//! certain change waits for its revision.

#[path = "support/oak.rs"]
mod oak;
#[path = "support/served.rs"]
mod served;
#[path = "support/told.rs"]
mod told;

use std::process::ExitCode;

use served::Served;
use told::say;
use visibly::store::{Journal, MemoryStore, Replica};
use visibly::{Change, ConversationId, TeammateId};

#[tokio::main]
async fn main() -> ExitCode {
    told::end("async_service", run().await)
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let mut store = MemoryStore::new();
    store.create(&oak::clinic()?)?;
    let served = Served::start(Replica::open(store, &"oak".into(), oak::new_replica_id())?)?;

    // Fifty tasks write at once, through one thread.
    let writers: Vec<_> = (0..50)
        .map(|time| {
            let served = served.clone();
            tokio::spawn(async move { served.submit(None, Change::receive_message("intake", time)).await })
        })
        .collect();
    for writer in writers {
        writer.await??;
    }

    let lee = TeammateId::from("dr-lee");
    let archived = served.submit(Some(lee.clone()), Change::archive("results")).await?;
    let engine = served.at_least(archived).await?;
    let results = engine.conversation(&ConversationId::from("results"));
    let is_archived = results.is_some_and(|results| results.archived);
    say(format!("revision {}, archived: {is_archived}", engine.revision()))?;

    let denied = served.submit(Some("ben".into()), Change::unarchive("results")).await;
    say(format!("ben: {}", denied.err().map_or_else(|| "was not refused".to_owned(), |error| error.to_string())))?;
    Ok(())
}
