"""Finding the value that a BulkDataURI names."""

from collections.abc import Sequence

from radbridge.dicom_edge.domain.dataset import Buffer, DataSetError, Element, items, walk
from radbridge.dicom_edge.domain.transfer_syntaxes import Encoding


def find_value(data_set: Buffer, encoding: Encoding, path: Sequence[str]) -> tuple[int, int]:
    """First byte and number of bytes of the value at a path of tags with item numbers between them
    (``54000100/0/54001010``).

    :raises DataSetError: there is no such element.
    """
    start, end = 0, len(data_set)
    for depth in range(0, len(path), 2):
        element = _element(data_set, encoding, start, end, _number(path[depth], 16))
        if depth == len(path) - 1:
            return element.offset, element.length
        start, end = _item(data_set, element, _number(path[depth + 1], 10))
        encoding = element.inner
    raise DataSetError("the path ends at an item")


def _element(data_set: Buffer, encoding: Encoding, start: int, end: int, tag: int) -> Element:
    for element in walk(data_set, encoding, start=start, end=end):
        if element.tag == tag:
            return element
    raise DataSetError("no such element")


def _item(data_set: Buffer, element: Element, number: int) -> tuple[int, int]:
    if element.vr == "SQ":
        for index, span in enumerate(items(data_set, element)):
            if index == number:
                return span
    raise DataSetError("no such item")


def _number(text: str, base: int) -> int:
    try:
        return int(text, base)
    except ValueError as error:
        raise DataSetError("the path holds something other than tags and item numbers") from error
