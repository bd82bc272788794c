"""What `expect` promises, compared with small graphs by hand; every number here was worked out on paper."""

from __future__ import annotations

import json
from typing import Any

import pytest

from spec_compiler.diagnostics import Diagnostic, SpecError
from spec_compiler.graph import Graph
from spec_compiler.plan import Plan
from spec_compiler.plan.promises import Promise, check_named, kept_promises
from spec_compiler.spec import load_spec
from spec_compiler.spec.policy import load_policy
from spec_compiler.training.history import History, Row
from spec_compiler.training.metric_promises import broken_metrics
from tests.unit.graph_reader import read_graph

# conv: 3·3·3·4 + 4 = 112 parameters, 8·8·27·4 = 6,912 multiply-adds. norm: 4·4 = 16, 8 of them train.
# answer: 256·10 + 10 = 2,570 parameters, 2,560 multiply-adds. Together 2,698 parameters, 2,690 train, 9,472.
NORM = "gamma (4,), beta (4,), moving_mean (4,) fixed, moving_variance (4,) fixed"
SMALL = f"""\
model small
inputs  image
outputs answer

image   InputLayer(batch_shape=(None, 8, 8, 3)) -> (None, 8, 8, 3)
conv    Conv2D(filters=4, kernel_size=(3, 3)) <- image -> (None, 8, 8, 4) | kernel (3, 3, 3, 4), bias (4,)
norm    BatchNormalization() <- conv -> (None, 8, 8, 4) | {NORM}
flat    Flatten() <- norm -> (None, 256)
answer  Dense(units=10) <- flat -> (None, 10) | kernel (256, 10), bias (10,)
"""
FROZEN = SMALL.replace("(4,)\nnorm", "(4,) ; frozen\nnorm").replace(
    "variance (4,) fixed", "variance (4,) fixed ; frozen"
)
OPEN = SMALL.replace("8, 8, ", "None, None, ").replace("256", "None")
TWO = SMALL.replace("outputs answer", "outputs {score: answer, map: norm}")
NESTED = """\
model outer
inputs  image
outputs answer

image   InputLayer(batch_shape=(None, 8)) -> (None, 8)
body    Functional() <- image -> (None, 8) | a/kernel (8, 8), b/kernel (8, 8)
    model body
    inputs  in
    outputs drop

    in      InputLayer(batch_shape=(None, 8)) -> (None, 8)
    a       Dense(units=8) <- in -> (None, 8) | kernel (8, 8) ; frozen
    b       Dense(units=8) <- a -> (None, 8) | kernel (8, 8)
    drop    Lambda() <- b -> (None, 8)
answer  Dense(units=2) <- body -> (None, 2) | kernel (8, 2)
"""
TRAINING = """\
data: {train: pictures, validation: 0.2}
compile: {optimizer: adam, loss: categorical_crossentropy, metrics: [accuracy]}
train:
  - {phase: first, freeze: [conv, norm], epochs: 1}
  - {phase: second, freeze: conv, epochs: 2}
"""


def asked(expect: str, graph: str = SMALL, more: str = "", policy: str | None = None) -> tuple[Promise, ...]:
    """The promises of a spec, kept by the graph."""
    spec = load_spec(f"spec: 1\nexpect: {expect}\n{more}", file="a.yaml", policy=policy)
    with spec.source.locating():
        return kept_promises(spec, read_graph(graph))


def broken(expect: str, graph: str = SMALL, more: str = "", policy: str | None = None) -> Diagnostic:
    """The one problem that there is with the promises of a spec."""
    with pytest.raises(SpecError) as caught:
        asked(expect, graph, more, policy)
    (problem,) = caught.value.diagnostics
    return problem


