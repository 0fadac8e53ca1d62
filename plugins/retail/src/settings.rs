//! What the configuration says.

use serde::Deserialize;
use wasmill_decimal::Decimal;

/// The plugin's settings.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Loyalty points for each unit of an invoice's total.
    #[serde(deserialize_with = "wasmill_decimal::from_value")]
    pub points_per_amount: Decimal,
    /// What of the address stays readable in `invoice-items`.
    pub readable_address: Vec<AddressField>,
}

/// A field of `DeliveryAddress`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[allow(missing_docs, reason = "they are the fields' own names")]
pub enum AddressField {
    AddressLine,
    City,
    State,
    PinCode,
    ContactNumber,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            points_per_amount: Decimal::new(2, 2),
            readable_address: vec![AddressField::City, AddressField::State, AddressField::PinCode],
        }
    }
}
