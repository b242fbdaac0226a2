"""The settings, and what is written about them elsewhere: `.env.example`, the compose file, the image."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from billing_project.environment import REQUIRED
from tools.check import PRODUCTION_LIKE
from tools.services import BASE_DIR

EXAMPLE = (BASE_DIR / ".env.example").read_text()
COMPOSE = yaml.safe_load((BASE_DIR / "docker-compose.yml").read_text())
#: Read by the compose file, not by settings.
COMPOSE_ONLY = {"POSTGRES_PASSWORD", "BILLING_OWNER_PASSWORD", "BILLING_APP_PASSWORD", "PORT"}


def names_that_settings_read() -> set[str]:
    tree = ast.parse((BASE_DIR / "billing_project" / "settings.py").read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    return {
        call.args[0].value
        for call in calls
        if isinstance(call.func.value, ast.Name)
        and call.func.value.id == "env"
        and isinstance(call.args[0], ast.Constant)
    }


def names_in_example(*, commented: bool) -> set[str]:
    return set(re.findall(r"^(?:# )?([A-Z][A-Z_]+)=" if commented else r"^([A-Z][A-Z_]+)=", EXAMPLE, re.MULTILINE))


def run_manage(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """`manage.py` with nothing but this environment."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
    )


def test_example_lists_every_variable_that_settings_read() -> None:
    listed = names_in_example(commented=True)
    assert names_that_settings_read() - listed == set()
    assert {name for name in listed if not name.startswith("ANYMAIL_")} <= names_that_settings_read() | COMPOSE_ONLY


def test_example_leaves_no_required_variable_commented_out() -> None:
    required = (set(REQUIRED) - {"EMAIL_URL_OR_ANYMAIL_ESP"}) | {"EMAIL_URL"}
    assert required <= names_in_example(commented=False)


def test_deployment_check_is_clean_in_production() -> None:
    done = run_manage("check", "--deploy", "--fail-level", "WARNING", environment=PRODUCTION_LIKE)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_refuses_to_start_without_a_required_variable(name: str) -> None:
    name = "EMAIL_URL" if name == "EMAIL_URL_OR_ANYMAIL_ESP" else name
    done = run_manage("check", environment=PRODUCTION_LIKE | {name: ""})
    assert done.returncode != 0
    assert name in done.stderr


def test_tells_of_everything_that_is_missing_at_once() -> None:
    done = run_manage("check", environment={"ENV_FILES": ""})
    assert all(name.split("_OR_")[0] in done.stderr for name in REQUIRED)


def product_services() -> dict[str, dict[str, Any]]:
    """The compose file's services that run the product itself."""
    return {name: service for name, service in COMPOSE["services"].items() if "env_file" in service}


def test_compose_has_the_whole_product() -> None:
    assert set(COMPOSE["services"]) == {"db", "valkey", "migrate", "web", "worker", "beat", "sandbox", "demo"}
    assert COMPOSE["services"]["db"]["image"] == "postgres:18"
    assert {name for name, service in COMPOSE["services"].items() if "profiles" in service} == {"sandbox", "demo"}


@pytest.mark.parametrize("env_file", [".env.example", "deploy/demo.env"])
@pytest.mark.parametrize("name", sorted(product_services()))
def test_compose_gives_each_service_what_settings_require(name: str, env_file: str) -> None:
    file = (BASE_DIR / env_file).read_text()
    given = set(re.findall(r"^([A-Z_]+)=", file, re.MULTILINE)) | set(product_services()[name]["environment"])
    assert set(REQUIRED) - given <= {"EMAIL_URL_OR_ANYMAIL_ESP"}
    assert given & {"EMAIL_URL", "ANYMAIL_ESP"}


def test_compose_finds_each_variable_that_it_reads_in_either_file() -> None:
    wanted = set(re.findall(r"\$\{([A-Z_]+):\?", (BASE_DIR / "docker-compose.yml").read_text()))
    for env_file in (".env.example", "deploy/demo.env"):
        assert wanted <= set(re.findall(r"^([A-Z_]+)=", (BASE_DIR / env_file).read_text(), re.MULTILINE))


def test_only_migrate_is_given_the_owner_of_the_tables() -> None:
    with_owner = {name for name, s in product_services().items() if s["environment"]["DATABASE_OWNER_URL"]}
    assert with_owner == {"migrate"}


@pytest.mark.parametrize("name", sorted(name for name, s in COMPOSE["services"].items() if "build" in s))
def test_compose_commands_exist(name: str) -> None:
    program, *arguments = COMPOSE["services"][name].get("command", ["gunicorn", "billing_project.wsgi"])
    assert (Path(sys.executable).parent / program).exists()
    if arguments[0] == "manage.py":
        assert arguments[1] in get_commands()
    elif arguments[0] == "-m":
        assert (BASE_DIR / arguments[1] / "__main__.py").exists()


def test_compose_publishes_ports_on_loopback_alone() -> None:
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_image_is_not_run_by_root_and_knows_what_settings_require() -> None:
    dockerfile = (BASE_DIR / "Dockerfile").read_text()
    assert dockerfile.count("\nUSER billing\n") == 2
    build = set(re.findall(r"([A-Z_]+)=", dockerfile[dockerfile.index("RUN SECRET_KEY") :]))
    assert set(REQUIRED) - build == {"EMAIL_URL_OR_ANYMAIL_ESP"}


@pytest.mark.skipif(
    shutil.which("docker") is None or subprocess.run(["docker", "compose", "version"], capture_output=True).returncode,
    reason="the docker compose plugin is not installed here",
)
def test_docker_reads_the_compose_file() -> None:
    command = ["docker", "compose", "--env-file", "deploy/demo.env", "--profile", "demo", "config", "--quiet"]
    done = subprocess.run(command, cwd=BASE_DIR, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
