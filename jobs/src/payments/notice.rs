//! What operators are told about money, in both languages.

use super::sale::{Provider, SaleId};

/// The key of the notice about a sale in review.
pub(super) fn review_key(sale: SaleId) -> String {
    format!("sale:{sale}")
}

/// Something is wrong with a payment.
pub(super) fn review(sale: SaleId, reason: &str) -> String {
    let (es, en) = match reason {
        "amount" => ("el importe no es el de la compra", "the amount is not that of the sale"),
        "currency" => ("la moneda no es la de la compra", "the currency is not that of the sale"),
        "account" => ("el dinero no llegó a nuestra cuenta", "the money did not come to our account"),
        "livemode" => ("el pago es del otro entorno (pruebas o real)", "the payment is of the other world (trial or real)"),
        "sale" => ("el proveedor dice que el pago es de otra compra", "the provider says that the payment is for another sale"),
        "bought_again" => {
            return format!(
                "El dinero de la compra {sale} ha vuelto a nosotros y el curso ya se compró otra vez: devuélvelo de otra manera. / The money of sale \
                 {sale} is with us again, and the course was bought anew meanwhile: give it back another way. (/admin/sales/{sale})"
            );
        }
        _ => {
            return format!(
                "El curso de la compra {sale} ya estaba pagado: el segundo pago se devuelve solo y el curso no cambia. / The course of sale {sale} \
                 was paid already: the second payment goes back by itself, and nothing changes for the course. (/admin/sales/{sale})"
            );
        }
    };
    format!(
        "Revisa el pago de la compra {sale}: {es}. Este pago no abre el curso. / Look at the payment of sale {sale}: {en}. This payment does not open \
         the course. (/admin/sales/{sale})"
    )
}

/// The key of the notice about a payment that is said to be another than was booked.
pub(super) fn changed_key(sale: SaleId) -> String {
    format!("payment_changed:{sale}")
}

/// A payment that was taken long ago is said to be something else now.
pub(super) fn changed(sale: SaleId, reason: &str) -> String {
    let (es, en) = match reason {
        "account" => ("que fue a otra cuenta", "that it went to another account"),
        "livemode" => ("que es del otro entorno (pruebas o real)", "that it is of the other world (trial or real)"),
        "sale" => ("que es de otra compra", "that it is for another sale"),
        _ => ("que es de otro importe", "that it is of another amount"),
    };
    format!(
        "El proveedor dice ahora del pago de la compra {sale} {es}: mira si alguien lo cambió allí, o los ajustes de aquí. El curso sigue abierto. / The \
         provider now says of the payment of sale {sale} {en}: see whether somebody has changed it there, or the settings here. The course stays open. \
         (/admin/sales/{sale})"
    )
}

/// The key of the notice about an open dispute.
pub(super) fn dispute_key(dispute_ref: &str) -> String {
    format!("dispute:{dispute_ref}")
}

/// A bank has taken money back for now.
pub(super) fn dispute(sale: SaleId, provider: Provider) -> String {
    let provider = provider.as_str();
    format!(
        "El banco reclama el pago de la compra {sale}: responde en {provider} antes de que venza el plazo. / The bank disputes the payment of sale \
         {sale}: answer at {provider} before it is too late. (/admin/sales/{sale})"
    )
}

/// The key of the notice about a refund that the provider does not carry out.
pub(super) fn refund_key(sale: SaleId) -> String {
    format!("refund:{sale}")
}

/// A refund was refused.
pub(super) fn refund(sale: SaleId, words: &str) -> String {
    format!(
        "No se pudo devolver el dinero de la compra {sale}. / The money of sale {sale} could not be given back. ({words}) (/admin/sales/{sale})"
    )
}

/// A refund that had been accepted has failed.
pub(super) fn refund_undone(sale: SaleId) -> String {
    format!(
        "Una devolución de la compra {sale} falló después de aceptada: el dinero está otra vez con nosotros y hay que devolverlo de otra manera. / A \
         refund of sale {sale} failed after it had been accepted: the money is with us again and has to go back another way. (/admin/sales/{sale})"
    )
}

/// The key of the notice about a provider that does not let us in.
pub(super) fn provider_key(provider: Provider) -> String {
    format!("payments:{}", provider.as_str())
}

/// The key of the notice about a provider that does not show us its lists: that is another permission.
pub(super) fn lists_key(provider: Provider) -> String {
    format!("payments:{}:lists", provider.as_str())
}

/// A provider does not let us in.
pub(super) fn provider(provider: Provider, words: &str) -> String {
    let provider = provider.as_str();
    format!(
        "{provider} no nos deja entrar: revisa sus claves. Los cobros esperan y seguirán solos. / {provider} does not let us in: check its keys. \
         Payments wait and go on by themselves. ({words})"
    )
}
