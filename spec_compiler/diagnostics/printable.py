"""Names and texts from specs and files as they are shown: nothing in them moves a cursor, or hides or turns a text."""

from __future__ import annotations


def printable(text: str) -> str:
    """A text as one line of what can be seen; control, format and line-breaking characters stand as escapes.

    To show it again changes nothing.

    >>> print(printable("conv" + chr(27) + "[31m" + chr(10) + chr(0x202E)))
    conv\\u001b[31m\\u000a\\u202e
    """
    if text.isprintable():
        return text
    import unicodedata  # for such texts only

    return "".join(
        each if each.isprintable() or unicodedata.category(each) == "Zs" else _escaped(each) for each in text
    )


def printable_lines(text: str) -> str:
    """The same for a text of several lines, whose line breaks are meant.

    >>> print(printable_lines("one" + chr(13) + chr(10) + "two"))
    one\\u000d
    two
    """
    return text if text.isprintable() else "\n".join(map(printable, text.split("\n")))


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
