#!/usr/bin/env python3
"""A Holdfast exec plugin that protects a tiny key-value store: one JSON file a store.

It shows every call of the protocol (docs/reference/exec-protocol.md) and needs nothing but Python 3.

    [provider]
    plugin = exec:/opt/holdfast/keyvalue.py
    [keyvalue]
    folder = /var/lib/keyvalue      # holds NAME.json
    application = shop              # optional: the Local::Application that the stores belong to
"""

import datetime
import errno
import hashlib
import json
import os
import re
import signal
import struct
import sys

TYPE = "Sample::KeyValue"
LONGEST_FRAME = 1 << 20


class Failure(Exception):
    """What the plugin answers as a failed result."""

    def __init__(self, code, message, hint=""):
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


# --- the protocol ---------------------------------------------------------------------------------

def say(message_type, **fields):
    """One JSON line on stdout."""
    sys.stdout.write(json.dumps({"message_type": message_type, **fields}) + "\n")
    sys.stdout.flush()


def result(state="done", **fields):
    say("result", protocol=1, state=state, **fields)


class Bank:
    """The streams of this step's resource: requests on descriptor 3, answers on 4."""

    def __init__(self):
        self.requests = os.fdopen(3, "wb")
        self.answers = os.fdopen(4, "rb")

    def send(self, kind, payload=b""):
        self.requests.write(kind + struct.pack(">I", len(payload)) + payload)

    def receive(self):
        header = self.answers.read(5)
        if len(header) < 5:
            raise Failure("unavailable", "the bank closed its end")
        length = struct.unpack(">I", header[1:])[0]
        kind, payload = header[:1], self.answers.read(length)
        if kind == b"E":
            error = json.loads(payload)
            raise Failure(error.get("code", "internal"), error.get("message", "the bank failed"))
        return kind, payload

    def put(self, stream, source):
        """Stores what can be read from `source`; returns its size."""
        self.send(b"P", json.dumps({"stream": stream}).encode())
        size = 0
        while chunk := source.read(LONGEST_FRAME):
            self.send(b"D", chunk)
            size += len(chunk)
        self.send(b"F")
        self.requests.flush()
        stored = json.loads(self.receive()[1])
        if stored["size"] != size:
            raise Failure("corrupt", "the bank stored %d of %d bytes" % (stored["size"], size))
        return size

    def get(self, stream, **more):
        """The chunks of a stream, or of a sample of it (sample=10); the host has checked every byte."""
        self.send(b"G", json.dumps({"stream": stream, **more}).encode())
        self.requests.flush()
        while True:
            kind, payload = self.receive()
            if kind == b"F":
                return
            yield payload

    def delete(self):
        self.send(b"X")
        self.requests.flush()
        self.receive()


# --- the stores -----------------------------------------------------------------------------------

def path_of(folder, name):
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise Failure("not-found", "there is no store of that name")
    return os.path.join(folder, name + ".json")


def describe_store(folder, name):
    path = path_of(folder, name)
    if not os.path.exists(path):
        raise Failure("not-found", "there is no " + path)
    return {"id": name, "name": name, "extra": {"path": path}}


def stores(folder):
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise Failure("denied" if error.errno == errno.EACCES else "not-found",
                      "%s: %s" % (folder, error.strerror), "look at 'folder' in the provider file")
    return [name[:-5] for name in names if re.fullmatch(r"[A-Za-z0-9_-]+\.json", name)]


def read_values(data):
    try:
        values = json.loads(data)
    except ValueError as error:
        raise Failure("corrupt", "the store is no JSON: %s" % error)
    if not isinstance(values, dict):
        raise Failure("corrupt", "the store is no JSON object")
    return values


def failpoint(name):
    """A test says where the plugin is killed, and with it the Holdfast that waits for it."""
    if os.environ.get("HOLDFAST_FAILPOINT") == name:
        os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


def write_durably(path, chunks, temporary, killed):
    """All of it or nothing, also when the machine goes down in the middle. `temporary` is a name that
    is journaled, so that post can remove what a kill leaves; Holdfast's death is the plugin's, too."""
    with open(temporary, "wb") as out:
        for chunk in chunks:
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    failpoint(killed)
    os.rename(temporary, path)
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


# --- the calls ------------------------------------------------------------------------------------

