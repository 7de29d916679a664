"""Who should read which partition: even, and with as few moves as possible."""

from collections import Counter
from collections.abc import Mapping, Sequence


def balance(
    partitions: Mapping[str, Sequence[int]],
    members: Mapping[str, frozenset[str]],
    current: Mapping[tuple[str, int], str],
) -> dict[tuple[str, int], str]:
    """Share out the partitions of each topic among the members that read it.

    Within a topic two members differ by one partition at most, and a member keeps what it has as far as that allows.
    Topics with few partitions go to the members that have least.

    :param partitions: topic to its partition numbers
    :param members: member to the topics it reads
    :param current: (topic, partition number) to the member that has it
    :return: (topic, partition number) to member; partitions of topics that nobody reads are left out
    """
    shares: dict[tuple[str, int], str] = {}
    load: Counter[str] = Counter()
    for topic in sorted(partitions, key=lambda name: (-len(partitions[name]), name)):
        readers = sorted(member for member, topics in members.items() if topic in topics)
        if readers:
            for place, member in _share_out(topic, partitions[topic], readers, current, load).items():
                shares[place] = member
                load[member] += 1
    return shares


def _share_out(
    topic: str,
    numbers: Sequence[int],
    readers: Sequence[str],
    current: Mapping[tuple[str, int], str],
    load: Counter[str],
) -> dict[tuple[str, int], str]:
    least, extras = divmod(len(numbers), len(readers))
    had = Counter(current.get((topic, number), "") for number in numbers)
    wish = sorted(readers, key=lambda member: (-min(had[member], least + 1), load[member], member))
    quota = {member: least + (1 if rank < extras else 0) for rank, member in enumerate(wish)}
    shares: dict[tuple[str, int], str] = {}
    orphans: list[int] = []
    for number in numbers:
        owner = current.get((topic, number), "")
        if quota.get(owner, 0) > 0:
            quota[owner] -= 1
            shares[topic, number] = owner
        else:
            orphans.append(number)
    free = (member for member in wish for _ in range(quota[member]))
    shares.update(((topic, number), member) for number, member in zip(orphans, free, strict=True))
    return shares
