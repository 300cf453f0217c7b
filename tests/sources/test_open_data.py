"""Tests of the source open_data, on the sandbox's Socrata portal."""

from collections.abc import Callable
from itertools import chain

import dlt
import pytest
import requests

from dlthub.open_data import data, parse_csv
from dlthub.open_data.data import get_airports, get_weather
from sandbox.environment import TOKENS


@pytest.fixture
def base_url(sandbox_url: str) -> str:
    """Base URL of the sandbox's portal."""
    return f"{sandbox_url}/socrata"


def test_airports_are_the_whole_dataset(base_url: str) -> None:
    """All pages together are the whole dataset in the order of its key, with and without a token."""
    pages = list(get_airports("airp-0001", base_url, app_token=TOKENS["socrata"], page_size=1000))
    assert list(map(len, pages)) == [1000, 1000, 1000, 376]
    url = f"{base_url}/resource/airp-0001.json?$limit=9999&$order=iata"
    assert list(chain(*pages)) == requests.get(url, timeout=10).json()


def test_weather_has_every_day_once(base_url: str) -> None:
    """All pages of CSV together are every day of the dataset, every value as text."""
    rows = list(chain(*get_weather("wthr-0001", base_url, page_size=400)))
    days = [row["date"] for row in rows]
    assert len(days) == len(set(days)) == 1461
    assert rows[0] == {
        "date": "2012-01-01T00:00:00.000",
        "precipitation": "0.0",
        "temp_max": "12.8",
        "temp_min": "5.0",
        "wind": "4.7",
        "weather": "drizzle",
        "location": "Seattle",
    }


def test_an_empty_value_of_csv_is_none(base_url: str) -> None:
    """An empty value of CSV is None, not an empty text."""
    response = requests.get(f"{base_url}/resource/airp-0001.csv?$limit=9999", timeout=10)
    [koror] = [row for row in parse_csv(response) if row["iata"] == "ROR"]
    assert (koror["state"], koror["country"]) == (None, "Palau")


@pytest.mark.parametrize("get_rows", [get_airports, get_weather])
@pytest.mark.parametrize("fault", ["self_next", "repeated"])
def test_paging_in_circles_is_refused(
    base_url: str, arm_fault: Callable[..., None], get_rows: Callable[..., object], fault: str
) -> None:
    """An offset that the portal ignores is an error instead of an endless loop."""
    arm_fault("/socrata", fault)
    dataset = "airp-0001" if get_rows is get_airports else "wthr-0001"
    with pytest.raises(RuntimeError, match="circles"):
        list(get_rows(dataset, base_url))  # type: ignore[call-overload]  # a generator, whichever of the two


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        pytest.param("429", requests.HTTPError, id="429"),
        pytest.param("expired", requests.HTTPError, id="expired"),
        pytest.param("html", requests.JSONDecodeError, id="html"),
        pytest.param("truncated", requests.JSONDecodeError, id="truncated"),
    ],
)
def test_a_fault_of_json_reaches_the_caller(
    base_url: str, arm_fault: Callable[..., None], fault: str, error: type[Exception]
) -> None:
    """An error on the second page is raised after the first page."""
    arm_fault("/socrata", fault, after=1)
    pages = get_airports("airp-0001", base_url)
    assert next(pages)
    with pytest.raises(error):
        next(pages)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        pytest.param("html", "expected text/csv, got text/html", id="html"),
        pytest.param("truncated", "stops in the middle of a row", id="truncated"),
    ],
)
def test_a_fault_of_csv_is_noticed(base_url: str, arm_fault: Callable[..., None], fault: str, message: str) -> None:
    """A response that is not CSV, or is cut, is an error, although a CSV parser would accept it."""
    arm_fault("/socrata", fault, after=1)
    pages = get_weather("wthr-0001", base_url)
    assert next(pages)
    with pytest.raises(RuntimeError, match=message):
        next(pages)


def test_a_page_shorter_than_the_limit_is_not_the_last(base_url: str) -> None:
    """Paging continues after the rows received until a page is empty, because a portal may cap pages."""
    url = f"{base_url}/resource/wthr-0001.csv"
    pages = list(data._read_pages(url, "date", None, 1000, lambda response: parse_csv(response)[:700]))
    assert list(map(len, pages)) == [700, 700, 61]
    assert len({row["date"] for row in chain(*pages)}) == 1461


@pytest.mark.usefixtures("sandbox_settings")
def test_settings_come_from_the_section_of_the_folder() -> None:
    """Address, dataset id and token are taken from SOURCES__OPEN_DATA__*."""
    assert len(list(dlt.resource(get_weather, name="weather", section="open_data"))) == 1461
