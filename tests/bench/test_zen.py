"""The peer answers the same question."""

import random

from houfu.bench.zen import decision_graph, zen_decision
from houfu.policy.document import load_policy, shipped_policy, shipped_text
from houfu.policy.evaluate import evaluate
from houfu.policy.terms import InputTerm

ANY = random.Random(7)


def drawn(term: InputTerm) -> int:
    """Edges, small numbers where rules have theirs, and anything."""
    return ANY.choice(
        [
            term.min,
            term.max,
            ANY.randint(term.min, term.max),
            *(ANY.randint(term.min, min(term.max, top)) for top in (3, 20, 600, 10_000) if top >= term.min),
        ]
    )


def test_the_graph_gives_the_policys_total_base_score_and_zeroes() -> None:
    policy = shipped_policy()
    peer = zen_decision(policy)
    for _ in range(2_000):
        inputs = {term.name: drawn(term) for term in policy.terms.inputs}
        said, asked = evaluate(policy, inputs), peer(inputs)
        assert (asked["total"], asked["base"], asked["score"], asked["zeroed"]) == (
            said.total,
            said.base,
            said.score,
            said.zeroed,
        ), inputs


def test_what_the_policy_divides_the_graph_floors() -> None:
    text = shipped_text().replace("round_down_to: 10000", "round_down_to: 1")
    policy = load_policy(
        text.replace("amount: level * 100000", "amount: GREATEST((3 - level * 7) // 2 + 90000, 0)")
    )
    inputs = {term.name: term.min for term in policy.terms.inputs} | {"gmv_12m": 1_000_000}
    assert zen_decision(policy)(inputs)["base"] == evaluate(policy, inputs).base == 89_998


def test_each_input_and_step_is_named_once_in_the_graph() -> None:
    nodes = decision_graph(shipped_policy())["nodes"]
    assert isinstance(nodes, list)
    keys = [each["key"] for each in nodes[1]["content"]["expressions"]]
    assert keys[-1] == "total"
    assert keys.count("score") == 1
