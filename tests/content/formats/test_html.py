# SPDX-License-Identifier: Apache-2.0
"""HTML: what a browser hides is found apart from what it shows; spelling tricks are seen through."""

from __future__ import annotations

import base64

import pytest

from dlpmilter.content.formats.fold import folded
from tests.content.formats.make import everything, read

HIDING = {
    "display none": '<div style="display:none">Geheimwort</div>',
    "display none by class": "<style>.weg, .fort { color: red; display : none !important }</style><p class='weg'>Geheimwort</p>",
    "display none by id": "<style>#weg{display:none}</style><p id=weg>Geheimwort</p>",
    "css escape": r'<p style="d\69 splay:none">Geheimwort</p>',
    "css comment": '<p style="display:/* a */none">Geheimwort</p>',
    "visibility": '<p style="visibility:hidden">Geheimwort</p>',
    "opacity": '<p style="opacity:0">Geheimwort</p>',
    "font size zero": '<span style="font-size:0px">Geheimwort</span>',
    "font size one": '<span style="font-size:1px">Geheimwort</span>',
    "colour of the paper": '<div style="background:#102030"><span style="color:rgb(16,32,48)">Geheimwort</span></div>',
    "white on white": '<font color="white">Geheimwort</font>',
    "nearly white": '<span style="color:#fefefe">Geheimwort</span>',
    "transparent": '<span style="color:rgba(0,0,0,0)">Geheimwort</span>',
    "zero box": '<div style="width:0;height:0;overflow:hidden">Geheimwort</div>',
    "off screen": '<div style="position:absolute;left:-9999px">Geheimwort</div>',
    "text indent": '<p style="text-indent:-5000px">Geheimwort</p>',
    "clip": '<p style="position:absolute;clip:rect(0,0,0,0)">Geheimwort</p>',
    "clip path": '<p style="clip-path:inset(100%)">Geheimwort</p>',
    "scaled to nothing": '<p style="transform:scale(0)">Geheimwort</p>',
    "mso hide": '<p style="mso-hide:all">Geheimwort</p>',
    "hidden attribute": "<p hidden>Geheimwort</p>",
    "closed details": "<details><p>Geheimwort</p></details>",
    "hidden input": '<input type="hidden" value="Geheimwort">',
    "table cell": '<table><tr><td bgcolor="#ffffff" style="color:#ffffff">Geheimwort</td></tr></table>',
    "comment": "<!-- Geheimwort -->",
    "conditional comment": "<!--[if mso]><p>Geheimwort</p><![endif]-->",
    "script": "<script>var a = 'Geheimwort'</script>",
    "json in a script": '<script type="application/ld+json">{"a": "Geheimwort"}</script>',
    "style sheet": "<style>p::before { content: 'Geheimwort' }</style>",
    "title": "<title>Geheimwort</title>",
    "meta": '<meta name="description" content="Geheimwort">',
    "alternative text": '<img src="a.png" alt="Geheimwort">',
    "tool tip": '<p title="Geheimwort">x</p>',
    "aria": '<p aria-label="Geheimwort">x</p>',
    "data attribute": '<p data-x="Geheimwort">x</p>',
    "link target": '<a href="https://example.org/?a=Geheimwort">x</a>',
    "template": "<template><p>Geheimwort</p></template>",
    "noscript": "<noscript>Geheimwort</noscript>",
    "frame document": '<iframe srcdoc="&lt;p>Geheimwort&lt;/p>"></iframe>',
    "backwards": '<p style="direction:rtl;unicode-bidi:bidi-override">trowmiehegG</p>'.replace(
        "trowmiehegG", "trowmieheG"
    ),
}


@pytest.mark.parametrize("trick", HIDING)
def test_hidden_text_is_found_and_told_apart(trick: str) -> None:
    """Text that a browser hides is hidden text, never shown text."""
    found = read(f"<!doctype html><html><body><p>Offen</p>{HIDING[trick]}<p>Danach</p></body></html>".encode())
    assert "Geheimwort" in found.hidden
    assert "Geheimwort" not in found.text
    assert "Offen" in found.text
    assert "Danach" in found.text


@pytest.mark.parametrize("markup", [
    "Ge<b>heim</b>wo<span></span>rt", "Ge<!-- x -->heimwort", "Ge&#104;eimwort", "Ge&shy;heim&shy;wort", "Geheim&zwnj;wort",
    "Ge\u200bheim\u200cwort", "<i>G</i><i>e</i><i>h</i><i>e</i><i>i</i><i>m</i><i>w</i><i>o</i><i>r</i><i>t</i>", "Ge<wbr>heimwort",
    "Ge<span style='display:none'>xx</span>heimwort", "Ge<span style='font-size:0'>qq</span>heimwort", "<p>Geheim<a href='#'>wort</a>",
])  # fmt: skip
def test_words_split_by_markup_are_one_word(markup: str) -> None:
    """Tags, comments, entities and invisible letters inside a word do not split it."""
    found = read(f"<html><body>{markup}</body></html>".encode())
    assert "Geheimwort" in found.text + found.hidden


@pytest.mark.parametrize(
    "words",
    ["<anna.beispiel@gmx.de>", "if a <b and Kontonummer 4711> c", "<DE89370400440532013000>", "<p Geheimwort x=1>"],
)
def test_words_in_brackets_are_not_lost(words: str) -> None:
    """What a plain-text reader sees and a browser drops is hidden text, in its own spelling."""
    found = read(
        f"Hallo, <br> {words} und <i class='a' style=\"x:y\" hidden>mehr</i><hr noshade size=1/><o:p></o:p>".encode()
    )
    assert words[words.index("<") : words.index(">") + 1] in found.hidden
    assert "noshade" not in found.hidden
    assert "o:p" not in found.hidden


