"""What checking one finished Shanxi exam costs, against a pydantic model made from the same field table.

Run ``python benchmarks/validation.py``. Both check type, length, dictionary and date of all 113 fields and the rows
of setInfoList; the pack also says what is missing at which stage and judges rules over several fields. Rounds alternate
and the best of each counts, so that a busy machine hurts both alike; the ratio is what to look at.
"""

import timeit
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, create_model

from radbridge.contracts.dialects.field_table import FieldRule, FieldTable, Kind
from radbridge.contracts.dialects.record_rules import Context
from radbridge.contracts.dialects.shanxi_v2_1 import examples
from radbridge.contracts.dialects.shanxi_v2_1.pack import load_pack
from radbridge.contracts.dialects.validate import RecordValidator

ROUNDS, CALLS = 25, 400


def model_of(table: FieldTable) -> type[BaseModel]:
    """A pydantic model with the types, lengths, dictionaries and forms of the table's fields."""
    fields: dict[str, Any] = {rule.param: _field(rule) for rule in table.rules}
    return create_model(table.name, **fields)


def _field(rule: FieldRule) -> tuple[Any, Any]:
    kind: Any = {Kind.NUMBER: int | str, Kind.ARRAY: list}.get(rule.kind, str)
    if rule.items is not None:
        kind = list[model_of(rule.items)]
    elif rule.kind is not Kind.NUMBER and rule.max_length is not None:
        kind = Annotated[kind, Field(max_length=rule.max_length)]
    for accepts in _checks(rule):
        kind = Annotated[kind, AfterValidator(_demanding(accepts))]
    return (kind, ...) if rule.presence.is_always else (kind | None, None)


def _checks(rule: FieldRule) -> list[Callable[[str], bool]]:
    checks: list[Callable[[str], bool]] = []
    if rule.dictionary is not None:
        contains = rule.dictionary.contains
        checks.append(lambda text: all(contains(piece) for piece in rule.pieces(text)))
    if rule.format is not None:
        checks.append(rule.format.matches)
    return checks


def _demanding(accepts: Callable[[str], bool]) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if not accepts(str(value)):
            raise ValueError("not accepted")
        return value

    return check


def best_microseconds(candidates: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Best time of one call for each candidate, rounds taken in turn."""
    best = dict.fromkeys(candidates, float("inf"))
    for _ in range(ROUNDS):
        for name, call in candidates.items():
            best[name] = min(best[name], timeit.timeit(call, number=CALLS) / CALLS * 1e6)
    return best


def main() -> None:
    """Print the times and the ratio."""
    pack = load_pack()
    assert pack.exam is not None
    validate = pack.exam.validate
    context = Context(hospital_code=examples.HOSPITAL_CODE)
    record = examples.exam_record(examples.ExampleExam(examined_at=datetime(2026, 1, 5, 2, 30, tzinfo=UTC)))
    assert validate(record, context).is_accepted
    table = RecordValidator(pack.tables["exam"])
    model = model_of(pack.tables["exam"])
    times = best_microseconds(
        {
            "field table": lambda: table.validate(record),
            "field table and rules": lambda: validate(record, context),
            "pydantic, same table": lambda: model.model_validate(record),
        }
    )
    for name, microseconds in times.items():
        print(f"{name:24} {microseconds:7.1f} us a record of {len(record)} fields")
    print(f"{'pydantic / field table':24} {times['pydantic, same table'] / times['field table']:7.2f}")


if __name__ == "__main__":
    main()
