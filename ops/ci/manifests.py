"""What kustomize makes of each overlay, held against the schemas of Kubernetes' versions. See ops/ci/manifests."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

K8S = Path(__file__).resolve().parents[1] / "k8s"
OVERLAYS = tuple(sorted(path.name for path in (K8S / "overlays").iterdir() if path.is_dir()))
OLDEST = 30
"""Minor version: the first whose preStop can sleep by itself."""


def built(overlay: str) -> list[dict[str, Any]]:
    """An overlay's resources. Raises subprocess.CalledProcessError where kustomize refuses it."""
    program = shutil.which("kubectl", path=f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin")
    if program is None:
        raise FileNotFoundError("kubectl: `make .venv/.dev` installs it")
    done = subprocess.run(
        [program, "kustomize", K8S / "overlays" / overlay], capture_output=True, text=True, check=True
    )
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def deployer() -> list[dict[str, Any]]:
    """Who deploys, and what they may."""
    return list(yaml.safe_load_all((K8S / "deployer.yaml").read_text()))


def versions() -> list[str]:
    newest = int(kubernetes_validate.latest_version().split(".")[1])
    return [f"1.{minor}.0" for minor in range(OLDEST, newest + 1)]


def faults(resources: list[dict[str, Any]], version: str) -> list[str]:
    """What that version of Kubernetes would refuse, one sentence each."""
    found = []
    for resource in resources:
        name = f"{resource['kind']} {resource['metadata']['name']}"
        try:
            kubernetes_validate.validate(resource, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            found.append(f"{name}: {'.'.join(map(str, error.path))}: {error.message}")
        except (kubernetes_validate.SchemaNotFoundError, kubernetes_validate.InvalidSchemaError):
            found.append(f"{name}: {resource['apiVersion']} is not of Kubernetes {version}")
    return found


def main() -> int:
    code = 0
    for overlay in OVERLAYS:
        try:
            resources = built(overlay)
        except subprocess.CalledProcessError as error:
            print(f"manifests: {overlay}: {error.stderr.strip()}", file=sys.stderr)
            return 1
        for version in versions():
            for fault in faults(resources, version):
                print(f"manifests: {overlay}, Kubernetes {version}: {fault}", file=sys.stderr)
                code = 1
        print(f"manifests: {overlay}: {len(resources)} resources, Kubernetes {versions()[0]} to {versions()[-1]}")
    for version in versions():
        for fault in faults(deployer(), version):
            print(f"manifests: deployer, Kubernetes {version}: {fault}", file=sys.stderr)
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
