#!/usr/bin/env python3
# An OCI image of one static program, as an archive that `ctr images import` takes, with the /tmp that everybody may write to:
#   image.py ARCHIVE NAME PROGRAM PLACE     PLACE is where it is in the image, and its entrypoint
import gzip, hashlib, io, json, sys, tarfile

archive, name, program, place = sys.argv[1:]
blobs = {}


def blob(kind, data, **more):
    digest = hashlib.sha256(data).hexdigest()
    blobs["blobs/sha256/" + digest] = data
    return {"mediaType": "application/vnd.oci.image." + kind, "digest": "sha256:" + digest, "size": len(data), **more}


def add(tar, path, data=None, mode=0o755):
    entry = tarfile.TarInfo(path)
    entry.mode = mode
    entry.type = tarfile.DIRTYPE if data is None else tarfile.REGTYPE
    entry.size = len(data or b"")
    tar.addfile(entry, None if data is None else io.BytesIO(data))


layer = io.BytesIO()
with tarfile.open(fileobj=layer, mode="w") as tar:
    for folder in ("bin", "etc", "dev", "proc", "sys"):
        add(tar, folder)
    add(tar, "tmp", mode=0o1777)
    add(tar, "etc/passwd", b"root:x:0:0:root:/root:/sbin/nologin\n", 0o644)
    add(tar, place.lstrip("/"), open(program, "rb").read())
plain = layer.getvalue()
layer = blob("layer.v1.tar+gzip", gzip.compress(plain, 1, mtime=0))
config = blob("config.v1+json", json.dumps({
    "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[__import__("platform").machine()], "os": "linux",
    "config": {"Env": ["PATH=/bin"], "Entrypoint": [place]},
    "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(plain).hexdigest()]}}).encode())
manifest = blob("manifest.v1+json", json.dumps({
    "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": [layer]}).encode(),
    annotations={"io.containerd.image.name": name})
with tarfile.open(archive, "w") as tar:
    add(tar, "oci-layout", b'{"imageLayoutVersion": "1.0.0"}', 0o644)
    add(tar, "index.json", json.dumps({"schemaVersion": 2, "manifests": [manifest]}).encode(), 0o644)
    for path, data in blobs.items():
        add(tar, path, data, 0o644)
