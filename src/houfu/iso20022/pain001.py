"""pain.001.001.09, the payments we send: written, proven against its schema, and read (by the simulated bank)."""

from collections.abc import Iterable
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Final, Protocol, cast

from lxml import etree

from houfu.iso20022.amounts import SUM_MAX, amount_text, digits_of, minor_of
from houfu.iso20022.element import Element
from houfu.iso20022.message import MessageRefused, Party, PaymentFile, PaymentGroup, Transfer
from houfu.iso20022.reading import Namespace, day
from houfu.iso20022.reading import moment as moment_of
from houfu.iso20022.writing import ROOT, escaped, exact, head, moment, named, tail
from houfu.iso20022.xml import BYTES_MAX, Parts, prepared, root_of

KIND: Final = "pain.001.001.09"
URI: Final = ROOT + KIND
_ROOT: Final = "CstmrCdtTrfInitn"
_ERRORS_SHOWN: Final = 5
_CNAPS_LENGTH: Final = 12
_NO_REMITTANCE: Final = ""


def write(file: PaymentFile) -> bytes:
    """The file as UTF-8: the same file gives the same bytes.

    Names and remittances are cut to 140 characters and freed of control characters; ids, numbers and bank codes that do
    not fit are refused, as are amounts below 1, an empty group and a file without groups.
    """
    digits = digits_of(file.currency)
    debtor = _debtor(file.debtor, file.currency)
    written = [_group(group, file.currency, digits, debtor) for group in file.groups]
    if not written:
        raise MessageRefused("a payment file holds one group at least")
    count = sum(len(group.transfers) for group in file.groups)
    total = sum(transfer.amount for group in file.groups for transfer in group.transfers)
    header = (
        f"<GrpHdr><MsgId>{exact(file.message_id, 35, what='message id')}</MsgId>"
        f"<CreDtTm>{moment(file.created_at)}</CreDtTm><NbOfTxs>{count}</NbOfTxs>"
        f"<CtrlSum>{amount_text(total, digits)}</CtrlSum>"
        f"<InitgPty><Nm>{named(file.debtor.name, 140, what='debtor name')}</Nm></InitgPty></GrpHdr>\n"
    )
    return "".join((head(KIND, _ROOT), header, *written, tail(_ROOT))).encode()


def validate(content: bytes) -> None:
    """Refuses `content` unless it is valid by the schema of pain.001.001.09, with its first errors and their lines."""
    content = prepared(content)
    if root_of(content) != (URI, "Document"):
        raise MessageRefused(f"the file is not a {KIND}")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, collect_ids=False)
    try:
        tree = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as fault:
        raise MessageRefused(f"line {fault.lineno}: the file is not well-formed XML") from None
    schema = _schema()
    if not schema.validate(tree):
        errors = [f"line {e.line}: {e.message}" for e in cast("Iterable[_SchemaError]", schema.error_log)]
        raise MessageRefused(
            f"not valid by {KIND}: "
            + "; ".join(error.replace(f"{{{URI}}}", "") for error in errors[:_ERRORS_SHOWN])
        )


def read(content: bytes, *, bytes_max: int = BYTES_MAX) -> PaymentFile:
    """The payments of a file as `write` makes it. Refuses wrong counts and sums, and several debtors or currencies."""
    content = prepared(content, bytes_max=bytes_max)
    if root_of(content) != (URI, "Document"):
        raise MessageRefused(f"the file is not a {KIND}")
    ns = Namespace(URI)
    part, group_tag = ns.tag("CdtTrfTxInf"), ns.tag("PmtInf")
    parts = Parts(content, (part, group_tag))
    groups: list[PaymentGroup] = []
    debtors: set[Party] = set()
    currencies: set[str] = set()
    transfers: list[Transfer] = []
    for element in parts:
        if element.tag == part:
            transfers.append(_transfer_of(ns, element, currencies))
        else:
            debtors.add(_party(ns, element, "Dbtr", "DbtrAcct", "DbtrAgt"))
            groups.append(_group_of(ns, element, tuple(transfers), currencies))
            transfers = []
    if len(debtors) != 1 or len(currencies) != 1:
        raise MessageRefused("the file pays from several accounts or in several currencies, or pays nothing")
    header = ns.one(parts.root, f"{_ROOT}/GrpHdr")
    currency = currencies.pop()
    every = [transfer for group in groups for transfer in group.transfers]
    _prove(ns, header, every, currency)
    return PaymentFile(
        ns.need(header, "MsgId"),
        moment_of(ns.need(header, "CreDtTm")),
        debtors.pop(),
        currency,
        tuple(groups),
    )


class _SchemaError(Protocol):
    line: int
    message: str


@cache
def _schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.fromstring((files("sepaxml") / "schemas" / f"{KIND}.xsd").read_bytes()))


def _debtor(party: Party, currency: str) -> str:
    agent = _agent(party.bank_code, "debtor") or "<Othr><Id>NOTPROVIDED</Id></Othr>"
    return (
        f"<Dbtr><Nm>{named(party.name, 140, what='debtor name')}</Nm></Dbtr>"
        f"<DbtrAcct><Id><Othr><Id>{exact(party.number, 34, what='debtor account')}</Id></Othr></Id>"
        f"<Ccy>{currency}</Ccy></DbtrAcct>"
        f"<DbtrAgt><FinInstnId>{agent}</FinInstnId></DbtrAgt>"
    )


