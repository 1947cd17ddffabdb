"""Why the simulated bank says no: ISO 20022 external status reason codes, with the words a Chinese bank has for them."""

from types import MappingProxyType
from typing import Final

CLOSED_ACCOUNT: Final = "AC04"
DUPLICATE_PAYMENT: Final = "AM05"

PAYMENT_WORDS: Final = MappingProxyType(
    {
        "AC01": "收款账号有误，查无此户",
        "AC04": "收款账户已销户",
        "AC06": "收款账户已冻结，不能入账",
        "AM05": "重复付款，该笔指令此前已受理",
        "AM14": "金额超过收款账户的入账限额",
        "BE01": "收款户名与账号不符",
        "RC04": "收款行行号有误",
    }
)
"""Of single payments. Public: who reads a report may compare."""

REJECTS: Final = ("AC01", "AC04", "AC06", "AM14", "BE01", "RC04")
"""What a payment may be rejected for at once."""

RETURNS: Final = ("AC01", "AC04", "AC06", "BE01")
"""What the other bank may send a payment back for, days after it was booked."""

FILE_WORDS: Final = MappingProxyType(
    {
        "FF01": "文件格式有误，整份退回",
        "DU01": "报文标识已被另一份内容不同的文件使用",
        "AC02": "付款账号不是本行为该客户开立的账户",
        "AM03": "本账户只办理人民币付款",
        "AM05": "文件内端到端标识重复",
        "DT01": "执行日期过远，本行不予受理",
    }
)
"""Of whole files."""
