//! What the service manager is told, in which order.

use std::time::Duration;

use mandate_proto::v1;
use mandate_tests::{Home, ServiceManager};
use rustix::process::Signal;

use super::{BINARY, CAPS};

#[tokio::test]
async fn a_service_manager_hears_of_the_start_each_reload_the_state_and_the_end() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let manager = ServiceManager::new(home.folder());
    let mut command = home.command(BINARY);
    manager.hear(&mut command);
    let daemon = home.run(command);

    let words = manager.until("READY=1");
    assert_eq!(words.last().expect("a word"), &["READY=1", "STATUS=mints"]);
    let early = words.iter().flatten().find(|line| !line.starts_with("STATUS=")).expect("a line");
    assert_eq!(early, "READY=1", "nothing but the state is told before");
    // Both sockets accept.
    home.agent().await.book("1.00 EUR").await.unwrap();

    daemon.signal(Signal::HUP);
    assert_eq!(manager.reload(), ["STATUS=mints"], "an unchanged file");

    home.write("[[cap");
    let told = manager.reload();
    let last = told.last().expect("a status");
    assert!(last.contains("the newest was refused") && last.contains("wallet.toml:1:"), "{told:?}");
    daemon.signal(Signal::HUP);
    assert_eq!(manager.reload(), std::slice::from_ref(last), "it is still refused");
    home.write(&home.toml(CAPS));
    assert_eq!(manager.reload().last().map(String::as_str), Some("STATUS=mints"));

    let mut control = home.control().await;
    control.lock(v1::LockRequest {}).await.unwrap();
    assert_eq!(manager.next(), ["STATUS=locked: nothing is minted until `mandate unlock`"]);
    control.unlock(v1::UnlockRequest {}).await.unwrap();
    let words = manager.until("STATUS=mints");
    assert!(words.len() <= 2, "{words:?}");
    control.freeze(v1::FreezeRequest { scope: None, reason: String::new() }).await.unwrap();
    assert_eq!(manager.next(), ["STATUS=frozen: nothing is minted until `mandate thaw`"]);

    daemon.stop();
    assert_eq!(manager.next(), ["STOPPING=1", "STATUS=stopping"]);
    assert_eq!(manager.next_within(Duration::from_millis(1)), None, "it spoke after its end");
}
