/** A CA's sets of test data on their way from files to the trial's API, and what a trial says of each part. */

import { base64, type Content, octets } from "../shared/files";
import { type Words, words } from "../shared/labels";
import type { TrialSetRequest, VerdictCheck } from "../shared/types";

export const SETS_ASKED_FOR = 3;
/** What the server takes in one request. */
export const REQUEST_BYTES_MAX = 64 * 1024 * 1024;

const BLANKS = new Set([0x09, 0x0a, 0x0d]);

export type Part = "original" | "certificate" | "signature" | "timestamp" | "document";

export const PARTS: { part: Part; label: Words; short: string; hint: string; needed: boolean }[] = [
  {
    part: "original",
    label: words("签名原文", "Original text"),
    short: "原文",
    hint: "UTF-8 文本，一字节不差",
    needed: true,
  },
  {
    part: "certificate",
    label: words("签名证书", "Certificate"),
    short: "证书",
    hint: "PEM、DER 或 Base64",
    needed: true,
  },
  { part: "signature", label: words("签名值", "Signature value"), short: "签名", hint: "PKCS1 或 PKCS7", needed: true },
  {
    part: "timestamp",
    label: words("时间戳", "Timestamp token"),
    short: "时间戳",
    hint: "对原文的时间戳",
    needed: false,
  },
  {
    part: "document",
    label: words("签章文件", "Sealed PDF / OFD"),
    short: "签章",
    hint: "医院有电子签章时提供",
    needed: false,
  },
];

export interface TestSet {
  /** Tells sets apart while they are edited. */
  key: number;
  name: string;
  signType: "" | "1" | "2";
  parts: Partial<Record<Part, Content>>;
}

/** Test data that cannot be taken; the text says why. */
export class UnusableSets extends Error {}

export const emptySet = (key: number): TestSet => ({ key, name: `第${key}组`, signType: "", parts: {} });

export const isEmpty = (set: TestSet): boolean => Object.keys(set.parts).length === 0;

/** The needed parts that are not there. */
export const missingParts = (set: TestSet): Part[] =>
  PARTS.filter(({ part, needed }) => needed && !set.parts[part]).map(({ part }) => part);

/** A set as the API takes it: original and document in base64, the others as PEM or base64 text. */
export function requested(set: TestSet): TrialSetRequest {
  const { original, certificate, signature, timestamp, document } = set.parts;
  return {
    name: set.name.trim(),
    sign_type: set.signType,
    original: original ? base64(original.bytes) : "",
    certificate: asText(certificate),
    signature: asText(signature),
    timestamp: asText(timestamp),
    document: document ? base64(document.bytes) : "",
  };
}

/** Sets of a folder with one folder a set, whose files are called `original`, `certificate`, … with any ending. */
export function setsOfFolder(files: { path: string; content: Content }[]): TestSet[] {
  const folders = new Map<string, TestSet["parts"]>();
  for (const { path, content } of files) {
    const [folder, file] = path.split("/").slice(-2);
    const part = PARTS.find((one) => one.part === file?.split(".")[0]?.toLowerCase())?.part;
    if (folder && part) folders.set(folder, { ...folders.get(folder), [part]: content });
  }
  if (!folders.size) {
    throw new UnusableSets(
      "文件夹里没有测试数据：每组一个文件夹，文件名为 original、certificate、signature、timestamp、document",
    );
  }
  return [...folders]
    .sort(([a], [b]) => a.localeCompare(b, "zh", { numeric: true }))
    .map(([name, parts], index) => ({ key: index + 1, name, signType: "", parts }));
}

/** Sets of a JSON file `{"sets": [{"name", "original", …}]}` in base64. */
export function setsOfJson(text: string): TestSet[] {
  const sets = parsedSets(text);
  return sets.map((one, index) => {
    const parts: TestSet["parts"] = {};
    for (const { part, label } of PARTS) {
      const value = one[part];
      if (typeof value !== "string" || !value) continue;
      const isRaw = part === "original" || part === "document";
      const bytes = isRaw ? octets(value) : new TextEncoder().encode(value);
      if (!bytes) throw new UnusableSets(`第${index + 1}组的${label.zh}不是 Base64 编码`);
      parts[part] = { name: part, bytes };
    }
    const signType = one.sign_type === "1" || one.sign_type === "2" ? one.sign_type : "";
    return { key: index + 1, name: String(one.name ?? `第${index + 1}组`), signType, parts };
  });
}

export type Standing = "failed" | "finding" | "passed" | "skipped" | "none";

const WORST_FIRST: Standing[] = ["failed", "finding", "passed", "skipped"];

/** What a set's checks say of one part: the worst of them; `none` where nothing was judged. */
export function standing(checks: VerdictCheck[], part: Part): Standing {
  const results = checks.filter(({ name }) => partOf(name) === part).map(({ result }) => result);
  return WORST_FIRST.find((one) => results.includes(one)) ?? "none";
}

/** The part that a check is about. */
export function partOf(check: string): Part {
  if (check.startsWith("original_text")) return "original";
  if (check.startsWith("timestamp")) return "timestamp";
  if (check.startsWith("seal") || check === "document") return "document";
  return check === "signature" ? "signature" : "certificate";
}

/** Text as it is (PEM, base64, with blanks taken out of the latter); of other octets the base64. */
function asText(content: Content | undefined): string {
  if (!content) return "";
  if (content.bytes.some((octet) => octet > 0x7e || (octet < 0x20 && !BLANKS.has(octet)))) return base64(content.bytes);
  const text = new TextDecoder().decode(content.bytes).trim();
  return text.startsWith("-----BEGIN") ? text : text.replace(/\s/g, "");
}

function parsedSets(text: string): Record<string, unknown>[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new UnusableSets("不是 JSON 文件");
  }
  const sets = Array.isArray(parsed) ? parsed : (parsed as { sets?: unknown } | null)?.sets;
  if (!Array.isArray(sets) || !sets.length || sets.some((one) => typeof one !== "object" || one === null)) {
    throw new UnusableSets("JSON 文件里没有 sets 列表");
  }
  return sets as Record<string, unknown>[];
}
