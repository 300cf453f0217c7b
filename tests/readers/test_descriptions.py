"""The description of a table: configured, of what a reader reads, or the entry's docstring."""

from typing import Any

import pytest

from data_foundation.config.grammar import ResourceConfig
from data_foundation.readers.descriptions import describe
from data_foundation.readers.registry import FILES, REST, SQL

READERS = [
    pytest.param(REST, {"connection": "desk", "endpoint": "/tickets"}, "GET /tickets of desk", id="rest"),
    pytest.param(
        REST,
        {"connection": "desk", "endpoint": "a/{id}/b", "method": "POST"},
        "POST /a/{id}/b of desk",
        id="rest, POST",
    ),
    pytest.param(SQL, {"connection": "crm", "table": "users"}, "Table users of crm", id="sql"),
    pytest.param(SQL, {"connection": "crm", "schema": "s", "table": "users"}, "Table s.users of crm", id="sql, schema"),
    pytest.param(FILES, {"path": "inbox/*.csv"}, "Files inbox/*.csv", id="files"),
    pytest.param(FILES, {"path": "x.csv", "connection": "box"}, "Files x.csv of box", id="files of a storage"),
]
DOCSTRINGS = [
    pytest.param("Orders, newest first.", "Orders, newest first.", id="one line"),
    pytest.param("Orders.\n\nWith lines.", "Orders.\n\nWith lines.", id="two paragraphs"),
    pytest.param("Orders.\n\nArgs:\n    day: One.\n\nYields:\n    Rows.", "Orders.", id="Google's sections"),
    pytest.param("Orders.\n\nParameters\n----------\nday : str", "Orders.", id="NumPy's sections"),
    pytest.param("Orders.\n\nYields rows by day.", "Orders.\n\nYields rows by day.", id="a word that begins a section"),
    pytest.param("Args:\n    day: One.", None, id="nothing but sections"),
    pytest.param("", None, id="empty"),
    pytest.param(None, None, id="none"),
]


def resource(entry: str = "data.get_rows", **settings: Any) -> ResourceConfig:
    """Returns a resource."""
    return ResourceConfig.model_validate({"entry": entry, "destination": "raw.rows", **settings})


@pytest.mark.parametrize(("entry", "kwargs", "description"), READERS)
def test_a_reader_is_described_by_what_it_reads(entry: str, kwargs: dict[str, Any], description: str) -> None:
    """The description names endpoint, table or files, whatever the docstring of the reader says."""
    assert describe(resource(entry, kwargs=kwargs), "Reads rows.\n\nArgs:\n    x: y") == description


@pytest.mark.parametrize(("docstring", "description"), DOCSTRINGS)
def test_a_docstring_is_the_description_without_its_sections(docstring: str | None, description: str | None) -> None:
    """Sections about arguments, results and errors say nothing of the table."""
    assert describe(resource(), docstring) == description


def test_a_table_that_args_name_has_the_docstring() -> None:
    """`args` are not read: the docstring of the reader, without its sections, is the description."""
    assert describe(resource(SQL, args=["crm", "users"]), "One table.\n\nArgs:\n    x: y") == "One table."


@pytest.mark.parametrize("entry", [REST, SQL, FILES, "data.get_rows"])
def test_a_configured_description_comes_first(entry: str) -> None:
    """`description` of the resource is taken as it is, with its sections."""
    assert describe(resource(entry, description="Ours.\n\nArgs:"), "Rows.") == "Ours.\n\nArgs:"
