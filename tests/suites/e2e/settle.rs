//! How the principal ends holds without their agents.

use mandate::{Mandate, Payment};
use mandate_proto::v1;
use mandate_tests::{Home, TestClock, denied};
use tonic::Code;

const CAPS: &str = "[[cap]]\nper = \"day\"\nspend = \"500.00 EUR\"\n";

fn void(home: &Home, payment: &Mandate<Payment>, clock: &TestClock) -> String {
    let claims = home.lux.void(payment, "unused".parse().unwrap(), clock.now()).unwrap();
    home.lux.sign_receipt(&claims).unwrap().as_str().to_owned()
}

#[tokio::test]
async fn an_unused_payment_is_given_back_by_the_principal_also_while_frozen() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let clock = TestClock::at(1_795_514_400);
    let daemon = home.start_at(&clock).await;
    let mut agent = home.agent().await.on(&clock);
    let mut control = home.control().await;
    let payment = agent.book("100.00 EUR").await.unwrap();
    let ask = v1::ListHoldsRequest { after_seq: 0 };
    let hold = control.list_holds(ask).await.unwrap().into_inner().holds.remove(0);
    let ask = v1::GetPaymentRequest { seq: hold.seq };
    let early = denied(control.get_payment(ask).await);
    assert_eq!((early.reason.as_str(), early.code), ("FIELD_INVALID", Code::InvalidArgument));
    control.freeze(v1::FreezeRequest::default()).await.unwrap();
    clock.pass(31);
    let again = control.get_payment(ask).await.unwrap().into_inner().mandate;
    assert_eq!(again, payment.as_str());
    let receipt = void(&home, &payment, &clock);
    for _ in 0..2 {
        let ask = v1::RecordReceiptRequest { receipt: receipt.clone() };
        assert_eq!(control.record_receipt(ask).await.unwrap().into_inner().status, "void");
    }
    assert_eq!(agent.spent().await, [(0, 0)]);
    assert_eq!(denied(control.get_payment(ask).await).reason, "FIELD_INVALID");
    daemon.stop().await;
}

#[tokio::test]
async fn who_handed_a_receipt_in_is_written_down() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let clock = TestClock::at(1_795_514_400);
    let daemon = home.start_at(&clock).await;
    let mut agent = home.agent().await.on(&clock);
    let mut control = home.control().await;
    let payment = agent.book("100.00 EUR").await.unwrap();
    // Another merchant's signature, and no token at all.
    let claims = home.lux.void(&payment, "unused".parse().unwrap(), clock.now()).unwrap();
    let forged = home.rival.sign_receipt(&claims).unwrap().as_str().to_owned();
    for receipt in [forged, "e30.e30".to_owned()] {
        let ask = v1::RecordReceiptRequest { receipt };
        assert_eq!(denied(control.record_receipt(ask).await).reason, "RECEIPT_INVALID");
    }
    assert_eq!(agent.spent().await, [(10_000, 1)]);
    let ask = v1::RecordReceiptRequest { receipt: void(&home, &payment, &clock) };
    control.record_receipt(ask).await.unwrap();
    let mut pages = control.read_log(v1::ReadLogRequest::default()).await.unwrap().into_inner();
    let mut entries = Vec::new();
    while let Some(page) = pages.message().await.unwrap() {
        entries.extend(page.entries);
    }
    let told: Vec<serde_json::Value> =
        entries.iter().map(|entry| serde_json::from_slice(entry).unwrap()).collect();
    let told: Vec<_> = told
        .iter()
        .filter(|entry| entry["kind"] == "denial" || entry["kind"] == "receipt")
        .map(|entry| (entry["kind"].as_str().unwrap(), &entry["agent"], &entry["uid"]))
        .collect();
    let (nobody, uid) = (serde_json::Value::Null, serde_json::json!(home.uid()));
    let expected = ["denial", "denial", "receipt"].map(|kind| (kind, &nobody, &uid));
    assert_eq!(told, expected);
    daemon.stop().await;
}
