"""Signing reports in tests: with the openssl command, an independent signer, and CAs made with it."""

import base64
import subprocess
from dataclasses import dataclass
from pathlib import Path

SM2_ID = "1234567812345678"


@dataclass(frozen=True, slots=True)
class OpensslCa:
    """A root and doctors below it, made with the openssl command (SM2 with SM3)."""

    openssl: str
    folder: Path

    def run(self, *arguments: str | Path) -> bytes:
        """Run ``openssl`` in the CA's folder; answers its output."""
        done = subprocess.run(
            [self.openssl, *map(str, arguments)], cwd=self.folder, capture_output=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def make(self, name: str) -> Path:
        """A self-signed root certificate; answers its file (PEM)."""
        self._key(name)
        self._issue(
            name,
            subject=f"/C=CN/O=Test/CN={name}",
            issuer=None,
            extensions="basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n",
        )
        return self.folder / f"{name}.pem"

    def issue(self, name: str, *, issuer: str, days: int = 365) -> Path:
        """A doctor's signing certificate; answers its file (PEM)."""
        self._key(name)
        self._issue(
            name,
            subject=f"/C=CN/O=Test/CN={name}",
            issuer=issuer,
            extensions="basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature,nonRepudiation\n",
            days=days,
        )
        return self.folder / f"{name}.pem"

    def certificate(self, name: str) -> bytes:
        """The certificate in DER."""
        return self.run("x509", "-in", f"{name}.pem", "-outform", "DER")

    def sign(self, data: bytes, name: str) -> bytes:
        """The DER SM2 signature over ``data``."""
        return sign_with_openssl(self.openssl, self.folder / f"{name}.key", data, self.folder)

    def _key(self, name: str) -> None:
        self.run("ecparam", "-name", "SM2", "-genkey", "-noout", "-out", f"{name}.key")

    def _issue(self, name: str, *, subject: str, issuer: str | None, extensions: str, days: int = 365) -> None:
        (self.folder / f"{name}.ext").write_text(extensions)
        identified = ("-sigopt", f"distid:{SM2_ID}", "-sm3")
        self.run("req", "-new", "-key", f"{name}.key", "-subj", subject, *identified, "-out", f"{name}.csr")
        signer = (
            ("-signkey", f"{name}.key")
            if issuer is None
            else ("-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key", "-CAcreateserial")
        )
        self.run(
            "x509", "-req", "-in", f"{name}.csr", *signer, "-days", str(days), "-extfile", f"{name}.ext",
            "-vfyopt", f"distid:{SM2_ID}", *identified, "-out", f"{name}.pem",
        )  # fmt: skip


def sign_with_openssl(openssl: str, key: Path, data: bytes, folder: Path) -> bytes:
    """The DER SM2 signature over ``data`` with the standard ID; the key is PEM or DER."""
    message, signature = folder / "message.bin", folder / "signature.bin"
    message.write_bytes(data)
    form = "DER" if key.suffix == ".der" else "PEM"
    done = subprocess.run(
        [openssl, "pkeyutl", "-sign", "-rawin", "-digest", "sm3", "-pkeyopt", f"distid:{SM2_ID}", "-inkey", str(key),
         "-keyform", form, "-in", str(message), "-out", str(signature)],
        capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return signature.read_bytes()


def base64_text(data: bytes) -> str:
    """As the wire has it."""
    return base64.b64encode(data).decode()
