"""How vendors, libraries and terminals spell a secret in what they send back or print."""

from __future__ import annotations

import base64
import html
import json
import quopri
import textwrap
from collections.abc import Callable
from urllib.parse import quote, quote_plus

Spell = Callable[[str], str]


def _each(template: str) -> Spell:
    """Returns a spelling that writes every character by its number."""
    return lambda text: "".join(template.format(ord(one)) for one in text)


def _each_special(template: str) -> Spell:
    """Returns a spelling that writes by its number every character that is no letter and no digit."""
    return lambda text: "".join(one if one.isalnum() else template.format(ord(one)) for one in text)


def _special_bytes(template: str) -> Spell:
    """Returns a spelling that writes by its bytes every character that is no letter and no digit."""
    return lambda text: "".join(
        one if one.isalnum() and one.isascii() else "".join(template.format(byte) for byte in one.encode())
        for one in text
    )


def _bytes(template: str) -> Spell:
    return lambda text: "".join(template.format(one) for one in text.encode())


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _urlsafe(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


def _wrapped(width: int, inner: Spell = str, line: str = "\n") -> Spell:
    return lambda text: line.join(textwrap.wrap(inner(text), width, break_on_hyphens=False))


PLAIN: dict[str, Spell] = {
    "plain": str,
    "upper case": str.upper,
    "lower case": str.lower,
    "repr": repr,
    "repr of bytes": lambda text: repr(text.encode()),
    "JSON": json.dumps,
    "JSON in JSON": lambda text: json.dumps(json.dumps({"key": text})),
    "JSON with \\u0026": _each_special("\\u{:04x}"),
    "JSON with \\u0026 in JSON": lambda text: json.dumps(_each_special("\\u{:04X}")(text)),
    "JSON of nothing but escapes": _each("\\u{:04x}"),
    "JSON with a slash escaped": lambda text: json.dumps(text).replace("/", "\\/"),
    "JavaScript": _each_special("\\u{{{:x}}}"),
    "hex escapes": _special_bytes("\\x{:02x}"),
    "hex escapes, upper case": _special_bytes("\\x{:02X}"),
    "nothing but hex escapes": _bytes("\\x{:02x}"),
    "octal escapes": _special_bytes("\\{:03o}"),
    "shell, each escaped": lambda text: "".join(one if one.isalnum() else f"\\{one}" for one in text),
    "shell, in quotes": lambda text: "'" + text.replace("'", "'\\''") + "'",
    "SQL": lambda text: "'" + text.replace("'", "''") + "'",
    "CSV": lambda text: '"' + text.replace('"', '""') + '"',
    "percent": lambda text: quote(text, safe=""),
    "percent but slashes": quote,
    "percent, plus": quote_plus,
    "percent, lower case": lambda text: quote(text, safe="").lower(),
    "percent twice": lambda text: quote(quote(text, safe=""), safe=""),
    "percent three times": lambda text: quote(quote(quote(text, safe=""), safe=""), safe=""),
    "nothing but percent": _bytes("%{:02X}"),
    "percent in JSON": lambda text: json.dumps({"url": f"https://h/?t={quote(text, safe='')}"}),
    "HTML": html.escape,
    "HTML in quotes only": lambda text: html.escape(text, quote=False),
    "HTML twice": lambda text: html.escape(html.escape(text)),
    "XML, decimal": _each_special("&#{};"),
    "XML, decimal with zeros": _each_special("&#{:05};"),
    "XML, hex": _each_special("&#x{:x};"),
    "XML, hex upper case": _each_special("&#X{:X};"),
    "nothing but XML": _each("&#{};"),
    "XML by name": lambda text: "".join(
        {"&": "&amp;", "<": "&lt;", "'": "&apos;", '"': "&quot;", "/": "&sol;", "+": "&plus;"}.get(one, one)
        for one in text
    ),
    "HTML in JSON": lambda text: json.dumps(html.escape(text)),
    "JSON in HTML": lambda text: html.escape(json.dumps(text)),
    "percent in HTML": lambda text: html.escape(f"/?t={quote(text, safe='')}&u=1"),
    "quoted-printable": lambda text: quopri.encodestring(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "hex, upper case": lambda text: text.encode().hex().upper(),
    "hex with blanks": lambda text: text.encode().hex(" "),
    "hex with colons": lambda text: text.encode().hex(":"),
    "hex of base64": lambda text: _base64(text).encode().hex(),
    "base64": _base64,
    "base64, URL-safe": _urlsafe,
    "base64, no padding": lambda text: _base64(text).rstrip("="),
    "base64 after one byte": lambda text: _base64(f"u{text}"),
    "base64 after two bytes": lambda text: _base64(f"u:{text}"),
    "base64 of user and secret": lambda text: _base64(f"user:{text}"),
    "base64 of JSON": lambda text: _base64(json.dumps({"k": "v", "key": text}, ensure_ascii=False)) if text.isalnum()
    else _base64(f"k={text}&v"),
    "base64, upper case": lambda text: _base64(text).upper(),
    "base64 twice": lambda text: _base64(_base64(text)),
    "base64 twice, after one byte": lambda text: _base64(f"x{_base64(text)}"),
    "base64 twice, both after one": lambda text: _base64(f"x{_base64(f'y{text}')}"),
    "base64 of a header": lambda text: _base64(f"Authorization: Basic {_base64(f'me:{text}')}"),
    "base64 in percent": lambda text: quote(_base64(text), safe=""),
    "base64 in JSON with \\u002b": lambda text: _each_special("\\u{:04x}")(_base64(text)),
    "base64, wrapped": lambda text: base64.encodebytes((text * 4).encode()).decode(),
    "wrapped at 10": _wrapped(10),
    "wrapped at 20": _wrapped(20),
    "wrapped at 7 and indented": _wrapped(7, line="\n    "),
    "wrapped, Windows": _wrapped(9, line="\r\n"),
    "wrapped in a box": _wrapped(11, line=" │\n│ "),
    "wrapped by a shell": _wrapped(11, line="\\\n"),
    "wrapped percent": _wrapped(12, lambda text: quote(text, safe="")),
    "wrapped base64": _wrapped(16, _base64),
    "wrapped hex": _wrapped(16, lambda text: text.encode().hex()),
    "between quotes": lambda text: f"'{text}', \"{text}\"",
    "percent with %u0026": _each_special("%u{:04X}"),
    "UTF-16 as bytes": lambda text: text.encode("utf-16-le").decode("latin-1"),
    "UTF-16 as bytes, big end first": lambda text: text.encode("utf-16-be").decode("latin-1"),
    "repr of UTF-16": lambda text: repr(text.encode("utf-16-le")),
    "UTF-16 in hex": lambda text: text.encode("utf-16-le").hex(),
    "UTF-16 in hex, big end first": lambda text: text.encode("utf-16-be").hex(),
    "UTF-16 in base64": lambda text: base64.b64encode(text.encode("utf-16-le")).decode(),
    "UTF-16 in base64, with a mark": lambda text: base64.b64encode(text.encode("utf-16")).decode(),
    "UTF-16 in base64, big end first": lambda text: base64.b64encode(text.encode("utf-16-be")).decode(),
    "coloured in pieces": lambda text: f"\x1b[1;36m{text[:5]}\x1b[0m\x1b[35m{text[5:]}\x1b[0m",
    "each coloured": lambda text: "".join(f"\x1b[38;5;{number}m{one}" for number, one in enumerate(text)) + "\x1b[m",
    "claim of a JWT": lambda text: ".".join(
        _urlsafe(json.dumps(part)).rstrip("=") for part in ({"alg": "none"}, {"sub": "me", "key": text})
    ),
    "assigned": lambda text: f"login={text};",
    "header": lambda text: f"Authorization: Bearer {text}",
    "cookie": lambda text: f"Cookie: session={quote(text, safe='')}; Path=/",
    "path of a URL": lambda text: f"https://host.example/hooks/{quote(text, safe='')}/rows",
    "fragment of a URL": lambda text: f"https://host.example/app#{text}",
    "tuple": lambda text: str((text, None)),
}  # fmt: skip
"""Spellings of a whole secret."""

PARTS: dict[str, Spell] = {
    "second half, UTF-16 in base64": lambda text: base64.b64encode(text[len(text) // 2 :].encode("utf-16-le")).decode(),
    "last twenty, coloured": lambda text: f"...\x1b[32m{text[-20:-10]}\x1b[0m{text[-10:]}",
    "first half": lambda text: text[: len(text) // 2],
    "second half": lambda text: text[len(text) // 2 :],
    "middle": lambda text: text[5:-5],
    "first twelve": lambda text: f"{text[:12]}...",
    "last twelve": lambda text: f"...{text[-12:]}",
    "without the first": lambda text: text[1:],
    "without the last": lambda text: text[:-1],
    "both ends": lambda text: f"{text[:13]}...{text[-13:]}",
    "half, upper case": lambda text: text[: len(text) // 2].upper(),
    "half, percent": lambda text: quote(text[: len(text) // 2], safe=""),
    "half, JSON": lambda text: _each_special("\\u{:04x}")(text[len(text) // 2 :]),
    "base64, cut": lambda text: _base64(text)[:20],
    "base64, end": lambda text: _base64(text)[-20:],
    "hex, cut": lambda text: text.encode().hex()[:30],
}
"""Spellings of parts of a long secret."""
