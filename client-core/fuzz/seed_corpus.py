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
scripts = [
    "\\restrict k\nSET x = 1;\nCOPY t (a) FROM stdin;\n1\n\\.\n\\unrestrict k\n",
    "SELECT 'a''b', E'\\'', U&'x', $a$ $$ $a$, \"q\", a[1:2] /* /* */ */ -- c\n;",
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN a THEN 1 END; END;",
]
seeds["script"] = [b"\x05".hex() + script.encode().hex() for script in scripts]
for target, values in seeds.items():
    folder = here / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    for number, value in enumerate(values):
        (folder / f"vector-{number}").write_bytes(bytes.fromhex(value))
