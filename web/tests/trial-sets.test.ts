import { describe, expect, it } from "vitest";
import {
  emptySet,
  isEmpty,
  missingParts,
  partOf,
  requested,
  setsOfFolder,
  setsOfJson,
  standing,
  UnusableSets,
} from "../src/console/trial-sets";
import { base64, octets } from "../src/shared/files";

const content = (bytes: Uint8Array | string) => ({
  name: "file",
  bytes: typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes,
});
const der = Uint8Array.of(0x30, 0x80, 0x00, 0xff);

describe("base64", () => {
  it("goes there and back, also for large files", () => {
    const large = Uint8Array.from({ length: 100_001 }, (_, index) => index % 256);
    expect(octets(base64(large))).toEqual(large);
    expect(octets(" MI AA\n/w== ")).toEqual(der);
    expect(octets("%")).toBeNull();
  });
});

describe("a set of test data", () => {
  it("goes out as the API takes it", () => {
    const pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    const set = {
      ...emptySet(1),
      name: " 第1组 ",
      signType: "2" as const,
      parts: {
        original: content("QUJD\r\n"),
        certificate: content(pem),
        signature: content("MEUC\r\nIQ==\n"),
        timestamp: content(der),
      },
    };
    expect(requested(set)).toEqual({
      name: "第1组",
      sign_type: "2",
      original: base64(new TextEncoder().encode("QUJD\r\n")),
      certificate: pem.trim(),
      signature: "MEUCIQ==",
      timestamp: base64(der),
      document: "",
    });
  });

  it("keeps damaged text, so that its own fault is told", () => {
    const set = { ...emptySet(1), parts: { signature: content("ME%C") } };
    expect(requested(set).signature).toBe("ME%C");
  });

  it("needs all but timestamp and document", () => {
    expect(isEmpty(emptySet(1))).toBe(true);
    expect(missingParts({ ...emptySet(1), parts: { certificate: content(der) } })).toEqual(["original", "signature"]);
  });
});

describe("sets brought at once", () => {
  it("come from folders, in the order of their numbers", () => {
    const files = ["sets/10/original.txt", "sets/2/Original.TXT", "sets/2/signature.b64", "sets/2/notes.txt", "x"];
    const sets = setsOfFolder(files.map((path) => ({ path, content: content(path) })));
    expect(sets.map(({ name, parts }) => [name, Object.keys(parts)])).toEqual([
      ["2", ["original", "signature"]],
      ["10", ["original"]],
    ]);
    expect(() => setsOfFolder([{ path: "sets/readme.txt", content: content("") }])).toThrow(UnusableSets);
  });

  it("come from the JSON file of the command line", () => {
    const one = { name: "1", original: base64(der), certificate: "MIIB", signature: "MEUC", sign_type: "1" };
    const [set] = setsOfJson(JSON.stringify({ sets: [one] }));
    expect(set && requested(set)).toEqual({ ...one, timestamp: "", document: "" });
    expect(setsOfJson(JSON.stringify([one]))).toHaveLength(1);
  });

  it.each(["no JSON", "{}", "null", '{"sets": []}', '{"sets": [1]}', '[{"original": "%"}]'])("refuse %s", (text) => {
    expect(() => setsOfJson(text)).toThrow(UnusableSets);
  });
});

describe("a result in one look", () => {
  const check = (name: string, result: string) => ({ name, result, reason: "" });

  it("shows the worst of a part's checks", () => {
    const checks = [
      check("timestamp", "passed"),
      check("timestamp_revocation_list", "finding"),
      check("certificate", "failed"),
      check("revocation", "skipped"),
      check("seals", "skipped"),
    ];
    expect(standing(checks, "timestamp")).toBe("finding");
    expect(standing(checks, "certificate")).toBe("failed");
    expect(standing(checks, "document")).toBe("skipped");
    expect(standing(checks, "original")).toBe("none");
  });

  it.each([
    ["original_text_unchanged", "original"],
    ["signer_certificate", "certificate"],
    ["signature", "signature"],
    ["seal[3]", "document"],
    ["document", "document"],
  ])("%s is about the %s", (name, part) => {
    expect(partOf(name)).toBe(part);
  });
});
