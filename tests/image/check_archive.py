#!/usr/bin/env python3
"""What an archive of the image holds, byte by byte: the layout, the configuration, and every file of every layer.
   check_archive.py ARCHIVE SOURCES
Prints each fault; exit code 1 if there is one. Stricter than an engine: those pass over what they do not know."""
import gzip
import hashlib
import io
import json
import re
import ssl
import sys
import tarfile

LIMIT = 80 * 1024 * 1024
archive_path, sources = sys.argv[1], sys.argv[2].encode()
faults = []


def expect(true, text):
    if not true:
        faults.append(text)


blobs = {}
with tarfile.open(archive_path) as archive:
    names = archive.getnames()
    expect(names == sorted(names) or names[:2] == ["oci-layout", "index.json"], f"the archive is not in order: {names}")
    for member in archive.getmembers():
        expect((member.uid, member.gid, member.mtime) == (0, 0, 0), f"{member.name}: owner or time")
        if member.isfile():
            blobs[member.name] = archive.extractfile(member).read()


def blob(descriptor):
    content = blobs["blobs/sha256/" + descriptor["digest"].removeprefix("sha256:")]
    expect("sha256:" + hashlib.sha256(content).hexdigest() == descriptor["digest"], f"{descriptor}: digest")
    expect(len(content) == descriptor["size"], f"{descriptor}: size")
    return content


expect(json.loads(blobs["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}, "oci-layout")
[entry] = json.loads(blobs["index.json"])["manifests"]
expect(":" in entry["annotations"]["io.containerd.image.name"], "the image has no name")
manifest = json.loads(blob(entry))
config = json.loads(blob(manifest["config"]))
expect(len(blobs) == 4 + len(manifest["layers"]), f"blobs that nothing names: {sorted(blobs)}")
expect(manifest["config"]["mediaType"] == "application/vnd.oci.image.config.v1+json", "media type of the configuration")
for key in ["title", "description", "version", "created"]:
    expect(manifest["annotations"].get("org.opencontainers.image." + key), f"no annotation {key}")
expect(config["config"]["User"] == "10001:10001", "the user")
expect(config["config"]["Entrypoint"] == ["/usr/local/bin/holdfast-step"], "the entrypoint")
expect(config["os"] == "linux" and config["architecture"], "the platform")
compressed = sum(layer["size"] for layer in manifest["layers"])
expect(compressed < LIMIT, f"{compressed} bytes compressed, the limit is {LIMIT}")

files = {}
for layer, diff_id in zip(manifest["layers"], config["rootfs"]["diff_ids"], strict=True):
    expect(layer["mediaType"] == "application/vnd.oci.image.layer.v1.tar+gzip", "media type of a layer")
    packed = blob(layer)
    expect(packed[3] == 0 and packed[4:8] == b"\0\0\0\0", f"{layer['digest']}: gzip kept a name or a time")
    plain = gzip.decompress(packed)
    expect("sha256:" + hashlib.sha256(plain).hexdigest() == diff_id, f"{diff_id}: diff id")
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        names = [member.name for member in tar.getmembers()]
        expect(len(names) == len(set(names)), "a name twice")
        for member in tar.getmembers():
            name = "/" + member.name.removeprefix("./").removeprefix(".")
            expect((member.uid, member.gid, member.mtime) == (0, 0, 0), f"{name}: owner or time")
            expect(member.uname == member.gname == "", f"{name}: the name of an owner")
            expect(member.isfile() or member.isdir() or member.issym(), f"{name}: neither file, folder nor link")
            expect(not member.mode & 0o6000, f"{name}: setuid or setgid")
            if not member.issym():
                expect(not member.mode & 0o002 or name == "/tmp", f"{name}: anyone may write to it")
                expect(member.mode & 0o004 or name == "/tmp", f"{name}: not everyone may read it")
            expect("/.wh." not in name, f"{name}: takes a file of another layer away")
            if not member.isdir():
                expect(name not in files, f"{name}: in two layers")
            if member.isfile():
                content = tar.extractfile(member).read()
                expect(sources not in content, f"{name}: names the folder of the sources")
                files[name] = content
            elif member.issym():
                files[name] = member.linkname
            else:
                files.setdefault(name, None)

for name in ["/usr/local/bin/holdfast-step", "/usr/local/bin/holdfast", "/usr/share/doc/holdfast/LICENSE",
             "/usr/share/doc/holdfast/NOTICE", "/etc/passwd", "/etc/nsswitch.conf", "/tmp"]:
    expect(name in files, f"{name} is missing")
expect(b"holdfast:x:10001:10001:" in files["/etc/passwd"], "no user holdfast")
for name, content in files.items():
    if isinstance(content, bytes) and content.startswith(b"\x7fELF") and name.startswith("/usr/local"):
        expect(b".symtab" not in content, f"{name}: is not stripped")
expect(not [n for n in files if n.startswith("/usr/local/share/holdfast/templates/image")], "the image holds its own recipe")
# Every package that a file is of: an entry for scanners, and its licence.
entries = [n.rpartition("/")[2] for n in files if n.startswith("/var/lib/dpkg/status.d/")]
expect("libc6" in entries and "ca-certificates" in entries, f"packages: {entries}")
for package in entries:
    expect(re.search(rb"(?m)^Version: .+$", files["/var/lib/dpkg/status.d/" + package]), f"{package}: has no version")
    expect(files.get(f"/usr/share/doc/{package}/copyright"), f"{package}: its licence is missing")
roots = files["/etc/ssl/certs/ca-certificates.crt"]
expect(roots.count(b"-----BEGIN CERTIFICATE-----") == roots.count(b"-----END CERTIFICATE-----\n") > 100, "the TLS roots")
# Certificates that a TLS library reads, not only text that looks like some.
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.load_verify_locations(cadata=roots.decode())
expect(context.cert_store_stats()["x509_ca"] > 100, f"the TLS roots: {context.cert_store_stats()}")
expect(files["/usr/lib/ssl/cert.pem"] == "/etc/ssl/certs/ca-certificates.crt", "OpenSSL would not find the TLS roots")

for fault in faults:
    print(fault)
sys.exit(1 if faults else 0)
