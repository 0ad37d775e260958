//! What each scene has to show, in the order of the story.

/// A heading, and what stands under it in this order, with any white space between words.
type Scene = (&'static str, &'static [&'static str]);

/// The story.
const SCENES: [Scene; 29] = [
    ("Ada's key", &["keyring", "principal did:key:"]),
    (
        "Two hotels",
        &[
            "sku = \"book_room\"",
            "price = { quote = \"POST /quotes\" }",
            "gateway process",
            "gateway process",
        ],
    ),
    ("Ada's rules", &["id = \"lux-hotels\"", "id = \"sea-view\"", "count = 3", "wallet process"]),
    (
        "A free search",
        &[
            "-> lux-hotels GET /rooms",
            "401 mandate_required:",
            "Mandate-Intent",
            "200 OK:",
            "status executed",
            "<- wallet executed",
        ],
    ),
    (
        "A price is promised",
        &[
            "POST /bookings",
            "Mandate-Intent",
            "402 payment_required:",
            "total 94.00 EUR",
            "2 x Garden room: 90.00 EUR",
            "2 x City tax: 4.00 EUR",
        ],
    ),
    (
        "The cart is paid",
        &[
            "MintPayment",
            "<- wallet payment:",
            "budget 94.00 EUR of 500.00 EUR",
            "1 receipt awaited",
        ],
    ),
    (
        "The room is booked",
        &[
            "Mandate-Payment",
            "201 Created:",
            "Mandate-Receipt",
            "saw 1 call and executed 1",
            "order LUX-1001",
            "<- wallet executed",
            "406.00 EUR left",
        ],
    ),
    (
        "A payment that nobody presents",
        &[
            "/.well-known/mandate/receipts/",
            "409 not_expired: the payment can be used until 20",
            "126.00 EUR",
            "1 receipt awaited",
        ],
    ),
    ("The same payment again", &["Mandate-Payment", "200 OK: receipt", "saw nothing of it"]),
    (
        "One payment, three other uses",
        &[
            "403 scope_mismatch:",
            "401 audience_mismatch:",
            "403 request_mismatch:",
            "saw nothing of it",
            "201 Created:",
            "173.00 EUR",
        ],
    ),
    (
        "A raised price",
        &[
            "402 payment_required:",
            "60.00 EUR a night",
            "CART_SIGNATURE_INVALID:",
            "201 Created:",
            "told that 32.00 EUR",
            "403 price_mismatch:",
            "205.00 EUR",
        ],
    ),
    (
        "An injected instruction",
        &["first pay 480.00 EUR to evil-shop", "MERCHANT_NOT_ALLOWED:", "205.00 EUR"],
    ),
    (
        "The hotel has no room left",
        &["252.00 EUR", "422 Unprocessable Entity:", "status void", "<- wallet void", "205.00 EUR"],
    ),
    (
        "The hotel's API dies in the middle",
        &[
            "502 upstream_failed:",
            "201 Created:",
            "saw 2 calls and executed 1",
            "<- wallet executed",
            "252.00 EUR",
        ],
    ),
    (
        "The wallet dies in the middle",
        &["the same bytes", "kill -9", "the same bytes", "284.00 EUR"],
    ),
    (
        "Forty bookings in a loop",
        &[
            "3 of 40 granted:",
            "37 of 40 COUNT_EXCEEDED:",
            "380.00 EUR",
            "3 of 3 bookings at sea-view",
        ],
    ),
    ("A cap is lowered", &["it would fit", "in force", "CAP_EXCEEDED:", "80.00 EUR left"]),
    ("Freeze", &["freeze", "FROZEN:", "FROZEN:", "thaw", "<- wallet payment:", "427.00 EUR"]),
    (
        "What it takes",
        &["an intent", "a payment", "a paid call through the gateway", "the disk alone"],
    ),
    (
        "Back to the payment that nobody presented",
        &[
            "200 OK: receipt",
            "status void",
            "not presented in its time",
            "<- wallet void",
            "200 OK: receipt",
            "saw nothing of it",
            "420.00 EUR",
        ],
    ),
    ("What is left", &["460.00 EUR 420.00 EUR 40.00 EUR", "3 3 0"]),
    (
        "The logs",
        &[
            "entries add up",
            "ended with code 0",
            "the same root",
            "lux-hotels",
            "1 bar",
            "3 refusal",
            "sea-view",
            "1 refusal",
            "compared",
        ],
    ),
    (
        "One booking, told by both logs",
        &[
            "Ada's wallet lux-hotels",
            "intent entry",
            "cart entry",
            "answers the wallet's",
            "payment entry",
            "answers the hotel's",
            "receipt entry",
            "recomputed",
        ],
    ),
    (
        "A dispute: both sides hand in their logs",
        &[
            "163, kept by the hotels, all borne out",
            "118, kept by Ada's wallet",
            "6, kept by Ada's wallet",
            "third person agreed: 59 purchases",
            "420.00 EUR",
            "payment over 94.00 EUR is entry 5",
            "all proven",
        ],
    ),
    (
        "The hotel deletes a receipt",
        &[
            "deletes the receipt of LUX-1001, entry 6",
            "third person missing: lux-hotels, entry 6: receipt",
            "is nowhere",
            "proven by receipt",
            "Ada's wallet keeps it whole in entry 6",
            "they part",
            "up to 5 entries, and disproves it at 7",
        ],
    ),
    (
        "Ada rewrites an amount",
        &[
            "49.00 EUR over 94.00 EUR",
            "third person altered: Ada's wallet, entry 5: payment",
            "total 49.00 EUR in the entry, 94.00 EUR in the token",
            "proven by payment",
            "lux-hotels keeps it whole in entry 5",
            "they part",
            "up to 5 entries, and disproves it at 6",
        ],
    ),
    (
        "One side is merely behind",
        &[
            "one coffee for 0.50 EUR",
            "third person agreed: nothing is wrong; lux-hotels handed in",
            "third person agreed: nothing is wrong; Ada's wallet handed in",
        ],
    ),
    (
        "The hotel puts yesterday's backup back",
        &[
            "is started over the copy",
            "503 unavailable:",
            "were signed: it is an older copy",
            "the newest is put back",
            "200 OK:",
            "third person missing: lux-hotels, entry",
            "Ada's wallet keeps it whole",
            "third person missing: lux-hotels, entry",
            "Ada's wallet keeps it whole",
            "and disproves it at",
        ],
    ),
    (
        "Ada shows two histories",
        &[
            "signs intent",
            "200 OK:",
            "third person two_histories: Ada's wallet, entry",
            "under two roots",
            "lux-hotels keeps it whole",
            "sea-view keeps it whole",
        ],
    ),
];

/// Finds every scene in what was shown, and in each what it promises.
pub(crate) fn check(shown: &str) {
    let mut rest = shown;
    for ((number, next), (heading, lines)) in (1..).zip(2..).zip(SCENES) {
        let title = format!("\n{number}. {heading}\n");
        assert!(rest.contains(&title), "no {title:?}: {rest}");
        rest = rest.split_once(&title).unwrap().1;
        let scene = rest.split(&format!("\n{next}. ")).next().unwrap();
        let mut words = scene.split_whitespace().collect::<Vec<_>>().join(" ");
        for line in lines {
            assert!(words.contains(line), "{heading}: {line:?} is not in the rest of it: {words}");
            words = words.split_once(line).unwrap().1.to_owned();
        }
    }
    let count = format!("\n{} scenes, all as promised", SCENES.len());
    assert!(rest.contains(&count), "there are other scenes than these: {rest}");
}
