"""A data lake as warehouse: checks its settings, and which resources files can hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self
from urllib.parse import urlparse

from dlt.pipeline.exceptions import PipelineStepFailed
from typing_extensions import override

from data_foundation.errors import SettingMissing, WarehouseError
from data_foundation.warehouses.base import WORK_FOLDER, Setting, Warehouse
from data_foundation.warehouses.connection import Statement
from data_foundation.warehouses.lake.access.catalogue_address import CATALOGUE_SETTINGS, find_address
from data_foundation.warehouses.lake.access.credentials import ACCESS_SETTINGS, Access, explain_refusal, find_access
from data_foundation.warehouses.lake.dispositions import refuse_unsupported
from data_foundation.warehouses.lake.models import MODELS, LakeModels
from data_foundation.warehouses.lake.turn_files import Holder
from data_foundation.warehouses.lake.upkeep.settings import UPKEEP_SETTINGS

if TYPE_CHECKING:
    from data_foundation.config.fields import LakePlace
    from data_foundation.config.grammar import ResourceConfig
    from data_foundation.warehouses.base import Destination
    from data_foundation.warehouses.fence import Fence
    from data_foundation.warehouses.lake.destination import LakeDestination

DEFAULT_LAYOUT = "{table_name}/{load_id}.{file_id}.{ext}"
"""Default path of parquet files; it contains the load that wrote the file."""

KEPT_STATE_FILES = 5
"""Files with dlt's state that are kept for each table; the newest one is used."""

TABLE_FORMATS = ("delta", "iceberg", "parquet")
SETTINGS = (
    Setting(
        "LAKE_URL",
        "Where the tables are: `az://container/folder`, `abfss://container@account.dfs.core.windows.net/folder`, "
        "`s3://bucket/folder`, or a path relative to the repository. The container must exist.",
        required=True,
    ),
    Setting("LAKE_FORMAT", "`delta`, `iceberg` or `parquet`.", default="delta"),
    Setting(
        "LAKE_LAYOUT",
        "Path of a parquet file below its dataset. It starts with `{table_name}/`; dlt's other placeholders, such as "
        "`{YYYY}`, may follow.",
        default=DEFAULT_LAYOUT,
    ),
    MODELS,
)


