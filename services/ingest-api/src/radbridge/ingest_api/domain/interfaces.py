"""The interfaces by which records come in."""

from enum import StrEnum


class Interface(StrEnum):
    """As the standard names them: the path without its first slash."""

    EXAM = "exam-sync"
    REPORT = "report/sync"
    EXAM_WITH_REPORT = "examMergeReport-sync"
