"""Tests that the files of deploy/ are what the programs that read them accept."""

import json
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import dagster as dg
import jsonschema
import kubernetes.client as kubernetes
import pytest
import yaml
from dagster._config import validate_config
from dagster._core.instance.config import PoolGranularity
from dagster_cloud_cli.config.models import load_dagster_cloud_yaml
from dagster_k8s import K8sRunLauncher
from dagster_k8s.container_context import K8sContainerContext
from dagster_k8s.models import k8s_model_from_dict, k8s_snake_case_dict

from data_foundation.warehouses.settings import ENGINES, FOLDER_SETTINGS, GENERAL_SETTINGS, RUN_SETTINGS

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SETTINGS = {setting.name for settings in (GENERAL_SETTINGS, RUN_SETTINGS, FOLDER_SETTINGS) for setting in settings}
SETTINGS |= {setting.name for engine in ENGINES.values() for setting in engine.known_settings}
OF_OTHERS = {"DAGSTER_HOME", "PATH", "HOME", "PYTHONUNBUFFERED"}


def read(name: str) -> Any:
    """Returns the content of a YAML file of deploy/."""
    return yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))


def user_deployment() -> Mapping[str, Any]:
    """Returns the code location in the values of the Helm chart."""
    deployment: Mapping[str, Any]
    [deployment] = read("kubernetes/values.yaml")["dagster-user-deployments"]["deployments"]
    return deployment


def run_launcher() -> Mapping[str, Any]:
    """Returns the values of the Helm chart for the launcher of Kubernetes."""
    launcher: Mapping[str, Any] = read("kubernetes/values.yaml")["runLauncher"]["config"]["k8sRunLauncher"]
    return launcher


@pytest.mark.parametrize(
    ("name", "schema"), [("compose.yaml", "compose-spec.json"), ("ci/github.yaml", "github-workflows.json")]
)
def test_a_file_follows_the_schema_of_its_program(name: str, schema: str) -> None:
    """Docker Compose and GitHub accept every key."""
    text = files("check_jsonschema").joinpath("builtin_schemas", "vendor", schema).read_text(encoding="utf-8")
    jsonschema.Draft7Validator(json.loads(text)).validate(_with_text_keys(read(name)))


def _with_text_keys(value: Any) -> Any:
    """Returns a YAML value with the key `on` of a workflow, which PyYAML reads as true."""
    if isinstance(value, dict):
        return {"on" if key is True else key: _with_text_keys(entry) for key, entry in value.items()}
    return value


def test_dagster_plus_accepts_its_code_location() -> None:
    """`dagster_cloud.yaml` follows the model of Dagster+, and its container context that of the agent on Kubernetes."""
    [location] = load_dagster_cloud_yaml((DEPLOY / "dagster_cloud.yaml").read_text(encoding="utf-8")).locations
    context = K8sContainerContext.create_from_config(location.container_context)
    assert [volume["name"] for volume in context.run_k8s_config.pod_spec_config["volumes"]] == ["secrets", "work"]


MODELS = {
    "volumes": kubernetes.V1Volume,
    "volumeMounts": kubernetes.V1VolumeMount,
    "env": kubernetes.V1EnvVar,
    "podSecurityContext": kubernetes.V1PodSecurityContext,
    "securityContext": kubernetes.V1SecurityContext,
    "resources": kubernetes.V1ResourceRequirements,
}


@pytest.mark.parametrize("key", MODELS)
def test_kubernetes_accepts_the_values_of_the_pod(key: str) -> None:
    """What the chart copies into pods has the fields of Kubernetes, and no others."""
    value = user_deployment()[key]
    for part in value if isinstance(value, list) else [value]:
        model = MODELS[key]
        assert k8s_model_from_dict(model, k8s_snake_case_dict(model, part)).to_dict()


