import { describe, expect, it } from "vitest";
import { journeyLength, stages, studyUids, tellStep } from "../src/console/timeline";
import { exam, step } from "./steps";

const REJECTED = step({
  type: "radbridge.report.rejected.v1",
  kind: "verified",
  outcome: "refused",
  service: "signing",
  details: {
    report_number: "R1X",
    reason: "时间戳的摘要与CAData不符",
    field: "Timestampvalue",
    checks: [{ name: "timestamp", result: "failed", reason: "…", field: "Timestampvalue" }],
  },
});

describe("a step", () => {
  it("of a refusal tells the reason with its wire field, once", () => {
    const told = tellStep(REJECTED);
    expect(told.tone).toBe("bad");
    expect(told.refusal).toEqual({ reason: "时间戳的摘要与CAData不符", field: "Timestampvalue" });
    expect(told.checks).toHaveLength(1);
    expect(told.facts.map((fact) => fact.label.en)).toEqual(["Report no."]);
  });

  it("of an exam's later version is a change", () => {
    expect(tellStep(step()).title.en).toBe("Exam registered");
    expect(tellStep(step({ version: 2 })).title.en).toBe("Exam changed");
  });

  it("of stored images counts them and their size", () => {
    const stored = step({
      type: "radbridge.images.stored.v1",
      kind: "stored",
      details: { study_uid: "1.2", series: 1, instances: 24, new_instances: 24, bytes: 12_700_000 },
    });
    const facts = Object.fromEntries(tellStep(stored).facts.map((fact) => [fact.label.en, fact.text]));
    expect(facts).toMatchObject({ "Study UID": "1.2", Series: "1", Instances: "24", Size: "12.7 MB" });
  });

  it("tells a doctor's decision", () => {
    const marked = (recognised: boolean) =>
      tellStep(
        step({
          type: "radbridge.recognition.marked.v1",
          kind: "marked",
          outcome: recognised ? "ok" : "refused",
          details: { recognised, asking_hospital_code: "B", reason_code: recognised ? "" : "3" },
        }),
      );
    expect(marked(true)).toMatchObject({ title: { zh: "医生已互认" }, tone: "ok" });
    expect(marked(false)).toMatchObject({ title: { zh: "医生未互认" }, tone: "note" });
    expect(marked(false).facts.map((fact) => fact.text)).toContain("3");
  });

  it("tells each state of a delivery", () => {
    const delivered = (state: string, outcome: "ok" | "refused" | "pending") =>
      tellStep(
        step({
          type: "radbridge.notification.delivered.v1",
          kind: "sent",
          outcome,
          details: { channel: "aliyun_sms", state },
        }),
      );
    expect(delivered("delivered", "ok")).toMatchObject({ title: { en: "Message delivered" }, tone: "ok" });
    expect(delivered("failed", "refused")).toMatchObject({ title: { en: "Message failed" }, tone: "bad" });
    expect(delivered("unknown", "pending")).toMatchObject({ tone: "wait" });
  });

  it("of an event that this page does not know keeps its name and details", () => {
    const told = tellStep(step({ type: "radbridge.images.moved.v1", kind: "stored", details: { tier: "archive" } }));
    expect(told.title.zh).toBe("images.moved");
    expect(told.facts).toEqual([{ label: { zh: "tier", en: "" }, text: "archive", exact: false }]);
  });
});

describe("the stages of an exam", () => {
  const tones = (members: Parameters<typeof exam>[0]) =>
    Object.fromEntries(stages(exam(members)).map((stage) => [stage.key, stage.tone]));

  it("begin with nothing", () => {
    expect(new Set(Object.values(tones({})))).toEqual(new Set(["none"]));
  });

  it("show what was refused and what failed", () => {
    expect(tones({ report: "rejected", notified: "failed" })).toMatchObject({ report: "bad", notified: "bad" });
  });

  it("show a journey that is complete", () => {
    const complete = {
      images: 24,
      linked: true,
      report: "signed",
      reminded: 1,
      marked: 1,
      notified: "delivered",
    } as const;
    expect(tones(complete)).toEqual({
      images: "info",
      linked: "info",
      report: "ok",
      reminded: "note",
      marked: "ok",
      notified: "ok",
    });
  });
});

describe("a journey", () => {
  it("is as long as the exam's own steps, not as the patient's record is old", () => {
    const steps = [
      step({ kind: "linked", at: "2026-05-01T00:00:00Z" }),
      step({ at: "2026-06-01T00:00:00Z" }),
      step({ kind: "stored", at: "2026-06-01T00:00:02.500Z" }),
    ];
    expect(journeyLength(steps)).toBe(2500);
    expect(journeyLength([])).toBe(0);
  });

  it("names each study once", () => {
    const stored = (uid: string) => step({ kind: "stored", details: { study_uid: uid } });
    expect(studyUids([step(), stored("1.2"), stored("1.2"), stored("1.3")])).toEqual(["1.2", "1.3"]);
  });
});