def _agent(bank_code: str, whose: str) -> str:
    if not bank_code:
        return ""
    code = exact(bank_code, 35, what=f"{whose} bank code")
    if len(code) == _CNAPS_LENGTH and code.isascii() and code.isdigit():
        return f"<ClrSysMmbId><ClrSysId><Cd>CNAPS</Cd></ClrSysId><MmbId>{code}</MmbId></ClrSysMmbId>"
    return f"<Othr><Id>{code}</Id></Othr>"


def _group(group: PaymentGroup, currency: str, digits: int, debtor: str) -> str:
    if not group.transfers:
        raise MessageRefused(f"payment group {group.group_id!r} holds no payments")
    total = sum(transfer.amount for transfer in group.transfers)
    agents: dict[str, str] = {}
    for code in {transfer.creditor.bank_code for transfer in group.transfers}:
        agent = _agent(code, "creditor")
        agents[code] = f"<CdtrAgt><FinInstnId>{agent}</FinInstnId></CdtrAgt>" if agent else ""
    opening = (
        f"<PmtInf><PmtInfId>{exact(group.group_id, 35, what='group id')}</PmtInfId><PmtMtd>TRF</PmtMtd>"
        f"<BtchBookg>false</BtchBookg><NbOfTxs>{len(group.transfers)}</NbOfTxs>"
        f"<CtrlSum>{amount_text(total, digits)}</CtrlSum>"
        f"<ReqdExctnDt><Dt>{group.execution_on.isoformat()}</Dt></ReqdExctnDt>{debtor}\n"
    )
    lines = [_transfer(transfer, currency, digits, agents) for transfer in group.transfers]
    return f"{opening}{''.join(lines)}</PmtInf>\n"


def _transfer(transfer: Transfer, currency: str, digits: int, agents: dict[str, str]) -> str:
    if transfer.amount < 1:
        raise MessageRefused(f"payment {transfer.end_to_end_id!r} is of no amount")
    creditor = transfer.creditor
    remittance = escaped(transfer.remittance, 140)
    about = f"<RmtInf><Ustrd>{remittance}</Ustrd></RmtInf>" if remittance else _NO_REMITTANCE
    return (
        f"<CdtTrfTxInf><PmtId><EndToEndId>{exact(transfer.end_to_end_id, 35, what='end-to-end id')}</EndToEndId></PmtId>"
        f'<Amt><InstdAmt Ccy="{currency}">{amount_text(transfer.amount, digits)}</InstdAmt></Amt>'
        f"{agents[creditor.bank_code]}<Cdtr><Nm>{named(creditor.name, 140, what='creditor name')}</Nm></Cdtr>"
        f"<CdtrAcct><Id><Othr><Id>{exact(creditor.number, 34, what='creditor account')}</Id></Othr></Id></CdtrAcct>"
        f"{about}</CdtTrfTxInf>\n"
    )


def _transfer_of(ns: Namespace, element: Element, currencies: set[str]) -> Transfer:
    end_to_end_id = ns.need(element, "PmtId/EndToEndId")
    amount = ns.one(element, "Amt/InstdAmt")
    currency = amount.get("Ccy") or ""
    currencies.add(currency)
    return Transfer(
        end_to_end_id,
        minor_of(amount.text, digits_of(currency)),
        _party(ns, element, "Cdtr", "CdtrAcct", "CdtrAgt"),
        ns.words(element, "RmtInf/Ustrd") or "",
    )


def _group_of(
    ns: Namespace, element: Element, transfers: tuple[Transfer, ...], currencies: set[str]
) -> PaymentGroup:
    if len(currencies) > 1:
        raise MessageRefused("the file pays in several currencies")
    if not transfers:
        raise MessageRefused(f"line {element.sourceline}: a payment group holds no payments")
    made = PaymentGroup(ns.need(element, "PmtInfId"), _execution(ns, element), transfers)
    _prove(ns, element, transfers, next(iter(currencies)))
    return made


def _execution(ns: Namespace, element: Element) -> date:
    said = ns.text(element, "ReqdExctnDt/Dt")
    return day(said) if said else moment_of(ns.need(element, "ReqdExctnDt/DtTm")).date()


def _party(ns: Namespace, element: Element, who: str, account: str, agent: str) -> Party:
    bank = f"{agent}/FinInstnId/"
    code = ns.text(element, f"{bank}ClrSysMmbId/MmbId", f"{bank}BICFI", f"{bank}Othr/Id", f"{bank}Nm") or ""
    return Party(
        ns.need(element, f"{who}/Nm"),
        ns.need(element, f"{account}/Id/Othr/Id", f"{account}/Id/IBAN"),
        "" if code == "NOTPROVIDED" else code,
    )


def _prove(
    ns: Namespace, element: Element, transfers: list[Transfer] | tuple[Transfer, ...], currency: str
) -> None:
    count, total = len(transfers), sum(transfer.amount for transfer in transfers)
    said = ns.text(element, "NbOfTxs")
    if said is not None and said != str(count):
        raise MessageRefused(f"line {element.sourceline}: NbOfTxs says {said}, the file holds {count}")
    said = ns.text(element, "CtrlSum")
    if said is not None and minor_of(said, digits_of(currency), most=SUM_MAX) != total:
        held = amount_text(total, digits_of(currency))
        raise MessageRefused(f"line {element.sourceline}: CtrlSum says {said}, the file holds {held}")
