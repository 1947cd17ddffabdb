"""Every kind of fault: its exact place, its words and what it suggests; and all of them at once."""

import pytest

from houfu.policy.coherence import meaning_clashes
from houfu.policy.document import load_policy, shipped_policy, shipped_text
from houfu.policy.fault import Fault, PolicyInvalid
from houfu.policy.rules import FAULTS_MAX, PARTS_MAX
from houfu.policy.source import read_source

HERE = "⌖"
"""Stands before the place of the fault, and is taken out."""

Edit = tuple[str, str]
Row = tuple[str, Edit, str, str] | tuple[str, Edit, Edit, str, str]
"""A name, what is edited, the message and the suggestion."""

EMERGENCY = "    amount: emergency\n"
COMPLAINT = "{input: complaint_bp, at_most: 10}"


def placed(*edits: tuple[str, str]) -> tuple[str, list[tuple[int, int]]]:
    """The shipped text with each first `old` made `new`, and the lines and columns of the marks in it."""
    text = shipped_text()
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    places: list[tuple[int, int]] = []
    while (at := text.find(HERE)) >= 0:
        places.append((text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)))
        text = text[:at] + text[at + 1 :]
    return text, places


def faults(text: str | bytes) -> tuple[Fault, ...]:
    with pytest.raises(PolicyInvalid) as caught:
        load_policy(text)
    return caught.value.faults


