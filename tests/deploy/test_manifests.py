"""What is installed on clusters, against the schemas of the Kubernetes versions the course is run on."""

from pathlib import Path

import kubernetes_validate
import pytest
import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
MANIFESTS = [
    (path.name, manifest)
    for folder in ("agent", "policies")
    for path in sorted((DEPLOY / folder).glob("*.yaml"))
    for manifest in yaml.safe_load_all(path.read_text())
]


@pytest.mark.parametrize("version", ["1.33", "1.36"])
@pytest.mark.parametrize(
    ("name", "manifest"), MANIFESTS, ids=lambda each: each if isinstance(each, str) else ""
)
def test_the_manifest_is_strictly_what_kubernetes_takes(name, manifest, version):
    kubernetes_validate.validate(manifest, version, strict=True)
