"""Archives of images, made by hand: layers of files, links and whiteouts, as docker and OCI write them."""

import gzip
import io
import json
import tarfile
from hashlib import sha256
from pathlib import Path


def layer(files: dict[str, str | bytes], links: dict[str, str] | None = None) -> bytes:
    """A layer's tar: text and programs (bytes) by their path, symbolic links by theirs."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o755 if isinstance(content, bytes) else 0o644
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def _config(layers: list[bytes], config: dict) -> bytes:
    diffs = [f"sha256:{sha256(one).hexdigest()}" for one in layers]
    rootfs = {"type": "layers", "diff_ids": diffs}
    return json.dumps({"architecture": "amd64", "os": "linux", "config": config, "rootfs": rootfs}).encode()


def docker_archive(path: Path, names: list[str], layers: list[bytes], **config) -> Path:
    """What `docker save` writes."""
    members = {f"layer{number}.tar": data for number, data in enumerate(layers)}
    manifest = [{"Config": "config.json", "RepoTags": names, "Layers": list(members)}]
    members |= {"config.json": _config(layers, config), "manifest.json": json.dumps(manifest).encode()}
    path.write_bytes(_tar(members))
    return path


def oci_archive(path: Path, tag: str, layers: list[bytes], **config) -> Path:
    """What `skopeo copy ... oci-archive:` writes."""
    manifest, blobs = oci_image(layers, **config)
    members: dict[str, bytes] = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}
    members |= {f"blobs/{digest.replace(':', '/')}": data for digest, data in blobs.items()}
    entry = {**manifest, "annotations": {"org.opencontainers.image.ref.name": tag}}
    members["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
    path.write_bytes(_tar(members))
    return path


def oci_image(layers: list[bytes], **config) -> tuple[dict, dict[str, bytes]]:
    """The descriptor of its manifest, and all its blobs by digest, the manifest among them."""
    blobs: dict[str, bytes] = {}

    def blob(kind: str, data: bytes) -> dict:
        digest = f"sha256:{sha256(data).hexdigest()}"
        blobs[digest] = data
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": digest, "size": len(data)}

    packed = [blob("layer.v1.tar+gzip", gzip.compress(one, mtime=0)) for one in layers]
    own = blob("config.v1+json", _config(layers, config))
    manifest = json.dumps({"schemaVersion": 2, "config": own, "layers": packed}).encode()
    return blob("manifest.v1+json", manifest), blobs


def _tar(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()