# fmt: off
KINDS: list[Row] = [
    # --- the text
    ("not YAML", ("hold_days: 15", "hold_days: 15 ⌖: 16"), "not YAML: mapping values are not allowed in this context", ""),
    ("key twice", ("hold_days: 15", "hold_days: 15\n  ⌖hold_days: 16"), "the key is given twice", ""),
    ("float", ("keep_bp: 7000", "keep_bp: ⌖0.7"), "a float is not allowed", "use an integer: fen, basis points or hundredths"),
    ("infinity", ("keep_bp: 7000", "keep_bp: ⌖.inf"), "a float is not allowed", "use an integer: fen, basis points or hundredths"),
    ("unquoted date", ('en: "6.18"', "en: ⌖2026-06-18"), "a date must be quoted", 'write it as "2026-01-31"'),
    ("unquoted time", ('from: "23:00"', "from: ⌖23:00"), "`23:00` is not a plain decimal integer", "quote it if it is text"),
    ("grouped digits", ("hold_days: 15", "hold_days: ⌖1_5"), "`1_5` is not a plain decimal integer", "quote it if it is text"),
    ("yes", ("allowed: false", "allowed: ⌖no"), "`no` must be written true or false, or quoted", ""),
    ("anchor", ("hold_days: 15", "hold_days: ⌖&d 15"), "an anchor is not allowed", "write it out"),
    ("unseen character", ("zh: 先用后付商家额度方案", 'zh: ⌖"额\\u202e度"'), "the text holds a character that nobody sees, <U+202E>", "remove it"),
    # --- fields
    ("unknown field", ("hold_days: 15", "hold_days: 15\n  ⌖hold_dys: 16"), "unknown field", "did you mean `hold_days`?"),
    ("unlike any field", ("hold_days: 15", "hold_days: 15\n  ⌖zzz: 16"), "unknown field", ""),
    ("missing field", ("  - code: credit\n", "  - ⌖amount: 1\n    zh: 字\n    en: words\n  - code: credit\n"), "is missing", "add `code:`"),
    ("table without default", ("- name: tier_bp", "- ⌖name: tier_bp"), ("    default: 10000\n", ""), "is missing", "add `default:`"),
    ("text for a number", ("hold_days: 15", 'hold_days: "⌖15"'), "must be an integer, not text", "remove the quotes"),
    ("out of range", ("hold_days: 15", "hold_days: ⌖366"), "must be between 1 and 365", ""),
    ("out of the list", ("every: quarter", "every: ⌖quater"), "must be one of month, quarter", "did you mean `quarter`?"),
    ("form of a code", ("code: return_wave", "code: ⌖Return Wave"), "`Return Wave` does not have the form ^[a-z][a-z0-9_]{0,47}$", "write `return_wave`"),
    ("a list is wanted", ("\nzero_rules:", "\nrefer_rules: ⌖none\nzero_rules:"), "must be a list, not text", ""),
    # --- expressions
    ("unknown name", ("credit + sales + service", "credit + ⌖salez + service"), "there is no input or step `salez`", "did you mean `sales`?"),
    ("unknown table", ("orders_points(orders_avg_3m)", "⌖order_points(orders_avg_3m)"), "there is no table `order_points`", "did you mean `orders_points`?"),
    ("read too early", ("LEAST(level, 5) * 3", "⌖score * 3"), "`score` is defined later", "a rule may only read what stands above it"),
    ("folded text", ("+ tenure_points(months_open)", "+ tenure_points(⌖month_open)"), "there is no input or step `month_open`", "did you mean `months_open`?"),
    ("quoted text", ("amount: credit + sales + service", "amount: 'credit +\n\n      ⌖salez + service'"), "there is no input or step `salez`", "did you mean `sales`?"),
    ("escaped text", ("amount: credit + sales + service", r'amount: "credit\t\x2B ⌖salez + service"'), "there is no input or step `salez`", "did you mean `sales`?"),
    ("block text", ("amount: credit + sales + service", "amount: |\n      credit\n      + ⌖salez\n      + service"), "there is no input or step `salez`", "did you mean `sales`?"),
    ("slash", ("* score // 100", "* score ⌖/ 100"), "`/` is not allowed", "write `//`, which floors"),
    ("divisor of zero", ("* score // 100", "* score // ⌖0"), "the divisor may be 0, it must be 1 or more", ""),
    ("divisor of maybe zero", ("gmv_3m // gmv_months", "gmv_3m // ⌖months_open"), "the divisor may be 0, it must be 1 or more", "declare its input with min: 1"),
    ("divisor of parts", ("* score // 100", "* score // (⌖level + 1)"), "a divisor must be a positive literal or a name", "give it a step of its own"),
    ("overflow", ("(gmv_3m // gmv_months)", "(⌖gmv_3m * gmv_12m)"), "may overflow 64 bits (up to about 1e28)", "divide earlier or narrow the inputs' min and max"),
    ("number over 64 bits", ("level * 100000", "level * ⌖9223372036854775808"), "the integer is over 64 bits", ""),
    ("no ELSE", ("CASE WHEN violations_12m = 0 THEN 10 ELSE 0 END", "CASE WHEN ⌖violations_12m = 0 THEN 10 END"), "CASE has no ELSE", ""),
    ("function", ("LEAST(level, 5)", "⌖ABS(level)"), "`ABS` is not allowed in an expression", ""),
    ("statement", ("LEAST(level, 5)", "level⌖; DROP TABLE lines"), "`;` is not allowed in an expression", ""),
    ("condition for a number", (EMERGENCY, "    amount: ⌖emergency > 5\n"), "a condition stands where an integer belongs", "use CASE WHEN"),
    ("number for a condition", ("when: high_risk = 1", "when: ⌖high_risk"), "an integer stands where a condition belongs", "compare it: `high_risk = 1`"),
    ("signs", ("when: high_risk = 1", "when: NOT NOT ⌖NOT high_risk = 1"), "over 2 signs in a row", "write one, or none"),
    ("negative amount", (EMERGENCY, "    amount: ⌖emergency - 1\n"), "the amount may be negative (down to -1)", "wrap it in GREATEST(..., 0)"),
    # --- rules that never act, or always do
    ("rule that never applies", ("when: high_risk = 1", "when: ⌖high_risk = 2"), "the rule can never apply", "check the inputs' ranges"),
    ("contradiction", ("when: high_risk = 1", "when: ⌖level > 9 AND NOT level >= 7"), "the rule can never apply", "check the inputs' ranges"),
    ("rule that always applies", ("when: high_risk = 1", "when: ⌖high_risk <= 1"), "the condition always holds", "remove it or check the inputs' ranges"),
    ("tautology", ("when: high_risk = 1", "when: ⌖level > 7 OR level < 9"), "the condition always holds", "remove it or check the inputs' ranges"),
    ("branch never taken", ("WHEN course_active = 1", "WHEN ⌖course_active = 3"), "this branch can never be taken", "remove it or check the ranges"),
    ("branch taken before", ("WHEN course_active = 1 THEN 1000000", "WHEN level > 3 THEN 5 WHEN ⌖level > 8 THEN 1000000"), "this branch can never be taken", "remove it or check the ranges"),
    ("branch inside a branch", ("WHEN course_active = 1 THEN 1000000", "WHEN level > 3 THEN CASE WHEN ⌖level = 2 THEN 1 ELSE 2 END"), "this branch can never be taken", "remove it or check the ranges"),
    ("ELSE never taken", ("WHEN course_active = 1 THEN 1000000 ELSE 0", "WHEN course_active = 1 THEN 5 WHEN course_active = 0 THEN 6 ELSE ⌖7"), "ELSE can never be taken", "remove the condition or check the ranges"),
    ("layer inside its condition", (EMERGENCY, "    when: level > 3\n    amount: CASE WHEN ⌖level = 3 THEN 1 ELSE 0 END\n"), "this branch can never be taken", "remove it or check the ranges"),
    ("band out of order", ("{at_least: 460, value: 14}", "⌖{at_least: 480, value: 14}"), "this band can never be reached", "order the bands from the strictest on"),
    ("way hidden by those above", ("  - code: earned_base\n", "  - {code: again, when: ⌖months_open < 1, amount: 1, zh: 又, en: again}\n  - code: earned_base\n"), "the ways above take every store this one is for", "move it up, or remove it"),
    ("last way hidden", ("  - code: earned_base\n", "  - {code: rest, when: months_open > 0, amount: 1, zh: 余, en: rest}\n  - ⌖code: earned_base\n"), "the ways above take every store", "remove it, or the `when` of the one above"),
    ("way without a condition", ("    when: months_open = 0\n", ""), ("  - code: first_month", "  - ⌖code: first_month"), "a way without `when` hides the ways below it", "move it last"),
    # --- what must agree
    ("code reused", ("code: annual_cap", "code: ⌖return_wave"), "the code `return_wave` already means a reduction", "codes are never reused"),
    ("code of the language", ("{name: level,", "{name: ⌖sum, unit: flag, min: 0, max: 1, zh: 和, en: sum}\n  - {name: level,"), "`sum` is a word of the language", "choose another name"),
    ("input twice", ("name: gmv_12m", "name: ⌖gmv_3m"), "the input `gmv_3m` is declared twice", ""),
    ("min over max", ("min: 1, max: 3,", "min: ⌖4, max: 3,"), "min 4 is over max 3", ""),
    ("stand-in out of range", ("{name: level,", "{name: level, when_missing: ⌖0,"), "0 is outside the input's 1..100", ""),
    ("windows overlap", ('- {code: double_eleven, from: "10-24"', '- ⌖{code: double_eleven, from: "06-20"'), "the window overlaps `mid_year`", "end one the day before the other begins"),
    ("window over the new year", ('- {code: mid_year, from: "06-01", until: "06-20"', '- ⌖{code: mid_year, from: "12-20", until: "01-05"'), "the window ends before it begins", "split it at the turn of the year"),
    ("day of some years", ('- {code: mid_year, from: "06-01"', '- ⌖{code: mid_year, from: "02-29"'), "02-29..06-20 is not in every year", "take a day of every year"),
    ("grant with a lag", ("    lasts: {until: grant_end}\n", "    lasts: {until: grant_end}\n    lag_months: ⌖1\n"), "what is granted begins with its grant", "remove lag_months"),
    ("window with a lag", ("    lasts: {until: window_end}\n", "    lasts: {until: window_end}\n    lag_months: ⌖1\n"), "every promotion window would be over before", "remove lag_months"),
    ("course with a lag", ("    lasts: {until: course_end}\n", "    lasts: {until: course_end}\n    lag_months: ⌖3\n"), "the course counts for 3 months only", "shorten the lag"),
    ("advice without its input", (COMPLAINT, "{input: ⌖complain_bp, at_most: 10}"), "there is no input `complain_bp`", "did you mean `complaint_bp`?"),
    ("advice out of range", (COMPLAINT, "⌖{input: complaint_bp, at_most: -1}"), "-1 is outside the input's 0..1000000", "name a value it can have"),
    ("advice that changes twice", (COMPLAINT, COMPLAINT + ", {input: ⌖complaint_bp, at_most: 9}"), "`complaint_bp` is changed twice", "remove one"),
    ("review without days", ("    earliest: working_days\n    days: 3\n", "    earliest: ⌖working_days\n"), "`working_days` and days go together", "give the days of the review"),
    ("months at once", ("    earliest: at_once\n", "    earliest: at_once\n    months: ⌖2\n"), "only `month_ends` takes months", "remove it"),
    ("bearer without partners", ("received: platform", "received: ⌖funding_partner"), "the policy has no funding partners", "add one to `partners`"),
    ("partner unmeasured", ("\nzero_rules:", "\npartners:\n  - {code: bank, when: level > 9, cap: gmv_12m, headroom: ⌖emergenzy, price_ppm_per_day: 1, zh: 行, en: bank}\nzero_rules:"), "there is no input `emergenzy`", "did you mean `emergency`?"),
    ("zone", ("timezone: Asia/Shanghai", "timezone: ⌖Asia/Shanghigh"), "`Asia/Shanghigh` is not a time zone", "e.g. Asia/Shanghai"),
    ("calendar", ("calendar: cn", "calendar: ⌖de-by"), "`de-by` is neither `cn` nor the ISO code of a country, such as DE, or of a part, such as DE-BY", "write `DE-BY`"),
]
# fmt: on


