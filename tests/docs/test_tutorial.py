"""Runs the tutorial from its pages: its commands print the output that the pages show."""

from collections.abc import Iterator

import duckdb
import pytest

from tests.docs.pages import ROOT
from tests.docs.tutorial import Player, Step, open_player

FOLDER = ROOT / "docs" / "tutorial"
pytestmark = pytest.mark.xdist_group("tutorial")


@pytest.fixture(scope="module")
def player(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Player]:
    """A checkout as a reader has it."""
    with open_player(tmp_path_factory.mktemp("checkout")) as opened:
        yield opened


@pytest.fixture(scope="module")
def first_source(player: Player) -> list[Step]:
    """The result of each block of commands on the first page."""
    return list(player.play(FOLDER / "first-source.md"))


@pytest.fixture(scope="module")
def first_hour(player: Player, first_source: list[Step]) -> list[Step]:
    """The result of each block of commands on the second page, after the first page was followed."""
    assert first_source
    return list(player.play(FOLDER / "first-hour.md"))


def wrong_lines(steps: list[Step]) -> dict[str, tuple[list[str], str]]:
    """Returns the lines of output on a page that no command printed, by block, with the actual output."""
    return {str(step.block): (step.missing_lines(), step.output) for step in steps if step.missing_lines()}


def test_the_first_page_shows_the_output_of_its_commands(first_source: list[Step]) -> None:
    """Each line of output is printed by the commands above it, and no command fails."""
    assert wrong_lines(first_source) == {}
    assert [(step.block.text, step.output) for step in first_source if any(step.exit_codes)] == []


@pytest.mark.rare
def test_the_second_page_shows_the_output_of_its_commands(first_hour: list[Step]) -> None:
    """Each line of output is printed by the commands above it."""
    assert wrong_lines(first_hour) == {}


@pytest.mark.rare
def test_only_the_intended_commands_fail(first_hour: list[Step]) -> None:
    """Two commands exit with 1: one after a failed check, one after the shop returns 503."""
    failed = [step for step in first_hour if any(step.exit_codes)]
    assert [step.block.text for step in failed] == ["foundation run shop --dbt\n", "foundation run shop\n"]
    assert ["check failed" in step.output for step in failed] == [True, False]


@pytest.mark.rare
def test_a_failed_check_blocks_the_models_of_the_tutorial(first_hour: list[Step]) -> None:
    """The run with the failed check builds no model; the runs before and after it build both."""
    builds = [step.output.count("built") for step in first_hour if "--dbt" in step.block.text]
    assert builds == [2, 0, 2]


@pytest.mark.rare
@pytest.mark.usefixtures("first_hour")
def test_the_reader_has_every_row_once_at_the_end(player: Player) -> None:
    """After loads, a range, a failure and its repair, the tables equal the shop's rows, and the mart's sums match."""
    tables = ("raw.shop_items", "raw.shop_orders", "raw.shop_orders__lines", "marts.fct_shop_sales_daily")
    with duckdb.connect(str(player.root / "data" / "warehouse.duckdb"), read_only=True) as connection:
        counts = [connection.sql(f"select count(*) from {table}").fetchall()[0][0] for table in tables]
        sums = connection.sql("""
            select round(sum(sales_eur) * 100), (
                select sum(quantity * price_cents) from raw.shop_orders__lines as lines
                inner join raw.shop_orders as orders on lines._dlt_parent_id = orders._dlt_id
                where orders.status <> 'returned')
            from marts.fct_shop_sales_daily""").fetchall()[0]
    assert counts == [8, 240, 421, 143]
    assert sums[0] == sums[1] > 0