def test_blocks_and_cells_split_words() -> None:
    """Text of two cells or paragraphs is not run together."""
    found = read(b"<html><table><tr><th>Name<th>Geld<tr><td>Anna<td>5<tr><td>Bert<td>6</table><p>a</p><p>b</p></html>")
    assert found.tables[0].rows == (("Name", "Geld"), ("Anna", "5"), ("Bert", "6"))
    assert "Anna\t5" in found.text
    assert "a\nb" in found.text


def test_data_addresses_are_members() -> None:
    """A file inside a data: address is handed on."""
    coded = base64.b64encode(b"Geheimwort in einer Datei").decode()
    assert "Geheimwort" in everything(f'<html><a href="data:text/plain;base64,{coded}">x</a></html>'.encode())


@pytest.mark.parametrize("markup", ["<div>" * 20_000 + "Geheimwort", "<b>" * 5000 + "Geheimwort", "<p " + "a=b " * 20_000 + ">Geheimwort",
                                    "<p>x</p>" * 300_000 + "Geheimwort"])  # fmt: skip
def test_markup_made_to_be_slow_goes_to_the_linear_reader(markup: str) -> None:
    """Deep, wide and long markup is told as partial, and its text is there all the same."""
    found = read(b"<html><body>" + markup.encode())
    assert found.status == "partial"
    assert "Geheimwort" in found.text


@pytest.mark.parametrize(("octets", "word"), [
    ('<meta charset="iso-8859-1"><p>Größe'.encode("latin-1"), "Größe"),
    ('<meta http-equiv="Content-Type" content="text/html; charset=windows-1251"><p>Привет'.encode("cp1251"), "Привет"),
    ("<html><p>Größe".encode("utf-16"), "Größe"), ("<html><p>Größe".encode("utf-16-le"), "Größe"), ("<html><p>Größe".encode(), "Größe"),
    ('<html><meta charset="unicode_escape"><p>Größe'.encode(), "Größe"),
])  # fmt: skip
def test_pages_in_other_charsets_are_read(octets: bytes, word: str) -> None:
    """The declared charset counts, if it is one; a byte order mark counts more."""
    assert word in read(octets).text


TRICKS = {
    "zero width space": "IB\u200bAN DE89", "zero width joiner": "IB\u200dAN DE89", "zero width non joiner": "IB\u200cAN DE89",
    "word joiner": "IB\u2060AN DE89", "byte order mark": "IB\ufeffAN DE89", "soft hyphen": "IB\u00adAN DE89",
    "grapheme joiner": "IB\u034fAN DE89", "hangul filler": "IB\u3164AN DE89", "variation selector": "IB\ufe0fAN DE89",
    "selector supplement": "IB\U000e0100AN DE89", "mongolian separator": "IB\u180eAN DE89", "invisible times": "IB\u2062AN DE89",
    "left to right mark": "IB\u200eAN DE89", "embedding": "\u202aIBAN\u202c DE89", "isolate": "\u2066IBAN\u2069 DE89",
    "right to left override": "\u202e98ED NABI\u202c", "override in isolate": "\u202eNABI\u202c DE89",
    "fullwidth": "ＩＢＡＮ ＤＥ８９", "mathematical bold": "𝐈𝐁𝐀𝐍 𝐃𝐄𝟖𝟗", "mathematical script": "𝓘𝓑𝓐𝓝 𝓓𝓔𝟴𝟵",
    "double struck": "𝕀𝔹𝔸ℕ 𝔻𝔼𝟠𝟡", "monospace": "𝙸𝙱𝙰𝙽 𝙳𝙴𝟾𝟿", "circled": "ⒾⒷⒶⓃ ⒹⒺ⑧⑨", "squared": "🄸🄱🄰🄽 DE89",
    "negative circled": "🅘🅑🅐🅝 DE89", "regional indicators": "🇮🇧🇦🇳 DE89", "cyrillic": "ІВАN DE89", "greek": "ΙΒΑΝ DE89",
    "cherokee": "IᏴᎪN DE89", "combining strokes": "I\u0336B\u0336A\u0336N\u0336 DE89", "combining dots": "I\u0323BA\u0307N DE89",
    "arabic digits": "IBAN DE٨٩", "devanagari digits": "IBAN DE८९", "no break space": "IBAN\u00a0DE89\u200b", "thin space": "IB\u200bAN\u2009DE89",
    "tag letters": "x" + "".join(chr(0xE0000 + ord(each)) for each in "IBAN DE89"), "superscript": "ᴵᴮᴬᴺ DE⁸⁹",
}  # fmt: skip


@pytest.mark.parametrize("trick", TRICKS)
def test_spelling_tricks_are_folded(trick: str) -> None:
    """Invisible, wide, mathematical, turned and look-alike letters give a plain copy in the hidden text."""
    found = read(f"Bitte an {TRICKS[trick]} zahlen".encode())
    assert "IBAN DE89" in found.hidden


@pytest.mark.parametrize(
    "text",
    ["Größe und Straße, süß", "Привет, как дела? Москва", "Καλημέρα κόσμε", "日本語のテキスト", "l’été – «déjà»", ""],
)
def test_ordinary_languages_are_not_folded(text: str) -> None:
    """Umlauts, Russian, Greek and Japanese words stay what they are."""
    assert folded(text) in ("", text.replace("–", "-"))
