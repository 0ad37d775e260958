//! The table: one line and one test for each attack.

use std::path::Path;

use mandate_tests::golden::assert_golden;

use crate::check::check;
use crate::street::Street;
use crate::{accounts, carts, forgery, http, journals, races, replay, scope, units};

/// One attack.
struct Row {
    test: &'static str,
    attack: &'static str,
    holds: &'static str,
    stopped_by: &'static str,
    answer: &'static str,
}

/// Tries an attack on a street of its own, and checks both sides when it is over.
async fn tried(test: &str, attempt: impl AsyncFnOnce(&mut Street) -> String) {
    let row = TABLE.iter().find(|row| row.test == test).expect("a row of the table");
    let Some(mut street) = Street::open().await else { return };
    let answer = attempt(&mut street).await;
    check(&street.close().await);
    assert_eq!(answer, row.answer, "{}", row.attack);
}

macro_rules! attacks {
    ($(
        $test:ident: $module:ident::$attempt:ident,
            $attack:literal, $holds:literal, $by:literal, $answer:literal;
    )+) => {
        const TABLE: &[Row] = &[$(Row {
            test: stringify!($test),
            attack: $attack,
            holds: $holds,
            stopped_by: $by,
            answer: $answer,
        }),+];

        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                tried(stringify!($test), $module::$attempt).await;
            }
        )+
    };
}

