#!/usr/bin/env python3
"""Fills corpus/ from the test vectors, so that fuzzing starts inside the formats."""
import json, pathlib

here = pathlib.Path(__file__).parent
vector = lambda name: json.loads((here / f"../testdata/vectors/{name}.json").read_text())
seeds = {
    "pack": [vector("pack")["pack"]],
    "index": [vector("index")["segment"]],
    "manifest": [vector("manifest")["first_piece_of_3"]],
    "snapshot": [vector("snapshot")["snapshot"], vector("snapshot")["envelope"]],
    "wrap": [vector("wrap")[k] for k in ("keyring", "keyring_wrap", "password_wrap")]
    + [vector("recovery")["recovery_file"], vector("recovery")["cases"][0]["words"].encode().hex()],
    "recipe": [f"03{c['plain_len']:06x}{c['encoded']}" for c in vector("recipe")["cases"]],
}
for target, values in seeds.items():
    folder = here / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    for number, value in enumerate(values):
        (folder / f"vector-{number}").write_bytes(bytes.fromhex(value))