@pytest.mark.parametrize("row", KINDS, ids=[row[0] for row in KINDS])
def test_a_fault_has_its_exact_place_its_words_and_a_suggestion(row: Row) -> None:
    edits = [part for part in row if isinstance(part, tuple)]
    message, suggestion = row[-2:]
    text, places = placed(*edits)
    told = [(fault.line, fault.column, fault.message, fault.suggestion) for fault in faults(text)]
    assert (*places[0], message, suggestion) in told
    assert len(told) <= 2


def test_fifteen_faults_are_told_in_one_go_in_reading_order() -> None:
    text, places = placed(
        ("currency: CNY", "currency: ⌖yuan"),
        ("min: 1, max: 3,", "min: ⌖4, max: 3,"),
        (
            "unit: hundredths, min: 0, max: 500, zh: 描述相符评分",
            "unit: ⌖percent, min: 0, max: 500, zh: 描述相符评分",
        ),
        ("{at_least: 460, value: 14}", "⌖{at_least: 490, value: 14}"),
        ("- name: tier_bp", "- ⌖name: tier_bp"),
        ("    default: 10000\n", ""),
        ("+ tenure_points(months_open)", "+ tenure_points(⌖month_open)"),
        ("LEAST(level, 5)", "⌖ABS(level)"),
        ("level * 100000", "level ⌖/ 100000"),
        ("keep_bp: 7000", "keep_bp: ⌖0.7"),
        ("WHEN course_active = 1", "WHEN ⌖course_active = 3"),
        ("code: annual_cap", "code: ⌖return_wave"),
        ("when: high_risk = 1", "when: ⌖high_risk = 2"),
        ('- {code: double_eleven, from: "10-24"', '- ⌖{code: double_eleven, from: "06-20"'),
        (COMPLAINT, "{input: ⌖complain_bp, at_most: 10}"),
        ("hold_days: 15", "⌖hold_day: 15"),
    )
    told = [(fault.line, fault.column) for fault in faults(text)]
    assert len(places) == 15
    assert set(places) <= set(told)
    assert told == sorted(told)
    # The one more: hold_days itself is missing where it was written with a typo.
    assert len(told) == 16


