"""Loading a policy: every fault at once, each with its place."""

import pytest

from houfu.policy.document import Policy, load_policy, policy_sha, shipped_policy, shipped_text
from houfu.policy.fault import Fault, PolicyInvalid

TEXT = shipped_text()


def edited(*edits: tuple[str, str]) -> str:
    """The shipped text with each first `old` made `new`."""
    text = TEXT
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def faults(text: str | bytes) -> tuple[Fault, ...]:
    with pytest.raises(PolicyInvalid) as caught:
        load_policy(text)
    return caught.value.faults


def test_the_shipped_policy_loads() -> None:
    policy = shipped_policy()
    assert isinstance(policy, Policy)
    assert (policy.terms.name, policy.version, policy.terms.currency) == ("taobao", 1, "CNY")
    assert policy.zone.key == "Asia/Shanghai"
    assert shipped_policy() is policy


def test_the_hash_is_of_the_content_not_of_the_layout() -> None:
    same = edited(("name: taobao\nversion: 1\n", "# a comment\nversion:   1\n\nname: 'taobao'\n"))
    other = edited(("keep_bp: 7000", "keep_bp: 7001"))
    assert policy_sha(same) == policy_sha(TEXT) == shipped_policy().sha256
    assert policy_sha(other) != policy_sha(TEXT)
    assert load_policy(other).sha256 == policy_sha(other)


def test_figures_of_orders_and_withdrawals_are_read() -> None:
    terms = shipped_policy().terms
    assert (terms.orders.hold_days, terms.orders.funding.advance_share_bp) == (15, 10000)
    assert terms.orders.default.bearer.received == "platform"
    assert not terms.orders.over_limit.allowed
    assert (terms.withdrawals.fee.rate_ppm, terms.withdrawals.fee.minimum) == (6000, 200)
    assert terms.withdrawals.closed.start_time().hour == 23
    assert terms.withdrawals.closed.end_time().hour == 3


