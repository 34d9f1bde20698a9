#!/usr/bin/python3
"""Restores a Sealkeep snapshot from a copy of the bucket and the recovery key, without Sealkeep.
Needs: age, zstd, python3-cryptography; gzip for some dumps that were gzip files.   recover.py BUCKET_DIR KEY_FILE [SNAPSHOT_ID OUTPUT_FILE]
KEY_FILE holds AGE-SECRET-KEY-1… (words_to_key.py makes it from the 24 words). Format: client-core/docs/format.md"""
import functools, hashlib, os, pathlib, struct, subprocess, sys, tempfile, time, zlib
try:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF
except ImportError: sys.exit("recover.py: Python's cryptography is not installed (Debian: apt install python3-cryptography)")

class Problem(Exception): pass                       # what a person reads instead of a traceback
class OtherKey(Problem): pass
def pipe(command, data):
    try: return subprocess.run(command, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True).stdout
    except FileNotFoundError: raise Problem(f"{command[0]} is not installed (Debian: apt install {command[0]})") from None
def zstd(data): return pipe(["zstd", "-d", "-q", "-c"], data)

def cbor(data, at=0):                                # → value, next position
    kind, low = data[at] >> 5, data[at] & 31
    if kind == 7: return {20: False, 21: True, 22: None}[low], at + 1
    size = {24: 1, 25: 2, 26: 4, 27: 8}.get(low, 0)
    number, at = (int.from_bytes(data[at + 1:at + 1 + size], "big") if size else low), at + 1 + size
    if kind < 2: return (number if kind == 0 else -1 - number), at
    if kind < 4: return (data[at:at + number] if kind == 2 else data[at:at + number].decode()), at + number
    items = []
    for _ in range(number):
        item, at = cbor(data, at); items.append(item)
    return items, at

def unlock(data, key_file, magic):                   # → data key, header hash, header length
    if data[:10] != magic + b"\1\1": raise Problem("an object is damaged, or was written by a newer version")
    end = 64 + struct.unpack(">H", data[10:12])[0]
    try: return pipe(["age", "-d", "-i", key_file], data[64:end]), hashlib.sha256(data[:end]).digest(), end
    except subprocess.CalledProcessError as e:
        if b"no identity matched" in e.stderr: raise OtherKey("it was sealed for the words of another kit") from None
        raise Problem(f"age cannot open an object: {e.stderr.decode(errors='replace').strip().splitlines()[0]}") from None

def gcm(secret, salt, label, purpose, number, aad, sealed):
    key = HKDF(hashes.SHA256(), 32, salt, label).derive(secret)
    return AESGCM(key).decrypt(struct.pack(">IQ", purpose, number), sealed, aad)

def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift; shift += 7; at += 1
        if data[at - 1] < 128: return value, at

