# SPDX-License-Identifier: Apache-2.0
"""The simulation report as one HTML page: own inline style, bars as SVG drawn here, no script, no foreign asset.

Never holds a body or a subject; addresses only where the summary has them. Everything from outside is escaped.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from dlpmilter.simulate.summary import Share, content_line
from dlpmilter.simulate.words import WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dlpmilter.simulate.gates import Outcome
    from dlpmilter.simulate.summary import Row, Side, Summary

_MAX_WEEKS = 120
_STYLE = """
:root { color-scheme: light; --ink: #1c2430; --soft: #5b6675; --line: #dbe1e8; --held: #b4431f; --calm: #2f6f8f;
  --tag: #8a6d00; --paper: #fff; --panel: #f5f7f9; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--panel); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 2rem 1.5rem 4rem; }
h1 { font-size: 1.7rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
p { margin: .3rem 0; max-width: 46rem; } .soft { color: var(--soft); }
.cards { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.4rem 0 0; padding: 0; list-style: none; }
.cards li { background: var(--paper); border: 1px solid var(--line); border-radius: .5rem; padding: .8rem 1rem;
  min-width: 10.5rem; } .cards b { display: block; font-size: 1.6rem; line-height: 1.2; }
.wide { overflow-x: auto; background: var(--paper); border: 1px solid var(--line); border-radius: .5rem; }
table { border-collapse: collapse; width: 100%; font-size: .95rem; }
th, td { text-align: left; padding: .45rem .8rem; border-bottom: 1px solid var(--line); vertical-align: middle; }
tr:last-child td { border-bottom: 0; } th { font-weight: 600; color: var(--soft);
  vertical-align: bottom; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; } td.n { white-space: nowrap; }
.place { overflow-wrap: anywhere; }
  .slug { white-space: nowrap; } svg { display: block; } .no { color: var(--held); font-weight: 600; }
.yes { color: var(--calm); font-weight: 600; } .week { padding: 1rem; }
@media print { body { background: #fff; } }
"""


def page(summary: Summary, outcomes: Sequence[Outcome], language: str, *, as_enforced: bool = False) -> str:
    """The whole document, UTF-8 text."""
    words = WORDS[language]
    parts = [
        f"<h1>{escape(words['title'])}</h1><p>{escape(words['lead'])}</p>",
        _sides(summary, words, as_enforced=as_enforced),
        _cards(summary, words),
        f"<p>{escape(content_line(summary, words))}</p>",
        _gates(outcomes, words),
        _weeks(summary, words),
        _classes(summary, words),
        _rules(summary, words),
        _examples(summary, words),
        _troubles(summary, words),
        f"<h2>{escape(words['method'])}</h2><p class='soft'>{escape(words['method_text'])}</p>",
    ]
    return (
        f"<!DOCTYPE html>\n<html lang='{language}'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(words['title'])}: {escape(summary.policy.name)}</title><style>{_STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _sides(summary: Summary, words: Mapping[str, str], *, as_enforced: bool) -> str:
    def line(label: str, side: Side) -> str:
        note = "" if side.acts else f" <span class='no'>{escape(words['counts_only'])}</span>"
        return (
            f"<p><b>{escape(label)}:</b> {escape(side.name)}, {escape(words['version'])} "
            f"<code>{escape(side.version[:12])}</code>{note}</p>"
        )

    text = line(words["policy"], summary.policy)
    if summary.against is not None:
        text += line(words["against"], summary.against)
    return text + (f"<p>{escape(words['as_enforced'])}</p>" if as_enforced else "")


def _cards(summary: Summary, words: Mapping[str, str]) -> str:
    mails = summary.mails
    cards = [(words["mails"], _number(mails.total), f"{_number(summary.recipients.total)} {words['recipients']}")]
    named = [("held", mails.held)]
    if summary.against is not None:
        named += [("held_before", mails.held_before), ("newly_held", mails.newly_held),
                  ("newly_released", mails.newly_released)]  # fmt: skip
    cards += [
        (words[name], _number(count), f"{_percent(Share(count, mails.total), words)} {words['of_mails']}")
        for name, count in named
    ]
    cards.append((words["not_judged"], _number(sum(count for _, count in summary.troubles)), ""))
    items = "".join(
        f"<li>{escape(label)}<b>{value}</b><span class='soft'>{escape(note)}</span></li>"
        for label, value, note in cards
    )
    return f"<ul class='cards'>{items}</ul>"


def _gates(outcomes: Sequence[Outcome], words: Mapping[str, str]) -> str:
    rows = [
        [
            escape(each.gate.name),
            _right(escape(each.gate.text.replace(".", words["point"]))),
            _right(f"{_number(each.share.count)} / {_number(each.share.total)} ({_percent(each.share, words)})"),
            f"<span class='{'yes' if each.met else 'no'}'>{escape(words['met' if each.met else 'failed'])}</span>",
        ]
        for each in outcomes
    ]
    head = [words["gate"], _right(words["allowed"]), _right(words["counted"]), ""]
    return _section(words["gates"], head, rows) if rows else ""


def _classes(summary: Summary, words: Mapping[str, str]) -> str:
    compared = summary.against is not None
    head = [words["class"], _right(words["recipients"]), _right(words["held"]), words["share"], _right(words["tagged"])]
    head += [_right(words[name]) for name in ("held_before", "newly_held", "newly_released")] if compared else []
    rows = []
    for row in summary.classes:
        cells = [f"<span class='slug'>{escape(row.name)}</span>", _right(_number(row.total)), _right(_number(row.held)),
                 _bar(Share(row.held, row.total), words), _right(_number(row.tagged))]  # fmt: skip
        rows.append(cells + ([_right(_number(each)) for each in _changes(row)] if compared else []))
    return _section(words["by_class"], head, rows)


def _changes(row: Row) -> tuple[int, int, int]:
    return row.held_before, row.newly_held, row.newly_released


def _rules(summary: Summary, words: Mapping[str, str]) -> str:
    compared = summary.against is not None
    head = [words["rule"], words["action"], _right(words["recipients"]), ""]
    head += [_right(words["held_before"])] if compared else []
    most = max((each.recipients for each in summary.rules), default=0)
    rows = []
    for row in summary.rules:
        colour = "var(--held)" if row.action in {"hold", "reject"} else "var(--calm)"
        cells = [_word(row.rule, words), _word(row.action, words), _right(_number(row.recipients)),
                 _bar(Share(row.recipients, most), words, colour, label=False)]  # fmt: skip
        rows.append(cells + ([_right(_number(row.before))] if compared else []))
    return _section(words["by_rule"], head, rows)


def _weeks(summary: Summary, words: Mapping[str, str]) -> str:
    """A column a week: all mails pale, held ones strong; a long archive shows its last weeks."""
    weeks = summary.weeks[-_MAX_WEEKS:]
    most = max((each.total for each in weeks), default=0)
    if not most:
        return ""
    step = 900 / len(weeks)
    columns = []
    for place, row in enumerate(weeks):
        title = f"{words.get(row.name, row.name)}: {row.total} {words['mails']}, {row.held} {words['held']}"
        columns.append(f"<g><title>{escape(title)}</title>")
        for count, colour in ((row.total, "#c9d6df"), (row.held, "#b4431f")):
            height = max(2.0 if count else 0.0, 150 * count / most)
            columns.append(
                f"<rect x='{place * step:.1f}' y='{160 - height:.1f}' width='{max(1.0, min(60, step * 0.8)):.1f}' "
                f"height='{height:.1f}' fill='{colour}'/>"
            )
        columns.append("</g>")
    first, last = (escape(words.get(each.name, each.name)) for each in (weeks[0], weeks[-1]))
    end = f"<text x='900' y='182' text-anchor='end'>{last}</text>" if len(weeks) > 1 else ""
    return (
        f"<h2>{escape(words['by_week'])}</h2><div class='wide week'>"
        f"<svg role='img' aria-label='{escape(words['by_week'])}' viewBox='0 0 900 190' width='100%' "
        f"font-size='13' fill='#5b6675'>{''.join(columns)}<text x='0' y='182'>{first}</text>{end}</svg>"
        f"<p class='soft'>{escape(words['mails'])}: {_number(most)} max · <span class='no'>■</span> "
        f"{escape(words['held'])}</p></div>"
    )


def _examples(summary: Summary, words: Mapping[str, str]) -> str:
    if not summary.examples:
        return ""
    named = any(each.recipient for each in summary.examples)
    head = [words["place"], words["week"], words["class"], words["rule"], words["now"]]
    head += [words["held_before"]] if summary.against is not None else []
    head += [words["sender"], words["recipient"]] if named else []
    rows = []
    for each in summary.examples:
        cell = each.cell
        slugs = (cell.week, cell.recipient_class, cell.new_rule, cell.new_action)
        cells = [f"<span class='place'>{escape(each.place)}</span>", *(_word(slug, words) for slug in slugs)]
        cells += [_word(cell.old_action, words)] if summary.against is not None else []
        cells += [escape(each.sender), escape(each.recipient)] if named else []
        rows.append(cells)
    title = words["examples" if summary.against is not None else "examples_held"]
    note = f"<p class='soft'>{escape(words['examples_note'].format(count=len(rows)))}</p>"
    return _section(title, head, rows, note)


def _troubles(summary: Summary, words: Mapping[str, str]) -> str:
    """What was not judged, as many as the card says, and apart from it what was judged with something to note."""
    text = ""
    for title, counts in (("not_judged", summary.troubles), ("noted", summary.notes)):
        rows = [[_word(slug, words), _right(_number(count))] for slug, count in counts]
        text += _section(words[title], [words["reason"], _right(words["mails"])], rows) if rows else ""
    return text


def _section(title: str, head: Iterable[str], rows: Iterable[Sequence[str]], note: str = "") -> str:
    """A heading and a table; cells are ready markup, those of `_right` stand to the right."""
    columns = "".join(_cell("th", each) for each in head)
    lines = "".join(f"<tr>{''.join(_cell('td', each) for each in row)}</tr>" for row in rows)
    return (
        f"<h2>{escape(title)}</h2>{note}<div class='wide'><table><thead><tr>{columns}</tr></thead>"
        f"<tbody>{lines}</tbody></table></div>"
    )


_RIGHT = "\x01"


def _right(text: str) -> str:
    return _RIGHT + text


def _cell(tag: str, text: str) -> str:
    return f"<{tag} class='n'>{text[1:]}</{tag}>" if text.startswith(_RIGHT) else f"<{tag}>{text}</{tag}>"


def _word(slug: str, words: Mapping[str, str]) -> str:
    return f"<span class='slug'>{escape(words.get(slug, slug))}</span>"


def _percent(share: Share, words: Mapping[str, str]) -> str:
    return share.percent.replace(".", words["point"])


def _number(count: int) -> str:
    return f"{count:,}".replace(",", "\u202f")


def _bar(share: Share, words: Mapping[str, str], colour: str = "var(--held)", *, label: bool = True) -> str:
    percent, width = _percent(share, words), 100 * min(1.0, share.ratio)
    text = f"<text x='{width + 6:.1f}' y='13' font-size='13' fill='#5b6675'>{percent}</text>" if label else ""
    return (
        f"<svg width='170' height='18' role='img' aria-label='{percent}'>"
        f"<rect width='{max(width, 1.0 if share.count else 0.0):.1f}' height='16' y='1' rx='2' style='fill:{colour}'/>"
        f"{text}</svg>"
    )