def describe(_request):
    overwrite = {"name": "overwrite", "type": "boolean", "default": False,
                 "description": "replace a store that is there"}
    target = {"name": "name", "type": "string",
              "description": "restore as the store of this name; without it as what it was"}
    wait = {"name": "polls", "type": "integer", "default": 0, "minimum": 0, "maximum": 100,
            "description": "how many more times pre waits to be polled, to show how"}
    result(plugin={
        "description": "a key-value store in a JSON file (sample exec plugin)",
        "types": [TYPE],
        "settings_section": "keyvalue",
        "settings": {"fields": [
            {"name": "folder", "type": "string", "required": True,
             "description": "the folder that holds the stores, NAME.json"},
            {"name": "application", "type": "string",
             "description": "the Local::Application that the stores belong to"}]},
        "operations": {
            "protect": {"activities": ["pre", "parallel", "post"], "parameters": {"fields": [wait]}},
            "restore": {"activities": ["parallel", "post"], "parameters": {"fields": [overwrite, target]}},
            "delete": {"activities": ["parallel"]},
            "verify": {"activities": ["parallel"]}},
        "saved_info": {"version": 1, "fields": [
            {"name": "keys", "type": "integer", "required": True, "description": "how many keys it holds"},
            {"name": "sha256", "type": "string", "required": True, "description": "of the file"}]},
        "protectables": [{"type": TYPE, "description": "JSON files of a folder",
                          "parent_types": ["Local::Application"]}],
        "checks": True,
    })


def list_(request):
    folder = request["settings"]["folder"]
    for name in stores(folder):
        say("resource", **describe_store(folder, name))
    result()


def show(request):
    result(resource=describe_store(request["settings"]["folder"], request["id"]))


def dependents(request):
    settings, parent = request["settings"], request["parent"]
    if parent["type"] == "Local::Application" and parent["id"] == settings.get("application"):
        for name in stores(settings["folder"]):
            say("resource", **describe_store(settings["folder"], name))
    result()


def check(request):
    path = path_of(request["settings"]["folder"], request["resource"]["id"])
    if not os.access(path, os.R_OK):
        raise Failure("denied", path + " cannot be read")
    if not os.access(os.path.dirname(path), os.W_OK):
        raise Failure("denied", os.path.dirname(path) + " cannot be written: the copy is made there")
    result()


def hidden(request, resource, what):
    """A name that is the same in every process of this record and epoch."""
    checkpoint = request["checkpoint"]
    of = "%s-%s-%s" % (checkpoint["record"], checkpoint["epoch"], resource["id"])
    return os.path.join(request["settings"]["folder"], ".%s-%s" % (what, hashlib.sha256(of.encode()).hexdigest()[:24]))


def copy_of(request, resource):
    """Where pre puts its copy."""
    return hidden(request, resource, "copy")


def remove(path):
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def remove_copy(request, resource):
    copy = resource["journal"].get("copy", copy_of(request, resource))
    remove(copy)
    remove(copy + "~")


def remove_restored(request, resource):
    """What a restore has half written; what it has put in place stays."""
    remove(resource["journal"].get("temporary", hidden(request, resource, "restore")))


def protect_pre(request, resource):
    journal = resource["journal"]
    path = path_of(request["settings"]["folder"], resource["id"])
    if resource.get("extra", {}).get("path") != path:
        # What was reviewed is what is protected: 'folder' is another one than when it was discovered.
        raise Failure("invalid-input", "the resource graph does not say that the store is " + path,
                      "discover the plan again")
    if "copy" not in journal:
        # The intent first: whatever happens from here on, post knows what to remove.
        result("yield", journal={"copy": copy_of(request, resource), "polls": 0})
        return
    if not (journal.get("taken") and os.path.exists(journal["copy"])):
        with open(path, "rb") as store:
            write_durably(journal["copy"], iter(lambda: store.read(1 << 16), b""),
                          journal["copy"] + "~", "keyvalue:copying")
        failpoint("keyvalue:copied")
        taken = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        journal["taken"] = taken
    polls = journal.get("polls", 0)
    wanted = resource["parameters"].get("polls", 0)
    say("progress", done=polls, total=wanted, what="waiting, as told")
    result("yield" if polls < wanted else "done", journal={"taken": journal["taken"], "polls": polls + 1})


