"""pain.002, what the bank says of a file and its payments: read in three versions, written in one."""

from typing import Final

from houfu.iso20022.element import Element
from houfu.iso20022.message import MessageRefused, StatusReport, TransferStatus
from houfu.iso20022.reading import Namespace
from houfu.iso20022.reading import moment as moment_of
from houfu.iso20022.writing import ROOT, escaped, exact, head, moment, tail
from houfu.iso20022.xml import BYTES_MAX, Parts, prepared, root_of

KIND: Final = "pain.002.001.10"
KNOWN: Final = ("pain.002.001.03", "pain.002.001.10", "pain.002.001.12")
_ROOT: Final = "CstmrPmtStsRpt"
_ALIKE: Final = {
    "RCVD": "PDNG",
    "ACWC": "ACCP",
    "ACWP": "ACSP",
    "ACCC": "ACSC",
}
"""Statuses that mean no more to us than another one."""
_OF_FILE: Final = frozenset({"ACTC", "ACCP", "ACSP", "ACSC", "PART", "PDNG", "RJCT"})
_OF_PAYMENT: Final = frozenset({"ACCP", "ACSP", "ACSC", "PDNG", "RJCT"})


def write(report: StatusReport) -> bytes:
    """The report as UTF-8 in version .10: the same report gives the same bytes. Words are cut to 105 characters."""
    reason = _reason(report.reason, report.words)
    group = f"<GrpSts>{report.group_status}</GrpSts>" if report.group_status else ""
    statuses = [_status(status) for status in report.statuses]
    original = exact(report.original_message_id, 35, what="original message id")
    of_payments = (
        f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>{original}</OrgnlPmtInfId>\n{''.join(statuses)}</OrgnlPmtInfAndSts>\n"
        if statuses
        else ""
    )
    return "".join(
        (
            head(KIND, _ROOT),
            f"<GrpHdr><MsgId>{exact(report.message_id, 35, what='message id')}</MsgId>"
            f"<CreDtTm>{moment(report.created_at)}</CreDtTm></GrpHdr>\n"
            f"<OrgnlGrpInfAndSts><OrgnlMsgId>{original}</OrgnlMsgId>"
            f"<OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>{group}{reason}</OrgnlGrpInfAndSts>\n",
            of_payments,
            tail(_ROOT),
        )
    ).encode()


def read(content: bytes, *, bytes_max: int = BYTES_MAX) -> StatusReport:
    """The report of a file in a known version. Refuses statuses that are not known, and a rejection of payments that
    it does not name."""
    content = prepared(content, bytes_max=bytes_max)
    uri, name = root_of(content)
    if name != "Document" or uri.removeprefix(ROOT) not in KNOWN:
        raise MessageRefused(f"the file is not one of {', '.join(KNOWN)}")
    ns = Namespace(uri)
    part = ns.tag("TxInfAndSts")
    parts = Parts(content, (part,))
    statuses = tuple([_status_of(ns, element) for element in parts])
    body = ns.one(parts.root, _ROOT)
    header, original = ns.one(body, "GrpHdr"), ns.one(body, "OrgnlGrpInfAndSts")
    group = _known(ns.text(original, "GrpSts"), _OF_FILE, "file")
    reason, words = _reason_of(ns, original)
    for payments in ns.all(body, "OrgnlPmtInfAndSts"):
        status = _known(ns.text(payments, "PmtInfSts"), _OF_FILE, "group of payments")
        if status == "RJCT" and group != "RJCT" and payments.find(part) is None:
            named = ns.text(payments, "OrgnlPmtInfId")
            raise MessageRefused(
                f"group {named} is rejected without naming its payments: ask the bank for them"
            )
    return StatusReport(
        ns.need(header, "MsgId"),
        moment_of(ns.need(header, "CreDtTm")),
        ns.need(original, "OrgnlMsgId"),
        group,
        reason,
        words,
        statuses,
    )


def _reason(reason: str | None, words: str | None) -> str:
    said = escaped(words or "", 105)
    told = f"<AddtlInf>{said}</AddtlInf>" if said else ""
    code = f"<Rsn><Cd>{exact(reason, 4, what='reason')}</Cd></Rsn>" if reason else ""
    return f"<StsRsnInf>{code}{told}</StsRsnInf>" if code or told else ""


def _status(status: TransferStatus) -> str:
    if status.status not in _OF_PAYMENT:
        raise MessageRefused(f"{status.status!r} is not a status of a payment")
    reference = status.bank_reference
    bank = f"<AcctSvcrRef>{exact(reference, 35, what='bank reference')}</AcctSvcrRef>" if reference else ""
    return (
        f"<TxInfAndSts><OrgnlEndToEndId>{exact(status.end_to_end_id, 35, what='end-to-end id')}</OrgnlEndToEndId>"
        f"<TxSts>{status.status}</TxSts>{_reason(status.reason, status.words)}{bank}</TxInfAndSts>\n"
    )


def _status_of(ns: Namespace, element: Element) -> TransferStatus:
    reason, words = _reason_of(ns, element)
    status = _known(ns.need(element, "TxSts"), _OF_PAYMENT, "payment")
    return TransferStatus(
        ns.need(element, "OrgnlEndToEndId"), status or "", reason, words, ns.text(element, "AcctSvcrRef")
    )


def _reason_of(ns: Namespace, element: Element) -> tuple[str | None, str | None]:
    return ns.text(element, "StsRsnInf/Rsn/Cd", "StsRsnInf/Rsn/Prtry"), ns.words(
        element, "StsRsnInf/AddtlInf"
    )


def _known(status: str | None, known: frozenset[str], of: str) -> str | None:
    if status is None:
        return None
    # Technically valid says nothing yet of a single payment.
    made = "PDNG" if status == "ACTC" and status not in known else _ALIKE.get(status, status)
    if made not in known:
        raise MessageRefused(f"{status[:10]!r} is not a known status of a {of}")
    return made
