//! The agent: asks the wallet over its socket and merchants over HTTP, and keeps count of what it got.

use std::path::Path;
use std::time::{Duration, Instant};

use http::StatusCode;
use mandate::token::UnverifiedMandate;
use mandate::{
    Intent, KeySet, Mandate, MerchantId, Money, Payment, PrincipalRole, PublicKey, Receipt,
};
use mandate_proto::v1;
use mandate_proto::v1::wallet_client::WalletClient;
use tokio::task::JoinSet;
use tonic::transport::Channel;

use crate::answer::Answer;
use crate::call::{Call, Http, Reply};
use crate::error::{DemoError, same};
use crate::sellers::Door;
use crate::tally::{Tally, count};
use crate::timing::Times;

/// How often a call is made again that a gateway cannot serve yet: it is still being given its key.
const ATTEMPTS_MAX: usize = 100;
/// How long it waits in between.
const ATTEMPT_PAUSE: Duration = Duration::from_millis(100);

/// An agent with a wallet's socket at hand.
#[derive(Debug)]
pub(crate) struct Agent {
    wallet: WalletClient<Channel>,
    http: Http,
    principal: KeySet<PrincipalRole>,
    /// What it got.
    pub(crate) tally: Tally,
    /// How long its last intents took.
    pub(crate) intent_times: Times,
    /// How long its last payments took.
    pub(crate) payment_times: Times,
}

impl Agent {
    /// Connects to the wallet of a principal.
    ///
    /// # Errors
    ///
    /// [`DemoError::Transport`] when nothing accepts.
    pub(crate) async fn connect(socket: &Path, principal: PublicKey) -> Result<Self, DemoError> {
        Ok(Self {
            wallet: client(socket).await?,
            http: Http::new(),
            principal: KeySet::new([principal]),
            tally: Tally::default(),
            intent_times: Times::default(),
            payment_times: Times::default(),
        })
    }

    /// Connects again, after the wallet was started again.
    ///
    /// # Errors
    ///
    /// As [`Agent::connect`].
    pub(crate) async fn reconnect(&mut self, socket: &Path) -> Result<(), DemoError> {
        self.wallet = client(socket).await?;
        Ok(())
    }

    /// Forgets the times so far.
    pub(crate) fn start_timing(&mut self) {
        self.intent_times = Times::default();
        self.payment_times = Times::default();
    }

    /// Asks for an intent.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when there is no answer, or it is not signed by the principal.
    pub(crate) async fn intent(
        &mut self,
        merchant: &MerchantId,
        action: &str,
        price_max: Option<Money>,
    ) -> Result<Answer<Mandate<Intent>>, DemoError> {
        let ask = v1::MintIntentRequest {
            merchant_id: merchant.to_string(),
            action_sku: action.to_owned(),
            price_max: price_max.map(wire).transpose()?,
            ..v1::MintIntentRequest::default()
        };
        let start = Instant::now();
        let answer = self.wallet.mint_intent(ask).await;
        self.intent_times.push(start.elapsed());
        let answer = Answer::of(answer)?.map(|minted| {
            let token = UnverifiedMandate::<Intent>::parse(&minted.into_inner().mandate)?;
            Ok(token.verify(&self.principal)?)
        })?;
        match &answer {
            Answer::Denied(_) => count(&mut self.tally.denials),
            Answer::Granted(intent) => drop(self.tally.intents.insert(intent.hash())),
        }
        Ok(answer)
    }

    /// Asks for the payment of a cart, or of whatever is taken for one.
    ///
    /// # Errors
    ///
    /// As [`Agent::intent`].
    pub(crate) async fn pay(&mut self, cart: &str) -> Result<Answer<Mandate<Payment>>, DemoError> {
        let start = Instant::now();
        let answer = self.wallet.mint_payment(payment_of(cart)).await;
        self.payment_times.push(start.elapsed());
        self.paid(Answer::of(answer)?)
    }

    /// Asks for the payments of all these carts at the same time.
    ///
    /// # Errors
    ///
    /// As [`Agent::intent`].
    pub(crate) async fn pay_all(
        &mut self,
        carts: impl Iterator<Item = &str>,
    ) -> Result<Vec<Answer<Mandate<Payment>>>, DemoError> {
        let mut calls = JoinSet::new();
        for cart in carts {
            let (mut wallet, ask) = (self.wallet.clone(), payment_of(cart));
            calls.spawn(async move { wallet.mint_payment(ask).await });
        }
        let mut answers = Vec::new();
        while let Some(answered) = calls.join_next().await {
            answers.push(self.paid(Answer::of(answered?)?)?);
        }
        Ok(answers)
    }

    /// Calls a merchant.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when there is no answer, or a token in it is not the merchant's.
    pub(crate) async fn call(&mut self, door: &Door, call: Call<'_>) -> Result<Reply, DemoError> {
        let mut reply = self.http.call(door, call).await?;
        for _ in 0..ATTEMPTS_MAX {
            if reply.status != StatusCode::SERVICE_UNAVAILABLE {
                break;
            }
            tokio::time::sleep(ATTEMPT_PAUSE).await;
            reply = self.http.call(door, call).await?;
        }
        self.tally.note(&door.id, &call, &reply);
        Ok(reply)
    }

    /// Hands a receipt in.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when the wallet does not take it for what it is.
    pub(crate) async fn hand_in(&mut self, receipt: &Mandate<Receipt>) -> Result<(), DemoError> {
        let ask = v1::RecordReceiptRequest { receipt: receipt.as_str().to_owned() };
        let status = Answer::of(self.wallet.record_receipt(ask).await)?.granted()?;
        count(&mut self.tally.receipts);
        same(&receipt.claims().status.as_str(), &status.into_inner().status.as_str())
    }

    /// What is left under each cap, in the order of wallet.toml.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when the wallet refuses.
    pub(crate) async fn budget(&mut self) -> Result<Vec<v1::CapBudget>, DemoError> {
        let answer = self.wallet.get_budget(v1::GetBudgetRequest::default()).await;
        Ok(Answer::of(answer)?.granted()?.into_inner().caps)
    }

    /// Asks whose wallet it is: a call that mints and writes nothing.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when the wallet refuses.
    pub(crate) async fn principal(&mut self) -> Result<String, DemoError> {
        let answer = self.wallet.get_principal(v1::GetPrincipalRequest {}).await;
        Ok(Answer::of(answer)?.granted()?.into_inner().id)
    }

    /// Checks a payment as its merchant does, and counts it.
    fn paid(
        &mut self,
        answer: Answer<tonic::Response<v1::MintPaymentResponse>>,
    ) -> Result<Answer<Mandate<Payment>>, DemoError> {
        let answer = answer.map(|minted| {
            let token = UnverifiedMandate::<Payment>::parse(&minted.into_inner().mandate)?;
            Ok(token.verify(&self.principal)?)
        })?;
        match &answer {
            Answer::Denied(_) => count(&mut self.tally.denials),
            Answer::Granted(payment) => drop(self.tally.payments.insert(payment.hash())),
        }
        Ok(answer)
    }
}

async fn client(socket: &Path) -> Result<WalletClient<Channel>, DemoError> {
    Ok(WalletClient::new(mandate_proto::connect(socket).await?))
}

fn payment_of(cart: &str) -> v1::MintPaymentRequest {
    v1::MintPaymentRequest { cart: cart.to_owned(), approval_wait: None }
}

fn wire(money: Money) -> Result<v1::Money, DemoError> {
    let minor_units =
        i64::try_from(money.amount.units()).or(Err(mandate::AmountError::Overflow))?;
    Ok(v1::Money { currency: money.currency.to_string(), minor_units })
}
