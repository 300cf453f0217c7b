"""Tests of `data_foundation.readers.files` on workbooks of every format, cells with an error included."""

import base64
import datetime as dt
import io
import struct
import zipfile
import zlib
from typing import Any

import pytest

from tests.readers.test_files_formats import make_workbook
from tests.support.file_sources import FileTree, files

__all__ = ["files"]

OLD = (
    "eNrtWD1oFEEU/mbvLvdDctmNl0AihCNg1JhGbGySVUFTGaONIoJevCtC4p2ssdBCo/FKQbBSbAJpbKI2/hAF7SyEiBaCINxpmUpQ"
    "sEhu8967WbxcUuRA4w/zLfPm7Zv3Zt7uvHm7M28XnNLMo64y6jCIECp+HE01MkUlHtzYoHbfZzaoY1R8g38K8RhNZFME8y1vojyH"
    "PN9lWHgYfkUU+EzlFM5juJDPpTcRB8SHjGIfBogq3CNJEp3iVZvQs0K3CH0gms+F7hPJTaEDpFtSJ7HgDvft1VF8wuqRtiS43ydi"
    "81Eku9GO1xzFV2+pqm4E+72xzMTf2dAdbsYsaN6Gcvmcl5koIUUTOIvvfhr4FqzUl2kj31y5Asl/rJZH15HftsLAFPwzEuBFCsj5"
    "UHURHvGyOe/CEjokLHUZy9LqzJwrXMxPJjgVy9K1Vy3dFgnpZqJZtArviLVNyXnp/td3h0dH3NMimZJ0XU3q29gP+LjGFmSclBZx"
    "RXT7hO4Sel163Sp8l9AUhSPVvSPtmjk0LTo3pLWXxtkjeO9ur+F3EF9cPPq0u/jF3Un83FD5cmrugzuDHvrIZMmer2n0q3519w7j"
    "mRvUSieAT0I71ySDmGVr33395WrFMhLCOkKrd/x2lNZXdfpXrITIHHmvESsm/jiIKta26rRfaI8c6dfBYoh7H7Ta8JjFlJJ+IgED"
    "AwMDAwMDAwODPwSlf/H5Z583ARG9kYjqc51lKhVzTPLf4hgKdE3SxvQg8lR7uNRQ/HQgooK+1AZtgvNCxnEa3cM4RsWP8Ybjl7Zd"
    "qvZ5Nmxo/7ol1Oj4lUb8/M3jrwBW4MFT"
)
"""A workbook of the format .xls with the cells of the others here, compressed."""


