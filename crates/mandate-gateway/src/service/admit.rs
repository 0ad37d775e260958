//! From the text in a header to a mandate that its principal signed.
//!
//! Nothing is remembered of a token before this is done.

use mandate::token::{Kind, Life, Mandate, UnverifiedMandate, VerifyError};
use mandate::{Intent, MerchantId, Payment, PrincipalId, PrincipalRole, PublicKey};

use crate::book::{Mark, Trusted};
use crate::refusal::Refusal;
use crate::settings::{Enrolment, Price};

/// A kind of token that wallets sign, and the header that carries it.
pub(super) trait Carried: Kind<Role = PrincipalRole> {
    const HEADER: &'static str;

    fn issuer(claims: &Self::Claims) -> &PrincipalId;

    fn audience(claims: &Self::Claims) -> &MerchantId;

    fn life(claims: &Self::Claims) -> Life;

    /// What the book knows it by, if it does, on the route of an action with this price.
    fn mark(mandate: &Mandate<Self>, price: &Price) -> Mark;
}

impl Carried for Intent {
    const HEADER: &'static str = "Mandate-Intent";

    fn issuer(claims: &Self::Claims) -> &PrincipalId {
        &claims.iss
    }

    fn audience(claims: &Self::Claims) -> &MerchantId {
        &claims.aud
    }

    fn life(claims: &Self::Claims) -> Life {
        claims.life()
    }

    fn mark(mandate: &Mandate<Self>, price: &Price) -> Mark {
        match price {
            Price::Free => Mark::Use(mandate.hash().into()),
            Price::Fixed(_) | Price::Quote(_) => Mark::Intent(mandate.hash()),
        }
    }
}

impl Carried for Payment {
    const HEADER: &'static str = "Mandate-Payment";

    fn issuer(claims: &Self::Claims) -> &PrincipalId {
        &claims.iss
    }

    fn audience(claims: &Self::Claims) -> &MerchantId {
        &claims.aud
    }

    fn life(claims: &Self::Claims) -> Life {
        claims.life()
    }

    fn mark(mandate: &Mandate<Self>, _price: &Price) -> Mark {
        Mark::Use(mandate.hash().into())
    }
}

/// Reads a token and checks its signature: size, shape, header, claims, issuer, role, signature.
///
/// The claims are read before the signature is checked, because they say whose keys count.
pub(super) fn admit<K: Carried>(
    compact: &str,
    enrolment: &Enrolment,
    own_key: &PublicKey,
) -> Result<Trusted<K>, Refusal> {
    let token = UnverifiedMandate::<K>::parse(compact)
        .map_err(|fault| Refusal::Token { header: K::HEADER, fault })?;
    let issuer = K::issuer(token.claims());
    let Some(keys) = enrolment.keys(issuer) else {
        return Err(Refusal::IssuerUnknown { issuer: issuer.clone() });
    };
    if *token.kid() == own_key.id() {
        return Err(Refusal::RoleInvalid { kid: *token.kid() });
    }
    let mandate = token.verify(&keys).map_err(|fault: VerifyError| Refusal::Signature(fault))?;
    Ok(Trusted { mandate, keys })
}