def test_past_so_many_faults_it_is_told_that_there_are_more() -> None:
    found = faults(shipped_text() + "".join(f"key_{nth}: 1\n" for nth in range(2 * FAULTS_MAX)))
    assert len(found) == FAULTS_MAX + 1
    assert "more" in found[-1].message


def test_what_is_written_out_to_too_many_parts_is_refused() -> None:
    bands = ", ".join(f"{{at_least: {900 - nth}, value: {nth}}}" for nth in range(100))
    table = f"tables:\n  - {{name: long_one, default: 0, bands: [{bands}]}}\n"
    lookups = ", ".join(["long_one(level)"] * 45)
    steps = "".join(
        f"  - {{code: s{nth}, amount: 'LEAST({lookups})', zh: 步, en: a step}}\n" for nth in range(5)
    )
    (found,) = faults(placed(("tables:\n", table), ("\nsteps:\n", f"\nsteps:\n{steps}"))[0])
    assert f"over {PARTS_MAX}" in found.message
    assert found.suggestion == "look a table up once, in a step of its own"


IDLE = [
    ("input", ("{name: level,", "{name: ⌖spare, unit: count, min: 0, max: 9, zh: 备, en: spare}\n  - {name: level,"), "no rule reads the input `spare`"),
    ("table", ("  - name: dsr_points\n", "  - {name: ⌖spare, default: 0, bands: [{at_least: 1, value: 2}]}\n  - name: dsr_points\n"), "no rule looks up the table `spare`"),
    ("step", ("steps:\n", "steps:\n  - {code: ⌖spare, amount: level, zh: 备, en: spare}\n"), "no rule reads the step `spare`"),
    ("band", ("[{at_least: 480, value: 20}", "[⌖{at_least: 501, value: 21}, {at_least: 480, value: 20}"), "the table is only looked up with 0..500: this band never fits"),
    ("last band", ("{at_least: 440, value: 8}]\n", "{at_least: 0, value: 8}, ⌖{at_least: -1, value: 1}]\n"), "the table is only looked up with 0..500: this band never fits"),
]  # fmt: skip


