"""camt.054, movements as the bank books them: read in six versions, written in one."""

from typing import Final

from houfu.iso20022.entries import EntryReader, entries_text, prove_totals, summary_text
from houfu.iso20022.message import MessageRefused, Notification
from houfu.iso20022.reading import Namespace, prove_whole
from houfu.iso20022.reading import moment as moment_of
from houfu.iso20022.writing import ROOT, exact, head, moment, tail
from houfu.iso20022.xml import BYTES_MAX, prepared, root_of

KIND: Final = "camt.054.001.08"
KNOWN: Final = tuple(f"camt.054.001.{version}" for version in ("02", "04", "06", "08", "10", "13"))
_ROOT: Final = "BkToCstmrDbtCdtNtfctn"


def write(notification: Notification) -> bytes:
    """The notification as UTF-8 in version .08: the same one gives the same bytes."""
    message_id, at = exact(notification.message_id, 35, what="message id"), moment(notification.created_at)
    currency = notification.currency
    return "".join(
        (
            head(KIND, _ROOT),
            f"<GrpHdr><MsgId>{message_id}</MsgId><CreDtTm>{at}</CreDtTm></GrpHdr>\n"
            f"<Ntfctn><Id>{message_id}</Id><CreDtTm>{at}</CreDtTm>"
            f"<Acct><Id><Othr><Id>{exact(notification.account_number, 34, what='account')}</Id></Othr></Id>"
            f"<Ccy>{currency}</Ccy></Acct>\n",
            summary_text(notification.entries, currency),
            entries_text(notification.entries, currency),
            "</Ntfctn>\n",
            tail(_ROOT),
        )
    ).encode()


def read(content: bytes, *, bytes_max: int = BYTES_MAX) -> Notification:
    """The booked movements of a file in a known version. Refuses control totals that are wrong and all that
    `entries` refuses."""
    content = prepared(content, bytes_max=bytes_max)
    uri, name = root_of(content)
    if name != "Document" or uri.removeprefix(ROOT) not in KNOWN:
        raise MessageRefused(f"the file is not one of {', '.join(KNOWN)}")
    ns = Namespace(uri)
    reader = EntryReader(ns, "Ntfctn")
    body = ns.one(reader.read(content), _ROOT)
    header, held = ns.one(body, "GrpHdr"), ns.one(body, "Ntfctn")
    prove_whole(ns, header, held)
    prove_totals(ns, held, reader)
    return Notification(
        ns.need(header, "MsgId"),
        moment_of(ns.need(header, "CreDtTm")),
        ns.need(held, "Acct/Id/Othr/Id", "Acct/Id/IBAN"),
        reader.one_currency(ns.text(held, "Acct/Ccy")),
        tuple(reader.entries),
    )
