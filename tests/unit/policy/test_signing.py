"""A signature over a pack holds for these bytes and this key, and for nothing else."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from overt.core.errors import AuthorityError
from overt.deployment import capability
from overt.policy.signing import SIGNED_PREFIX, key_id, sign_pack, signed_by, verify_pack

DATA = b'format = "overt-policy/1"\n'
KEY = Ed25519PrivateKey.from_private_bytes(b"\1" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"\2" * 32)


def test_the_signer_is_named():
    signature = sign_pack(DATA, KEY)
    trusted = [OTHER.public_key(), KEY.public_key()]
    assert verify_pack(DATA, signature, trusted) == key_id(KEY.public_key())
    assert signed_by(signature) == key_id(KEY.public_key())
    assert signature == sign_pack(DATA, KEY)
    assert json.loads(signature)["format"] == "overt-policy-signature/1"


def test_altered_bytes_are_found():
    signature = sign_pack(DATA, KEY)
    with pytest.raises(AuthorityError, match="altered"):
        verify_pack(DATA + b"#", signature, [KEY.public_key()])


def test_a_digest_that_was_altered_with_the_bytes_is_forged():
    members = json.loads(sign_pack(DATA, KEY))
    members["pack_sha256"] = json.loads(sign_pack(DATA + b"#", OTHER))["pack_sha256"]
    with pytest.raises(AuthorityError, match="forged"):
        verify_pack(DATA + b"#", canonical(members), [KEY.public_key()])


def test_a_key_that_is_not_trusted_counts_for_nothing():
    signature = sign_pack(DATA, KEY)
    for trusted in ([], [OTHER.public_key()]):
        with pytest.raises(AuthorityError, match="not trusted"):
            verify_pack(DATA, signature, trusted)


def test_a_signature_under_anothers_name_is_forged():
    members = json.loads(sign_pack(DATA, KEY)) | {"key_id": key_id(OTHER.public_key())}
    with pytest.raises(AuthorityError, match="forged"):
        verify_pack(DATA, canonical(members), [KEY.public_key(), OTHER.public_key()])


def test_the_prefix_is_no_other_things():
    assert SIGNED_PREFIX != capability.SIGNED_PREFIX
    assert not SIGNED_PREFIX.startswith(capability.SIGNED_PREFIX)
    members = json.loads(sign_pack(DATA, KEY))
    bare = base64.b64encode(KEY.sign(DATA)).decode()
    with pytest.raises(AuthorityError, match="forged"):
        verify_pack(DATA, canonical(members | {"signature": bare}), [KEY.public_key()])


@pytest.mark.parametrize(
    "damage",
    [
        lambda s: b"",
        lambda s: b"\xff",
        lambda s: s[:-1],
        lambda s: s + b"\n",
        lambda s: b" " + s,
        lambda s: s.replace(b'":"', b'": "'),
        lambda s: s.replace(b"/1", b"/2"),
        lambda s: s.replace(b"}", b',"more":1}'),
        lambda s: b"[" * 10_000,
        lambda s: b"{}" * 4096,
    ],
)
def test_a_file_that_is_no_signature_is_refused(damage):
    with pytest.raises(AuthorityError):
        verify_pack(DATA, damage(sign_pack(DATA, KEY)), [KEY.public_key()])


def canonical(members):
    return json.dumps(members, sort_keys=True, separators=(",", ":")).encode() + b"\n"