def test_kubernetes_accepts_the_values_of_a_run() -> None:
    """Dagster's launcher takes the raw configuration of pods and jobs."""
    raw = run_launcher()["runK8sConfig"]
    raw = {"pod_spec_config": raw["podSpecConfig"], "job_spec_config": raw["jobSpecConfig"]}
    config = {"service_account_name": "dagster", "instance_config_map": "dagster", "dagster_home": "/",
        "run_k8s_config": raw, "fail_pod_on_run_failure": run_launcher()["failPodOnRunFailure"]
    }  # fmt: skip
    validated = validate_config(K8sRunLauncher.config_type(), config)  # type: ignore[no-untyped-call] # Dagster's own
    assert validated.success, validated.errors
    context = K8sContainerContext.create_from_config({"k8s": {"run_k8s_config": raw}})
    assert context.run_k8s_config.pod_spec_config == {"termination_grace_period_seconds": 60}
    assert context.run_k8s_config.job_spec_config == {"ttl_seconds_after_finished": 86400}


def _of_values() -> Mapping[str, Any]:
    """Returns the part of `dagster.yaml` that the chart makes of the values, for the daemon."""
    values = read("kubernetes/values.yaml")
    monitoring = values["dagsterDaemon"]["runMonitoring"]
    return {
        **values["additionalInstanceConfig"],
        "run_monitoring": {re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", k): v for k, v in monitoring.items()},
    }


@pytest.mark.parametrize("name", ["celery/dagster.yaml", "kubernetes/values.yaml"])
def test_every_deployment_gives_a_source_one_run(name: str, tmp_path: Path) -> None:
    """A pool has one slot, and that of a killed run becomes free: as with `dagster.yaml` of one machine."""
    settings = _of_values() if name.startswith("kubernetes") else read(name)
    kept = {key: settings[key] for key in ("concurrency", "run_monitoring")}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(kept), encoding="utf-8")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert instance.global_op_concurrency_default_limit == 1
        assert instance.run_monitoring_enabled
        assert instance.get_concurrency_config().pool_config.pool_granularity is PoolGranularity.OP
        assert instance.run_monitoring_cancel_timeout_seconds >= 30


def _variables() -> Iterator[tuple[str, str]]:
    """Yields the file and the name of every environment variable that a file of deploy/ sets."""
    services = read("compose.yaml")["services"]
    yield from (("compose.yaml", name) for name in services["code"]["environment"])
    yield from (("values.yaml", variable["name"]) for variable in user_deployment()["env"])
    context = read("dagster_cloud.yaml")["locations"][0]["container_context"]["k8s"]
    yield from (("dagster_cloud.yaml", variable.split("=")[0]) for variable in context["env_vars"])
    for block in re.findall(r"^ENV (.+(?:\\\n.+)*)", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE):
        yield from (("Dockerfile", name) for name in re.findall(r"([A-Z_]+)=", block) if not name.startswith("UV_"))


def test_every_variable_is_a_setting() -> None:
    """No deployment sets a variable that nothing reads: those of Dagster and Celery are named in `dagster.yaml`."""
    named = set(re.findall(r"\{env: (\w+)\}", (DEPLOY / "celery" / "dagster.yaml").read_text(encoding="utf-8")))
    assert {(file, name) for file, name in _variables() if name not in SETTINGS | named | OF_OTHERS} == set()


def test_an_image_writes_to_two_folders_only() -> None:
    """Each folder that is written, and DuckDB's file, is below the one folder that every deployment mounts."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").rpartition("FROM python")[2]
    for setting in (*(setting.name for setting in FOLDER_SETTINGS), "DUCKDB_PATH", "HOME"):
        assert re.search(rf"\b{setting}=/var/lib/foundation\b", text), setting
    mounts = [
        {mount.split(":")[0] for mount in read("compose.yaml")["services"]["worker"]["tmpfs"]},
        {mount["mountPath"] for mount in user_deployment()["volumeMounts"] if not mount.get("readOnly")},
    ]
    assert mounts == [{"/tmp", "/var/lib/foundation"}] * 2  # noqa: S108 - in the container
