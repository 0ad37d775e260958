//! What goes over the wire, told line by line: `->` from the agent, `<-` back to it.

use mandate::{Cart, Intent, Mandate, Money, Payment, Receipt};
use mandate_policy::Reason;

use super::Stage;
use crate::api::Seen;
use crate::call::{Call, Http, Reply};
use crate::claims::{self, short};
use crate::error::{DemoError, same};
use crate::screen::{Ink, unbroken};
use crate::sellers::Door;

/// To the wallet.
const TO_WALLET: &str = "-> wallet";
/// From the wallet.
const FROM_WALLET: &str = "<- wallet";

impl Stage<'_, '_, '_> {
    /// Asks for an intent that is known to be fine, on the screen.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when it is refused.
    pub(crate) async fn show_intent(
        &mut self,
        door: &Door,
        action: &str,
        price_max: Option<Money>,
    ) -> Result<Mandate<Intent>, DemoError> {
        let limit = price_max.map(|max| format!(", at most {max}")).unwrap_or_default();
        self.screen.fact(TO_WALLET, &format!("MintIntent {} {action}{limit}", door.id))?;
        let intent = self.agent.intent(&door.id, action, price_max).await?.granted()?;
        self.screen.answered(FROM_WALLET, Ink::Good, "intent", &claims::intent(&intent))?;
        Ok(intent)
    }

    /// Pays a cart that is known to be fine, on the screen.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when it is refused.
    pub(crate) async fn show_pay(
        &mut self,
        cart: &Mandate<Cart>,
    ) -> Result<Mandate<Payment>, DemoError> {
        self.screen.fact(TO_WALLET, &format!("MintPayment, cart {}", short(cart.hash())))?;
        let payment = self.pay(cart).await?;
        self.screen.answered(FROM_WALLET, Ink::Good, "payment", &claims::payment(&payment))?;
        Ok(payment)
    }

    /// Asks for a payment that has to be refused, on the screen.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when it is not, or not for this reason.
    pub(crate) async fn show_no_pay(
        &mut self,
        what: &str,
        cart: &str,
        expected: Reason,
    ) -> Result<(), DemoError> {
        self.screen.fact(TO_WALLET, &format!("MintPayment, {what}"))?;
        let denied = self.agent.pay(cart).await?.denied(expected)?;
        self.screen.refused(FROM_WALLET, &denied)
    }

    /// Asks for an intent that has to be refused, on the screen.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when it is not, or not for this reason.
    pub(crate) async fn show_no_intent(
        &mut self,
        merchant: &str,
        action: &str,
        expected: Reason,
    ) -> Result<(), DemoError> {
        self.screen.fact(TO_WALLET, &format!("MintIntent {merchant} {action}"))?;
        let answer = self.agent.intent(&merchant.parse()?, action, None).await?;
        self.screen.refused(FROM_WALLET, &answer.denied(expected)?)
    }

    /// Gets a call paid for in the way that was shown, in one line.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when a step of it is refused.
    pub(crate) async fn show_prepaid(
        &mut self,
        door: &Door,
        call: (&str, &str, &str),
    ) -> Result<Mandate<Payment>, DemoError> {
        let cart = self.quoted(door, call).await?;
        let payment = self.pay(&cart).await?;
        let text = format!(
            "intent, cart and payment as before: {} over {} for {}",
            claims::token("payment", payment.hash()),
            unbroken(&payment.claims().total.to_string()),
            unbroken(call.2),
        );
        self.screen.fact("prepared", &text)?;
        Ok(payment)
    }

    /// Calls a merchant, on the screen.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when there is no answer, or a token in it is not the merchant's.
    pub(crate) async fn show_call(
        &mut self,
        door: &Door,
        call: Call<'_>,
    ) -> Result<Reply, DemoError> {
        self.screen.fact(&format!("-> {}", door.id), &call.shown())?;
        let reply = self.agent.call(door, call).await?;
        self.show_reply(door, &reply)?;
        Ok(reply)
    }

    /// Calls a merchant that is not going to serve, on the screen; as [`Stage::show_call`], and is not patient.
    ///
    /// # Errors
    ///
    /// As [`Stage::show_call`].
    pub(crate) async fn show_call_once(
        &mut self,
        door: &Door,
        call: Call<'_>,
    ) -> Result<Reply, DemoError> {
        self.screen.fact(&format!("-> {}", door.id), &call.shown())?;
        let reply = Http::new().call(door, call).await?;
        self.show_reply(door, &reply)?;
        Ok(reply)
    }

    fn show_reply(&mut self, door: &Door, reply: &Reply) -> Result<(), DemoError> {
        let ink = match reply.status.as_u16() {
            200..300 => Ink::Good,
            402 => Ink::Plain,
            _ => Ink::Refused,
        };
        self.screen.answered(&format!("<- {}", door.id), ink, &reply.lead(), &text(reply))
    }

    /// Shows a receipt and hands it in.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when the wallet does not take it for what it is.
    pub(crate) async fn show_hand_in(
        &mut self,
        receipt: &Mandate<Receipt>,
    ) -> Result<(), DemoError> {
        self.screen.fact("receipt", &claims::receipt(receipt))?;
        self.screen.fact(TO_WALLET, &format!("RecordReceipt {}", short(receipt.hash())))?;
        self.agent.hand_in(receipt).await?;
        self.screen.answered(FROM_WALLET, Ink::Good, receipt.claims().status.as_str(), "")
    }

    /// Shows what reached the hotel's API since an earlier look, which must be so.
    ///
    /// # Errors
    ///
    /// [`DemoError::Differs`] if it is not.
    pub(crate) fn show_reached(&mut self, since: Seen, expected: Seen) -> Result<(), DemoError> {
        let shown = |Seen { calls, executed }| match calls {
            0 => "saw nothing of it".to_owned(),
            1 => format!("saw 1 call and executed {executed}"),
            _ => format!("saw {calls} calls and executed {executed}"),
        };
        let met = self.sellers.api.hotel().seen().since(since);
        same(&shown(expected), &shown(met))?;
        self.screen.fact("hotel's API", &shown(met))
    }
}

/// What an answer says beside its status, in a line.
fn text(reply: &Reply) -> String {
    if let Some(problem) = &reply.problem {
        return problem.detail.clone();
    }
    let Some(receipt) = &reply.receipt else { return reply.body.clone() };
    if reply.body.starts_with(r#"{"receipt""#) {
        return claims::token("receipt", receipt.hash());
    }
    // JSON is broken between its members alone.
    let body = unbroken(&reply.body).replace(&unbroken(", "), ", ");
    format!("{body}, {}", claims::token("Mandate-Receipt", receipt.hash()))
}
