"""Messages for the tests: one of each kind, and strategies for any."""

from datetime import UTC, date, datetime

from houfu.iso20022.message import (
    Entry,
    Notification,
    Party,
    PaymentFile,
    PaymentGroup,
    Statement,
    StatusReport,
    Transfer,
    TransferStatus,
)

NOW = datetime(2026, 11, 25, 15, 0, 7, tzinfo=UTC)
DAY = date(2026, 11, 26)
PLATFORM = Party("后付平台有限公司", "6222000000000000001", "102100099996")
STORE = Party("李雷的小店 & <Söhne>", "6222021234567890123", "103100000026")
ID = "wd_0192f0c0a1b27c3d8e4f5a6b7c8d9e0f"

PAYMENTS = PaymentFile(
    "0192f0c0a1b27c3d8e4f5a6b7c8d9e0f-01",
    NOW,
    PLATFORM,
    "CNY",
    (
        PaymentGroup(
            "0192f0c0a1b27c3d8e4f5a6b7c8d9e0f-g1",
            DAY,
            (Transfer(ID, 100_05, STORE, "提现 withdrawal"), Transfer("wd_2", 1, STORE, "")),
        ),
        PaymentGroup("g2", DAY, (Transfer("wd_3", 2**53 - 1, Party("B", "1", ""), "x"),)),
    ),
)
REPORT = StatusReport(
    "report-1",
    NOW,
    PAYMENTS.message_id,
    "PART",
    None,
    None,
    (
        TransferStatus(ID, "RJCT", "AC04", "账户已销户", None),
        TransferStatus("wd_2", "ACSC", bank_reference="B-1"),
    ),
)
PAID = Entry("B-1", 1_000_05, False, DAY, ID, STORE.name, STORE.number, None, "提现")
RETURNED = Entry("B-2", 7_00, True, DAY, "wd_2", STORE.name, STORE.number, "AC04", "账户已销户")
NOTIFICATION = Notification("n-1", NOW, PLATFORM.number, "CNY", (PAID, RETURNED))
STATEMENT = Statement("s-1", "s-1-d", NOW, PLATFORM.number, "CNY", DAY, 500_00, -493_05, (PAID, RETURNED))
MESSAGES = (PAYMENTS, REPORT, NOTIFICATION, STATEMENT)
