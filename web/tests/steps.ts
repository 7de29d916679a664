import type { ExamSummary, Step } from "../src/shared/types";

/** A step as the portal tells it; members that a test does not speak of are those of a registered exam. */
export function step(members: Partial<Step> = {}): Step {
  return {
    event_id: "e1",
    type: "radbridge.exam.registered.v1",
    kind: "arrived",
    outcome: "ok",
    service: "ingest-api",
    subject: "exam-1",
    version: 1,
    at: "2026-06-01T01:30:00Z",
    since_previous_ms: null,
    details: {},
    ...members,
  };
}

export function exam(members: Partial<ExamSummary> = {}): ExamSummary {
  return {
    exam_id: "exam-1",
    exam_number: "E1",
    hospital_code: "A",
    hospital_name: "甲医院",
    item_name: "颅脑CT平扫",
    modality: "CT",
    body_part: "",
    status: "examined",
    performed_at: null,
    updated_at: "2026-06-01T01:30:00Z",
    voided: false,
    images: 0,
    report: "none",
    linked: false,
    reminded: 0,
    marked: 0,
    notified: "none",
    ...members,
  };
}
