"""Texts that several rooms read in the same way: an address in S3, and a word that was misspelt."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def split_uri(uri: str) -> tuple[str, str]:
    """``s3://bucket/key`` as bucket and key; the key may be empty."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def closest(word: str, known: Iterable[str], at_least: float = 0.6) -> str:
    """The known word that is most like another, in any case of letters; nothing when none is like it.

    Args:
        word: what was written.
        known: what could be meant.
        at_least: how alike the two must be, from 0 to 1, which is the same.
    """
    by_lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), list(by_lower), n=1, cutoff=at_least)
    return by_lower[close[0]] if close else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean NAME?``, to end a sentence about an unknown word; nothing when no known word is like it."""
    close = closest(word, known)
    return f"; did you mean {close}?" if close else ""
