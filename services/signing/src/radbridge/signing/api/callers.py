"""Who calls the printed interfaces: an institution that signs its request, or one that calls from its own address."""

import hmac
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from fastapi import Request

from radbridge.contracts.dialects.shanxi_v2_1.request_signature import SIGNATURE, hash_of, sign_request
from radbridge.runtime.body import offload
from radbridge.runtime.directory import Directory, Institution
from radbridge.signing.api.wire import UNKNOWN_CALLER, UNSIGNED, Parameters, Refused, text

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Callers:
    """Tells callers apart by what the directory knows of them now."""

    directory: Directory

    async def signed(self, parameters: Parameters, size: int) -> Institution:
        """The institution whose ``appId`` and HMAC the request carries (SX-070, SX-072).

        :param size: bytes of the request, all of which are signed.
        :raises Refused: there is none, or the HMAC is wrong.
        """
        if not _is_sent(parameters):
            raise Refused(UNSIGNED, "signature（请求报文签名）不能为空")
        sent = text(parameters, SIGNATURE).strip()
        if not sent:
            raise Refused(UNSIGNED, "signature（请求报文签名）应为文本")
        institution = self.directory.by_app_id(text(parameters, "appId"))
        if institution is None or not institution.enabled:
            raise Refused(UNSIGNED, "appId未登记或已停用")
        hash_name = hash_of(text(parameters, "signAlgo") or "HMAC")
        if hash_name is None:
            raise Refused(UNSIGNED, "signAlgo不受支持，应为HMAC、HmacSHA256、HmacSHA1或HmacMD5")
        expected = await offload(sign_request, size, parameters, institution.secure_code, hash_name)
        if not hmac.compare_digest(expected.encode(), sent.encode()):
            raise Refused(UNSIGNED, "signature（请求报文签名）验证不通过")
        return institution

    async def signed_or_near(self, parameters: Parameters, size: int, address: str) -> tuple[Institution, ...]:
        """The institution that signed the request, or, of one without ``signature``, all that registered the caller's
        address as a host of theirs.

        :raises Refused: the signature is wrong, or nobody registered the address.
        """
        if _is_sent(parameters):
            return (await self.signed(parameters, size),)
        caller = _address(address)
        found = tuple(
            one for one in self.directory.all() if one.enabled and caller is not None and _lists(one.hosts, caller)
        )
        if not found:
            raise Refused(UNKNOWN_CALLER, "请求没有signature，且来源地址未由任何医疗机构登记")
        return found


def peer_of(request: Request) -> str:
    """The address that a request came from, as the server says: behind trusted proxies, what they say."""
    return request.client.host if request.client else ""


def _is_sent(parameters: Parameters) -> bool:
    """Whether the request has a ``signature``. Only an empty value is none: ``0`` and ``false`` are values (SX-072)."""
    value = parameters.get(SIGNATURE)
    return bool(value.strip()) if isinstance(value, str) else value is not None


def _lists(hosts: tuple[str, ...], caller: Address) -> bool:
    return any(_address(host) == caller or (_name(host) == "localhost" and caller.is_loopback) for host in hosts)


def _name(host: str) -> str:
    """A host without port and brackets."""
    name = host.strip().lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.partition(":")[0] if name.count(":") == 1 else name


def _address(host: str) -> Address | None:
    """The address that a registered host or a peer is; ``None`` for names, which are not looked up."""
    try:
        address = ip_address(_name(host))
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
