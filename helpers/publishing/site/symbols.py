"""What a symbol means, said where it stands.

Explained are the symbols that the whole series shares: those of `SHARED`.
"""

import re

from bs4 import Tag

from helpers.notation import NOTATION, SHARED


def _said(word):
    _, meaning, unit, _ = NOTATION[word]
    return meaning.replace("*", "") + ("" if unit == "1" else f", in {unit}")


# The name of a symbol, without its formula ("I*" for "I* = π/β"), and its meaning.
MEANINGS = {quantity.symbol.partition(" ")[0]: _said(word) for word, quantity in SHARED.items()}
# What a letter means on one page: a word of the notation, or None where it is a local name, as for
# the sides of a matrix.
OTHERWISE = {
    "01": {"n": None, "x": None},
    "03": {"n": None},
    "05": {"n": "chunks"},
    "09": {"p": None},  # Gustafson's is counted on the large machine
    "10": {"r": "rows"},
    "11": {"p": None},  # it quotes what others call p
}
# A symbol alone: no part of a word, of a unit ("flop/s", "10 s", "answer in s") or of a question
# ("How do I ..."), and without an index.
SYMBOL = re.compile(
    r"(?<![\w.′'’$-])(?<!\d )(?<!\d\u00a0)(?<![a-zB]/)(?<!in )(?<!How do )("
    + "|".join(sorted(map(re.escape, MEANINGS), key=len, reverse=True))
    + r")(?![\w*′'’₀-₉ₐ-ₜ])"
)
ELSEWHERE = {"a", "abbr", "code", "pre", "math", "h1", "h2", "h3", "button", "script", "style"}


def explain(article, number):
    """Give each symbol its meaning where a section first uses it in its prose.

    Parameters
    ----------
    article : bs4.Tag
        A page; changed in place.
    number : str
        Of its notebook.

    Returns
    -------
    list of (str, str)
        The symbols of the page and their meanings, in the order of the notation.
    """
    here = {symbol: word and _said(word) for symbol, word in OTHERWISE.get(number, {}).items()}
    meanings = {symbol: meaning for symbol, meaning in (MEANINGS | here).items() if meaning}
    used, left = set(), dict(meanings)
    for piece in list(article.descendants):
        if piece.name == "h2":
            left = dict(meanings)
        if isinstance(piece, str) and not ELSEWHERE & {parent.name for parent in piece.parents}:
            used |= _explain_in(piece, left)
    return [(symbol, meanings[symbol]) for symbol in meanings if symbol in used]


def _explain_in(piece, left):
    """Mark symbols of a piece of text, taking them out of those that are left; say which."""
    parts, end, marked = [], 0, set()
    for found in SYMBOL.finditer(piece):
        symbol = found[1]
        if symbol in left:
            explained = Tag(name="abbr", attrs={"title": left.pop(symbol)})
            explained.string = symbol
            parts += [piece[end : found.start()], explained]
            end = found.end()
            marked.add(symbol)
    if parts:
        piece.replace_with(*parts, piece[end:])
    return marked
