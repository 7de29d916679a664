/** What the server found wrong with a form, by field: `errors` of a problem (422). */

import { ApiProblem } from "../shared/api";

export interface FieldFault {
  /** Path inside the body: `roots[1]`, `sets[0].original`. */
  field: string;
  message: string;
}

const RULES: Record<string, string> = {
  missing: "不能为空",
  too_short: "不能为空",
  string_too_short: "不能为空",
  too_long: "数量过多",
  string_too_long: "内容过长",
};

/** The faults of a refused request; none where it failed for another reason. */
export function faultsOf(error: unknown): FieldFault[] {
  const errors = error instanceof ApiProblem ? error.members.errors : undefined;
  if (!Array.isArray(errors)) return [];
  return (errors as { field: string; rule: string; message: string }[]).map(({ field, rule, message }) => ({
    field: asPath(field),
    message: RULES[rule] ?? message,
  }));
}

/** `body.sets.0.name` as `sets[0].name`. */
export function asPath(field: string): string {
  return field.replace(/^(body|path|query)\./, "").replace(/\.(\d+)(?=\.|$)/g, "[$1]");
}

/** A fault of a list's entry by its number; `null`: of the list as a whole. */
export interface EntryFault {
  number: number | null;
  message: string;
}

export function faultsIn(faults: FieldFault[], list: string): EntryFault[] {
  return faults.flatMap(({ field, message }): EntryFault[] => {
    if (field === list) return [{ number: null, message }];
    const number = field.startsWith(`${list}[`) ? Number.parseInt(field.slice(list.length + 1), 10) : Number.NaN;
    return Number.isNaN(number) ? [] : [{ number, message }];
  });
}

/** Why a request failed, in one text, where no field is at fault. */
export function refusal(error: unknown): string {
  if (!(error instanceof ApiProblem)) return String(error);
  if (error.status === 403) return "您的账号没有这项权限。Your account may not do this.";
  if (error.status === 413) return "文件总量过大，请减少文件后再试。The files are too large together.";
  if (faultsOf(error).length) return "请更正标红的内容。Please correct what is marked red.";
  return error.detail || error.title;
}