@pytest.mark.parametrize("edit, message", [row[1:] for row in IDLE], ids=[row[0] for row in IDLE])
def test_what_has_no_effect_is_no_fault_but_told(edit: tuple[str, str], message: str) -> None:
    text, places = placed(edit)
    told = load_policy(text).warnings
    assert [(fault.line, fault.column, fault.message) for fault in told] == [(*places[0], message)]
    assert told[0].suggestion
    assert shipped_policy().warnings == ()


def test_an_advice_that_cannot_add_anything_is_told() -> None:
    text, _ = placed(("WHEN course_active = 1 THEN 1000000", "WHEN level = 1 THEN 1000000"))
    assert [fault.path for fault in load_policy(text).warnings] == ["inputs[21].name", "advice[2].action"]


CLASHES = [
    ("as it was", ("keep_bp: 7000", "keep_bp: 6000"), None, ""),
    ("other words", ("zh: 店铺资金被冻结", "zh: 资金冻结"), None, ""),
    ("a rule went", ("  - action: stay_open\n", "  - action: stay_on\n"), None, ""),
    ("a reduction becomes a zero rule", ("code: return_wave", "code: returns_wave"), ("code: returns_three_months", "code: ⌖return_wave"), "in version 1 the code `return_wave` is a reduction, here it is a zero rule"),
    ("a layer becomes an advice", ("action: stay_open", "action: ⌖promotion"), ("kind: promotion", "kind: promo"), "in version 1 the code `promotion` is a layer, here it is an advice"),
    ("an input in another unit", ("{name: complaint_bp, unit: bp,", "{name: complaint_bp, unit: ⌖count,"), None, "in version 1 `complaint_bp` is in bp, here in count"),
]  # fmt: skip


@pytest.mark.parametrize("one, two, message", [row[1:] for row in CLASHES], ids=[row[0] for row in CLASHES])
def test_a_later_version_may_not_give_a_code_another_meaning(
    one: tuple[str, str], two: tuple[str, str] | None, message: str
) -> None:
    text, places = placed(("version: 1\n", "version: 2\n"), one, *((two,) if two else ()))
    source = read_source(text)
    clashes = meaning_clashes(shipped_policy().terms, load_policy(text).terms)
    told = [source.fault(*clash) for clash in clashes]
    assert [(fault.line, fault.column, fault.message) for fault in told] == (
        [(*places[0], message)] if message else []
    )


def test_an_input_does_not_become_a_step_nor_a_step_an_input() -> None:
    before = shipped_policy().terms
    spare = "{name: earned_once, unit: fen, min: 0, max: 9, zh: 备, en: spare}\n  - {name: level,"
    after = load_policy(placed(("{name: level,", "{" + spare[1:]))[0]).terms
    assert meaning_clashes(before, after) == []
    text, _ = placed(("{name: level,", "{" + spare[1:]), ("code: earned\n", "code: gained\n"))
    swapped = load_policy(
        text.replace("earned_once", "earned")
        .replace("    amount: earned *", "    amount: gained *")
        .replace("THEN earned * 1000", "THEN gained * 1000")
    ).terms
    assert [clash[1] for clash in meaning_clashes(before, swapped)] == ["in version 1 `earned` is a step"]
    assert [clash[1] for clash in meaning_clashes(swapped, before)] == ["in version 1 `earned` is an input"]
