"""How the standards' interfaces refuse, by path: for what fails before or beside the interface itself.

A client that stops sending, a method that no interface has, a database that is away: who notices knows the path and
nothing else.
"""

from radbridge.contracts.dialects.neijiang_v0_94 import answers as neijiang
from radbridge.contracts.dialects.shanxi_v2_1 import refusals as shanxi


def refusal_at(path: str, status: int, message: str) -> dict[str, object] | None:
    """The body, to be sent with HTTP 200, by which the interface at ``path`` refuses; ``None`` where no standard prints
    the path.

    :param path: doubled slashes at its start count as one: whoever sends them means a standard's interface.
    :param status: as HTTP counts; interfaces that carry a status of that kind in their answers repeat it.
    :param message: Chinese, says why.
    """
    plain = "/" + path.lstrip("/")
    return shanxi.refusal_at(plain, status, message) or neijiang.refusal_at(plain, message)