@dataclass(frozen=True)
class LakeWarehouse(Warehouse):
    """A folder of tables, local or in a bucket.

    Attributes:
        url: Its address, "" if `LAKE_URL` is not set.
        settings: The environment that it was built from.
        folder: Name of the folder of every dataset, if a resource's `lake` sets it.
        models_file: Path of the DuckDB file in which dbt builds models.
    """

    url: str
    settings: Mapping[str, str] = field(repr=False)
    folder: str = ""
    models_file: str = ""
    kind: ClassVar[str] = "filesystem"
    known_settings: ClassVar[Sequence[Setting]] = (
        *SETTINGS,
        *UPKEEP_SETTINGS,
        *CATALOGUE_SETTINGS,
        *ACCESS_SETTINGS,
    )
    chooses_version: ClassVar[bool] = True
    keeps_audit: ClassVar[bool] = False

    @classmethod
    @override
    def of(cls, root: Path, settings: Mapping[str, str], *, suffix: str, others: Callable[[str], Warehouse]) -> Self:
        """Returns the folder that `LAKE_URL` names; a path is relative to the repository."""
        url = settings.get("LAKE_URL") or ""
        if url.startswith("file://"):
            url = urlparse(url).path
        if url and "://" not in url:
            url = str(root / url)
        url = url.rstrip("/")
        work_folder = cls.find_work_folder(WORK_FOLDER.find_path(root, settings), url + suffix)
        models = str(MODELS.find_path(root, settings))
        return cls(work_folder, url, settings, models_file=models, suffix=suffix, others=others)

    @classmethod
    @override
    def is_shared(cls, settings: Mapping[str, str]) -> bool:
        """Returns whether the lake is a bucket; a folder belongs to one person."""
        return "://" in settings.get("LAKE_URL", "") and not settings["LAKE_URL"].startswith("file:")

    @override
    def at(self, place: LakePlace) -> LakeWarehouse:
        """Returns the lake at `place`, in the account, or the folder of containers, that `LAKE_URL` names."""
        parents, _, folder = place.folder.rpartition("/")
        url = self.url and "/".join(filter(None, (_in_container(self.url, place.container), parents)))
        where = self.find_work_folder(self.work_folder.parent, f"{url}/{folder}{self.suffix}")
        return replace(self, work_folder=where, url=url, folder=folder)

    @override
    def dataset(self, name: str) -> str:
        return super().dataset(self.folder or name)

    @override
    def describe(self) -> str:
        return self.url

    @property
    @override
    def database(self) -> str:
        return self.url.rpartition("/")[2]

    @property
    @override
    def format(self) -> str:
        """The format of tables: delta, iceberg or parquet.

        Raises:
            WarehouseError: `LAKE_FORMAT` is none of them.
        """
        table_format = self.settings.get("LAKE_FORMAT") or "delta"
        if table_format not in TABLE_FORMATS:
            raise WarehouseError(f"LAKE_FORMAT: got '{table_format}'; accepted: {', '.join(TABLE_FORMATS)}")
        return table_format

    @property
    @override
    def models(self) -> LakeModels:
        return LakeModels(self.work_folder, self.models_file, self, suffix=self.suffix, others=self.others)

    @override
    def destination(self) -> LakeDestination:
        try:
            # Its packages are an extra, and take half a second to import.
            from data_foundation.warehouses.lake.destination import LakeDestination  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise WarehouseError(f"a lake needs {error.name}: pip install 'data-foundation[lake]'") from None
        access, is_iceberg = self._access(), self.format == "iceberg"
        options = {
            "credentials": access.credentials,
            "kwargs": dict(access.filesystem),
            "deltalake_storage_options": dict(access.delta),
            "catalogue": find_address(access.url, self.settings, access.credentials) if is_iceberg else None,
        }
        options = {name: value for name, value in options.items() if value}
        layout = self._layout()
        try:
            return LakeDestination(
                self.format, bucket_url=access.url, layout=layout, max_state_files=KEPT_STATE_FILES, **options
            )
        except ModuleNotFoundError as error:
            extras = "lake,iceberg" if is_iceberg else "lake"
            raise WarehouseError(f"a lake needs {error.name}: pip install 'data-foundation[{extras}]'") from None

    @override
    def dbt_settings(self) -> Mapping[str, str]:
        return self.models.dbt_settings()

    @override
    def accept(self, resource: ResourceConfig) -> None:
        """Refuses a resource that files cannot hold.

        Raises:
            WarehouseError: Names what is accepted instead.
        """
        refuse_unsupported(resource, self.format)

    @contextmanager
    @override
    def open(self, label: Mapping[str, str] | None = None) -> Iterator[Destination]:
        """Yields a destination after a check that the lake can be reached.

        Raises:
            SettingMissing: Names every setting that is not set.
            WarehouseError: Names the setting or the privilege at fault.
        """
        with self._explaining():
            destination = self.destination()
            destination.holder = Holder(str(self.work_folder.resolve()), (label or {}).get("run_id", ""))
            destination.client_of("probe", "probe").check_access()
            yield destination

    @contextmanager
    @override
    def transaction(
        self,
        destination: Destination,
        first: Sequence[Statement] = (),
        before_commit: Callable[[], None] = lambda: None,
        fence: Fence | None = None,
    ) -> Iterator[None]:
        """Makes the load inside the block all or nothing, if `mend` is called before the next load.

        Raises:
            LoadOvertaken: As of the base class; dlt raises it as the cause of a `PipelineStepFailed`.
            PipelineStepFailed: Its cause names the setting, if one is at fault.
        """
        if first and self.format == "parquet":
            wanted = "set LAKE_FORMAT=delta or iceberg, or use replace"
            message = f"rows of parquet files cannot be deleted to load a range again; {wanted}"
            raise WarehouseError(message)
        with self._explaining(), super().transaction(destination, first, before_commit, fence):
            yield

    @override
    def mend(
        self, destination: Destination, dataset: str, schema: str, check: Callable[[], None] = lambda: None
    ) -> None:
        """Waits for a load of the table; finishes or undoes one whose process is gone."""
        with self._explaining():
            lake = of_lake(destination)
            client = lake.client_of(dataset, schema)
            client.mend(check)
            # Before the state, which is in other files: a load that lands between them is noticed then.
            lake.newest_loads[dataset, schema] = next(reversed(client.landed_ids()), None)

    @override
    def newest_load(self, destination: Destination, dataset: str, schema: str) -> str | None:
        """Returns the id of the load that had landed last when the table was mended."""
        return of_lake(destination).newest_loads[dataset, schema]

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        """Raises errors of the storage as errors that name the setting to change."""
        try:
            yield
        except PipelineStepFailed as failed:
            failed.exception = explain_refusal(failed.exception, self.settings) or failed.exception
            raise
        except Exception as error:
            if explained := explain_refusal(error, self.settings):
                raise explained from None
            raise

    def _access(self) -> Access:
        if not self.url:
            raise SettingMissing(["LAKE_URL"], "For instance az://container/folder, s3://bucket/folder, or a path")
        return find_access(self.url, self.settings)

    def _layout(self) -> str:
        """Returns the layout of the paths of parquet files.

        Raises:
            WarehouseError: Files of two loads or of two tables could have the same path.
        """
        layout = self.settings.get("LAKE_LAYOUT") or DEFAULT_LAYOUT
        missing = [name for name in ("{table_name}", "{load_id}", "{file_id}", "{ext}") if name not in layout]
        if missing or not layout.startswith("{table_name}/"):
            what = f"without {', '.join(missing)}" if missing else "where a table has no folder of its own"
            raise WarehouseError(f"LAKE_LAYOUT: got '{layout}', {what}; accepted: for instance {DEFAULT_LAYOUT}")
        return layout


def _in_container(url: str, container: str) -> str:
    """Returns the URL of another container of the same account, or the path of a folder below `url`."""
    scheme, is_remote, rest = url.partition("://")
    if not is_remote:
        return f"{url}/{container}"
    _, at, account = rest.split("/")[0].partition("@")
    return f"{scheme}://{container}{at}{account}"


def of_lake(destination: Destination) -> LakeDestination:
    """Returns the destination of `LakeWarehouse.open` with its own type."""
    from data_foundation.warehouses.lake.destination import LakeDestination  # noqa: PLC0415 - half a second

    assert isinstance(destination, LakeDestination)  # noqa: S101 - `open` gave it
    return destination
