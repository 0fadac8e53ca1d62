//! What goes out.

use crate::invoice::{Invoice, Item, Name};
use crate::mask::HIDDEN;
use crate::settings::{AddressField, Settings};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use wasmill_decimal::Decimal;
use wasmill_plugin::Failure;

/// Points for a customer's card.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Loyalty<'a> {
    invoice_number: &'a Name<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_time: Option<&'a RawValue>,
    #[serde(rename = "StoreID", skip_serializing_if = "Option::is_none")]
    store: Option<&'a RawValue>,
    customer_card_no: &'a Name<'a>,
    total_amount: Decimal,
    earned_loyalty_points: i64,
}

/// A line item with what its invoice says, for analysis: no personal data in it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct InvoiceItem<'a> {
    invoice_number: &'a Name<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_time: Option<&'a RawValue>,
    #[serde(rename = "StoreID", skip_serializing_if = "Option::is_none")]
    store: Option<&'a RawValue>,
    #[serde(rename = "PosID", skip_serializing_if = "Option::is_none")]
    till: Option<&'a RawValue>,
    #[serde(rename = "CashierID", skip_serializing_if = "Option::is_none")]
    cashier: Option<&'a RawValue>,
    customer_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_card_no: Option<&'a str>,
    delivery_type: &'a str,
    #[serde(flatten)]
    address: MaskedAddress<'a>,
    item_code: &'a Name<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item_description: Option<&'a RawValue>,
    item_price: Decimal,
    item_qty: Decimal,
    total_value: Decimal,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct MaskedAddress<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    address_line: Option<Shown<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    city: Option<Shown<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<Shown<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pin_code: Option<Shown<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contact_number: Option<Shown<'a>>,
}

enum Shown<'a> {
    AsWritten(&'a RawValue),
    Masked,
}

impl<'a> Loyalty<'a> {
    pub(crate) fn new(invoice: &'a Invoice, card: &'a Name, total: Decimal, points: i64) -> Self {
        Loyalty {
            invoice_number: &invoice.number,
            created_time: invoice.created_time,
            store: invoice.store,
            customer_card_no: card,
            total_amount: total,
            earned_loyalty_points: points,
        }
    }
}

impl<'a> InvoiceItem<'a> {
    /// `card` is masked already: once for all items of an invoice.
    pub(crate) fn new(
        invoice: &'a Invoice,
        card: Option<&'a str>,
        item: &'a Item,
        settings: &Settings,
    ) -> Result<Self, Failure> {
        Ok(InvoiceItem {
            invoice_number: &invoice.number,
            created_time: invoice.created_time,
            store: invoice.store,
            till: invoice.till,
            cashier: invoice.cashier,
            customer_type: &invoice.customer_type,
            customer_card_no: card,
            delivery_type: &invoice.delivery_type,
            address: masked(invoice, settings),
            item_code: &item.code,
            item_description: item.description,
            item_price: item.price,
            item_qty: item.quantity,
            total_value: item.total()?,
        })
    }
}

fn masked<'a>(invoice: &'a Invoice, settings: &Settings) -> MaskedAddress<'a> {
    let Some(address) = &invoice.address else { return MaskedAddress::default() };
    let shown = |field, value: Option<&'a RawValue>| {
        let readable = settings.readable_address.contains(&field);
        value.map(|value| if readable { Shown::AsWritten(value) } else { Shown::Masked })
    };
    MaskedAddress {
        address_line: shown(AddressField::AddressLine, address.address_line),
        city: shown(AddressField::City, address.city),
        state: shown(AddressField::State, address.state),
        pin_code: shown(AddressField::PinCode, address.pin_code),
        contact_number: shown(AddressField::ContactNumber, address.contact_number),
    }
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Shown::AsWritten(value) => value.serialize(serializer),
            Shown::Masked => serializer.serialize_str(HIDDEN),
        }
    }
}
