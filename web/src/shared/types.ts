/** What the portal's API answers, as far as the pages use it. */

export interface Session {
  subject: string;
  kind: string;
  roles: string[];
}

export interface LoginWays {
  oidc: boolean;
  oidc_label: string;
}

export interface ServiceState {
  service: string;
  /** `degraded`: it serves, and something that it does not need for that is away; `unknown`: nothing is heard. */
  state: "up" | "degraded" | "starting" | "down" | "unknown";
  instances: { instance_id: string; ready: boolean; degraded: string[] }[];
}

export type ReportState = "none" | "received" | "signed" | "rejected" | "voided";
export type NotifiedState = "none" | "pending" | "accepted" | "delivered" | "failed" | "unknown" | "suppressed";

export interface ExamSummary {
  exam_id: string;
  exam_number: string;
  hospital_code: string;
  hospital_name: string;
  item_name: string;
  modality: string;
  body_part: string;
  status: string;
  performed_at: string | null;
  updated_at: string;
  voided: boolean;
  images: number;
  report: ReportState;
  linked: boolean;
  reminded: number;
  marked: number;
  notified: NotifiedState;
}

export interface ExamPage {
  exams: ExamSummary[];
  /** What `before` of the next page is. */
  next: string | null;
}

export interface VerdictCheck {
  name: string;
  result: string;
  reason: string;
  field?: string;
}

export type StepKind = "arrived" | "stored" | "linked" | "verified" | "reminded" | "marked" | "sent" | "voided";

export interface Step {
  event_id: string;
  type: string;
  kind: StepKind;
  outcome: "ok" | "refused" | "pending";
  service: string;
  subject: string;
  version: number;
  at: string;
  since_previous_ms: number | null;
  details: Record<string, unknown>;
}

export interface Journey {
  exam: ExamSummary;
  steps: Step[];
}

export interface Fault {
  field: string;
  rule: string;
  message: string;
  value: string;
}

export interface Push {
  push_id: string;
  hospital_code: string;
  hospital_name: string;
  interface: string;
  accepted: boolean;
  at: string;
  number: string;
  exam_id: string | null;
  message: string;
  faults: Fault[];
}

export interface Institution {
  code: string;
  name: string;
  dialect: string;
  enabled: boolean;
}

export interface Verdict {
  recordNum: string;
  verdict: "pending" | "accepted" | "rejected";
  reason: string | null;
  checks: VerdictCheck[];
}

export interface AuthorityCertificate {
  subject: string;
  issuer: string;
  serial: string;
  not_before: string;
  not_after: string;
  validity: "valid" | "expired" | "not_yet_valid";
  key: string;
  signed_with: string;
  purpose: "ca" | "timestamps" | "other";
  fingerprint: string;
}

export interface RevocationList {
  issuer: string;
  number: string;
  this_update: string;
  next_update: string | null;
  entries: number;
  status: "good" | "bad_signature" | "stale" | "partial" | "indirect" | "malformed" | "no_issuer";
  reason: string;
}

export interface AuthorityMaterial {
  kind: "root" | "intermediate" | "crl";
  url: string;
  fetched: boolean;
  updated_at: string;
  tried_at: string | null;
  fetch_error: string;
  problem: string;
  certificates: AuthorityCertificate[];
  revocation_list: RevocationList | null;
}

/** A certification authority as registered. */
export interface Authority {
  name: string;
  raw_signatures: boolean;
  test_data_at: string | null;
  material: AuthorityMaterial[];
}

export interface AuthorityRequest {
  roots: string[];
  intermediates: string[];
  crls: string[];
  crl_urls: string[];
  raw_signatures: boolean;
}

export interface TrialSetRequest {
  name: string;
  original: string;
  certificate: string;
  signature: string;
  timestamp: string;
  sign_type: string;
  document: string;
}

export interface Trial {
  name: string;
  passed: boolean;
  checks: VerdictCheck[];
  sets: { name: string; passed: boolean; checks: VerdictCheck[]; evidence: Record<string, string> }[];
}

export interface LinkInfo {
  state: "open" | "locked" | "expired";
  tries_left: number;
  asks: "document" | "phone";
  hospital_name: string;
  hospital_phone: string;
  expires_at: string;
}

export interface ReportText {
  report_number: string;
  findings: string | null;
  impression: string | null;
  advice: string | null;
  reported_at: string | null;
  reporting_doctor: string | null;
  audited_at: string | null;
  auditing_doctor: string | null;
}

/** One exam as a patient or an asking doctor sees it. */
export interface ExamView {
  patient_name: string | null;
  sex: string;
  age_text: string;
  hospital_name: string;
  item_name: string;
  modality: string;
  performed_at: string | null;
  report: ReportText | null;
  document_url: string | null;
  viewer_url: string | null;
  images: number;
  signature: { accepted: boolean; signed_at: string | null; checks: VerdictCheck[] } | null;
  valid_until: string;
}