def make_small(content: bytes) -> bytes:
    """Returns a workbook of the format .xls with its stream in small sectors, as LibreOffice writes short ones."""
    stream = content[content.index(b"\x09\x08") :][:4096].rstrip(b"\0") + b"\0" * 3
    last, free = 0xFFFFFFFE, 0xFFFFFFFF
    count = -(-len(stream) // 64)
    sectors = [3 + number for number in range(-(-count // 8))]
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + struct.pack("<16x5H6x", 0x3E, 3, 0xFFFE, 9, 6)
    head += struct.pack("<9I", 0, 1, 1, 0, 4096, 2, 1, last, 0) + struct.pack("<109I", 0, *[free] * 108)
    table = struct.pack("<128I", 0xFFFFFFFD, last, last, *sectors[1:], last, *[free] * (125 - len(sectors)))
    small = struct.pack("<128I", *range(1, count), last, *[free] * (128 - count))
    directory = entry("Root Entry", 5, 1, 3, count * 64) + entry("Workbook", 2, free, 0, len(stream)) + bytes(256)
    return head + table + directory + small + stream.ljust(len(sectors) * 512, b"\0")


def entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
    """Returns an entry of a compound file's directory."""
    text = name.encode("utf-16-le") + b"\0\0"
    free = 0xFFFFFFFF
    return text.ljust(64, b"\0") + struct.pack("<HBB3I36xIQ", len(text), kind, 1, free, free, child, start, size)


def make_binary() -> bytes:
    """Returns a workbook of the format .xlsb: records in the parts of a zip archive."""
    name = "Orders".encode("utf-16-le")
    sheet = struct.pack("<II", 0, 1) + struct.pack("<I", 4) + "rId1".encode("utf-16-le") + struct.pack("<I", 6) + name
    book = record(131) + record(143) + record(156, sheet) + record(144) + record(132)
    rows: list[list[Any]] = [["id", "amount"], [1.0, None], [2.0, 2.5]]
    body = record(129) + record(148, struct.pack("<IIII", 0, 2, 0, 1)) + record(145)
    for number, row in enumerate(rows):
        body += record(0, struct.pack("<I", number) + b"\0" * 13)
        body += b"".join(cell(column, value) for column, value in enumerate(row))
    relation = '<Relationship Id="rId1" Type="worksheet" Target="worksheets/sheet1.bin"/>'
    namespace = "http://schemas.openxmlformats.org/package/2006/relationships"
    relations = f'<Relationships xmlns="{namespace}">{relation}</Relationships>'
    parts = {
        "xl/workbook.bin": book, "xl/_rels/workbook.bin.rels": relations.encode(),
        "xl/worksheets/sheet1.bin": body + record(146) + record(130),
    }  # fmt: skip
    return archive(parts)


def record(kind: int, body: bytes = b"") -> bytes:
    """Returns a record of .xlsb."""
    head = bytes([kind]) if kind < 128 else bytes([(kind & 0x7F) | 0x80, kind >> 7])
    return head + bytes([len(body)]) + body


def cell(column: int, value: Any) -> bytes:
    """Returns a cell of .xlsb; None is an error."""
    place = struct.pack("<II", column, 0)
    if value is None:
        return record(3, place + b"\x07")
    if isinstance(value, str):
        return record(6, place + struct.pack("<I", len(value)) + value.encode("utf-16-le"))
    return record(5, place + struct.pack("<d", value))


def make_document(*rows: str) -> bytes:
    """Returns a workbook of the format .ods; each row is XML."""
    names = ("office", "table", "text")
    spaces = " ".join(f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in names)
    spaces += ' xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'
    table = "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
    body = f'<office:body><office:spreadsheet><table:table table:name="Orders">{table}</table:table>'
    content = f"<office:document-content {spaces}>{body}</office:spreadsheet></office:body></office:document-content>"
    manifest = '<!DOCTYPE manifest><manifest xmlns="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    parts = {"mimetype": kind, "content.xml": content, "META-INF/manifest.xml": manifest}
    return archive({name: part.encode() for name, part in parts.items()})


def archive(parts: dict[str, bytes]) -> bytes:
    """Returns a zip archive."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as opened:
        for name, part in parts.items():
            opened.writestr(name, part)
    return content.getvalue()


def text(value: str, more: str = "") -> str:
    """Returns a cell of .ods."""
    return f'<table:table-cell office:value-type="string"{more}><text:p>{value}</text:p></table:table-cell>'


def number(value: float) -> str:
    """Returns a cell of .ods."""
    return f'<table:table-cell office:value-type="float" office:value="{value}"/>'


HEADINGS = text("id") + text("amount")
ERROR = ' office:string-value="" calcext:value-type="error"'
FORMATS: dict[str, bytes] = {
    "a.xlsx": make_workbook(Orders=[("id", "amount"), (1, "#DIV/0!"), (2, 2.5)]),
    "a.xls": zlib.decompress(base64.b64decode("".join(OLD))),
    "small.xls": make_small(zlib.decompress(base64.b64decode("".join(OLD)))),
    "a.xlsb": make_binary(),
    "a.ods": make_document(HEADINGS, number(1) + text("#DIV/0!", ERROR), number(2) + number(2.5)),
    "another-ending.xlsx": zlib.decompress(base64.b64decode("".join(OLD))),
}


@pytest.mark.parametrize(("name", "content"), FORMATS.items(), ids=FORMATS)
def test_every_format_is_read_and_its_errors_are_set_aside(files: FileTree, name: str, content: bytes) -> None:
    """A cell with an error is not an empty one, whatever the format."""
    files.put(name, content)
    files.read(on_bad_row="quarantine")
    files.load("bank.landed")
    assert [(row["id"], row["amount"]) for row in files.rows()] == [(2.0, 2.5)]
    (aside,) = files.rows("landed__quarantine")
    assert (aside["_row"], aside["reason"]) == (1, "cell B2 contains an error")


def test_repeated_rows_and_cells_of_a_document_are_counted(files: FileTree) -> None:
    """In .ods one element may stand for several cells or rows, and an error is named by its own cell."""
    repeated = number(1).replace("<table:table-cell ", '<table:table-cell table:number-columns-repeated="2" ')
    content = make_document(HEADINGS + text("c"), repeated + number(3), repeated + text("#N/A", ERROR))
    first = f"<table:table-row>{repeated}{number(3)}"
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        parts = {name: opened.read(name) for name in opened.namelist()}
    thrice = first.replace("<table:table-row>", '<table:table-row table:number-rows-repeated="3">')
    parts["content.xml"] = parts["content.xml"].replace(first.encode(), thrice.encode())
    files.put("a.ods", archive(parts))
    files.read(on_bad_row="quarantine")
    files.load("bank.landed")
    assert [(row["id"], row["amount"], row["c"]) for row in files.rows()] == [(1.0, 1.0, 3.0)] * 3
    assert [row["reason"] for row in files.rows("landed__quarantine")] == ["cell C5 contains an error"]


def test_a_duration_is_a_text_or_its_seconds(files: FileTree) -> None:
    """Hours beyond a day are added up, in .xlsx and in .ods."""
    long = dt.timedelta(hours=25, minutes=30)
    files.put("a.xlsx", make_workbook(Orders=[("worked", "seconds"), (long, long), ("PT1H00M00S", 1)]))
    span = '<table:table-cell office:value-type="time" office:time-value="PT25H30M00S"/>'
    files.put("b.ods", make_document(text("worked") + text("seconds"), span * 2))
    files.read("columns: {seconds: {data_type: bigint}}")
    files.load("bank.landed")
    expected = [("25:30:00", 91_800), ("PT1H00M00S", 1), ("25:30:00", 91_800)]
    assert [(row["worked"], row["seconds"]) for row in files.rows()] == expected


def test_a_row_of_errors_alone_is_no_blank_row(files: FileTree) -> None:
    """It is set aside."""
    files.put("a.xlsx", make_workbook(Orders=[("id", "name"), ("#N/A", None), (1, "x")]))
    files.read(on_bad_row="quarantine")
    files.load("bank.landed")
    assert [row["_row"] for row in files.rows("landed__quarantine")] == [1]
    assert files.values("id") == [1.0]
