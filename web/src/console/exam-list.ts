/** The list of exams as it changes: pages from the server, and single exams as their journeys grow. */

import type { ExamSummary } from "../shared/types";

export interface Filter {
  q: string;
  hospital: string;
}

/**
 * The list with a changed exam at its place by time. One that is not listed yet joins where the filter surely takes it;
 * with a search text only the server can tell, so it is left out until the next search.
 */
export function withChanged(exams: ExamSummary[], changed: ExamSummary, filter: Filter): ExamSummary[] {
  const isListed = exams.some((exam) => exam.exam_id === changed.exam_id);
  const joins = filter.q === "" && (filter.hospital === "" || filter.hospital === changed.hospital_code);
  if (!isListed && !joins) return exams;
  return [changed, ...exams.filter((exam) => exam.exam_id !== changed.exam_id)].sort(newestFirst);
}

/** A further page behind those already there, each exam once. */
export function withPage(exams: ExamSummary[], page: ExamSummary[]): ExamSummary[] {
  const known = new Set(exams.map((exam) => exam.exam_id));
  return [...exams, ...page.filter((exam) => !known.has(exam.exam_id))];
}

function newestFirst(one: ExamSummary, other: ExamSummary): number {
  return Date.parse(other.updated_at) - Date.parse(one.updated_at);
}