class Bucket:
    def __init__(self, folder, key_file): self.key_file, self.chunks, self.files = key_file, {}, list(pathlib.Path(folder).glob("**/*"))
    def objects(self, kind): return {p.name: p for p in self.files if p.parent.name == kind}
    def snapshot(self, path):                        # → when, body
        data = path.read_bytes()
        if data[:9] != b"SKSNAP01\1": raise Problem(f"snapshot {path.name} is damaged, or was written by a newer version")
        end = 13 + struct.unpack(">I", data[9:13])[0]
        body = data[end + 64:]
        secret, hh, start = unlock(body, self.key_file, b"SKSNBD01")
        plain = gcm(secret, hh, b"sealkeep/v1/snapshot/body", 0, 0, hh, body[start:])
        return cbor(data[13:end])[0][10], cbor(plain[4:4 + struct.unpack(">I", plain[:4])[0]])[0]
    def load(self, pack_id, path):
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != pack_id: raise Problem(f"pack {pack_id} is damaged")
        secret, hh, _ = unlock(data, self.key_file, b"SKPACK01")
        directory = gcm(secret, hh, b"sealkeep/v1/pack/dir", 2, 0, hh, data[-12 - struct.unpack(">I", data[-12:-8])[0]:-12])
        for i in range(len(directory) // 49):
            chunk_id, encoding, plain_len, offset, sealed_len = struct.unpack_from(">32sBIQI", directory, i * 49)
            if encoding: self.chunks[chunk_id] = (path, secret, hh, i, encoding, plain_len, offset, sealed_len)
    def encoded(self, chunk_id):
        path, secret, hh, i, encoding, plain_len, offset, sealed_len = self.chunks[chunk_id]
        with open(path, "rb") as pack: pack.seek(offset); sealed = pack.read(sealed_len)
        aad = b"SKCH1" + hh + struct.pack(">IBI", i, encoding, plain_len) + chunk_id
        return encoding, gcm(secret, hh, b"sealkeep/v1/pack/chunk", 1, i, aad, sealed)
    def recipe(self, data):                          # → recipe, literals
        _, at = varint(data, 1); stored, at = varint(data, at); _, at = varint(data, at)
        recipe, literals = data[at:at + stored], data[at + stored:]
        return (zstd(recipe) if data[0] & 1 else recipe), (zstd(literals) if data[0] & 2 else literals)
    @functools.lru_cache(maxsize=256)                # other chunks copy from it, and others from those
    def plain(self, chunk_id):
        encoding, data = self.encoded(chunk_id)
        if encoding != 3: return data if encoding == 1 else zstd(data)
        recipe, own = self.recipe(data)
        count, at = varint(recipe, 0)
        sections = [self.plain(recipe[at + 32 * i:at + 32 * i + 32]) for i in range(count)]
        ends, out, used = [0] * count, b"", 0
        count, at = varint(recipe, at + 32 * count)
        for _ in range(count):
            head, at = varint(recipe, at)
            if head & 1:
                ref, at = varint(recipe, at); step, at = varint(recipe, at)
                start = ends[ref] + (step >> 1 ^ -(step & 1)); ends[ref] = start + (head >> 1)
                out += sections[ref][start:ends[ref]]
            else: out += own[used:used + (head >> 1)]; used += head >> 1
        return out

# A dump that was taken apart: compressed again by the plan behind its content.
def blocks(file, length):
    while length > 0:
        block = file.read(min(length, 1 << 20)); assert block, "the plan asks for more than there is"
        length -= len(block); yield block
def deflated(maker, level, content, length):
    if maker == 1:                                   # as GNU gzip does it, without header and trailer
        with tempfile.TemporaryFile() as made:
            gzip = subprocess.Popen(["gzip", "-n", f"-{level}"], stdin=subprocess.PIPE, stdout=made)
            for block in blocks(content, length): gzip.stdin.write(block)
            gzip.stdin.close(); assert gzip.wait() == 0
            end = made.seek(0, 2) - 8; made.seek(10); yield from blocks(made, end - 10)
    else:
        zipper = zlib.compressobj(level, zlib.DEFLATED, -15, 9 if maker == 2 else 8)
        for block in blocks(content, length): yield zipper.compress(block)
        yield zipper.flush()
def in_pieces(stream, size):
    rest = b""
    for block in stream:
        rest += block
        while len(rest) >= size: yield b"\0" + struct.pack("<I", size) + rest[:size]; rest = rest[size:]
    if rest: yield b"\0" + struct.pack("<I", len(rest)) + rest
def remade(plan, content):
    at = 1; assert plan[0] == 1
    while at < len(plan):
        kind, at = plan[at], at + 1
        if kind == 0: length, at = varint(plan, at); yield from blocks(content, length); continue
        maker, level, at, size, keep = plan[at] >> 4, plan[at] & 15, at + 1, 0, None
        if kind & 3 == 2: size, at = varint(plan, at)
        length, at = varint(plan, at)
        if kind & 4: keep, at = varint(plan, at)
        def stream():
            if size: yield content.read(2)
            yield from deflated(maker, level, content, length)
            if size and keep is None: yield content.read(4)
        for block in (in_pieces(stream(), size) if size else stream()):
            if keep is not None: block = block[:keep]; keep -= len(block)
            yield block

def find(bucket, wanted):                            # lists all, or returns the body of one
    found = {name: path for name, path in sorted(bucket.objects("snapshots").items()) if name.startswith(wanted or "")}
    if not found: raise Problem(f"there is no snapshot {wanted}" if wanted else "there is no folder `snapshots` with objects")
    if wanted and len(found) > 1: raise Problem(f"{len(found)} snapshots begin with {wanted}: give more digits")
    other = []
    for name, path in found.items():
        try: when, body = bucket.snapshot(path)
        except OtherKey: other.append(name); continue
        if wanted: return body
        print(name, time.strftime("%F %T", time.gmtime(when)), body[1], body[2], body[10], "bytes")
    if len(other) == len(found): raise Problem(f"this key opens none of {len(found)} snapshots: they were sealed for the words of another kit")
    if other: print(f"recover.py: {len(other)} more snapshots were sealed for the words of another kit", file=sys.stderr)

def main(folder, key_file, snapshot_id=None, output=None):
    for path in (folder, key_file):
        if not os.path.exists(path): raise Problem(f"{path} does not exist")
    if output and os.path.exists(output): raise Problem(f"{output} exists already: give another name")
    bucket = Bucket(folder, key_file)
    body = find(bucket, snapshot_id)
    if body is None: return
    packs = bucket.objects("packs")
    for pack in body[15]:
        if pack.hex() not in packs: raise Problem(f"pack {pack.hex()} is missing: without it the snapshot cannot be restored")
        bucket.load(pack.hex(), packs[pack.hex()])
    digest, unwrapped = hashlib.sha256(), body[17]
    with tempfile.TemporaryFile(dir=os.path.dirname(output) or ".") as content:
        for piece, _ in body[9]:
            entries = bucket.plain(piece); assert entries[:8] == b"SKMANI01"
            for at in range(12, len(entries), 36): content.write(bucket.plain(entries[at:at + 32]))
        content.seek(0)
        parts = blocks(content, body[10])
        if unwrapped:
            content.seek(unwrapped[0] - unwrapped[1]); plan = content.read(); content.seek(0)
            parts = remade(plan, content)
        with open(output, "xb") as out:
            for part in parts: digest.update(part); out.write(part)
    if digest.digest() != body[11]: raise Problem(f"{output} is not what was backed up: its SHA-256 differs")

if len(sys.argv) not in (3, 5): print("usage: recover.py BUCKET_DIR KEY_FILE [SNAPSHOT_ID OUTPUT_FILE]", file=sys.stderr); sys.exit(2)
try: main(*sys.argv[1:])
except Problem as problem: sys.exit(f"recover.py: {problem}")
except subprocess.CalledProcessError as e: sys.exit(f"recover.py: {e.cmd[0]} failed: {e.stderr.decode(errors='replace').strip()}")
except OSError as e: sys.exit(f"recover.py: {e.filename or 'a file'}: {e.strerror}")
except (AssertionError, InvalidTag, KeyError, IndexError, ValueError, struct.error, zlib.error) as e:
    sys.exit(f"recover.py: an object is damaged ({type(e).__name__} {e})")
