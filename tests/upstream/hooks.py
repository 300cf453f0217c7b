"""The internals of dlt and Dagster on which this project relies, in the order of its rooms.

A public interface is used if there is one. Every other use is an entry here; tests check that none is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from data_foundation import unicode_snake_case
from data_foundation.loading import pending_loads, pipeline, progress
from data_foundation.loading.cursor import first_load, table_cursor
from data_foundation.loading.entries import builder, dlt_resource, late_hints, own_copy
from data_foundation.loading.schema import hints_in_force, rebuilds
from data_foundation.orchestration import event_log, executor, run_launcher
from data_foundation.orchestration.celery_workers import run_launcher as celery_launcher
from data_foundation.orchestration.dbt_models import deferred_dbt_core, manifest
from data_foundation.orchestration.ops import op
from data_foundation.process_wide import dlt_libraries, dlt_memo, dlt_traces, load_ids, source_log
from data_foundation.project import code_hints, read_once
from data_foundation.readers.rest import api_client, endpoint_reader
from data_foundation.readers.sql import cursor
from data_foundation.rows import early_copies, intake_step, package_files, pii, shaped_rows, watched_pages
from data_foundation.rows.columnar import column_split
from data_foundation.rows.exact import dlt_objects, schema_preview
from data_foundation.vault import landing
from data_foundation.warehouses import cached_configuration, state_query, table_growth, transactional_destination
from data_foundation.warehouses.alchemy import client as alchemy_client
from data_foundation.warehouses.alchemy import destination as alchemy
from data_foundation.warehouses.alchemy import session, types
from data_foundation.warehouses.duckdb import bounded_copy, shared_session
from data_foundation.warehouses.duckdb import destination as duckdb
from data_foundation.warehouses.ducklake import destination as ducklake
from data_foundation.warehouses.general import destination as general
from data_foundation.warehouses.general import dlt_settings
from data_foundation.warehouses.lake import client, dataset_files, sql, turn_files
from data_foundation.warehouses.lake import destination as lake
from data_foundation.warehouses.lake.access import credentials
from data_foundation.warehouses.lake.delta import tables as delta_tables
from data_foundation.warehouses.postgres import destination as postgres
from data_foundation.warehouses.postgres import transaction
from data_foundation.warehouses.snowflake import destination as snowflake
from data_foundation.warehouses.snowflake import version_merge as snowflake_merge
from data_foundation.warehouses.sql import version_merge


@dataclass(frozen=True)
class Hook:
    """A class or function of ours that relies on internals of dlt or Dagster, which any release may change.

    Attributes:
        ours: The class or function.
        why: Its purpose.
        theirs: The names that it calls, overrides, replaces or copies, as `module:name`.
        tests: Files below `tests/` that fail if the behaviour of these names changes.
    """

    ours: Callable[..., Any]
    why: str
    theirs: Sequence[str]
    tests: Sequence[str]

    @property
    def file(self) -> str:
        """The path of its module, from the root of the repository."""
        return f"{self.ours.__module__.replace('.', '/')}.py"

    @override
    def __str__(self) -> str:
        return f"{self.file}: {self.ours.__qualname__}"


def names(parent: str, children: str) -> Iterator[str]:
    """Yields names with a common prefix.

    Args:
        parent: The prefix.
        children: The rest of each name, separated by spaces.
    """
    return (parent + child for child in children.split())


HOOKS = (
    Hook(
        executor.SideBySideExecutor,
        "Executes a run's ops as threads of its process; written after Dagster's executor for one op at a time. "
        "A daily run of 100 tables takes twice as long with that executor, and three with a process for each op.",
        [
            "dagster._core.executor.in_process:InProcessExecutor.execute",
            "dagster._core.executor.in_process:inprocess_execution_iterator",
            "dagster._core.execution.plan.execute_plan:inner_plan_execution_iterator",
            "dagster._core.execution.api:ExecuteRunWithPlanIterable",
            "dagster._core.execution.context_creation_job:PlanExecutionContextManager.__init__",
            "dagster._core.execution.plan.instance_concurrency_context:InstanceConcurrencyContext",
            "dagster._core.execution.plan.plan:ExecutionPlan.start",
            "dagster._core.execution.retries:RetryMode",
            "dagster._core.events:DagsterEvent.capture_logs",
        ],
        ["orchestration/test_executor.py"],
    ),
    Hook(
        executor._Ops,
        "Starts the ops that are ready and ends them when the run is cancelled, as Dagster's multiprocess executor.",
        [
            "dagster._core.executor.multiprocess:MultiprocessExecutor.execute",
            *names(
                "dagster._core.execution.plan.active:ActiveExecution.",
                "is_complete check_for_interrupts mark_interrupted get_steps_to_execute get_known_state "
                "concurrency_event_iterator plan_events_iterator handle_event verify_complete",
            ),
            "dagster._core.execution.context.system:PlanExecutionContext.for_step",
            *names("dagster._core.execution.plan.execute_plan:", "dagster_event_sequence_for_step _trigger_hook"),
        ],
        ["orchestration/test_executor.py"],
    ),
    Hook(
        event_log.KeptSqliteEventLog,
        "Keeps connections, and which tables and columns exist, from one event to the next; the files are Dagster's. "
        "An option: a daily run of 100 tables takes a third less time with it.",
        [
            *names(
                "dagster._core.storage.event_log.sqlite.sqlite_event_log:SqliteEventLogStorage.",
                "__init__ config_type from_config_value _connect _initdb has_table has_secondary_index "
                "has_asset_key_col _has_asset_key_col_on_connection conn_string_for_shard path_for_shard "
                "store_event wipe dispose",
            ),
            *names(
                "dagster._core.storage.event_log.sqlite.sqlite_event_log:",
                "SqliteEventLogStorageWatchdog INDEX_SHARD_NAME",
            ),
            "dagster._core.storage.sqlite:SQLITE_BUSY_TIMEOUT_SECONDS",
        ],
        ["orchestration/test_event_log.py"],
    ),
    Hook(
        run_launcher.LocalRunLauncher,
        "Reports to Dagster's monitoring whether the process of a run is alive.",
        [
            "dagster._core.launcher.base:RunLauncher",
            "dagster._core.launcher.base:CheckRunHealthResult",
            "dagster._core.launcher.base:WorkerStatus",
            "dagster._core.launcher.default_run_launcher:DefaultRunLauncher",
            "dagster._core.storage.tags:GRPC_INFO_TAG",
        ],
        ["dagster/test_stops.py"],
    ),
    Hook(
        celery_launcher.CeleryRunLauncher,
        "Tells Dagster's monitoring whether a Celery worker still has a run; interrupts a run instead of killing it.",
        [
            "dagster._core.launcher.base:CheckRunHealthResult",
            "dagster._core.launcher.base:WorkerStatus",
            "dagster._serdes:ConfigurableClassData",
            *names("dagster_celery.launcher:CeleryRunLauncher.", "terminate check_run_worker_health config_type"),
            "dagster_celery.tags:DAGSTER_CELERY_TASK_ID_TAG",
            "dagster_celery.tasks:create_execute_job_task",
        ],
        ["deploy/test_workers.py"],
    ),
    Hook(
        op.build_loading_op,
        "Builds the assets of a source without the work that Dagster's decorator repeats for each.",
        [
            "dagster._core.definitions.decorators.asset_decorator:multi_asset",
            "dagster._core.definitions.decorators.decorator_assets_definition_builder:DecoratorAssetsDefinitionBuilder",
        ],
        ["orchestration/test_op.py"],
    ),
    Hook(
        manifest.InstalledDbt,
        "Reads dbt's version from the installed package; dagster-dbt starts dbt, which takes three seconds. Opens no "
        "adapter of dbt, which nothing here uses.",
        [*names("dagster_dbt.core.resource:DbtCliResource.", "_cli_version _initialize_dbt_core_adapter")],
        ["dbt/test_models.py", "dbt/test_deferred_dbt_core.py"],
    ),
    Hook(
        deferred_dbt_core.without_dbt_core,
        "Imports dagster-dbt as if dbt-core were not installed, and then sets dbt-core's version where dagster-dbt "
        "reads it: the definitions take 1.7 s of CPU instead of 3.1.",
        ["dagster_dbt.utils:select_unique_ids", "dagster_shared.libraries:DagsterLibraryRegistry"],
        ["dbt/test_deferred_dbt_core.py"],
    ),
    Hook(
        dlt_memo.remember_hints,
        "Replaces two functions of dlt by ones that keep their results for each type. A daily run of 100 tables takes "
        "30 s without it, and 23 s with it.",
        [
            "dlt.common.configuration.specs.base_configuration:is_secret_hint",
            "dlt.common.configuration.providers.environ:EnvironProvider.get_value",
            "dlt.common.typing:get_type_hints",
            "dlt.common.validation:validate_dict",
        ],
        ["process_wide/test_dlt_memo.py"],
    ),
    Hook(
        dlt_libraries.hide_partial_libraries,
        "Replaces the functions by which dlt finds the libraries of frames among the imported modules.",
        ["dlt.common.libs:is_pandas_frame", "dlt.common.libs:is_polars_frame"],
        ["loading/test_imports.py"],
    ),
    Hook(
        load_ids.begin_after,
        "Moves the clock of load ids forward to the newest landed one: dlt takes them from the machine's time, and one "
        "machine whose clock is behind would create ids that are older than what has landed.",
        [
            *names("dlt.common.time:", "LockedMonotonicPreciseTime.__call__ MonotonicPreciseTime.__init__"),
            "dlt.common.storages.load_package:create_load_id",
        ],
        ["process_wide/test_load_ids.py", "machines/test_two_machines.py"],
    ),
    Hook(
        dlt_traces.forgotten_traces,
        "Drops what dlt records about each setting that it resolves, after every load.",
        [*names("dlt.common.configuration.utils:", "TraceLogContext get_resolved_traces")],
        ["loading/test_attempts.py"],
    ),
    Hook(
        source_log._find,
        "Finds the load that a thread of dlt's pool works for, by the thread's name.",
        [*names("dlt.common.configuration.container:Container.", "thread_pool_prefix _effective_thread_id")],
        ["process_wide/test_source_log.py"],
    ),
    Hook(
        progress.ProgressCollector,
        "Receives dlt's progress; the end of the first extraction completes the files that are written beside dlt's.",
        ["dlt.common.runtime.collector_base:Collector", "dlt.pipeline.pipeline:Pipeline.extract"],
        ["loading/test_progress.py"],
    ),
    Hook(
        pipeline.TablePipeline.open,
        "Takes the schemas of a pipeline from memory: 5 % of the CPU of a small load.",
        [
            *names("dlt.common.storages.live_schema_storage:LiveSchemaStorage.", "__getitem__ commit_live_schema"),
            "dlt.pipeline.pipeline:with_schemas_sync",
        ],
        ["loading/test_attempts.py", "promises/test_killed.py"],
    ),
    Hook(
        pipeline.TablePipeline.cursor,
        "Reads the stored cursor from dlt's state.",
        ["dlt.extract.incremental:Incremental._get_state", "dlt.extract.state:resource_state"],
        ["loading/test_load_range.py"],
    ),
    Hook(
        pending_loads.PendingLoads,
        "Copies dlt's working folder and compares the files of rows in it.",
        [
            "dlt.common.storages.normalize_storage:NormalizeStorage.EXTRACTED_FOLDER",
            "dlt.common.storages.load_package:PackageStorage.NEW_JOBS_FOLDER",
            "dlt.pipeline.pipeline:Pipeline._get_normalize_storage",
        ],
        ["rows/test_columnar.py", "loading/test_attempts.py"],
    ),
    Hook(
        code_hints.read_hints,
        "Reads the hints that the code of a resource declares; dlt's properties do not return the keys.",
        [*names("dlt.extract.hints:DltResourceHints.", "__init__ apply_hints"), "dlt.extract.hints:make_hints"],
        ["promises/test_one_truth.py"],
    ),
    Hook(
        code_hints.find_cursor,
        "Finds the cursor that dlt will pass to the function of a resource, before it is called.",
        [
            *names("dlt.extract.incremental:IncrementalResourceWrapper.", "wrap set_incremental get_incremental_arg"),
            "dlt.extract.incremental:Incremental.set_deduplication_key",
            "dlt.extract.utils:wrap_resource_gen",
            "dlt.extract.utils:wrap_compat_transformer",
        ],
        ["promises/test_one_truth.py"],
    ),
    Hook(
        first_load.hold_cursor,
        "Sets the stored cursor of a part of a first load, whose rows are not in the order of the cursor.",
        ["dlt.extract.incremental:Incremental.advance"],
        ["loading/test_first_load.py"],
    ),
    Hook(
        dlt_resource._set_cursor,
        "Removes the cursor that code added as a step: dlt replaces only one.",
        [
            "dlt.extract.resource:DltResource.set_incremental",
            "dlt.extract.resource:DltResource._remove_incremental_step",
        ],
        ["promises/test_one_truth.py"],
    ),
    Hook(
        own_copy.copy_resource,
        "Copies the steps and the cursor of a resource, which dlt's own copies share with it.",
        [
            *names("dlt.extract.resource:DltResource.", "_clone _eject_config _inject_config bind parallelize"),
            *names("dlt.extract.utils:", "wrap_resource_gen wrap_compat_transformer wrap_parallel_iterator"),
            *names("dlt.extract.resource:DltResource.", "_set_hints set_incremental"),
            "dlt.extract.items_transform:LimitItem",
        ],
        ["loading/test_own_copy.py"],
    ),
    Hook(
        code_hints.find_parent,
        "Finds the cursors of the resources whose items a transformer takes.",
        ["dlt.extract.resource:DltResource._clone", "dlt.extract.resource:DltResource.pipe_data_from"],
        ["loading/test_parent_cursor.py"],
    ),
    Hook(
        late_hints.EarlyHints,
        "Compares the hints before and after the rows, on dlt's copy of the resource as well.",
        ["dlt.extract.extractors:Extractor.write_items", "dlt.extract.hints:DltResourceHints.merge_hints"],
        ["loading/test_late_hints.py"],
    ),
    Hook(
        builder.EntryBuilder,
        "Finds functions that dlt passes a cursor to.",
        ["dlt.extract.incremental:IncrementalResourceWrapper.get_incremental_arg"],
        ["promises/test_one_truth.py"],
    ),
    Hook(
        table_cursor.TableCursor,
        "Filters rows by a cursor with the rules of this project, and keeps its own state beside that of dlt.",
        [
            *names("dlt.extract.incremental:Incremental.", "__init__ get_state bind merge __call__ _transform_item"),
            "dlt.extract.resource:DltResource.__init__",
            "dlt.extract.incremental.transform:JsonIncremental.__call__",
            "dlt.extract.incremental.transform:ArrowIncremental.__call__",
            "dlt.extract.incremental:IncrementalResourceWrapper.wrap",
        ],
        ["loading/test_cursor.py", "loading/test_load_range.py"],
    ),
    Hook(
        schema_preview.SchemaPreview,
        "Infers during extraction, with dlt's own code, the schema that dlt infers at normalisation.",
        [
            *names(
                "dlt.normalize.items_normalizers.jsonl:JsonLItemsNormalizer.", "_normalize_chunk _coerce_row __init__"
            ),
            *names("dlt.common.normalizers.json.relational:DataItemNormalizer.", "_reset _clear_schema_caches"),
            *names(
                "dlt.common.normalizers.json.helpers:",
                "is_nested_type get_root_row_id_type normalize_identifier normalize_table_identifier "
                "get_table_nesting_level get_primary_key",
            ),
            *names("dlt.common.schema.schema:Schema.", "apply_schema_contract resolve_contract_settings_for_table"),
            "dlt.common.schema.utils:dlt_id_column",
            "dlt.extract.extractors:Extractor._compute_and_update_tables",
        ],
        ["promises/test_contracts.py", "promises/test_values.py"],
    ),
    Hook(
        column_split.split_page,
        "Splits nested rows into the tables, columns and ids that dlt's normaliser gives them.",
        [
            *names(
                "dlt.common.normalizers.json.relational:DataItemNormalizer.",
                "_flatten _normalize_list _normalize_row _add_row_id _get_propagated_values normalize_data_item",
            ),
            *names("dlt.common.normalizers.json.helpers:", "get_row_hash get_nested_row_hash"),
            "dlt.common.utils:digest128b",
        ],
        ["promises/test_columnar.py"],
    ),
    Hook(
        package_files._Parquet,
        "Writes parquet as dlt does, with fewer dictionaries.",
        [
            "dlt.common.data_writers.writers:ParquetDataWriter._create_writer",
            "dlt.common.data_writers.writers:ArrowToParquetWriter",
        ],
        ["rows/test_columnar.py"],
    ),
    Hook(
        package_files.PackageFiles,
        "Writes files into the load package while dlt extracts into it.",
        [
            "dlt.common.storages.data_item_storage:DataItemStorage._get_writer",
            "dlt.common.data_writers.buffered:BufferedDataWriter.__init__",
            "dlt.extract.extractors:Extractor.write_empty_items_file",
            "dlt.extract.storage:ExtractorItemStorage",
            "dlt.common.configuration.container:Container.thread_pool_prefix",
        ],
        ["rows/test_columnar.py"],
    ),
    Hook(
        package_files.most_buffered,
        "Reads how many rows of frames dlt holds before it writes them.",
        ["dlt.common.data_writers.buffered:BufferedDataWriter.write_data_item"],
        ["rows/test_reused_objects.py"],
    ),
    Hook(
        early_copies.EarlyCopies,
        "Recognises the generators that dlt continues before their last item has passed the pipe.",
        [
            "dlt.extract.utils:wrap_parallel_iterator",
            "dlt.extract.utils:wrap_async_iterator",
            "dlt.extract.pipe:Pipe.evaluate_gen",
            "dlt.extract.pipe:Pipe.fork",
            "dlt.extract.pipe_iterator:PipeIterator.__next__",
        ],
        ["rows/test_reused_objects.py"],
    ),
    Hook(
        early_copies.copy_early,
        "Adds its own step to the pipes of a resource and its parents.",
        ["dlt.extract.resource:DltResource.__init__", "dlt.extract.pipe:Pipe.__init__"],
        ["rows/test_reused_objects.py"],
    ),
    Hook(
        watched_pages.watch_pages,
        "Adds its own step to the pipes of a resource and its parents.",
        ["dlt.extract.resource:DltResource.__init__", "dlt.extract.pipe:Pipe.__init__"],
        ["loading/test_stop.py"],
    ),
    Hook(
        intake_step.find_intake,
        "Finds its own step in the pipe of a resource.",
        [
            "dlt.extract.resource:DltResource.__init__",
            "dlt.extract.pipe:Pipe.__init__",
            "dlt.extract.items_transform:ItemTransform",
        ],
        ["rows/test_columnar.py"],
    ),
    Hook(
        read_once._claim,
        "Finds the iterator that a resource was made of.",
        ["dlt.extract.resource:DltResource.__init__", "dlt.extract.pipe:Pipe.__init__"],
        ["loading/test_read_once.py"],
    ),
    Hook(
        unicode_snake_case._normalize,
        "Names columns and tables as dlt's snake_case does, with the letters of all scripts.",
        [
            *names(
                "dlt.common.normalizers.naming.snake_case:", "NamingConvention NamingConvention._normalize_identifier"
            )
        ],
        ["loading/test_names.py"],
    ),
    Hook(
        dlt_objects.describe_resources,
        "Recognises a resource that was made of a source.",
        ["dlt.extract.resource:DltResource.__init__", "dlt.extract.pipe:Pipe.__init__"],
        ["loading/test_several_resources.py"],
    ),
    Hook(
        dlt_objects.find_yielded_resource,
        "Recognises dlt's error for a resource that was yielded as an item.",
        ["dlt.extract.resource:DltResource.__call__", "dlt.extract.concurrency:FuturesPool.submit"],
        ["loading/test_several_resources.py"],
    ),
    Hook(
        pii.find_unhashed,
        "Finds its own step in the pipe of a resource.",
        ["dlt.extract.resource:DltResource.__init__", "dlt.extract.pipe:Pipe.__init__"],
        ["rows/test_pii.py"],
    ),
    Hook(
        shaped_rows._find_steps,
        "Finds its own step in the pipe of a resource.",
        ["dlt.extract.resource:DltResource.__init__", "dlt.extract.pipe:Pipe.__init__"],
        ["loading/test_processing_steps.py"],
    ),
    Hook(
        api_client.ApiClient,
        "Takes the response of a page that was requested in parallel.",
        [*names("dlt.sources.helpers.rest_client.client:RESTClient.", "_send_request paginate")],
        ["readers/test_rest_parallel.py"],
    ),
    Hook(
        endpoint_reader.read_endpoint,
        "Finds the name of the parent of the resource that runs.",
        ["dlt.extract.pipe:Pipe.__init__", "dlt.extract.resource:DltResource._clone"],
        ["readers/test_rest.py"],
    ),
    Hook(
        cursor.Cursor,
        "Converts the stored cursor values to the type of the database's column.",
        [*names("dlt.extract.incremental:Incremental.", "bind __call__")],
        ["readers/test_sql_cursor.py"],
    ),
    Hook(
        landing.Vault.land,
        "Rewrites the files of a normalised load package.",
        ["dlt.pipeline.pipeline:Pipeline._get_load_storage"],
        ["vault/test_landing.py"],
    ),
    Hook(
        cached_configuration.ResolvedOnce,
        "Resolves the settings of a destination once for each load; dlt does so some thirty times.",
        [
            *names(
                "dlt.common.destination.reference:Destination.", "configuration client capabilities adjust_capabilities"
            )
        ],
        ["loading/test_small_loads.py"],
    ),
    Hook(
        state_query.StateWithSchema,
        "Reads state, schema and the table's columns with one statement; dlt uses two for state and schema.",
        [
            *names(
                "dlt.destinations.job_client_impl:SqlJobClientBase.",
                "get_stored_state get_stored_schema get_stored_schema_by_hash _row_to_schema_info update_stored_schema "
                "_delete_schema_in_storage",
            ),
            "dlt.pipeline.pipeline:Pipeline.sync_destination",
        ],
        ["loading/test_small_loads.py", "promises/test_changed_configuration.py"],
    ),
    Hook(
        table_growth.GrowingTables,
        "Adds columns to tables that have rows, without NOT NULL and with ids.",
        [
            *names(
                "dlt.destinations.job_client_impl:SqlJobClientBase.",
                "_create_table_update _build_schema_update_sql _execute_schema_update_sql",
            )
        ],
        ["promises/test_changed_configuration.py", "promises/test_existing_tables.py"],
    ),
    Hook(
        transactional_destination.CommittingClient,
        "Merges by `VersionMerge`, and commits the load when dlt calls it complete.",
        [*names("dlt.destinations.job_client_impl:SqlJobClientBase.", "_create_merge_followup_jobs complete_load")],
        ["warehouses/test_version_merge.py", "warehouses/test_transaction.py"],
    ),
    Hook(
        version_merge.VersionMerge,
        "Merges versions as dlt does, but compares only those of loaded keys, and each column of a key.",
        [
            *names(
                "dlt.destinations.sql_jobs:SqlMergeFollowupJob.",
                "gen_scd2_sql gen_merge_key_present_clause get_merge_conditions",
            ),
            "dlt.destinations.impl.ducklake.ducklake:DuckLakeMergeFollowupJob",
            "dlt.destinations.impl.ducklake.ducklake:DuckLakeClient._create_merge_followup_jobs",
        ],
        ["warehouses/test_version_merge.py"],
    ),
    Hook(
        rebuilds.refuse_rebuilds,
        "Compares how dlt makes the ids of rows before and after a change of the write disposition.",
        ["dlt.common.normalizers.json.helpers:get_root_row_id_type"],
        ["promises/test_changed_configuration.py"],
    ),
    Hook(
        hints_in_force.remove_others,
        "Removes hints from a stored schema; dlt only adds to them.",
        [
            *names("dlt.common.schema.utils:", "merge_table merge_columns merge_column"),
            "dlt.extract.hints:DltResourceHints.compute_tables",
            "dlt.pipeline.pipeline:Pipeline._extract_source",
        ],
        ["promises/test_changed_configuration.py"],
    ),
    Hook(
        duckdb._SessionSqlClient,
        "Uses one open connection, without the statements by which dlt prepares each of its own.",
        [
            *names("dlt.destinations.impl.duckdb.sql_client:DuckDbSqlClient.", "open_connection close_connection"),
            *names(
                "dlt.destinations.impl.duckdb.configuration:DuckDbConnectionPool.",
                "__init__ borrow_conn _apply_config _apply_local_config",
            ),
            "dlt.destinations.impl.duckdb.configuration:DuckDbBaseCredentials.parse_native_representation",
        ],
        ["loading/test_small_loads.py"],
    ),
    Hook(
        shared_session.SharedDuckDBSession,
        "Executes in the one session of a load, and fails the load with the first statement that fails.",
        [*names("dlt.destinations.impl.duckdb.sql_client:DuckDbSqlClient.", "execute_query _make_database_exception")],
        ["warehouses/test_transaction.py", "warehouses/test_ducklake.py"],
    ),
    Hook(
        duckdb._SharedSqlClient,
        "Makes everything that a load does one transaction.",
        [
            *names(
                "dlt.destinations.impl.duckdb.sql_client:DuckDbSqlClient.",
                "begin_transaction execute_query _make_database_exception",
            ),
            "dlt.destinations.job_client_impl:SqlJobClientBase.complete_load",
        ],
        ["warehouses/test_transaction.py"],
    ),
    Hook(
        duckdb.TransactionalDuckDB,
        "Changes what dlt assumes DuckDB is capable of.",
        ["dlt.destinations.impl.duckdb.factory:duckdb._raw_capabilities"],
        ["warehouses/test_duckdb_storage.py"],
    ),
    Hook(
        ducklake._SessionSqlClient,
        "Executes in sessions of a lake that is attached already.",
        [
            *names(
                "dlt.destinations.impl.ducklake.sql_client:DuckLakeSqlClient.",
                "open_connection close_connection create_dataset _make_database_exception",
            ),
            "dlt.destinations.impl.duckdb.sql_client:DuckDbSqlClient.execute_query",
        ],
        ["warehouses/test_ducklake.py"],
    ),
    Hook(
        ducklake.TransactionalDuckLake,
        "Files that are read once have no compression, and no integer is rounded.",
        [
            "dlt.destinations.impl.ducklake.factory:ducklake._raw_capabilities",
            "dlt.destinations.impl.duckdb.factory:DuckDbTypeMapper.to_db_integer_type",
        ],
        ["warehouses/test_ducklake.py"],
    ),
    Hook(
        bounded_copy.BoundedCopy,
        "Limits the memory of the statement that copies a parquet file.",
        [
            "dlt.destinations.impl.duckdb.duck:DuckDbCopyJob",
            "dlt.destinations.impl.duckdb.duck:DuckDbClient.create_load_job",
            "dlt.common.destination.client:RunnableLoadJob.__init__",
        ],
        ["warehouses/test_duckdb_copy.py"],
    ),
    Hook(
        postgres._PostgresSqlClient,
        "Makes everything that a load does one transaction.",
        [
            *names(
                "dlt.destinations.impl.postgres.sql_client:Psycopg2SqlClient.",
                "open_connection close_connection begin_transaction execute_query _make_database_exception",
            ),
            *names("dlt.destinations.sql_client:SqlClientBase.", "truncate_tables create_dataset"),
            "dlt.destinations.job_client_impl:SqlJobClientBase.complete_load",
        ],
        ["warehouses/test_postgres.py"],
    ),
    Hook(
        transaction.as_dlt_error,
        "Gives the errors of locks and commits the classes of those of statements.",
        ["dlt.destinations.impl.postgres.sql_client:Psycopg2SqlClient._make_database_exception"],
        ["warehouses/test_postgres.py"],
    ),
    Hook(
        postgres._PostgresClient,
        "Gives dlt's own tables indexes, when they are created, and those of a merge before its first commit.",
        [*names("dlt.destinations.job_client_impl:SqlJobClientBase.", "_get_table_update_sql complete_load")],
        ["warehouses/test_postgres.py"],
    ),
    Hook(
        postgres._CopyFile,
        "Copies a parquet file with COPY.",
        [
            "dlt.common.destination.client:LoadJob.__init__",
            "dlt.common.destination.client:RunnableLoadJob.__init__",
            "dlt.destinations.impl.postgres.postgres:PostgresClient.create_load_job",
        ],
        ["warehouses/test_postgres.py"],
    ),
    Hook(
        postgres.TransactionalPostgres,
        "Changes what dlt assumes PostgreSQL is capable of.",
        [
            "dlt.destinations.impl.postgres.factory:postgres._raw_capabilities",
            "dlt.destinations.impl.postgres.factory:PostgresTypeMapper",
        ],
        ["warehouses/test_postgres.py"],
    ),
    Hook(
        snowflake._SnowflakeSqlClient,
        "Uses one session, whose statements belong to the load's transaction.",
        [
            *names(
                "dlt.destinations.impl.snowflake.sql_client:SnowflakeSqlClient.",
                "open_connection close_connection begin_transaction execute_query _make_database_exception",
            ),
            *names("dlt.destinations.sql_client:SqlClientBase.", "truncate_tables create_dataset"),
        ],
        ["snowflake/test_loading.py"],
    ),
    Hook(
        snowflake._SnowflakeClient,
        "Collects the load's files and merge statements, and executes them in one transaction.",
        [
            *names(
                "dlt.destinations.impl.snowflake.snowflake:SnowflakeClient.",
                "create_load_job _create_merge_followup_jobs _make_create_table _add_cluster_sql _get_cluster_sql",
            ),
            "dlt.destinations.impl.snowflake.snowflake:SnowflakeLoadJob",
            "dlt.destinations.job_client_impl:SqlJobClientBase.complete_load",
            "dlt.destinations.job_client_impl:SqlLoadJob",
            "dlt.common.destination.client:LoadJob.__init__",
            *names("dlt.common.destination.client:RunnableLoadJob.", "__init__ set_run_vars"),
        ],
        ["snowflake/test_loading.py"],
    ),
    Hook(
        snowflake_merge.VersionMerge,
        "Merges versions as dlt does, but compares each column of a key.",
        ["dlt.destinations.sql_jobs:SqlMergeFollowupJob.gen_merge_key_present_clause"],
        ["warehouses/contract/test_dispositions.py"],
    ),
    Hook(
        snowflake.TransactionalSnowflake,
        "Changes what dlt assumes Snowflake is capable of.",
        ["dlt.destinations.impl.snowflake.factory:snowflake._raw_capabilities"],
        ["snowflake/test_loading.py"],
    ),
    Hook(
        session.SessionSqlClient,
        "Uses one session of SQLAlchemy, whose statements belong to the load's transaction.",
        [
            *names(
                "dlt.destinations.impl.sqlalchemy.db_api_client:SqlalchemyClient.",
                "__init__ open_connection close_connection begin_transaction _ensure_transaction commit_transaction "
                "rollback_transaction execute_query has_dataset create_dataset _sqlite_create_dataset "
                "_sqlite_reattach_dataset_if_exists _sqlite_dataset_filename _sqlite_is_memory_db truncate_tables "
                "create_table alter_table_add_columns _make_database_exception",
            ),
        ],
        ["warehouses/contract/test_dispositions.py"],
    ),
    Hook(
        alchemy_client.AlchemyClient,
        "Reads the newest load with the state, and stores schema and rows in the load's transaction.",
        [
            *names(
                "dlt.destinations.impl.sqlalchemy.sqlalchemy_job_client:SqlalchemyJobClient.",
                "update_stored_schema _update_schema_in_storage complete_load create_load_job get_stored_state "
                "get_stored_schema get_stored_schema_by_hash _get_stored_schema _to_table_object",
            ),
            "dlt.destinations.impl.sqlalchemy.load_jobs:SqlalchemyParquetInsertJob",
            *names("dlt.common.destination.client:RunnableLoadJob.", "__init__ set_run_vars"),
        ],
        ["warehouses/contract/test_dispositions.py", "warehouses/contract/test_machines.py"],
    ),
    Hook(
        types.ExactMySQLTypes,
        "Takes types that keep every value.",
        ["dlt.destinations.impl.sqlalchemy.type_mapper:MysqlVariantTypeMapper"],
        ["warehouses/contract/test_values.py"],
    ),
    Hook(
        types.ExactSQLiteTypes,
        "Stores JSON as text.",
        ["dlt.destinations.impl.sqlalchemy.type_mapper:SqlalchemyTypeMapper"],
        ["warehouses/contract/test_values.py"],
    ),
    Hook(
        alchemy.TransactionalAlchemy,
        "Changes what dlt assumes the databases of SQLAlchemy are capable of.",
        [*names("dlt.destinations.impl.sqlalchemy.factory:sqlalchemy.", "_raw_capabilities adjust_capabilities")],
        ["warehouses/contract/test_values.py"],
    ),
    Hook(
        general.GeneralClient,
        "Refuses other types before a load, and compares the newest load before it is recorded.",
        [*names("dlt.destinations.job_client_impl:SqlJobClientBase.", "update_stored_schema complete_load")],
        ["warehouses/contract/test_types.py"],
    ),
    Hook(
        general.GeneralDestination,
        "Chooses the ways to replace a table that never leave it empty.",
        ["dlt.destinations.impl.postgres.factory:postgres._raw_capabilities"],
        ["warehouses/contract/test_dispositions.py"],
    ),
    Hook(
        dlt_settings.find_strategies,
        "Reads the strategies of a destination without its credentials.",
        ["dlt.common.destination.reference:Destination._raw_capabilities"],
        ["warehouses/contract/test_dispositions.py"],
    ),
    Hook(
        client.LakeClient,
        "Writes nothing before the load is complete, then everything in a turn, after a note that allows to undo it.",
        [
            *names(
                "dlt.destinations.impl.filesystem.filesystem:FilesystemClient.",
                "initialize_storage update_stored_schema drop_tables create_load_job complete_load get_stored_schema",
            )
        ],
        ["warehouses/test_lake.py"],
    ),
    Hook(
        dataset_files.DatasetFiles,
        "Knows dlt's files of a load before it lands, and reads one that is damaged from a copy.",
        [
            *names(
                "dlt.destinations.impl.filesystem.filesystem:FilesystemClient.",
                "_store_current_state _store_load _update_schema_in_storage _cleanup_pipeline_states "
                "_get_schema_file_name _write_to_json_file _delete_file get_stored_state get_stored_schema",
            )
        ],
        ["warehouses/test_lake.py"],
    ),
    Hook(
        turn_files.TurnFiles,
        "Deletes a file and accepts what each storage service answers.",
        ["dlt.destinations.impl.filesystem.filesystem:FilesystemClient._delete_file"],
        ["warehouses/test_lake.py"],
    ),
    Hook(
        delta_tables.remove,
        "Deletes a file and accepts what each storage service answers.",
        ["dlt.destinations.impl.filesystem.filesystem:FilesystemClient._delete_file"],
        ["warehouses/test_lake.py"],
    ),
    Hook(
        lake.LakeDestination,
        "Changes what dlt assumes files are capable of.",
        ["dlt.destinations.impl.filesystem.factory:filesystem._raw_capabilities"],
        ["warehouses/test_lake.py"],
    ),
    Hook(
        sql.LakeSqlClient,
        "Answers dlt's SQL from the files of the lake.",
        [
            *names(
                "dlt.destinations.impl.duckdb.sql_client:DuckDbSqlClient.",
                "open_connection close_connection execute_query",
            )
        ],
        ["warehouses/test_lake.py"],
    ),
    Hook(
        credentials._resolved,
        "Hands dlt credentials that it does not resolve again.",
        ["dlt.common.configuration.specs.base_configuration:BaseConfiguration.is_resolved"],
        ["warehouses/test_lake.py"],
    ),
)
