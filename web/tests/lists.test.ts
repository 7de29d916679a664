import { describe, expect, it } from "vitest";
import { withChanged, withPage } from "../src/console/exam-list";
import { byHospital } from "../src/console/push-list";
import type { Push } from "../src/shared/types";
import { exam } from "./steps";

const older = exam({ exam_id: "old", updated_at: "2026-06-01T00:00:00Z" });
const newer = exam({ exam_id: "new", updated_at: "2026-06-01T01:00:00Z" });
const ids = (exams: { exam_id: string }[]) => exams.map((one) => one.exam_id);

describe("the list of exams", () => {
  it("moves a changed exam up, once", () => {
    const moved = { ...older, updated_at: "2026-06-01T02:00:00Z" };
    expect(ids(withChanged([newer, older], moved, { q: "", hospital: "" }))).toEqual(["old", "new"]);
  });

  it("takes in a new exam where the filter allows", () => {
    const arrived = exam({ exam_id: "b", hospital_code: "B", updated_at: "2026-06-01T03:00:00Z" });
    expect(ids(withChanged([newer], arrived, { q: "", hospital: "" }))).toEqual(["b", "new"]);
    expect(ids(withChanged([newer], arrived, { q: "", hospital: "B" }))).toEqual(["b", "new"]);
    expect(ids(withChanged([newer], arrived, { q: "", hospital: "A" }))).toEqual(["new"]);
    expect(ids(withChanged([newer], arrived, { q: "E1", hospital: "" }))).toEqual(["new"]);
  });

  it("still follows an exam that a search found", () => {
    const changed = { ...newer, images: 24 };
    expect(withChanged([newer], changed, { q: "E1", hospital: "" })[0]?.images).toBe(24);
  });

  it("adds a page without repeating what moved meanwhile", () => {
    expect(ids(withPage([newer, older], [older, exam({ exam_id: "oldest" })]))).toEqual(["new", "old", "oldest"]);
  });
});

describe("pushes", () => {
  const push = (hospital_code: string, accepted: boolean): Push => ({
    push_id: `${hospital_code}${accepted}`,
    hospital_code,
    hospital_name: hospital_code,
    interface: "exam-sync",
    accepted,
    at: "2026-06-01T00:00:00Z",
    number: "E1",
    exam_id: null,
    message: "",
    faults: [],
  });

  it("are told by hospital, newest first, with the number of refusals", () => {
    const groups = byHospital([push("B", false), push("A", true), push("B", true)]);
    expect(groups.map(({ code, pushes, refused }) => [code, pushes.length, refused])).toEqual([
      ["B", 2, 1],
      ["A", 1, 0],
    ]);
  });
});