@pytest.mark.parametrize(
    ("expect", "found"),
    [
        ("{parameters: 2698}", "2,698"),
        ("{parameters: {at_least: 2.698k, at_most: 2698}}", "2,698"),
        ("{trainable: 2690}", "2,690"),
        ("{multiply_adds: {at_most: 9472}}", "9,472"),
        ("{layers: 5}", "5"),
        ("{output: [null, 10]}", "(None, 10)"),
        ("{output: {answer: [null, null]}}", "(None, 10)"),
        ("{frozen: conv..norm}", "2 layers"),
        ("{trains: [flat, answer]}", "1 layer"),
        ("{absent: [type:Lambda, 'conv?', other..norm]}", "none"),
        ("{absent: {layers: type:Conv2D, where: {kernel_size: 5}}}", "none"),
        ("{absent: {layers: type:Dense, except: answer}}", "none"),
        ("{present: [type:Conv2D, norm]}", "2 layers"),
    ],
)
def test_a_promise_that_is_kept_says_what_was_found(expect: str, found: str) -> None:
    (promise,) = asked(expect, FROZEN if "frozen" in expect else SMALL)
    assert promise.found == found


@pytest.mark.parametrize(
    ("expect", "graph", "code", "said"),
    [
        (
            "{parameters: {at_most: 2.697k}}",
            SMALL,
            "SC320",
            "the result has 2,698 parameters, `expect` says at most 2,697",
        ),
        ("{parameters: 2697}", SMALL, "SC320", "the result has 2,698 parameters, `expect` says exactly 2,697"),
        ("{trainable: {at_least: 1M}}", FROZEN, "SC320", "2,570 parameters train, `expect` says at least 1,000,000"),
        ("{multiply_adds: {at_most: 9471}}", SMALL, "SC320", "9,472 multiply-adds for one example"),
        ("{multiply_adds: {at_most: 5G}}", OPEN, "SC321", "the multiply-adds of the result are not known"),
        ("{layers: 4}", SMALL, "SC320", "the result has 5 layers, `expect` says exactly 4"),
        ("{output: [null, 9]}", SMALL, "SC320", "the output `answer` is (None, 10), `expect` says `[null, 9]`"),
        ("{output: [10]}", SMALL, "SC320", "the output `answer` is (None, 10), `expect` says `[10]`"),
        ("{output: [7, 10]}", SMALL, "SC321", "the size of axis 0 of the output `answer` is open"),
        ("{output: [null, 10]}", TWO, "SC320", "the result has 2 outputs, `expect` says one shape"),
        ("{output: {mask: [null, 10]}}", TWO, "SC201", "the result has no output `mask`"),
        ("{frozen: conv..answer}", SMALL, "SC320", "3 layers train, `expect` says that `conv..answer` is frozen"),
        ("{frozen: conv..answer}", FROZEN, "SC320", "`answer` trains, `expect` says that `conv..answer` is frozen"),
        ("{frozen: flat}", SMALL, "SC320", "none of the layers that `flat` matches has weights"),
        ("{frozen: block1_*}", SMALL, "SC201", "`block1_*` matches no layer"),
        ("{trains: conv}", FROZEN, "SC320", "`conv` does not train, `expect` says that `conv` does"),
        ("{trains: convv}", SMALL, "SC201", "no layer named `convv`"),
        (
            "{absent: type:Flatten}",
            SMALL,
            "SC320",
            "the result has `flat`, `expect` says that `type:Flatten` is absent",
        ),
        ("{absent: [type:Lambda, '*o*']}", SMALL, "SC320", "the result has 2 layers"),
        ("{present: [conv, type:ReLU]}", SMALL, "SC320", "the result has no layer `type:ReLU`"),
    ],
)
def test_a_promise_that_is_broken(expect: str, graph: str, code: str, said: str) -> None:
    problem = broken(expect, graph)
    assert problem.code == code
    assert said in problem.message
    assert problem.line == 2


def test_the_largest_layers_are_named_and_the_place_is_the_bound() -> None:
    problem = broken("{parameters: {at_most: 1k}}")
    assert problem.notes == ("the largest are `answer` 2,570, `conv` 112, `norm` 16",)
    assert (problem.line, problem.column) == (2, 32)
    assert problem.help == "change what has most of them, or write `at_most: 2698`"
    assert broken("{multiply_adds: {at_most: 1k}}").notes == ("the largest are `conv` 6,912, `answer` 2,560",)


