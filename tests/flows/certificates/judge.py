"""Judges a certificate from outside: Python's cryptography and PyJWT, and the standards' words. Reads one JSON document, writes another."""

import base64
import gzip
import hashlib
import json
import sys

import jwt
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

given = json.load(sys.stdin)


def unspelled(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def public(jwk):
    assert (jwk["kty"], jwk["crv"]) == ("OKP", "Ed25519") and "d" not in jwk, jwk
    return Ed25519PublicKey.from_public_bytes(unspelled(jwk["x"]))


def signed(key, signature, message):
    try:
        public(key).verify(bytes.fromhex(signature), message)
        return True
    except InvalidSignature:
        return False


def read(token):
    """The claims of a token, whose key is found among the published ones by its `kid`."""
    header = jwt.get_unverified_header(token)
    assert set(header) == {"alg", "kid", "typ"} and (header["alg"], header["typ"]) == ("EdDSA", "JWT"), header
    key = next(key for key in given["keys"]["keys"] if key["kid"] == header["kid"])
    return jwt.decode(token, public(key), algorithms=["EdDSA"])


message = given["statement"].encode()
statement = json.loads(message)
# RFC 8785 for objects of strings and small integers whose keys are ASCII.
canonical = json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
badge = read(given["credential"])
entry, subject = badge["credentialStatus"], badge["credentialSubject"]
listed = read(given["status_list"])
spelled = listed["credentialSubject"]["encodedList"]
bits = gzip.decompress(unspelled(spelled[1:]))
index = int(entry["statusListIndex"])
identity = next(identity for identity in subject["identifier"] if identity["identityType"] == "emailAddress")


def is_theirs(email):
    return identity["identityHash"] == "sha256$" + hashlib.sha256((email + identity["salt"]).encode()).hexdigest()


json.dump(
    {
        "statement": statement,
        "is_canonical": canonical == message,
        "is_signed": signed(given["key"], given["signature"], message),
        "is_changed_refused": not signed(given["key"], given["signature"], message.replace(b'"hours":8', b'"hours":9')),
        "key_is_published": given["key"] in given["keys"]["keys"] and given["key"]["kid"] == given["key_url"],
        "keys": [key["kid"].rsplit("/", 1)[1] for key in given["keys"]["keys"]],
        "badge": badge,
        "claims_agree": (badge["iss"], badge["jti"], badge["sub"]) == (badge["issuer"]["id"], badge["id"], subject["id"]),
        "email_is_theirs": is_theirs(given.get("email", "")),
        "list_is_meant": entry["statusListCredential"] == listed["id"] and entry["statusPurpose"] == listed["credentialSubject"]["statusPurpose"],
        "list_bits": len(bits) * 8,
        "ended": bool(bits[index // 8] >> (7 - index % 8) & 1),
        "ended_in_all": sum(byte.bit_count() for byte in bits),
        "multibase": spelled[0],
    },
    sys.stdout,
)
