"""Tests of `foundation init` and `foundation upgrade`: what is written, and what stays as a person has changed it."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from typer.testing import CliRunner

from data_foundation.cli.main import app
from data_foundation.errors import FoundationError
from data_foundation.project.repository import upgrade as upgrades
from data_foundation.project.repository.create import create_repository
from data_foundation.project.repository.files import LINKS, TEMPLATES, build_files, package_version
from data_foundation.project.repository.record import RECORD_FILE, Record
from data_foundation.project.repository.upgrade import plan_upgrade
from data_foundation.testing import find_problems
from tests.support.locations import Location

ROOT = Path(__file__).parents[2]
OWN = {
    "README.md", "Makefile", "pyproject.toml", "requirements.txt", "constraints.txt", ".dlt/config.toml",
    ".dlt/secrets.toml.example", "dbt_project/dbt_project.yml", "tests/test_project.py", ".github/workflows/check.yml",
}  # fmt: skip
"""Files that this repository has in another form, because it holds the framework and sources too, or not at all."""
BEGINNINGS = {".env.example", ".gitignore"}
"""Files whose lines this repository has, and more."""


def written(root: Path) -> dict[str, str]:
    """Returns the text of every file below a folder, by path."""
    return {file.relative_to(root).as_posix(): file.read_text() for file in root.rglob("*") if file.is_file()}


@pytest.mark.parametrize("path", sorted(build_files().keys() - OWN - BEGINNINGS))
def test_this_repository_is_what_init_writes(path: str) -> None:
    """The files that a repository shares with this one are the same here, so they are tested here."""
    assert (ROOT / path).read_text(encoding="utf-8") == build_files()[path]


@pytest.mark.parametrize("path", sorted(BEGINNINGS))
def test_this_repository_has_the_lines_that_init_writes(path: str) -> None:
    """Settings and ignored files of a repository are those of this one, without what its own sources add."""
    own = (ROOT / path).read_text(encoding="utf-8").splitlines()
    lines = [
        line for line in build_files()[path].splitlines() if "shop" not in line.lower() and "dlt reads" not in line
    ]
    assert [line for line in lines if line not in own] == []


def test_a_repository_is_written_once_and_changes_nothing_that_is_there(tmp_path: Path) -> None:
    """Files that were there stay; a second time nothing is written; and what is written needs no upgrade."""
    (tmp_path / "README.md").write_text("mine")
    created = create_repository(tmp_path)
    assert created.kept == ("README.md",)
    assert (tmp_path / "README.md").read_text() == "mine"
    assert written(tmp_path).keys() == {*created.written, "README.md"}
    assert written(tmp_path).keys() >= {*build_files(), *LINKS, RECORD_FILE, "dlthub/sources.schema.json"}
    assert plan_upgrade(tmp_path).is_current
    before = written(tmp_path)
    with pytest.raises(FoundationError, match="is a repository already, nothing was written; `foundation upgrade`"):
        create_repository(tmp_path)
    assert written(tmp_path) == before


def test_a_file_in_the_way_is_named_before_anything_is_written(tmp_path: Path) -> None:
    """A file where a folder is needed stops `init`, which leaves no half of a repository behind."""
    (tmp_path / "dbt_project").write_text("")
    with pytest.raises(FoundationError, match="dbt_project: got a file, where a folder is needed; nothing was written"):
        create_repository(tmp_path)
    assert written(tmp_path).keys() == {"dbt_project"}


def test_the_code_of_a_new_repository_follows_the_rules_of_this_one(tmp_path: Path) -> None:
    """The linter of this repository accepts the Python that `init` writes, and its YAML and JSON can be read."""
    create_repository(tmp_path)
    # The package is a third party there.
    options = ["--no-cache", "--ignore", "I001", "--config", str(ROOT / "pyproject.toml")]
    ruff = [str(Path(sys.executable).parent / "ruff"), "check", *options]
    done = subprocess.run([*ruff, "."], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    for path, text in written(tmp_path).items():
        if path.endswith((".yml", ".yaml")):
            assert yaml.safe_load(text)
        elif path.endswith((".json", ".code-snippets")):
            assert json.loads(text)


def test_every_target_of_the_makefile_is_listed(tmp_path: Path) -> None:
    """`make` alone lists the targets of a new repository, and each command in them exists."""
    create_repository(tmp_path)
    makefile = (tmp_path / "Makefile").read_text()
    done = subprocess.run(["make", "--no-print-directory"], cwd=tmp_path, capture_output=True, text=True, check=True)
    targets = set(re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split())
    assert set(re.findall(r"^  make ([\w-]+) +\S", done.stdout, re.MULTILINE)) == targets - {"help"}


SNIPPETS: Mapping[str, Mapping[str, object]] = json.loads(
    (ROOT / ".vscode" / "data-foundation.code-snippets").read_text()
)


@pytest.mark.parametrize("name", SNIPPETS)
def test_a_snippet_of_the_editor_is_valid_configuration(name: str, location: Location) -> None:
    """The text that a snippet inserts, with its defaults, is accepted by `foundation check`."""
    body = SNIPPETS[name]["body"]
    assert isinstance(body, list)
    text = re.sub(r"\$\{\d+\|([^,|]+)[^|]*\|\}", r"\1", "\n".join(body))
    text = re.sub(r"\$\{\d+:([^}]*)\}", r"\1", text)
    assert "$" not in text
    resource = "resources:\n  - {entry: data.get_orders, destination: raw.shop}\n"
    yaml_text = f"{text}\n{resource}" if text.startswith("source:") else f"resources:\n{text}\n"
    location.write_source("shop", yaml_text, "def get_orders():\n    yield []\n")
    assert find_problems("shop", location.root) == []


def test_the_versions_of_a_new_repository_are_those_that_are_tested_here() -> None:
    """Each version in constraints.txt is the one of requirements.lock."""
    pins = {
        line.split(" ")[0] for line in build_files()["constraints.txt"].splitlines() if line and line[0] not in " #"
    }
    lock = {line.split(" ")[0] for line in (ROOT / "requirements.lock").read_text().splitlines() if line}
    assert len(pins) > 100
    assert pins <= lock
    wanted = [Requirement(line) for line in build_files()["requirements.txt"].splitlines() if not line.startswith("#")]
    assert [one for one in wanted if one.name == "data-foundation" and one.specifier.contains(package_version())]


OLD = {"same.txt": "a\nb\nc\nd\ne\n", "gone.txt": "x\n"}
NEW = {"same.txt": "a\nb\nc\nd\nE\n", "added.txt": "y\n"}
CASES: Mapping[str, tuple[Mapping[str, str | None], str | None, str | None]] = {
    "never edited": ({}, "changed", "a\nb\nc\nd\nE\n"),
    "edited elsewhere": ({"same.txt": "A\nb\nc\nd\ne\n"}, "merged", "A\nb\nc\nd\nE\n"),
    "edited alike": ({"same.txt": "a\nb\nc\nd\nE\n"}, None, "a\nb\nc\nd\nE\n"),
    "edited at the same place": ({"same.txt": "a\nb\nc\nd\nmine\n"}, "conflict", None),
    "deleted": ({"same.txt": None}, None, None),
}


def _repository(root: Path, edits: Mapping[str, str | None]) -> None:
    """Writes a repository as an older version has written it, and the edits of a person."""
    (root / "dlthub").mkdir()
    Record("0.1.0", OLD).write(root)
    for path, text in {**OLD, **edits}.items():
        if text is not None:
            (root / path).write_text(text)


@pytest.mark.parametrize("case", CASES)
def test_an_upgrade_keeps_what_a_person_changed(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was edited keeps its edits, and gets what the new version changes; a deleted one stays deleted."""
    edits, kind, text = CASES[case]
    _repository(tmp_path, edits)
    monkeypatch.setattr(upgrades, "build_files", lambda: NEW)
    plan = plan_upgrade(tmp_path)
    assert [change.kind for change in plan.changes if change.path == "same.txt"] == ([kind] if kind else [])
    before = written(tmp_path)
    assert before == written(tmp_path)
    plan.apply()
    after = written(tmp_path)
    assert (after.get("added.txt"), after.get("gone.txt")) == ("y\n", None)
    if case == "edited at the same place":
        assert "<<<<<<< yours\nmine\n=======\nE\n>>>>>>> data-foundation" in after["same.txt"]
    else:
        assert after.get("same.txt") == text
    assert plan_upgrade(tmp_path).is_current