FAULTS = [
    ("unknown field", ("round_down_to", "round_dwon_to"), "round_dwon_to", "unknown field"),
    ("unknown field suggests", ("hold_days: 15", "hold_day: 15"), "orders.hold_day", "did you mean `hold_days`?"),
    ("missing field", ("  hold_days: 15\n", ""), "orders.hold_days", "is missing"),
    ("missing section", ("guidance:\n", "guidanse:\n"), "guidance", "is missing"),
    ("float", ("keep_bp: 7000", "keep_bp: 0.7"), "reductions[1].keep_bp", "float"),
    ("float anywhere", ("zh: 先用后付商家额度方案", "zh: 1.5"), "zh", "float"),
    ("exponent", ("hold_days: 15", "hold_days: 1e1"), "orders.hold_days", "must be an integer"),
    ("text for a number", ("hold_days: 15", 'hold_days: "15"'), "orders.hold_days", "must be an integer"),
    ("true for a number", ("hold_days: 15", "hold_days: true"), "orders.hold_days", "must be an integer"),
    ("yes for true", ("allowed: false", "allowed: no"), "orders.over_limit.allowed", "true or false"),
    ("octal", ("hold_days: 15", "hold_days: 017"), "orders.hold_days", "plain decimal integer"),
    ("hex", ("hold_days: 15", "hold_days: 0x1F"), "orders.hold_days", "plain decimal integer"),
    ("underscores", ("hold_days: 15", "hold_days: 1_5"), "orders.hold_days", "plain decimal integer"),
    ("clock time", ('from: "23:00"', "from: 23:00"), "withdrawals.closed.from", "plain decimal integer"),
    ("unquoted date", ("en: \"6.18\"", "en: 2026-06-18"), "promotion_windows[0].en", "must be quoted"),
    ("out of range", ("hold_days: 15", "hold_days: 0"), "orders.hold_days", "between 1 and 365"),
    ("huge number", ("hold_days: 15", "hold_days: " + "9" * 25), "orders.hold_days", "between 1 and 365"),
    ("not in the list", ("mode: advanced_on_shipping", "mode: advanced"), "orders.funding.mode", "one of"),
    ("bad form", ("currency: CNY", "currency: yuan"), "currency", "form"),
    ("bad zone", ("Asia/Shanghai", "Asia/Shanghigh"), "timezone", "time zone"),
    ("zone outside", ("Asia/Shanghai", "../../etc/passwd"), "timezone", "time zone"),
    ("no such country", ("calendar: cn", "calendar: XX"), "calendar", "names no country whose holidays are known: they are AD, AE"),
    ("no such part", ("calendar: cn", "calendar: DE-XX"), "calendar", "they are BB, BE, BW, BY"),
    ("China by its laws", ("calendar: cn", "calendar: CN"), "calendar", "`cn` is the State Council's"),
    ("calendar outside", ("calendar: cn", "calendar: ../passwd"), "calendar", "the ISO code of a country"),
    ("Norway is no text", ("calendar: cn", "calendar: NO"), "calendar", "or quoted"),
    ("calendar too long", ("calendar: cn", "calendar: " + "D" * 17), "calendar", "over 16 characters"),
    ("duplicate key", ("hold_days: 15", "hold_days: 15\n  hold_days: 16"), "orders.hold_days", "twice"),
    ("list for mapping", ("guidance:\n", "guidance: [1]\nguide:\n"), "guidance", "a mapping"),
    ("text for list", ("zero_rules:\n", "zero_rules: none\nzero_rulez:\n"), "zero_rules", "must be a list"),
    ("unknown name", ("credit + sales + service", "credit + salez + service"), "steps[3].amount", "salez"),
    ("forward name", ("LEAST(level, 5) * 3", "score * 3"), "steps[1].amount", "defined later"),
    ("itself", ("credit + sales + service", "score + 1"), "steps[3].amount", "defined later"),
    ("base too early", ("credit + sales + service", "credit + base"), "steps[3].amount", "defined later"),
    ("unknown table", ("orders_points(orders_avg_3m)", "order_points(orders_avg_3m)"), "steps[1].amount", "orders_points"),
    ("function", ("LEAST(level, 5)", "ABS(level)"), "steps[1].amount", "ABS"),
    ("slash", ("* score // 100", "* score / 100"), "steps[4].amount", "write `//`"),
    ("divide by zero", ("* score // 100", "* score // 0"), "steps[4].amount", "must be 1 or more"),
    ("divide by formula", ("* score // 100", "* score // (1 + 1)"), "steps[4].amount", "positive literal or a name"),
    ("divide by maybe zero", ("gmv_3m // gmv_months", "gmv_3m // level // months_open"), "steps[4].amount", "min: 1"),
    ("overflow", ("gmv_3m // gmv_months", "gmv_3m * gmv_12m"), "steps[4].amount", "overflow 64 bits"),
    ("negative layer", ("    amount: emergency", "    amount: emergency - 1"), "layers[4].amount", "negative"),
    ("always", ("virtual_phone = 1", "virtual_phone >= 0"), "reductions[0].when", "always holds"),
    ("never", ("high_risk = 1", "high_risk = 2"), "zero_rules[2].when", "never apply"),
    ("dead branch", ("WHEN course_active = 1", "WHEN course_active = 3"), "layers[2].amount", "never be taken"),
    ("band order", ("{at_least: 460, value: 14}", "{at_least: 490, value: 14}"), "tables[0].bands[1]", "never be reached"),
    ("band mix", ("{at_least: 460, value: 14}", "{at_most: 460, value: 14}"), "tables[0].bands[1]", "exactly one"),
    ("no default", ("    default: 3000\n", ""), "tables[7].default", "is missing"),
    ("code reused", ("code: return_wave", "code: annual_cap"), "cap.code", "never reused"),
    ("input twice", ("name: gmv_12m", "name: gmv_3m"), "inputs[4].name", "declared twice"),
    ("input is a word", ("name: level,", "name: sum,"), "inputs[0].name", "word of the language"),
    ("min over max", ("min: 1, max: 3,", "min: 4, max: 3,"), "inputs[3].min", "over max"),
    ("base without end", ("  - code: earned_base\n", "  - code: earned_base\n    when: level > 1\n"), "base[1].when", "no `when`"),
    ("windows overlap", ('from: "10-24"', 'from: "06-20"'), "promotion_windows[1]", "overlaps"),
    ("window reversed", ('until: "06-20"', 'until: "05-20"'), "promotion_windows[0]", "ends before"),
    ("no such day", ('until: "06-20"', 'until: "06-31"'), "promotion_windows[0]", "not in every year"),
    ("lasting twice", ("lasts: {months: 12}", "lasts: {months: 12, until: course_end}"), "layers[0].lasts", "exactly one"),
    ("advice input", ("{input: complaint_bp", "{input: complain_bp"), "advice[3].changes[0].input", "complaint_bp"),
    ("advice range", ("input: good_review_bp, at_least: 9800", "input: good_review_bp, at_least: 98000"), "advice[4].changes[0]", "outside"),
    ("funding share", ("mode: advanced_on_shipping", "mode: paid_when_buyer_pays"), "orders.funding.advance_share_bp", "write 0"),
    ("no score", ("code: score", "code: points"), "steps", "`score`"),
]  # fmt: skip


