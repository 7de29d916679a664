import { describe, expect, it } from "vitest";
import { examAddress, loginProblem, parseRoute } from "../src/console/route";
import { withQuery } from "../src/shared/api";
import { entryAddress, isNarrow, type Store } from "../src/viewer/entry";

function store(): Store {
  const kept = new Map<string, string>();
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value) };
}

describe("the console's addresses", () => {
  it.each([
    ["", { page: "exams" }],
    ["#/", { page: "exams" }],
    ["#/pushes", { page: "pushes" }],
    ["#/verdict", { page: "verdict" }],
    ["#/nowhere", { page: "exams" }],
    [examAddress("a b"), { page: "exam", id: "a b" }],
  ])("%s", (hash, route) => {
    expect(parseRoute(hash)).toEqual(route);
  });

  it("carry the reason of a refused login", () => {
    expect(loginProblem("#/login/%E7%99%BB%E5%BD%95%E8%B6%85%E6%97%B6")).toBe("登录超时");
    expect(loginProblem("#/pushes")).toBe("");
  });

  it("leave out parameters without a value", () => {
    expect(withQuery("/x", { q: "a b", hospital: "", before: null, limit: 5 })).toBe("/x?q=a+b&limit=5");
    expect(withQuery("/x", { q: "" })).toBe("/x");
  });
});

describe("the viewer's entry", () => {
  it("moves a link to the route of studies and keeps its token for the tab", () => {
    const kept = store();
    expect(entryAddress("/viewer", "?StudyInstanceUIDs=1.2&token=t", kept)).toBe(
      "/viewer/viewer?StudyInstanceUIDs=1.2&token=t",
    );
    expect(entryAddress("/viewer/viewer", "?StudyInstanceUIDs=1.2", kept)).toBe(
      "/viewer/viewer?StudyInstanceUIDs=1.2&token=t",
    );
  });

  it("prefers the token of the address over the one kept", () => {
    const kept = store();
    entryAddress("/viewer", "?token=old", kept);
    expect(entryAddress("/viewer/", "?StudyInstanceUIDs=1.2&token=new", kept)).toContain("token=new");
    expect(entryAddress("/viewer/viewer", "?StudyInstanceUIDs=1.2", kept)).toContain("token=new");
  });

  it("leaves other routes and visits without a token as they are", () => {
    expect(entryAddress("/viewer", "", store())).toBe("/viewer");
    expect(entryAddress("/viewer/viewer", "?StudyInstanceUIDs=1.2", store())).toBe(
      "/viewer/viewer?StudyInstanceUIDs=1.2",
    );
  });

  it("gives the picture the width of a phone", () => {
    expect([390, 1280].map(isNarrow)).toEqual([true, false]);
  });
});
