#!/usr/bin/python3
"""Turns the 24 recovery words into the age key that they stand for: words_to_key.py WORDLIST < words > key.txt
WORDLIST is BIP 39's english.txt, 2048 words, one a line. Nothing but Python is needed."""
import hashlib, hmac, sys

words = [line.strip() for line in open(sys.argv[1])]
typed = sys.stdin.read().lower().split()
assert len(words) == 2048 and len(typed) == 24, "2048 words in the list, 24 on paper"
bits = "".join(f"{words.index(word):011b}" for word in typed)
entropy = bytes(int(bits[i:i + 8], 2) for i in range(0, 256, 8))
assert int(bits[256:], 2) == hashlib.sha256(entropy).digest()[0], "a word is wrong, or two are swapped"
prk = hmac.digest(bytes(32), entropy, "sha256")                      # HKDF-SHA256 (RFC 5869), no salt
key = hmac.digest(prk, b"sealkeep/v1/recovery/age-x25519\1", "sha256")

bits = "".join(f"{byte:08b}" for byte in key) + "0000"               # Bech32 (BIP 173)
data = [int(bits[i:i + 5], 2) for i in range(0, 260, 5)]
prefix, check = "age-secret-key-", 1
for value in [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix] + data + [0] * 6:
    top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
    for i, g in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
        check ^= g if top >> i & 1 else 0
data += [(check ^ 1) >> 5 * (5 - i) & 31 for i in range(6)]
print((prefix + "1" + "".join("qpzry9x8gf2tvdw0s3jn54khce6mua7l"[d] for d in data)).upper())
