//! The stable names of faults.

use mandate::AmountError;
use mandate::text::TextError;

use super::fault::{FaultKind, Once};
use super::url::UrlError;

impl FaultKind {
    /// A stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::ActionFree { .. } => "action_free",
            Self::ActionUnsold { .. } => "action_not_sold",
            Self::ActionsMissing => "actions_missing",
            Self::AgentNotAdmitted { .. } => "agent_not_admitted",
            Self::AgentUnlisted { .. } => "agent_unlisted",
            Self::AgentsEmpty => "agents_empty",
            Self::Amount(AmountError::CurrencyUnknown { .. }) => "currency_unknown",
            Self::Amount(AmountError::Digits { .. }) => "amount_digits",
            Self::Amount(AmountError::Overflow) => "amount_above_max",
            Self::Amount(_) => "amount_form",
            Self::AmountUnquoted => "amount_unquoted",
            Self::CapEmpty => "cap_empty",
            Self::CountPerPayment => "count_per_payment",
            Self::CountZero => "count_zero",
            Self::Date => "date_form",
            Self::DateRange => "date_range",
            Self::Duplicate { what, .. } => what.code(),
            Self::Id(_) => "id_invalid",
            Self::IntegerForm => "integer_form",
            Self::IntegerRange { .. } => "integer_range",
            Self::ItemsMax { .. } => "items_above_max",
            Self::Key(_) => "key_invalid",
            Self::KeysEmpty => "keys_empty",
            Self::MerchantUnlisted { .. } => "merchant_unlisted",
            Self::Missing { .. } => "missing",
            Self::Per(_) => "per_unknown",
            Self::Store => "store_unknown",
            Self::Syntax { .. } => "syntax",
            Self::Text(TextError::TooLong { .. }) => "text_too_long",
            Self::Text(_) => "text_character",
            Self::TextEmpty => "text_empty",
            Self::Timezone => "timezone_unknown",
            Self::TtlForm => "ttl_form",
            Self::TtlRange { .. } => "ttl_range",
            Self::Type { .. } => "type",
            Self::UidAndUser => "uid_and_user",
            Self::UidMissing => "uid_missing",
            Self::UnknownKey { .. } => "unknown_key",
            Self::Url(UrlError::TooLong { .. }) => "url_too_long",
            Self::Url(_) => "url_invalid",
            Self::UserUnknown => "user_unknown",
        }
    }

    /// Whether it lies in one value alone, so that it is sure even where other lines could not be read.
    pub(super) fn stands_alone(&self) -> bool {
        matches!(
            self,
            Self::Amount(_)
                | Self::AmountUnquoted
                | Self::CountZero
                | Self::Date
                | Self::DateRange
                | Self::Id(_)
                | Self::IntegerForm
                | Self::IntegerRange { .. }
                | Self::Key(_)
                | Self::Per(_)
                | Self::Store
                | Self::Text(_)
                | Self::Timezone
                | Self::TtlForm
                | Self::TtlRange { .. }
                | Self::Url(_)
                | Self::UserUnknown
        )
    }
}

impl Once {
    fn code(self) -> &'static str {
        match self {
            Self::Action => "action_duplicate",
            Self::Agent => "agent_duplicate",
            Self::Key => "key_duplicate",
            Self::Merchant => "merchant_duplicate",
            Self::Uid => "uid_duplicate",
        }
    }
}
