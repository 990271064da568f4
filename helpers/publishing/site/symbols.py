"""What a symbol means, said where it stands.

Only the symbols that mean the same in the whole series are explained: those of `SHARED`. A letter
that a chapter uses for something else is left alone there.
"""

import re

from bs4 import Tag

from helpers.notation import SHARED

# The name of a symbol, without its formula: "I*" for "I* = π/β".
NAMES = {name: quantity.symbol.partition(" ")[0] for name, quantity in SHARED.items()}
MEANINGS = {
    NAMES[name]: meaning.replace("*", "") + ("" if unit == "1" else f", in {unit}")
    for name, (_, meaning, unit, _) in SHARED.items()
}
# A symbol alone: no part of a word or of a number with its unit ("10 s"), nor with an index.
SYMBOL = re.compile(
    r"(?<![\w.′'’$-])(?<!\d )(?<!\d\u00a0)("
    + "|".join(sorted(map(re.escape, MEANINGS), key=len, reverse=True))
    + r")(?![\w*′'’₀-₉ₐ-ₜ])"
)
ELSEWHERE = {"a", "abbr", "code", "pre", "math", "h1", "h2", "h3", "button", "script", "style"}


def explain(article, other=()):
    """Give each symbol its meaning where a section first uses it in its prose.

    Parameters
    ----------
    article : bs4.Tag
        A page; changed in place.
    other : container of str
        Symbols that this page uses for something else.

    Returns
    -------
    list of (str, str)
        The symbols of the page and their meanings, in the order of the notation.
    """
    seen, used = set(), set()
    for piece in list(article.descendants):
        if piece.name == "h2":
            seen = set()
        if isinstance(piece, str) and not ELSEWHERE & {parent.name for parent in piece.parents}:
            used |= seen
            _explain_in(piece, seen, other)
    used |= seen
    return [(symbol, MEANINGS[symbol]) for symbol in MEANINGS if symbol in used]


def _explain_in(piece, seen, other):
    parts, end = [], 0
    for found in SYMBOL.finditer(piece):
        symbol = found[1]
        if symbol in seen or symbol in other:
            continue
        seen.add(symbol)
        explained = Tag(name="abbr", attrs={"title": MEANINGS[symbol]})
        explained.string = symbol
        parts += [piece[end : found.start()], explained]
        end = found.end()
    if parts:
        piece.replace_with(*parts, piece[end:])