def test_what_the_phases_train_counts_where_there_are_phases() -> None:
    """norm trains in the second only: 8 + 2,570 there, 2,570 in the first."""
    (promise,) = asked("{trainable: {at_most: 2578}}", more=TRAINING)
    assert promise.found == "2,570 and 2,578"
    assert broken("{trainable: {at_most: 2577}}", more=TRAINING).message.startswith(
        "2,578 parameters train in the phase `second`"
    )
    assert asked("{frozen: conv, trains: norm}", more=TRAINING)
    assert "`norm` trains in the phase `second`" in broken("{frozen: norm}", more=TRAINING).message
    assert "`conv` does not train in any phase" in broken("{trains: conv}", more=TRAINING).message


def test_a_normalization_in_inference_mode_is_frozen() -> None:
    inference = TRAINING.replace("freeze: conv,", "freeze: {layers: conv, batch_norm: all},")
    assert asked("{frozen: norm}", more=inference)


def test_nested_models_are_looked_into() -> None:
    assert "`body/drop`" in broken("{absent: type:Lambda}", NESTED).message
    assert "`body/drop`" in broken("{absent: 'dro*'}", NESTED).message
    assert asked("{present: type:Lambda, frozen: body/a, trains: body/b}", NESTED)
    assert asked("{trainable: 80, parameters: 144}", NESTED)
    assert "`body` trains" in broken("{frozen: body}", NESTED).message
    phases = TRAINING.replace("freeze: [conv, norm]", "unfreeze: body").replace("freeze: conv", "freeze: body")
    assert "`body/a` trains in the phase `first`" in broken("{frozen: body/a}", NESTED, phases).message


def test_without_shapes_what_needs_them_waits() -> None:
    graph = read_graph(SMALL)
    spec = load_spec("spec: 1\nexpect: {parameters: 1, output: [3], trains: conv, layers: 5, absent: type:Lambda}\n")
    check_named(spec, graph)
    with pytest.raises(SpecError, match="no layer named `convv`"):
        check_named(load_spec("spec: 1\nexpect: {trains: convv}\n"), graph)


def test_a_metric_is_one_that_the_training_reports() -> None:
    (promise,) = asked("{val_accuracy: {at_least: 0.97}}", more=TRAINING)
    assert promise.text == "val_accuracy at least 0.97: after training"
    problem = broken("{val_acc: {at_least: 0.97}}", more=TRAINING)
    assert (problem.code, problem.line, problem.column) == ("SC605", 2, 10)
    assert problem.help == "did you mean `val_accuracy`?"
    without = TRAINING.replace(", validation: 0.2", "")
    assert broken("{val_loss: {at_most: 1}}", more=without).help == "add `validation` to `data`"


POLICY = "expect:\n  absent: type:Lambda\n  parameters: {at_most: 1k}\n"


def test_a_spec_cannot_relax_a_policy() -> None:
    problem = broken("{parameters: {at_most: 1M}}", policy=POLICY)
    assert (problem.file, problem.line, problem.column) == ("<policy>", 3, 25)
    assert problem.message == "the result has 2,698 parameters, the policy says at most 1,000"
    kept = asked("{parameters: 2698}", policy=POLICY.replace("1k", "3k"))
    assert [each.text for each in kept] == [
        "parameters exactly 2,698: 2,698",
        "parameters at most 3,000 (<policy>): 2,698",
        "absent `type:Lambda` (<policy>): none",
    ]


