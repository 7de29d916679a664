"""The vault: keys on disk, wrapping, derivation and rotation."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from radbridge.runtime.security.sm4gcm import sm4_gcm_open, sm4_gcm_seal
from radbridge.runtime.security.vault import Vault, VaultError


def test_sm4_gcm_opens_the_vector_of_rfc_8998() -> None:
    key = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
    nonce = bytes.fromhex("00001234567800000000ABCD")
    bound = bytes.fromhex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2")
    clear = bytes.fromhex("AA" * 8 + "BB" * 8 + "CC" * 8 + "DD" * 8 + "EE" * 8 + "FF" * 8 + "EE" * 8 + "AA" * 8)
    ciphertext = bytes.fromhex(
        "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735D82710CA5C22F0CCFA7CBF93D496AC15"
        "A56834CBCF98C397B4024A2691233B8D"
    )
    tag = bytes.fromhex("83DE3541E4C2B58177E065A9BF7B62EC")
    assert sm4_gcm_open(key, nonce + ciphertext + tag, bound) == clear
    assert sm4_gcm_open(key, sm4_gcm_seal(key, clear, bound), bound) == clear


def test_a_vault_is_made_once_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    made = Vault.load_or_create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Vault.load_or_create(path) == made
    assert [file.name for file in tmp_path.iterdir()] == ["vault.key"]


def test_two_starters_at_once_get_the_same_vault(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    with ThreadPoolExecutor(8) as pool:
        vaults = list(pool.map(lambda _: Vault.load_or_create(path), range(32)))
    assert all(vault == vaults[0] for vault in vaults)
    assert [file.name for file in tmp_path.iterdir()] == ["vault.key"]


def test_a_missing_or_damaged_vault_is_named(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    with pytest.raises(VaultError, match=r"vault\.key"):
        Vault.load(path)
    for text in ("", "{}", "[]", '{"format": 2}', '{"format": 1, "roots": {"1": "AA=="}, "index_keys": {"1": "AA=="}}'):
        path.write_text(text)
        with pytest.raises(VaultError):
            Vault.load(path)


def test_key_material_does_not_show_in_its_repr() -> None:
    vault = Vault.create()
    assert repr(vault) == "Vault(roots=[1], index_keys=[1])"


def test_a_wrapped_key_is_bound_to_its_context() -> None:
    vault = Vault.create()
    root, wrapped = vault.wrap(b"k" * 16, "institution/patient/1")
    assert vault.unwrap(root, wrapped, "institution/patient/1") == b"k" * 16
    with pytest.raises(VaultError):
        vault.unwrap(root, wrapped, "institution/patient/2")
    with pytest.raises(VaultError):
        Vault.create().unwrap(root, wrapped, "institution/patient/1")
    with pytest.raises(VaultError, match="r7"):
        vault.unwrap("r7", wrapped, "institution/patient/1")


def test_after_rotation_old_keys_open_and_new_ones_use_the_new_root(tmp_path: Path) -> None:
    old = Vault.create()
    root, wrapped = old.wrap(b"k" * 16, "c")
    path = tmp_path / "vault.key"
    old.rotate().save(path)
    new = Vault.load(path)
    assert new.current_root == "r2"
    assert new.unwrap(root, wrapped, "c") == b"k" * 16
    assert new.wrap(b"k" * 16, "c")[0] == "r2"
    assert new.platform_key("x") != old.platform_key("x")
    assert new.platform_key("x", "r1") == old.platform_key("x")
    assert new.hmac_key("link") != old.hmac_key("link")
    assert old.hmac_key("link") in new.hmac_keys("link")
    assert new.blind_index("phone", "13800000000") == old.blind_index("phone", "13800000000")


def test_a_blind_index_is_hmac_sm3_and_separates_kinds() -> None:
    import hashlib
    import hmac

    vault = Vault.create()
    index = vault.blind_index("phone", "13800000000")
    assert index.startswith("b1:")
    assert index != vault.blind_index("document", "13800000000")
    assert index != Vault.create().blind_index("phone", "13800000000")
    if "sm3" in hashlib.algorithms_available:
        assert index == "b1:" + hmac.digest(vault.index_keys[1], b"phone\x0013800000000", "sm3").hex()