@pytest.mark.parametrize("edit, path, words", [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_a_fault_is_found_with_its_place_and_words(edit: tuple[str, str], path: str, words: str) -> None:
    found = faults(edited(edit))
    matching = [fault for fault in found if fault.path == path and words in str(fault)]
    assert matching, [str(fault) for fault in found]
    assert all(fault.line >= 1 and fault.column >= 1 for fault in found)


def test_every_fault_is_reported_at_once_in_reading_order() -> None:
    found = faults(
        edited(
            ("currency: CNY", "currency: yuan"),
            ("gmv_3m // gmv_months", "gmv_3m / gmv_months"),
            ("keep_bp: 7000", "keep_bp: 0.7"),
            ("high_risk = 1", "hi_risk = 1"),
            ('until: "06-20"', 'until: "05-20"'),
            ("hold_days: 15", "hold_days: many"),
        )
    )
    assert [fault.path for fault in found] == [
        "currency",
        "steps[4].amount",
        "reductions[1].keep_bp",
        "zero_rules[2].when",
        "promotion_windows[0]",
        "orders.hold_days",
    ]
    assert list(found) == sorted(found)


@pytest.mark.parametrize(
    "old, new, word",
    [
        ("amount: credit + sales + service", "amount: credit + salez + service", "salez"),
        ("+ tenure_points(months_open)", "+ tenure_points(month_open)", "month_open"),
        ("+ complaint_points(complaint_bp)", "+ complaint_bp.x", ".x"),
        ("amount: credit + sales + service", "amount: 'credit + salez + service'", "salez"),
        (
            "amount: credit + sales + service",
            "amount: |\n      credit\n      + salez\n      + service",
            "salez",
        ),
        ("when: high_risk = 1", "when: high_risk", "high_risk\n"),
    ],
)
def test_a_fault_inside_an_expression_points_at_the_word(old: str, new: str, word: str) -> None:
    text = edited((old, new))
    before = text[: text.index(new) + new.index(word.strip())]
    fault = faults(text)[0]
    assert (fault.line, fault.column) == (before.count("\n") + 1, len(before) - before.rfind("\n"))


def test_text_that_is_no_utf8_is_refused() -> None:
    assert "UTF-8" in faults("name: 额度".encode("gbk"))[0].message


def test_a_byte_order_mark_and_windows_line_ends_change_nothing() -> None:
    assert (
        load_policy(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode()).sha256 == shipped_policy().sha256
    )


@pytest.mark.parametrize("name", ["cn", "DE", "DE-BY", "SA", '"NO"'])
def test_a_policy_follows_the_working_days_of_any_country(name: str) -> None:
    text = shipped_text().replace("calendar: cn", f"calendar: {name}")
    assert load_policy(text).terms.calendar == name.strip('"')