def protect_parallel(request, resource):
    copy = resource["journal"]["copy"]
    with open(copy, "rb") as source:
        data = source.read()
    keys = len(read_values(data))
    with open(copy, "rb") as source:
        Bank().put("values", source)
    result(saved_info={"keys": keys, "sha256": hashlib.sha256(data).hexdigest()},
           point_in_time=resource["journal"]["taken"])


def protect_post(request, resource):
    remove_copy(request, resource)
    failpoint("keyvalue:cleaned")
    result()


def restore_parallel(request, resource):
    name = resource["parameters"].get("name") or resource["id"]
    path = path_of(request["settings"]["folder"], name)
    if "temporary" not in resource["journal"]:
        result("yield", journal={"temporary": hidden(request, resource, "restore")})
        return
    data = b"".join(Bank().get("values"))
    # A restore that was killed and runs again finds what it wrote itself: that is no obstacle.
    if os.path.exists(path) and not resource["parameters"].get("overwrite"):
        with open(path, "rb") as store:
            if store.read() != data:
                raise Failure("conflict", path + " exists", "set the parameter overwrite to replace it")
    else:
        write_durably(path, [data], resource["journal"]["temporary"], "keyvalue:restoring")
        failpoint("keyvalue:restored")
    result(new_resource={"type": TYPE, "id": name})


def restore_post(request, resource):
    remove_restored(request, resource)
    result()


def delete_parallel(request, resource):
    Bank().delete()
    failpoint("keyvalue:deleted")
    result()


def verify_parallel(request, resource):
    sample = resource["parameters"].get("sample", 100)
    if sample < 100:
        for _ in Bank().get("values", sample=sample):
            pass
        result()
        return
    data = b"".join(Bank().get("values"))
    saved = resource["saved_info"]
    if hashlib.sha256(data).hexdigest() != saved["sha256"] or len(read_values(data)) != saved["keys"]:
        raise Failure("corrupt", "the stored values are not those that were saved")
    failpoint("keyvalue:verified")
    result()


ACTIVITIES = {
    ("protect", "pre"): protect_pre,
    ("protect", "parallel"): protect_parallel,
    ("protect", "post"): protect_post,
    ("restore", "parallel"): restore_parallel,
    ("restore", "post"): restore_post,
    ("delete", "parallel"): delete_parallel,
    ("verify", "parallel"): verify_parallel,
}


def activity(request):
    # One step, one resource: this plugin never asks for aggregation.
    ACTIVITIES[request["operation"], request["activity"]](request, request["resources"][0])


def clean_up(request):
    """An activity was stopped or crashed: what it left half-made goes."""
    which = request["operation"], request["activity"]
    if which == ("protect", "pre"):
        remove_copy(request, request["resources"][0])
        result(journal={"taken": None})
    else:
        if which == ("restore", "parallel"):
            remove_restored(request, request["resources"][0])
        result()


def fail(request, error):
    """Ends a call with an error. A pre first undoes what it has done half, or says that it could not."""
    half_done = {}
    if request["call"] in ("activity", "poll") and (request["operation"], request["activity"]) == ("protect", "pre"):
        try:
            remove_copy(request, request["resources"][0])
        except OSError as why:
            half_done = {"half_done": True}
            error["message"] += "; the copy could not be removed: %s" % why.strerror
    result("failed", error=error, **half_done)


CALLS = {"describe": describe, "list": list_, "show": show, "dependents": dependents, "check": check,
         "activity": activity, "poll": activity, "clean-up": clean_up}


def main():
    request = json.loads(sys.stdin.readline())
    if request.get("protocol") != 1:
        result("failed", error={"code": "invalid-input", "message": "this plugin speaks protocol 1"})
        return
    try:
        CALLS[request["call"]](request)
    except Failure as failure:
        error = {"code": failure.code, "message": failure.message}
        if failure.hint:
            error["hint"] = failure.hint
        fail(request, error)
    except OSError as error:
        code = {errno.EACCES: "denied", errno.ENOSPC: "denied", errno.ENOENT: "not-found"}.get(error.errno, "internal")
        fail(request, {"code": code, "message": "%s: %s" % (error.filename, error.strerror)})


if __name__ == "__main__":
    main()
