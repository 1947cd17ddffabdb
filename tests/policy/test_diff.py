"""What two policies say differently, in words that a risk officer would use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest

from houfu.policy import terms
from houfu.policy.diff import Change, diff
from houfu.policy.document import load_policy, shipped_policy, shipped_text
from houfu.policy.figures import BLOCKS, FIELDS, SECTIONS, figure

TEXT = shipped_text()


def changes(*edits: tuple[str, str]) -> tuple[Change, ...]:
    """What differs once each first `old` of the shipped text is made `new`."""
    text = TEXT
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    return diff(shipped_policy(), load_policy(text)).changes


WORDS = [
    (("base * 2000 //", "base * 2500 //"), "layers.rating_boost.amount", "changed",
     "rating_boost: 20% -> 25% of the base", "rating_boost:基础额度的20% -> 25%"),
    (("THEN 1000000 ELSE", "THEN 1200050 ELSE"), "layers.training_boost.amount", "changed",
     "training_boost: 10,000 yuan -> 12,000.50 yuan", "training_boost:10,000元 -> 12,000.50元"),
    (("keep_bp: 7000", "keep_bp: 6550"), "reductions.return_wave.keep_bp", "changed",
     "return_wave, share that is kept: 70% -> 65.5%", "return_wave·保留比例:70% -> 65.5%"),
    (("when: return_rate_m1_bp > 1500", "when: return_rate_m1_bp >= 1600"), "reductions.return_wave.when", "changed",
     "return_wave: return_rate_m1_bp > 15% -> >= 16%", "return_wave:return_rate_m1_bp > 15% -> >= 16%"),
    (("amount: gmv_12m * 3000 // 10000", "amount: gmv_12m * 2500 // 10000"), "cap.amount", "changed",
     "cap: 30% -> 25% of gmv_12m", "总额度上限:gmv_12m的30% -> 25%"),
    (("amount: gmv_12m * 3000 // 10000", "amount: gmv_12m // 4"), "cap.amount", "changed",
     "cap, expression: `gmv_12m * 3000 // 10000` -> `gmv_12m // 4`",
     "总额度上限·算式:`gmv_12m * 3000 // 10000` -> `gmv_12m // 4`"),
    (("  when: months_open >= 1\n  amount: gmv", "  amount: gmv"), "cap.when", "removed",
     "cap: condition removed: months_open >= 1", "总额度上限:取消条件 months_open >= 1"),
    (("{at_least: 480, value: 20}", "{at_least: 470, value: 20}"), "tables.dsr_points.bands[at_least 480]", "changed",
     "dsr_points, where it gives 20: at least 4.80 -> at least 4.70", "dsr_points 给20的界限:达到4.80 -> 达到4.70"),
    (("{at_least: 12, value: 10}", "{at_least: 12, value: 11}"), "tables.tenure_points.bands[at_least 12]", "changed",
     "tenure_points, at least 12 months: 10 -> 11", "tenure_points 达到12个月:10 -> 11"),
    (("{at_most: 500, value: 10}, ", ""), "tables.return_points.bands[at_most 500]", "removed",
     "return_points: band removed, at most 5% gives 10", "return_points 删除一档:不超过5%取10"),
    (("bands: [{at_least: 5, value: 14000}", "bands: [{at_least: 6, value: 15000}, {at_least: 5, value: 14000}"),
     "tables.tier_bp.bands[at_least 6]", "added",
     "tier_bp: band added, at least level 6 gives 150%", "tier_bp 新增一档:达到6级取150%"),
    (("default: 10000", "default: 9000"), "tables.tier_bp.default", "changed",
     "tier_bp, value otherwise: 100% -> 90%", "tier_bp·其余情况的值:100% -> 90%"),
    (("unit: level, min: 1, max: 100", "unit: level, min: 1, max: 50"), "inputs.level.max", "changed",
     "level, greatest value: level 100 -> level 50", "level·最大值:100级 -> 50级"),
    (("lasts: {months: 6}", "lasts: {until: window_end}"), "layers.volume_boost.lasts", "changed",
     "volume_boost, lasts: 6 months -> until the promotion's window ends",
     "volume_boost·有效期:6个月 -> 至大促窗口结束"),
    (("lasts: {months: 6}", "lasts: {months: 6}\n    unwinds: {steps: 3, days: 10}"), "layers.volume_boost.unwinds",
     "changed", "volume_boost, unwinds: none -> in 3 steps, one every 10 days",
     "volume_boost·到期后逐步恢复:无 -> 分3步,每10天一步"),
    (("until: \"06-20\"", "until: \"06-25\""), "promotion_windows.mid_year.until", "changed",
     "mid_year, last day: 06-20 -> 06-25", "mid_year·结束日:06-20 -> 06-25"),
    (("round_down_to: 10000", "round_down_to: 100000"), "round_down_to", "changed",
     "the total is rounded down to: 100 yuan -> 1,000 yuan", "额度向下取整到:100元 -> 1,000元"),
    (("hold_days: 15", "hold_days: 1"), "orders.hold_days", "changed",
     "order terms, a hold lasts: 15 days -> 1 day", "订单条款·未发货占用期限:15天 -> 1天"),
    (("rate_ppm: 6000", "rate_ppm: 5500"), "withdrawals.fee.rate_ppm", "changed",
     "withdrawal terms, fee rate: 0.6% -> 0.55%", "提现条款·费率:0.6% -> 0.55%"),
    (("allowed: false", "allowed: true"), "orders.over_limit.allowed", "changed",
     "order terms, shipping beyond the line is allowed: no -> yes", "订单条款·允许超额发货:否 -> 是"),
    (("closed: {from: \"23:00\"", "closed: {from: \"22:30\""), "withdrawals.closed", "changed",
     "withdrawal terms, closed daily: 23:00 to 03:00 -> 22:30 to 03:00",
     "提现条款·每日关闭时段:23:00至03:00 -> 22:30至03:00"),
    (("every: quarter", "every: month"), "assessment.every", "changed",
     "assessment, every: quarter -> month", "定期评估·周期:每季度 -> 每月"),
    (("en: store level", "en: level of the store"), "inputs.level.en", "reworded",
     "level, English wording: store level -> level of the store",
     "level·英文说法:store level -> level of the store"),
    (("changes: [{input: good_review_bp, at_least: 9800}]", "changes: [{input: good_review_bp, at_least: 9900}]"),
     "advice.raise_good_reviews.changes", "changed",
     "raise_good_reviews, changes to inputs: input good_review_bp at_least 9800 -> input good_review_bp at_least 9900",
     "raise_good_reviews·所改的输入:input good_review_bp at_least 9800 -> input good_review_bp at_least 9900"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("edit", "path", "kind", "en", "zh"), WORDS, ids=[row[1] + " " + row[2] for row in WORDS]
)
def test_a_change_is_told_in_both_languages(
    edit: tuple[str, str], path: str, kind: str, en: str, zh: str
) -> None:
    (change,) = changes(edit)
    assert (change.path, change.kind, change.en, change.zh) == (path, kind, en, zh)


def test_the_texts_stand_beside_the_words() -> None:
    (change,) = changes(("base * 2000 //", "base * 2500 //"))
    assert change.before == "CASE WHEN dsr_held_months >= 1 THEN base * 2000 // 10000 ELSE 0 END"
    assert change.after == "CASE WHEN dsr_held_months >= 1 THEN base * 2500 // 10000 ELSE 0 END"


def test_equal_policies_differ_in_nothing_and_a_version_is_only_a_name() -> None:
    assert diff(shipped_policy(), shipped_policy()).changes == ()
    assert changes(("version: 1\n", "version: 2\n")) == ()


def test_a_rule_that_is_new_or_gone_is_known_by_its_code() -> None:
    rule = "  - {code: too_young, when: months_open < 2, zh: 太新, en: too new, remedy_zh: 等待, remedy_en: wait}\n"
    text = TEXT.replace("zero_rules:\n", f"zero_rules:\n{rule}", 1)
    wider = load_policy(text)
    (added,) = diff(shipped_policy(), wider).changes
    (removed,) = diff(wider, shipped_policy()).changes
    assert (added.path, added.kind, added.before) == ("zero_rules.too_young", "added", None)
    assert (added.en, added.zh) == ("zero rule too_young (too new) added", "新增清零规则 too_young(太新)")
    assert (removed.path, removed.kind, removed.after) == ("zero_rules.too_young", "removed", None)
    assert removed.before == added.after


def test_rules_in_another_order_have_moved_and_are_else_the_same() -> None:
    first = TEXT.index("  - code: virtual_phone_reduction")
    second = TEXT.index("  - code: return_wave")
    third = TEXT.index("  - code: funds_frozen_reduction")
    moved = TEXT[:first] + TEXT[second:third] + TEXT[first:second] + TEXT[third:]
    (change,) = diff(shipped_policy(), load_policy(moved)).changes
    assert (change.path, change.kind) == ("reductions", "moved")
    assert change.after == ["return_wave", "virtual_phone_reduction", "funds_frozen_reduction"]
    assert "return_wave > virtual_phone_reduction" in change.en


def test_every_difference_has_its_opposite() -> None:
    text = TEXT
    for edit, _, _, _, _ in WORDS:
        text = text.replace(*edit, 1)
    other = load_policy(text)
    there, back = diff(shipped_policy(), other).changes, diff(other, shipped_policy()).changes
    assert len(there) == len(back) >= len(WORDS) - 3
    assert {change.path.split("[")[0] for change in there} == {change.path.split("[")[0] for change in back}


def test_every_field_of_the_document_has_words() -> None:
    whole = {"lasts", "unwinds", "changes", "bands", "closed"}

    def fields(cls: Any, path: str) -> Iterator[str]:
        for field in msgspec.structs.fields(cls):
            here = f"{path}.{field.encode_name}" if path else field.encode_name
            inner = [part for part in (field.type, *get_args(field.type)) if isinstance(part, type)]
            struct = next((part for part in inner if issubclass(part, msgspec.Struct)), None)
            if struct is None or field.encode_name in whole:
                yield here
            else:
                yield from fields(struct, here)

    sections = {field.name: field.type for field in msgspec.structs.fields(terms.PolicyTerms)}
    lists = {"inputs": terms.InputTerm, "tables": terms.TableTerm, "steps": terms.StepTerm, "base": terms.BaseTerm,
             "reductions": terms.ReductionTerm, "layers": terms.LayerTerm, "zero_rules": terms.ZeroTerm,
             "refer_rules": terms.ReferTerm, "partners": terms.PartnerTerm, "promotion_windows": terms.Window,
             "advice": terms.AdviceTerm}  # fmt: skip
    assert set(lists) == set(SECTIONS)
    for section, cls in lists.items():
        for name in fields(cls, ""):
            assert name in FIELDS or name in {SECTIONS[section][0], "bands"}, f"{section}.{name}"
    blocks = {"measures": terms.Measures, "assessment": terms.Assessment, "orders": terms.Orders,
              "withdrawals": terms.Withdrawals, "guidance": terms.Guidance, "cap": terms.CapTerm}  # fmt: skip
    assert set(blocks) == set(BLOCKS)
    for block, cls in blocks.items():
        for path in fields(cls, block):
            assert path in FIELDS or (block == "cap" and path.removeprefix("cap.") in FIELDS), path
    assert set(sections) - set(lists) - set(blocks) - {"version"} <= set(FIELDS)


@pytest.mark.parametrize(
    ("value", "unit", "zh", "en"),
    [
        (123_456_789, "fen", "1,234,567.89元", "1,234,567.89 yuan"),
        (-5, "fen", "-0.05元", "-0.05 yuan"),
        (0, "fen", "0元", "0 yuan"),
        (1, "bp", "0.01%", "0.01%"),
        (150, "ppm", "0.015%", "0.015%"),
        (480, "hundredths", "4.80", "4.80"),
        (1, "days", "1天", "1 day"),
        (12_345, None, "12,345", "12,345"),
    ],
)
def test_a_figure_is_exact(value: int, unit: str | None, zh: str, en: str) -> None:
    assert figure(value, unit) == (zh, en)
