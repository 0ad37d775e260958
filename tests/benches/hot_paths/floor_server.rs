//! The wallet's service without a wallet: it answers nothing, or signs, and keeps no ledger.
//!
//! Its runtime, its HTTP/2 settings and its router are the daemon's (`mandated::serve`), so that what the daemon takes
//! longer is what the daemon does.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use mandate::{
    Draft, Head, Intent, IntentClaims, Kind, Payment, PaymentClaims, Root, UnverifiedMandate,
};
use mandate_host::clock::wall_clock;
use mandate_keys::{Seed, SigningKey};
use mandate_proto::v1;
use mandate_proto::v1::wallet_server::{Wallet, WalletServer};
use mandate_tests::wallet::fresh_jti;
use tokio::net::UnixListener;
use tonic::service::Routes;
use tonic::{Request as Call, Response, Status};
use tower::Service as _;

use crate::calls::Tokens;
use crate::child::{asked, say};

/// What its key is made of.
pub const SEED: [u8; 32] = [0x0f; 32];
/// Lives of what it signs, in seconds.
const LIFE_S: u64 = 300;

/// Signs copies of two tokens, each with an id and a time of its own.
struct Signs {
    key: SigningKey,
    intent: IntentClaims,
    payment: PaymentClaims,
    head: Head,
}

impl Signs {
    fn new(tokens: &Tokens) -> Self {
        let intent = UnverifiedMandate::<Intent>::parse(&tokens.intent).expect("an intent");
        let payment = UnverifiedMandate::<Payment>::parse(&tokens.payment).expect("a payment");
        Self {
            key: SigningKey::from_seed(Seed::copy_from(&SEED)),
            intent: intent.claims().clone(),
            payment: payment.claims().clone(),
            head: Head { size: 1_000, root: Root::of(b"no log") },
        }
    }

    fn sign<K: Kind>(&self, claims: &K::Claims) -> String {
        let draft = Draft::<K>::new(claims, self.key.public_key().id()).expect("a draft");
        draft.issue(self.head, &self.key).expect("a signature").as_str().to_owned()
    }
}

#[tonic::async_trait]
impl Wallet for Signs {
    /// The empty call.
    async fn get_principal(
        &self,
        _: Call<v1::GetPrincipalRequest>,
    ) -> Result<Response<v1::GetPrincipalResponse>, Status> {
        Ok(Response::new(v1::GetPrincipalResponse::default()))
    }

    async fn mint_intent(
        &self,
        _: Call<v1::MintIntentRequest>,
    ) -> Result<Response<v1::MintIntentResponse>, Status> {
        let now = wall_clock();
        let claims = IntentClaims {
            jti: fresh_jti(),
            iat: now,
            exp: now.plus(LIFE_S),
            ..self.intent.clone()
        };
        let mandate = self.sign::<Intent>(&claims);
        Ok(Response::new(v1::MintIntentResponse { mandate, expires_at: None }))
    }

    async fn mint_payment(
        &self,
        _: Call<v1::MintPaymentRequest>,
    ) -> Result<Response<v1::MintPaymentResponse>, Status> {
        let now = wall_clock();
        let claims = PaymentClaims {
            jti: fresh_jti(),
            iat: now,
            exp: now.plus(LIFE_S),
            ..self.payment.clone()
        };
        let mandate = self.sign::<Payment>(&claims);
        Ok(Response::new(v1::MintPaymentResponse { mandate, expires_at: None, total: None }))
    }

    async fn record_receipt(
        &self,
        _: Call<v1::RecordReceiptRequest>,
    ) -> Result<Response<v1::RecordReceiptResponse>, Status> {
        Err(Status::unimplemented("it has no ledger"))
    }

    async fn get_budget(
        &self,
        _: Call<v1::GetBudgetRequest>,
    ) -> Result<Response<v1::GetBudgetResponse>, Status> {
        Err(Status::unimplemented("it has no ledger"))
    }
}

/// The daemon's settings of every connection.
fn http2() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .auto_date_header(false)
        .initial_connection_window_size(256 * 1024)
        .initial_stream_window_size(64 * 1024)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(10))
        .max_concurrent_streams(1_024)
        .max_frame_size(16 * 1024)
        .max_header_list_size(8 * 1024)
        .max_local_error_reset_streams(64)
        .max_pending_accept_reset_streams(16)
        .max_send_buf_size(64 * 1024);
    builder
}

/// The whole work of the process: it says when it listens on this socket.
pub fn serve(socket: &Path) {
    let tokens: Tokens = asked().next().expect("the tokens to be like");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let listener = UnixListener::bind(socket).expect("a socket");
        let service = WalletServer::from_arc(Arc::new(Signs::new(&tokens)));
        let routes = Routes::new(service).prepare();
        say(&"ready");
        while let Ok((stream, _)) = listener.accept().await {
            let routes = routes.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let mut routes = routes.clone();
                async move { routes.call(request).await }
            });
            tokio::spawn(async move {
                let connection = http2().serve_connection(TokioIo::new(stream), service);
                // The client ends it.
                connection.await.unwrap_or_default();
            });
        }
    });
}
