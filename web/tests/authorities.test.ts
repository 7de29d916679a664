import { describe, expect, it } from "vitest";
import { authorityTone, commonNameOf, generations, listTone, subjectsOfChecks } from "../src/console/authority-list";
import { asPath, faultsIn, faultsOf, refusal } from "../src/console/faults";
import { parseRoute, trialAddress } from "../src/console/route";
import { ApiProblem } from "../src/shared/api";
import { until } from "../src/shared/format";
import { checkName } from "../src/shared/labels";
import type { Authority, AuthorityCertificate, AuthorityMaterial, RevocationList } from "../src/shared/types";

let printed = 0;

function certificate(name: string, changes: Partial<AuthorityCertificate> = {}): AuthorityCertificate {
  printed += 1;
  return {
    subject: `CN=${name}, O=Org, C=CN`,
    issuer: "CN=Root, O=Org, C=CN",
    serial: "1",
    not_before: "2020-01-01T00:00:00Z",
    not_after: "2040-01-01T00:00:00Z",
    validity: "valid",
    key: "SM2",
    signed_with: "SM3WithSM2",
    purpose: "ca",
    fingerprint: String(printed),
    ...changes,
  };
}

function material(kind: AuthorityMaterial["kind"], changes: Partial<AuthorityMaterial> = {}): AuthorityMaterial {
  return {
    kind,
    url: "",
    fetched: true,
    updated_at: "2026-06-01T00:00:00Z",
    tried_at: null,
    fetch_error: "",
    problem: "",
    certificates: [],
    revocation_list: null,
    ...changes,
  };
}

const revocationList: RevocationList = {
  issuer: "CN=Sub, O=Org, C=CN",
  number: "7",
  this_update: "2026-06-01T00:00:00Z",
  next_update: "2026-07-01T00:00:00Z",
  entries: 2,
  status: "good",
  reason: "",
};
const goodList = material("crl", { url: "http://ca/sub.crl", revocation_list: revocationList });
const root = material("root", { certificates: [certificate("Root")] });
const ca = (...of: AuthorityMaterial[]): Authority => ({
  name: "A",
  raw_signatures: false,
  test_data_at: null,
  material: of,
});

describe("a CA's certificates", () => {
  it("are generations of one subject, the newest first, roots before others", () => {
    const old = certificate("Sub", { not_before: "2010-01-01T00:00:00Z", validity: "expired" });
    const twice = certificate("Sub");
    const found = generations(
      ca(
        material("intermediate", { certificates: [old, twice] }),
        material("intermediate", { certificates: [twice] }),
        root,
      ),
    );
    expect(found.map(({ commonName, certificates }) => [commonName, certificates.length])).toEqual([
      ["Root", 1],
      ["Sub", 2],
    ]);
    expect(found[1]?.certificates[1]).toBe(old);
  });

  it.each([
    ["CN=a, b, O=x, C=CN", "a, b"],
    ["O=only, C=CN", "O=only, C=CN"],
    ["serialNumber=1, CN=n", "n"],
  ])("%s", (subject, name) => {
    expect(commonNameOf(subject)).toBe(name);
  });
});

describe("a CA in one look", () => {
  it("is in order with a current root and good lists", () => {
    expect(authorityTone(ca(root, goodList))).toBe("ok");
  });

  it("warns where the last fetch failed and an older list still counts", () => {
    const failing = { ...goodList, fetch_error: "服务器应答HTTP 404" };
    expect([listTone(failing), authorityTone(ca(root, failing))]).toEqual(["wait", "wait"]);
  });

  it.each([
    ["no list at all", ca(root)],
    ["a list that verdicts are made without", ca(root, goodList, { ...goodList, problem: "间接吊销列表" })],
    [
      "expired roots alone",
      ca(material("root", { certificates: [certificate("R", { validity: "expired" })] }), goodList),
    ],
  ])("needs attention with %s", (_, authority) => {
    expect(authorityTone(authority)).toBe("bad");
  });
});

it("tells what a numbered check of a trial speaks of", () => {
  const missing = material("crl", { url: "http://ca/gone.crl", fetched: false });
  const about = subjectsOfChecks(
    ca(root, material("intermediate", { certificates: [certificate("TSA")] }), missing, goodList),
  );
  expect([...about]).toEqual([
    ["root[1]", "Root"],
    ["intermediate[1]", "TSA"],
    ["revocation_list[1]", "Sub"],
    ["list_address[1]", "http://ca/gone.crl"],
    ["list_address[2]", "http://ca/sub.crl"],
  ]);
  expect(checkName({ name: "seal[2]", result: "passed", reason: "" }).zh).toBe("签章 2");
  expect(checkName({ name: "new_check[1]", result: "passed", reason: "" }).zh).toBe("new_check[1]");
});

describe("faults of a form", () => {
  const problem = new ApiProblem(422, "The request is not valid", "", {
    errors: [
      { field: "roots[1]", rule: "root", message: "不是证书" },
      { field: "body.roots", rule: "too_short", message: "List should have at least 1 item" },
      { field: "body.sets.0.name", rule: "string_too_short", message: "…" },
    ],
  });

  it("are told by field and number", () => {
    const faults = faultsOf(problem);
    expect(faultsIn(faults, "roots")).toEqual([
      { number: 1, message: "不是证书" },
      { number: null, message: "不能为空" },
    ]);
    expect(faultsIn(faults, "crls")).toEqual([]);
    expect(faults[2]?.field).toBe("sets[0].name");
    expect(asPath("query.x")).toBe("x");
  });

  it("are told apart from other refusals", () => {
    expect(refusal(problem)).toContain("标红");
    expect(refusal(new ApiProblem(403, "Forbidden", ""))).toContain("没有这项权限");
    expect(refusal(new ApiProblem(413, "Too large", ""))).toContain("过大");
    expect(refusal(new ApiProblem(404, "No", "gone"))).toBe("gone");
    expect(faultsOf(new Error("x"))).toEqual([]);
  });
});

it("has addresses of its pages", () => {
  expect(parseRoute("#/authorities")).toEqual({ page: "authorities" });
  expect(parseRoute("#/authorities/add")).toEqual({ page: "authority-form" });
  expect(parseRoute(trialAddress("add"))).toEqual({ page: "authority-trial", name: "add" });
  expect(parseRoute(trialAddress("山西 CA"))).toEqual({ page: "authority-trial", name: "山西 CA" });
});

it("tells how long a list stays fresh", () => {
  const now = Date.parse("2026-06-01T00:00:00Z");
  expect(until("2026-06-11T00:00:00Z", now)).toBe("还有 10 天");
  expect(until("2026-06-01T05:00:00Z", now)).toBe("还有 5 小时");
  expect(until("2026-05-31T23:30:00Z", now)).toBe("已过 30 分钟");
});