attacks! {
    a_payment_is_replayed: replay::payment,
        "Replay: a payment and its call, once more", "payment and call",
        "gateway", "200 with the first receipt";
    a_payment_is_replayed_by_many_at_once: replay::payment_at_once,
        "Replay by 16 at once", "payment and call",
        "gateway", "one call, one receipt";
    a_payment_is_sent_with_another_body: replay::payment_with_another_body,
        "Body swapped after the price", "payment",
        "gateway", "403 request_mismatch";
    a_payment_is_sent_with_another_query: replay::payment_with_another_path,
        "Query added after the price", "payment",
        "gateway", "403 request_mismatch";
    a_free_intent_is_replayed: replay::free_intent,
        "Replay of a free action", "intent",
        "gateway", "409 already_used";
    an_old_intent_is_used: replay::expired_intent,
        "An intent kept for later", "intent that ran out",
        "gateway", "401 expired";
    an_old_payment_is_used: replay::expired_payment,
        "A payment kept for later", "payment that ran out",
        "gateway", "401 expired";
    a_void_payment_is_used: replay::after_void,
        "Reuse after the money was given back", "void payment",
        "gateway", "200 with the void";
    a_payment_is_voided_and_used: replay::void_of_a_payment_to_use,
        "Money back first, then the room", "payment",
        "gateway", "409 not_expired";
    an_intent_is_used_at_another_merchant: replay::at_another_merchant,
        "Stolen intent at another merchant", "intent for the rival",
        "gateway", "401 audience_mismatch";
    a_payment_is_used_at_another_merchant: replay::payment_at_another_merchant,
        "Stolen payment at another merchant", "payment for the rival",
        "gateway", "401 audience_mismatch";
    a_cart_is_paid_twice_by_its_wallet: replay::second_payment_of_one_intent,
        "A second payment of one cart, executed again", "own wallet's key",
        "gateway", "409 already_used";
    an_idempotency_key_is_reused: replay::idempotency_key_for_another_purchase,
        "An idempotency key for another purchase", "agent's socket",
        "wallet", "IDEMPOTENCY_CONFLICT";

    a_cart_is_swapped: carts::swapped_for_a_dearer_call,
        "Cart swap: the cheap one is paid, the dear one presented", "payment of the cheap cart",
        "gateway", "403 request_mismatch";
    a_price_is_taken_for_another_body: carts::price_of_another_body,
        "Quote bait: one price for two calls", "intent",
        "gateway", "403 request_mismatch";
    a_cart_is_made_cheaper: carts::total_changed,
        "Cart with its price changed", "cart",
        "wallet", "CART_SIGNATURE_INVALID";
    a_total_is_not_the_sum: carts::total_not_the_sum,
        "Cart whose total is not its lines", "cart",
        "wallet", "CART_MALFORMED";
    a_cart_of_another_merchant_is_paid: carts::of_another_merchant,
        "Another merchant answers the intent", "listed merchant's key",
        "wallet", "CART_MISMATCH";
    a_cart_is_signed_in_anothers_name: carts::in_another_merchants_name,
        "Cart in another merchant's name", "listed merchant's key",
        "wallet", "CART_SIGNATURE_INVALID";
    a_cart_of_an_unlisted_merchant_is_paid: carts::of_an_unlisted_merchant,
        "Cart of a merchant nobody listed", "any key",
        "wallet", "MERCHANT_NOT_ALLOWED";
    a_cart_of_another_principal_is_paid: carts::of_another_principal,
        "Another principal's cart, paid by this one", "agent's socket, another's cart",
        "wallet", "INTENT_UNKNOWN";
    a_cart_names_another_principal: carts::for_another_principal,
        "Cart for another principal over this one's intent", "listed merchant's key",
        "wallet", "CART_MISMATCH";
    a_cart_is_for_another_action: carts::of_another_action,
        "Cart for another action", "listed merchant's key",
        "wallet", "CART_MISMATCH";
    a_cart_has_more_units: carts::of_another_quantity,
        "Quantity swap: ten for one", "listed merchant's key",
        "wallet", "CART_MISMATCH";
    a_paid_intent_gets_a_second_cart: carts::second_of_a_paid_intent,
        "A second cart for a paid intent", "listed merchant's key",
        "wallet", "INTENT_ALREADY_PAID";
    a_cart_is_from_the_future: carts::from_the_future,
        "Clock game: a cart of later", "listed merchant's key",
        "wallet", "CART_MISMATCH";
    a_cart_ran_out: carts::that_ran_out,
        "Clock game: a cart that is over", "listed merchant's key",
        "wallet", "CART_EXPIRED";
    a_quote_is_above_the_limit: carts::above_the_intents_limit,
        "Price above what the agent agreed to", "merchant's API",
        "gateway", "403 price_mismatch";
    a_cart_is_above_the_limit: carts::above_the_limit_of_a_merchant_that_lies,
        "The same by a merchant without a gateway", "listed merchant's key",
        "wallet", "PRICE_ABOVE_LIMIT";
    a_price_is_raised_after_the_cart: carts::price_raised_after_the_cart,
        "Price raised after the cart was paid", "merchant's API",
        "gateway", "201 for 9.00 EUR";

    a_title_has_a_terminal_escape: carts::title_with_a_terminal_escape,
        "Title that rewrites the screen", "merchant's API",
        "gateway", "502 upstream_failed";
    a_title_reads_backwards: carts::title_that_reads_backwards,
        "Title with a bidirectional override", "merchant's API",
        "gateway", "502 upstream_failed";
    a_title_has_a_line_of_its_own: carts::title_with_a_line_of_its_own,
        "Title that plays the system's line", "merchant's API",
        "gateway", "502 upstream_failed";
    a_title_is_a_page: carts::title_of_a_page,
        "Title long enough for a prompt", "merchant's API",
        "gateway", "502 upstream_failed";
    a_title_is_obeyed: carts::title_that_the_model_obeys,
        "Prompt injection that the model obeys", "text in a title",
        "wallet", "MERCHANT_NOT_ALLOWED";
    a_title_raises_the_amount: carts::title_that_raises_the_amount,
        "Prompt injection at a listed merchant", "text in a title",
        "wallet", "CAP_EXCEEDED";

    a_payment_is_changed: forgery::claims_changed,
        "Mandate with its price changed", "payment",
        "gateway", "401 signature_invalid";
    a_payment_has_a_bit_flipped: forgery::bit_flipped,
        "Mandate with one bit of its signature changed", "payment",
        "gateway", "401 signature_invalid";
    a_payment_is_unsigned: forgery::alg_none,
        "Downgrade: alg none, no signature", "claims of a payment",
        "gateway", "400 malformed";
    a_payment_is_unsigned_by_name: forgery::alg_none_with_64_bytes,
        "Downgrade: alg none, 64 bytes of nothing", "claims of a payment",
        "gateway", "400 header_invalid";
    a_public_key_is_taken_for_a_secret: forgery::public_key_as_a_secret,
        "Key confusion: HS512 under the public key", "public key",
        "gateway", "400 header_invalid";
    a_token_brings_its_key: forgery::key_in_the_header,
        "Key confusion: jwk in the header", "own key",
        "gateway", "400 header_invalid";
    a_token_brings_an_extension: forgery::extension_in_the_header,
        "Downgrade: crit and b64", "own key",
        "gateway", "400 header_invalid";
    a_payment_is_signed_in_the_principals_name: forgery::another_key,
        "Mandate forged in the principal's name", "own key",
        "gateway", "401 signature_invalid";
    a_merchant_pays_itself: forgery::merchants_key,
        "Key confusion: the merchant signs a mandate", "merchant's key",
        "gateway", "401 role_invalid";
    an_intent_is_sent_as_a_payment: forgery::intent_as_a_payment,
        "Token confusion: intent as payment", "intent",
        "gateway", "400 header_invalid";
    a_cart_is_sent_as_a_payment: forgery::cart_as_a_payment,
        "Token confusion: cart as payment", "cart",
        "gateway", "400 header_invalid";
    a_payment_is_handed_in_as_a_cart: forgery::payment_as_a_cart,
        "Token confusion: payment as cart", "payment",
        "wallet", "CART_MALFORMED";
    a_cart_was_never_made: forgery::cart_of_nobody,
        "Payment of a cart that was never made", "own wallet's key",
        "gateway", "403 cart_unknown";
    a_payment_is_of_less_than_its_cart: forgery::less_than_the_cart,
        "One cent for a cart of nine euro", "own wallet's key",
        "gateway", "403 price_mismatch";
    a_void_is_forged: forgery::void_by_another_merchant,
        "Void by another merchant, to free the cap", "listed merchant's key",
        "wallet", "RECEIPT_INVALID";
    a_receipt_is_turned_into_a_void: forgery::executed_turned_into_void,
        "Receipt turned into a void, to free the cap", "receipt",
        "wallet", "RECEIPT_INVALID";
    a_merchant_takes_it_back: forgery::void_after_executed,
        "Executed, then void: two outcomes of one payment", "merchant's key",
        "wallet", "RECEIPT_CONFLICT";

    a_free_intent_is_used_for_a_paid_action: scope::free_intent_for_a_paid_action,
        "Scope: an intent to search, used to book", "intent to search",
        "gateway", "403 scope_mismatch";
    an_intent_is_used_instead_of_a_payment: scope::intent_instead_of_a_payment,
        "Downgrade: an intent instead of a payment", "intent",
        "gateway", "402 payment_required";
    a_payment_is_used_for_another_action: scope::payment_for_another_action,
        "Scope: a payment for another action", "payment",
        "gateway", "403 scope_mismatch";
    a_payment_is_used_for_a_free_action: scope::payment_for_a_free_action,
        "Scope: a payment for a free action", "payment",
        "gateway", "400 header_invalid";
    too_many_units_are_asked_for: scope::more_units,
        "Scope: 1,001 units", "agent's socket",
        "wallet", "FIELD_INVALID";
    an_unlisted_action_is_asked_for: scope::unlisted_action,
        "Scope: an action nobody listed", "agent's socket",
        "wallet", "ACTION_NOT_ALLOWED";
    an_unlisted_merchant_is_asked_for: scope::unlisted_merchant,
        "Scope: a merchant nobody listed", "agent's socket",
        "wallet", "MERCHANT_NOT_ALLOWED";
    an_action_is_asked_of_another_merchant: scope::merchants_own_action_elsewhere,
        "Scope: one merchant's action at another", "agent's socket",
        "wallet", "ACTION_NOT_ALLOWED";
    a_stranger_connects: scope::stranger_at_the_socket,
        "Agent impersonation: a program with another uid", "a shell on the machine",
        "wallet", "AGENT_UNKNOWN";
    an_agent_pays_anothers_cart: scope::cart_of_another_agent,
        "Agent impersonation: another agent's cart", "cart, another agent's socket",
        "wallet", "INTENT_UNKNOWN";
    an_agent_is_taken_off_the_list: scope::agent_whose_consent_ended,
        "Time of check: agent struck off between cart and payment", "cart, agent's socket",
        "wallet", "AGENT_UNKNOWN";
    a_merchant_is_taken_off_the_list: scope::merchant_whose_consent_ended,
        "Time of check: merchant struck off between cart and payment", "cart, agent's socket",
        "wallet", "MERCHANT_NOT_ALLOWED";
    an_agent_is_named_by_a_header: scope::agent_named_by_a_header,
        "Header injection: agent, principal, price and key by header", "payment",
        "gateway", "201 as the agent travel";

    yen_are_counted_as_cents: units::yen_as_if_it_had_cents,
        "Unit confusion: 50,000 JPY under a cap of 500 JPY", "listed merchant's key",
        "wallet", "CAP_EXCEEDED";
    a_fils_is_forgotten: units::dinar_above_its_cap_by_a_fils,
        "Unit confusion: 500.001 BHD under a cap of 500.000 BHD", "listed merchant's key",
        "wallet", "CAP_EXCEEDED";
    a_euro_cap_is_spent_in_dinar: units::euro_cap_spent_in_dinar,
        "Currency confusion: 100.000 KWD under a cap of 1,000.00 EUR", "listed merchant's key",
        "wallet", "CURRENCY_NOT_CAPPED";
    a_currency_has_no_cap: units::currency_without_a_cap,
        "Currency without a cap", "listed merchant's key",
        "wallet", "CURRENCY_NOT_CAPPED";
    a_cap_is_passed_by_a_cent: units::cap_passed_by_a_cent,
        "One cent past the cap", "listed merchant's key",
        "wallet", "CAP_EXCEEDED";
    an_amount_is_the_largest: units::largest_amount,
        "The largest amount there is", "listed merchant's key",
        "wallet", "CAP_EXCEEDED";

    many_pay_past_the_cap_at_once: races::past_the_cap,
        "Race: 32 payments under a cap of 12", "agent's socket",
        "wallet", "COUNT_EXCEEDED";
    many_pay_one_cart_at_once: races::one_cart,
        "Race: one cart paid 32 times", "agent's socket, cart",
        "wallet", "one payment, given to each";
    many_carts_of_one_intent_are_paid_at_once: races::carts_of_one_intent,
        "Race: 32 carts of one intent", "listed merchant's key",
        "wallet", "INTENT_ALREADY_PAID";
    many_pay_while_all_is_frozen: races::freeze,
        "Race: payments against a freeze", "agent's socket, carts",
        "wallet", "FROZEN";
    many_payments_of_one_cart_are_presented_at_once: races::payments_of_one_cart,
        "Race: 32 payments of one cart", "own wallet's key",
        "gateway", "409 already_used";
    a_wallet_passes_its_own_cap: races::past_the_cap_in_the_payment,
        "A wallet that passes the cap it told of", "own wallet's key",
        "gateway", "403 over_cap";

    two_payments_are_sent: http::two_payments,
        "Header injection: two payments", "payment",
        "gateway", "400 header_invalid";
    a_payment_and_an_intent_are_sent: http::payment_and_intent,
        "Header injection: payment and intent", "payment and intent",
        "gateway", "400 header_invalid";
    payments_are_joined: http::payments_joined,
        "Header injection: two payments joined by a comma", "payment",
        "gateway", "400 header_invalid";
    a_body_is_in_a_coding: http::body_in_a_coding,
        "Body in a coding that the API undoes", "payment",
        "gateway", "400 malformed";
    another_call_is_named_by_a_header: http::another_call_by_header,
        "Header injection: another method and path", "payment",
        "gateway", "201 as POST /bookings";
    a_path_has_dot_segments: http::dot_segments,
        "Path confusion: dot segments", "payment",
        "gateway", "404 route_unknown";
    a_path_is_percent_encoded: http::percent_encoded_path,
        "Path confusion: percent-encoding", "payment",
        "gateway", "404 route_unknown";
    a_path_has_two_slashes: http::two_slashes,
        "Path confusion: two slashes", "payment",
        "gateway", "404 route_unknown";
    the_price_route_is_called: http::price_route_from_outside,
        "The merchant's own price route, from outside", "payment",
        "gateway", "404 route_unknown";
    a_bearer_token_is_sent: http::no_mandate_but_a_bearer_token,
        "Downgrade: an API key instead of a mandate", "the API's own key",
        "gateway", "401 mandate_required";
    a_mandate_is_in_the_query: http::mandate_in_the_query,
        "Downgrade: the mandate in the query", "payment",
        "gateway", "401 mandate_required";
    a_token_is_oversized: http::oversized_token,
        "Oversize: a token past 8 KiB", "a connection",
        "gateway", "400 too_large";
    a_body_is_oversized: http::oversized_body,
        "Oversize: a body past 1 MiB", "payment",
        "gateway", "400 too_large";
    a_cart_is_oversized: http::oversized_cart,
        "Oversize: a cart past 8 KiB", "agent's socket",
        "wallet", "CART_MALFORMED";
    a_purpose_is_oversized: http::oversized_purpose,
        "Oversize: a purpose past 512 bytes", "agent's socket",
        "wallet", "FIELD_INVALID";

    an_intent_is_from_the_future: journals::intent_of_tomorrow,
        "Clock game: an intent of tomorrow", "own wallet's key",
        "gateway", "401 not_yet_valid";
    a_wallet_shows_two_logs: journals::two_logs_of_one_size,
        "Equivocation by a wallet", "own wallet's key",
        "gateway", "403 equivocation";
    a_merchant_shows_two_logs: journals::merchant_of_two_logs,
        "Equivocation by a merchant", "listed merchant's key",
        "wallet", "EQUIVOCATION";
    a_ledger_is_put_back: journals::wallet_put_back,
        "Rollback of the wallet's ledger", "the wallet's disk",
        "wallet", "LEDGER_UNSAFE";
    a_book_is_put_back: journals::gateway_put_back,
        "Rollback of the gateway's book", "the gateway's disk",
        "gateway", "503 unavailable";
    a_restart_is_used_to_pay_twice: journals::restart_to_pay_twice,
        "Both restarted between payment and use", "cart",
        "both", "200 with the first receipt";

    an_agent_floods_its_wallet: accounts::flood_of_calls,
        "Flood: 400 calls at once", "agent's socket",
        "wallet", "RATE_LIMITED";
    an_agent_leaves_payments_open: accounts::payments_that_nobody_presents,
        "Flood: payments that nobody presents", "agent's socket",
        "wallet", "TOO_MANY_UNSETTLED";
    an_agent_pays_in_a_loop: accounts::loop_that_pays,
        "An agent that pays in a loop", "agent's socket",
        "wallet", "COUNT_EXCEEDED";
}

const HEAD: &str = "| attack | the attacker holds | who stops it | what it meets | test |
|---|---|---|---|---|
";

/// The table as people read it is `attacks.md`, beside this file.
#[test]
fn the_page_is_the_table() {
    let mut page = String::from(HEAD);
    for Row { test, attack, holds, stopped_by, answer } in TABLE {
        page.push_str(&format!("| {attack} | {holds} | {stopped_by} | `{answer}` | `{test}` |\n"));
    }
    assert_golden(&Path::new(env!("CARGO_MANIFEST_DIR")).join("suites/attacks/attacks.md"), &page);
}
