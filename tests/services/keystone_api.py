#!/usr/bin/python3
"""Speaks with Keystone as its own client would, for tests that must not depend on ours. With the standard library alone.

  keystone_api.py URL populate [TYPE=URL...]     projects demo, other and service; user demo is member and swiftoperator of
                                             demo, user other member of other, user svc admin and service of service;
                                             and these services in the catalog
  keystone_api.py URL token USER [PASSWORD]      prints a token of the user in the project of that name
  keystone_api.py URL revoke TOKEN               takes it back
  keystone_api.py URL revoke-all USER            takes back all that the user has until now
  keystone_api.py URL credential USER NAME [METHOD PATH]... [--unrestricted]
                                             an application credential, for these requests to workflowv2 alone; prints its id
                                             and its secret
  keystone_api.py URL exchange ID SECRET     prints a token of an application credential
  keystone_api.py URL ec2 USER                   prints an access key and its secret, for the API of S3
  keystone_api.py URL password USER PASSWORD     gives the user another password
  keystone_api.py URL endpoint TYPE REGION INTERFACE=URL...
                                             more endpoints of a service of the catalog, in a region that may be new
  keystone_api.py URL trusts                     prints each trust: its id, trustor and trustee
"""
import json
import sys
import time
import urllib.error
import urllib.request


class Keystone:
    def __init__(self, url):
        self.url = url
        self.token = None
        self.who = ()

    def call(self, method, path, body=None, headers=None, tries=3):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"} | (headers or {}), method=method)
        if self.token:
            request.add_header("X-Auth-Token", self.token)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return dict(answer.headers), json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            # Where tokens last some seconds, a slow machine has let this one expire.
            if error.code == 401 and self.token and tries > 1:
                time.sleep(1.1)
                self.log_in(*self.who)
                return self.call(method, path, body, headers, tries - 1)
            sys.exit(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}")

    def log_in(self, user, password=None):
        """A token in the project that is called as the user."""
        self.token, self.who = None, (user, password)
        domain = {"id": "default"}
        identity = {"methods": ["password"], "password": {"user": {"name": user, "domain": domain, "password": password or user + "-password"}}}
        scope = {"project": {"name": user, "domain": domain}}
        headers, answer = self.call("POST", "/auth/tokens", {"auth": {"identity": identity, "scope": scope}})
        self.token = headers["X-Subject-Token"]
        return answer["token"]

    def admin(self):
        self.log_in("admin")
        return self

    def named(self, kind, name):
        return self.call("GET", f"/{kind}?name={name}")[1][kind][0]["id"]

    def create(self, kind, **values):
        one = kind[:-1]
        return self.call("POST", "/" + kind, {one: values})[1][one]["id"]

    def populate(self, services):
        roles = {name: self.named("roles", name) for name in ("admin", "member")}
        roles |= {name: self.create("roles", name=name) for name in ("service", "swiftoperator")}
        for user, project, its_roles in (
            ("svc", "service", ("admin", "service")),
            ("demo", "demo", ("member", "swiftoperator")),
            ("other", "other", ("member",)),
        ):
            project_id = self.create("projects", name=project, domain_id="default")
            user_id = self.create("users", name=user, domain_id="default", password=user + "-password")
            for role in its_roles:
                self.call("PUT", f"/projects/{project_id}/users/{user_id}/roles/{roles[role]}")
        for kind, url in services.items():
            service = self.create("services", name=kind, type=kind)
            for interface in ("public", "internal", "admin"):
                self.create("endpoints", service_id=service, interface=interface, url=url, region_id="RegionOne")

    def credential(self, user, name, rules, unrestricted):
        user_id = self.log_in(user)["user"]["id"]
        body = {"name": name, "unrestricted": unrestricted}
        if rules:
            body["access_rules"] = [{"service": "workflowv2", "method": method, "path": path} for method, path in zip(rules[::2], rules[1::2])]
        return self.call("POST", f"/users/{user_id}/application_credentials", {"application_credential": body})[1]["application_credential"]


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    keystone, command, arguments = Keystone(sys.argv[1]), sys.argv[2], sys.argv[3:]
    if command == "populate":
        keystone.admin().populate(dict(argument.split("=", 1) for argument in arguments))
    elif command == "token":
        keystone.log_in(*arguments)
        print(keystone.token)
    elif command == "revoke":
        keystone.admin().call("DELETE", "/auth/tokens", headers={"X-Subject-Token": arguments[0]})
    elif command == "revoke-all":
        keystone.admin()
        user = keystone.named("users", arguments[0])
        # Also to the one that it has: Keystone takes back the tokens of whoever is given a password.
        keystone.call("PATCH", "/users/" + user, {"user": {"password": arguments[0] + "-password"}})
    elif command == "credential":
        rules = [argument for argument in arguments[2:] if argument != "--unrestricted"]
        made = keystone.credential(arguments[0], arguments[1], rules, "--unrestricted" in arguments)
        print(made["id"], made["secret"])
    elif command == "exchange":
        identity = {"methods": ["application_credential"], "application_credential": {"id": arguments[0], "secret": arguments[1]}}
        print(keystone.call("POST", "/auth/tokens", {"auth": {"identity": identity}})[0]["X-Subject-Token"])
    elif command == "ec2":
        token = keystone.log_in(arguments[0])
        made = keystone.call("POST", f"/users/{token['user']['id']}/credentials/OS-EC2", {"tenant_id": token["project"]["id"]})[1]["credential"]
        print(made["access"], made["secret"])
    elif command == "password":
        keystone.admin()
        keystone.call("PATCH", "/users/" + keystone.named("users", arguments[0]), {"user": {"password": arguments[1]}})
    elif command == "endpoint":
        kind, region = arguments[:2]
        service = keystone.admin().call("GET", f"/services?type={kind}")[1]["services"][0]["id"]
        keystone.call("PUT", f"/regions/{region}", {"region": {}})
        for interface, url in (argument.split("=", 1) for argument in arguments[2:]):
            keystone.create("endpoints", service_id=service, interface=interface, url=url, region_id=region)
    elif command == "trusts":
        for trust in keystone.admin().call("GET", "/OS-TRUST/trusts")[1]["trusts"]:
            print(trust["id"], trust["trustor_user_id"], trust["trustee_user_id"])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
