/** A patient's link from its code to the opened report: what is shown when. Pure. */

import { ApiProblem } from "../shared/api";
import type { ExamView, LinkInfo } from "../shared/types";

export type Phase =
  | { is: "loading" }
  | { is: "asking"; link: LinkInfo; triesLeft: number; wrong: boolean }
  | { is: "locked"; phone: string; hospital: string }
  | { is: "expired"; phone: string; hospital: string }
  | { is: "unknown" }
  | { is: "troubled"; reason: string; link: LinkInfo | null }
  | { is: "open"; view: ExamView };

/** The code at the end of `/p/{code}`. */
export function codeOf(path: string): string {
  return decodeURIComponent(path.replace(/\/+$/, "").split("/").pop() ?? "");
}

/** What may be typed: four letters or digits, letters as ID cards print them. */
export function cleaned(typed: string): string {
  return typed
    .normalize("NFKC")
    .toUpperCase()
    .replace(/[^0-9A-Z]/g, "")
    .slice(0, 4);
}

export function afterLink(link: LinkInfo): Phase {
  const whom = { phone: link.hospital_phone, hospital: link.hospital_name };
  if (link.state === "locked") return { is: "locked", ...whom };
  if (link.state === "expired") return { is: "expired", ...whom };
  return { is: "asking", link, triesLeft: link.tries_left, wrong: false };
}

/** After a try that did not open the report, or a link that could not be read. */
export function afterProblem(error: unknown, link: LinkInfo | null): Phase {
  if (!(error instanceof ApiProblem)) return { is: "troubled", reason: String(error), link };
  const phone = typeof error.members.hospital_phone === "string" ? error.members.hospital_phone : "";
  const whom = { phone: phone || (link?.hospital_phone ?? ""), hospital: link?.hospital_name ?? "" };
  if (error.status === 423) return { is: "locked", ...whom };
  if (error.status === 410) return { is: "expired", ...whom };
  if (error.status === 403 && link) {
    const left = typeof error.members.tries_left === "number" ? error.members.tries_left : link.tries_left - 1;
    return { is: "asking", link, triesLeft: left, wrong: true };
  }
  if (error.status === 404 && link === null) return { is: "unknown" };
  return { is: "troubled", reason: error.detail || error.title, link };
}
