//! Clients that begin together, and the time of each of their calls.

use std::sync::Arc;
use std::time::Instant;

use mandate_tests::bench::figures::Latencies;
use tokio::runtime::Builder;
use tokio::sync::Barrier;

use crate::calls::Times;

/// What one client did, once all were prepared.
pub struct Clock<A> {
    latencies: Latencies,
    began: Instant,
    answers: Vec<A>,
}

/// The same, at its end.
pub struct Done<A> {
    clock: Clock<A>,
    ended: Instant,
}

impl<A> Clock<A> {
    /// Begins once all clients are prepared for so many calls.
    pub async fn start(all: &Barrier, calls: usize) -> Self {
        let answers = Vec::with_capacity(calls);
        all.wait().await;
        Self { latencies: Latencies::default(), began: Instant::now(), answers }
    }

    /// Makes one call.
    pub async fn time(&mut self, call: impl Future<Output = A>) {
        let start = Instant::now();
        let answer = call.await;
        self.latencies.record(start.elapsed());
        self.answers.push(answer);
    }

    /// The last call was made.
    pub fn stop(self) -> Done<A> {
        Done { clock: self, ended: Instant::now() }
    }
}

/// Runs so many clients; gives what they were answered, and how long it took.
///
/// One client needs one thread; many share what the machine has.
pub fn crowd<A: Send + 'static, F: Future<Output = Done<A>> + Send + 'static>(
    clients: u64,
    mut client: impl FnMut(Arc<Barrier>) -> F,
) -> (Vec<A>, Times) {
    let mut builder =
        if clients == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    let runtime = builder.enable_all().build().expect("a runtime");
    let start = Arc::new(Barrier::new(usize::try_from(clients).expect("a count")));
    let clients = (0..clients).map(|_| client(Arc::clone(&start))).collect::<Vec<_>>();
    runtime.block_on(async {
        let tasks: Vec<_> = clients.into_iter().map(tokio::spawn).collect();
        let (mut latencies, mut answers) = (Latencies::default(), Vec::new());
        let (mut began, mut ended) = (Vec::new(), Vec::new());
        for task in tasks {
            let done = task.await.expect("no call fails");
            latencies.add(&done.clock.latencies);
            answers.extend(done.clock.answers);
            began.push(done.clock.began);
            ended.push(done.ended);
        }
        let began = began.into_iter().min().expect("a client");
        let ended = ended.into_iter().max().expect("a client");
        (answers, Times::of(&latencies, (ended - began).as_secs_f64()))
    })
}
