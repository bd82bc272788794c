"""An evaluation as a page of HTML that asks nothing of anybody, and as a part of a notebook's cell."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

from spec_compiler.diagnostics.cells import Markup, cell
from spec_compiler.diagnostics.printable import printable
from spec_compiler.evaluation.measures.classes import Classes
from spec_compiler.evaluation.measures.labels import Labels
from spec_compiler.evaluation.mistakes import Mistake
from spec_compiler.evaluation.tables import MOST_ROWS, absent_of, figures_of, summary_of, table_of

if TYPE_CHECKING:
    from spec_compiler.evaluation.evaluation import Evaluation, Measure

MOST_CLASSES = 40  # in a matrix that is still read; of more the pairs that are confused most are listed

# Nothing is fetched and nothing runs, whatever a name or a file says.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def to_html(evaluation: Evaluation) -> str:
    """The page; every name in it is text.

    >>> from spec_compiler.evaluation import Evaluation
    >>> to_html(Evaluation("<b>.keras", "data/test", 0, {}, ())).count("<b>")
    0
    """
    title = f"{_text(evaluation.model)}: evaluation"
    head = [
        "<!doctype html>",
        '<html lang="en">',
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{title}</title>",
        f"<style>\n:root {{ color-scheme: light dark; }}\n{_style('palette.css')}{_style('page.css')}</style>",
        '<body class="sc-eval">',
    ]
    body = [*_heading(evaluation), *_body(evaluation), *_mistakes(evaluation)]
    return "\n".join([*head, *body, "</body>", "</html>", ""])


def fragment(evaluation: Evaluation) -> str:
    """What a cell of a notebook shows: all but the pictures."""
    inside = "\n".join([*_heading(evaluation), *_body(evaluation)])
    # the colours are those of the cell, which are the notebook's
    return cell(Markup(f'<style>{_style("page.css")}</style>\n<div class="sc-eval">\n{inside}\n</div>'))


def _style(name: str) -> str:
    return files("spec_compiler.evaluation").joinpath(name).read_text(encoding="utf-8")


def _heading(evaluation: Evaluation) -> Iterator[str]:
    epoch = f", epoch {evaluation.epoch}" if evaluation.epoch is not None else ""
    yield f"<h1>{_text(evaluation.model)}</h1>"
    yield f'<p class="of">{evaluation.num_samples:,} samples of {_text(evaluation.data)}{epoch}</p>'
    if evaluation.metrics:
        yield _cards([(name, f"{value:.4f}") for name, value in evaluation.metrics.items()])
    for note in evaluation.notes:
        yield f'<p class="said">{_text(note)}</p>'


def _body(evaluation: Evaluation) -> Iterator[str]:
    for measure in evaluation.outputs:
        yield f"<section><h2>{_text(measure.output)}</h2>"
        yield f'<p class="said">{_text(summary_of(measure))}</p>'
        if figures := [each for each in figures_of(measure) if each[0] not in evaluation.metrics]:
            yield _cards(figures)
        yield '<div class="side">'
        yield f'<div class="panel"><h3>{_table_title(measure)}</h3>{_table(measure)}</div>'
        if isinstance(measure, Classes):
            yield f'<div class="panel">{_matrix(measure)}</div>'
        elif isinstance(measure, Labels):
            yield f'<div class="panel">{_counts(measure)}</div>'
        yield "</div>"
        if (said := absent_of(measure)) is not None:
            yield f'<p class="said">{_text(said)}</p>'
        yield "</section>"


def _cards(figures: list[tuple[str, str]]) -> str:
    cells = "".join(f'<div class="card"><dt>{_text(name)}</dt><dd>{value}</dd></div>' for name, value in figures)
    return f'<dl class="cards">{cells}</dl>'


def _table_title(measure: Measure) -> str:
    return {"classes": "Each class", "labels": "Each label", "numbers": "Each number"}[measure.kind]


def _table(measure: Measure) -> str:
    table = table_of(measure)
    head = "".join(f'<th scope="col">{_text(name)}</th>' for name in table.head)
    rows = []
    for at, (name, *cells) in enumerate(table.rows):
        if MOST_ROWS <= at < table.averages:
            continue
        kind = ' class="mean first"' if at == table.averages else ' class="mean"' if at > table.averages else ""
        label = f'<th scope="row" title="{_text(name)}">{_text(name)}</th>'
        rows.append(f"<tr{kind}>{label}{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    more = table.averages - MOST_ROWS
    said = f'<p class="said">and {more} more</p>' if more > 0 else ""
    return f'<table class="scores"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>{said}'


def _matrix(measure: Classes) -> str:
    if len(measure.names) > MOST_CLASSES:
        rows = "".join(
            f"<tr><th scope='row'>{_text(true)}</th><td>{_text(told)}</td><td>{count:,}</td></tr>"
            for true, told, count in measure.confused(30)
        )
        head = "<tr><th>true</th><th>predicted</th><th>times</th></tr>"
        return f'<h3>Confused most</h3><table class="scores"><thead>{head}</thead><tbody>{rows}</tbody></table>'
    many = " many" if len(measure.names) > 8 and max(map(len, measure.names)) > 3 else ""  # else they stand upright
    head = "".join(f'<th scope="col" title="{_text(name)}">{_text(name)}</th>' for name in measure.names)
    rows = ""
    for name, counts in zip(measure.names, measure.matrix, strict=True):
        total = sum(counts)
        cells = "".join(_cell(count, count / total if total else 0.0) for count in counts)
        rows += f'<tr><th scope="row" title="{_text(name)}">{_text(name)}</th>{cells}</tr>'
    title = "<h3>Confusion matrix: true classes in rows, predicted ones in columns</h3>"
    table = f'<table class="matrix{many}"><thead><tr><th></th>{head}</tr></thead><tbody>{rows}</tbody></table>'
    return title + table


def _counts(measure: Labels) -> str:
    columns = ("", "found", "missed", "wrongly predicted", "rightly not predicted")
    head = "".join(f'<th scope="col">{each}</th>' for each in columns)
    rows = ""
    for name, (absent, wrong, missed, right) in zip(measure.names, measure.counts, strict=True):
        has, lacks = right + missed, absent + wrong
        shares = [(right, has), (missed, has), (wrong, lacks), (absent, lacks)]
        cells = "".join(_cell(count, count / total if total else 0.0) for count, total in shares)
        rows += f'<tr><th scope="row">{_text(name)}</th>{cells}</tr>'
    title = "<h3>Found and missed</h3>"
    return f'{title}<table class="matrix counts"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def _cell(count: int, share: float) -> str:
    kind = ' class="zero"' if not count else ' class="strong"' if share > 0.55 else ""
    shade = f' style="background-color: rgba(var(--cell), {0.06 + 0.94 * share:.3f})"' if count else ""
    return f"<td{kind}{shade}>{count:,}</td>"


def _mistakes(evaluation: Evaluation) -> Iterator[str]:
    if not evaluation.mistakes:
        return
    shown, count = len(evaluation.mistakes), evaluation.num_mistakes
    what = "mistake" if any(each.probability is not None for each in evaluation.mistakes) else "deviation"
    yield f"<section><h2>The worst {what}s</h2>"
    of = f"{shown:,} of {count:,}" if shown < count else ("the only one" if count == 1 else f"all {count:,}")
    order = "the farthest first"
    if what == "mistake":
        order = "the worst first: what is true got the lowest probability"
        if all(each.label is not None for each in evaluation.mistakes):
            order = "the worst first, by the label that is most wrong and how sure the model is of it"
    yield f'<p class="said">{of}, {order}</p>'
    several = len({each.output for each in evaluation.mistakes}) > 1
    yield f'<ol class="mistakes">{"".join(_mistake(each, several) for each in evaluation.mistakes)}</ol></section>'


def _mistake(mistake: Mistake, several: bool) -> str:
    name = mistake.file if mistake.file is not None else f"sample {mistake.sample}"
    told, true = _text(mistake.told), _text(mistake.true)
    shot = "no picture"
    if mistake.picture is not None:
        small = ' class="small"' if mistake.picture.startswith("data:image/png") else ""
        shot = (
            f'<img{small} src="{escape(mistake.picture)}" alt="{_text(name)}: {told}, in truth {true}" loading="lazy">'
        )
    rows: list[tuple[str, str, str, float | None]] = []
    if several:
        rows.append(("output", "", _text(mistake.output), None))
    if mistake.label is None:
        rows += [("predicted", "told", told, mistake.probability), ("true", "true", true, mistake.probability_true)]
    else:
        rows += [("predicted", "told", told, None), ("true", "true", true, None)]
        rows.append(("most wrong", "", _text(mistake.label), mistake.probability))
    said = "".join(
        f'<dt>{name}</dt><dd class="{kind}"><span>{value}</span>{_percent(chance)}</dd>'
        for name, kind, value, chance in rows
    )
    return f'<li class="mistake"><div class="shot">{shot}</div><dl>{said}</dl><p class="file">{_text(name)}</p></li>'


def _percent(value: float | None) -> str:
    """A probability; one that is not quite 0 or 1 never looks as if it were."""
    if value is None:
        return ""
    text = "&lt;0.1%" if 0 < value < 0.001 else "&gt;99.9%" if 0.999 < value < 1 else f"{value:.1%}"
    return f'<span class="p">{text}</span>'


def _text(text: str) -> str:
    return escape(printable(text))
