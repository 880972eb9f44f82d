"""Random plans for tests that hold emitted files against a real engine."""
import json
import os
import random


def write(number, seed, star=None):
    """Writes the plan of that number into the working folder: n.yaml, n.graph.yaml and a provider p. Returns what it is, for
    people, and a generator for the choices that are left. The same number and seed give the same plan. star: a star of so many."""
    rng = random.Random(seed * 100_003 + number)
    shape = rng.choice(["forest", "diamonds", "star", "chain"])
    size = {"forest": rng.randrange(1, 80), "diamonds": rng.randrange(2, 60), "star": rng.choice([5, 150, 260, 340]), "chain": rng.choice([3, 40, 150, 300])}[shape]
    if star is not None:
        shape, size = "star", star
    children = {i: set() for i in range(size)}
    for i in range(1, size):
        if shape == "star":
            children[0].add(i)
        elif shape == "chain":
            children[i - 1].add(i)
        elif shape == "forest":
            if rng.random() < 0.8:
                children[rng.randrange(i)].add(i)
        else:
            for _ in range(rng.choice([1, 1, 2, 3])):
                children[rng.randrange(i)].add(i)
    below = {c for cs in children.values() for c in cs}
    activities = [a for a in ("pre", "pre_finish", "parallel", "post") if rng.random() < 0.7] or ["parallel"]
    with open("providers.d/p.conf", "w") as file:
        file.write(f"[provider]\nname = p\nid = 2e0c8826-81d6-44f5-bbe5-8f46a98c5845\nbank = filesystem\nplugin = noop\n[filesystem]\npath = {os.getcwd()}/bank\n"
                   f"[noop]\ntypes = X::Disk\nactivities = {', '.join(activities)}\n")
    with open("n.graph.yaml", "w") as file:
        json.dump({"format": 1, "resources": [{"type": "X::Disk", "id": f"d{i}", "name": f"disk {i} {{{{x}}}} <% x %>",
                                               **({"children": [{"type": "X::Disk", "id": f"d{c}"} for c in sorted(cs)]} if cs else {})}
                                              for i, cs in children.items()]}, file)
    with open("n.yaml", "w") as file:
        json.dump({"name": "n", "provider": "p", "resources": [f"X::Disk#d{i}" for i in children if i not in below],
                   "policy": {"drift": "ignore", "parallelism": rng.randrange(1, 20), "step_names": rng.choice(["readable", "opaque"])}}, file)
    return f"{number} ({shape} of {size})", rng