def test_an_upgrade_takes_away_nothing_that_a_person_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is needed no longer stays if it was edited, and one that was always there is not replaced."""
    _repository(tmp_path, {"gone.txt": "x, and mine\n", "added.txt": "mine\n"})
    monkeypatch.setattr(upgrades, "build_files", lambda: NEW)
    plan = plan_upgrade(tmp_path)
    assert {change.path: change.kind for change in plan.changes if change.path in ("gone.txt", "added.txt")} == {
        "gone.txt": "kept", "added.txt": "kept",
    }  # fmt: skip
    plan.apply()
    assert written(tmp_path)["gone.txt"] == "x, and mine\n"
    assert written(tmp_path)["added.txt"] == "mine\n"


def test_the_command_shows_a_diff_and_writes_on_request(location: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    """`foundation upgrade` prints the diff of each file and writes nothing; with `--apply` it writes, once."""
    _repository(location.root, {"same.txt": "a\nb\nc\nd\nmine\n"})
    monkeypatch.setattr(upgrades, "build_files", lambda: NEW)
    before = written(location.root)
    shown = CliRunner().invoke(app, ["upgrade"])
    assert shown.exit_code == 0
    assert "conflict same.txt" in shown.output
    assert "--- /dev/null\n+++ b/added.txt\n@@ -0,0 +1 @@\n+y\n" in shown.output
    assert "--apply` upgrades from 0.1.0 to" in shown.output
    assert written(location.root) == before
    applied = CliRunner().invoke(app, ["upgrade", "--apply"])
    assert applied.exit_code == 1
    assert "choose between the two sides of each conflict in same.txt" in applied.output
    assert "nothing to do" in CliRunner().invoke(app, ["upgrade"]).output


def test_a_record_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A damaged `.foundation.json` stops the upgrade with its path, before a file is compared with nothing."""
    (tmp_path / RECORD_FILE).write_text('{"version": "0.1.0"')
    with pytest.raises(FoundationError, match=r"\.foundation\.json: cannot be read: .*; restore it from git"):
        plan_upgrade(tmp_path)


def test_every_template_is_a_file_of_the_repository() -> None:
    """No template is left out because of its ending."""
    assert [file for file in TEMPLATES.rglob("*") if file.is_file() and file.suffix != ".txt"] == []