def test_a_spec_and_a_policy_are_told_together_and_stay_with_the_spec() -> None:
    spec = load_spec("spec: 1\nexpect: {layers: 4}\n", file="a.yaml", policy={"expect": {"parameters": 1}})
    for each in (spec, load_spec(spec), spec.model_copy(), spec.model_copy(update={"name": "b"})):
        with pytest.raises(SpecError) as caught, each.source.locating():
            kept_promises(each, read_graph(SMALL))
        assert {problem.code for problem in caught.value.diagnostics} == {"SC320"}
        assert len(caught.value.diagnostics) == 2


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        ("expect:\n  paramters: 25M\n", "SC101"),
        ("parameters: 25M\nname: a\n", "SC101"),
        ("expect:\n\n", "SC102"),
        ("- 1\n- 2\n", "SC103"),
        ("expect: {parameters: many}\n\n", "SC103"),
        ("expect: {frozen: 'a..b..c'}\n\n", "SC104"),
        ("expect: !!python/object:os.system {}\n\n", "SC006"),
        ("expect: {a: 1, a: 2}\n\n", "SC002"),
        ("[" * 200 + "\n", "SC005"),
    ],
)
def test_a_policy_is_read_like_a_spec(policy: str, code: str) -> None:
    with pytest.raises(SpecError) as caught:
        load_policy(policy)
    assert {each.code for each in caught.value.diagnostics} == {code}
    assert all(each.file == "<policy>" for each in caught.value.diagnostics)


def test_a_policy_that_is_not_there() -> None:
    with pytest.raises(SpecError, match="no policy file"):
        load_policy("org.yaml")


def history(*values: float) -> History:
    return History(
        tuple(Row(at, "a", {"val_loss": loss, "val_accuracy": 1 - loss}) for at, loss in enumerate(values, start=1))
    )


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        ("{val_accuracy: {at_least: 0.75}}", None),
        ("{val_loss: {at_most: 0.25}}", None),
        ("{val_accuracy: {at_least: 0.76}}", "`val_accuracy` came to 0.75 in epoch 2, `expect` says at least 0.76"),
        ("{val_loss: {at_most: 0.24}}", "`val_loss` came to 0.25 in epoch 2, `expect` says at most 0.24"),
        ("{recall: {at_least: 0.5}}", "no epoch has a number for `recall`, `expect` promises one"),
    ],
)
def test_the_best_epoch_decides_on_a_metric(expect: str, said: str | None) -> None:
    spec = load_spec(f"spec: 1\nexpect: {expect}\n{TRAINING}")
    found = broken_metrics(spec, history(0.5, 0.25, float("nan"), 0.375))
    assert [each.message for each in found] == ([said] if said else [])
    assert all(each.line == 2 for each in found)


def test_the_note_says_what_the_kept_model_has() -> None:
    spec = load_spec(f"spec: 1\nexpect: {{val_accuracy: {{at_least: 0.97}}}}\n{TRAINING}")
    rows = (Row(1, "a", {"val_loss": 0.1, "val_accuracy": 0.9}), Row(2, "a", {"val_loss": 0.2, "val_accuracy": 0.95}))
    (problem,) = broken_metrics(spec, History(rows))
    assert problem.notes == ("`best.keras` is of epoch 1, whose `val_accuracy` is 0.9",)


def test_a_policys_metrics_are_asked_of_a_spec_that_trains_alone() -> None:
    policy = "expect:\n  val_accuracy: {at_least: 0.97}\n"
    (promise,) = asked("{}", policy=policy)
    assert promise.found is None
    spec = load_spec(f"spec: 1\n{TRAINING}", policy=policy)
    assert [each.file for each in broken_metrics(spec, history(0.5))] == ["<policy>"]


def test_the_plan_shows_its_promises() -> None:
    from spec_compiler.cli.markdown import plan_markdown
    from spec_compiler.cli.show import plan_text
    from spec_compiler.diagram import to_html

    graph = read_graph(SMALL)
    plan = Plan("small", graph, graph, promises=asked("{parameters: {at_most: 25M}, absent: type:Lambda}"))
    line = "Expect parameters at most 25,000,000: 2,698."
    assert line in plan_text(plan).splitlines()
    assert f"- {line}" in plan_markdown(plan).splitlines()
    assert "- Expect absent `type:Lambda`: none." in plan_markdown(plan).splitlines()
    assert plan.to_json()["promises"][1] == {
        "key": "absent",
        "wanted": "`type:Lambda`",
        "found": "none",
        "policy": None,
    }
    assert "at most 25,000,000" in to_html(plan)
    assert not {"promises"} & json_of(graph).keys()


def json_of(graph: Graph) -> Any:
    """The JSON of a plan without promises."""
    return json.loads(json.dumps(Plan("small", graph, graph).to_json()))
