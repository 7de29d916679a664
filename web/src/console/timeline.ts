/** What a journey's step and an exam's state say to people. Pure: the pages only draw it. */

import { bytes, dayAndTime } from "../shared/format";
import type { IconName } from "../shared/icons";
import { type Words, words } from "../shared/labels";
import type { ExamSummary, Step, StepKind, VerdictCheck } from "../shared/types";

export type Tone = "ok" | "bad" | "wait" | "info" | "note" | "none";

export interface Fact {
  label: Words;
  text: string;
  /** Numbers and ids, which are read letter by letter. */
  exact: boolean;
}

export interface Told {
  title: Words;
  icon: IconName;
  tone: Tone;
  facts: Fact[];
  refusal: { reason: string; field: string } | null;
  checks: VerdictCheck[];
}

export interface Stage {
  key: string;
  icon: IconName;
  label: Words;
  state: Words;
  tone: Tone;
}

const TITLES: Record<string, Words> = {
  "exam.registered": words("检查登记", "Exam registered"),
  "exam.voided": words("检查作废", "Exam voided"),
  "report.received": words("收到报告", "Report received"),
  "report.signed": words("签名验证通过", "Signature accepted"),
  "report.rejected": words("签名验证未通过", "Signature rejected"),
  "report.voided": words("报告作废", "Report voided"),
  "images.stored": words("影像入库", "Images stored"),
  "patient.linked": words("患者身份关联", "Patient linked"),
  "recognition.reminded": words("开单时提醒医生", "Doctor reminded"),
  "notification.issued": words("患者通知已生成", "Patient's message issued"),
};

const DELIVERIES: Record<string, Words> = {
  accepted: words("通知已提交", "Message accepted"),
  delivered: words("通知已送达", "Message delivered"),
  failed: words("通知发送失败", "Message failed"),
  suppressed: words("通知未发送", "Message suppressed"),
  unknown: words("通知结果未知", "Message's fate unknown"),
};

const ICONS: Record<StepKind, IconName> = {
  arrived: "arrived",
  stored: "stored",
  linked: "linked",
  verified: "verified",
  reminded: "reminded",
  marked: "marked",
  sent: "sent",
  voided: "voided",
};

const LABELS: Record<string, Words> = {
  exam_number: words("检查号", "Exam no."),
  item_name: words("项目", "Item"),
  modality: words("设备类型", "Modality"),
  status: words("状态", "Status"),
  study_uids: words("影像号", "Study UID"),
  study_uid: words("影像号", "Study UID"),
  report_number: words("报告号", "Report no."),
  document: words("报告文件", "Document"),
  signed_at: words("签名时间", "Signed at"),
  series: words("序列", "Series"),
  instances: words("图像", "Instances"),
  new_instances: words("新增", "New"),
  bytes: words("大小", "Size"),
  person_id: words("人员编号", "Person"),
  rule: words("匹配规则", "Rule"),
  asking_hospital_code: words("开单医院", "Asking hospital"),
  request_number: words("申请单号", "Request no."),
  reason_code: words("不互认原因", "Reason code"),
  channel: words("渠道", "Channel"),
  state: words("状态", "State"),
  provider_id: words("回执号", "Receipt"),
  reason: words("原因", "Reason"),
  expires_at: words("链接有效期至", "Link valid until"),
};

const VALUES: Record<string, Words> = {
  ordered: words("已申请", "ordered"),
  booked: words("已预约", "booked"),
  arrived: words("已到检", "arrived"),
  examined: words("已检查", "examined"),
  terminated: words("已终止", "terminated"),
  not_examined: words("未检查", "not examined"),
  not_reported: words("未报告", "not reported"),
  not_audited: words("未审核", "not audited"),
  audited: words("已审核", "audited"),
  deleted: words("已删除", "deleted"),
  document: words("证件号一致", "same document"),
  demographics: words("姓名、性别、生日、电话一致", "same demographics"),
  new: words("新建人员", "new person"),
  accepted: words("已提交", "accepted"),
  delivered: words("已送达", "delivered"),
  failed: words("失败", "failed"),
  suppressed: words("未发送", "suppressed"),
  unknown: words("未知", "unknown"),
  aliyun_sms: words("阿里云短信", "Aliyun SMS"),
  tencent_sms: words("腾讯云短信", "Tencent SMS"),
  wechat_official: words("微信公众号", "WeChat"),
};
const CODED = new Set(["status", "rule", "state", "channel"]);
const EXACT = new Set([
  "exam_number",
  "study_uids",
  "study_uid",
  "report_number",
  "person_id",
  "asking_hospital_code",
  "request_number",
  "reason_code",
  "provider_id",
]);

/** `radbridge.report.signed.v1` → `report.signed` */
export function eventName(type: string): string {
  return type.replace(/^radbridge\./, "").replace(/\.v\d+$/, "");
}

export function tellStep(step: Step): Told {
  const checks = Array.isArray(step.details.checks) ? (step.details.checks as VerdictCheck[]) : [];
  const isRejection = eventName(step.type) === "report.rejected";
  return {
    title: title(step),
    icon: ICONS[step.kind] ?? "arrived",
    tone: tone(step),
    facts: facts(step, isRejection),
    refusal: isRejection ? { reason: text(step.details.reason), field: text(step.details.field) } : null,
    checks,
  };
}

function title(step: Step): Words {
  const name = eventName(step.type);
  if (name === "exam.registered" && step.version > 1) return words("检查更新", "Exam changed");
  if (name === "recognition.marked") {
    return step.details.recognised
      ? words("医生已互认", "Exam recognised")
      : words("医生未互认", "Exam not recognised");
  }
  if (name === "notification.delivered") return DELIVERIES[text(step.details.state)] ?? words("通知", "Message");
  return TITLES[name] ?? words(name, "");
}

function tone(step: Step): Tone {
  if (step.outcome === "pending") return "wait";
  if (step.outcome === "refused") return eventName(step.type) === "recognition.marked" ? "note" : "bad";
  if (step.kind === "verified" || step.kind === "sent" || step.kind === "marked") return "ok";
  if (step.kind === "voided") return "none";
  return step.kind === "reminded" ? "note" : "info";
}

function facts(step: Step, isRejection: boolean): Fact[] {
  const hidden = new Set(["checks", "recognised", ...(isRejection ? ["reason", "field"] : [])]);
  return Object.entries(step.details)
    .filter(([name, value]) => !hidden.has(name) && !isEmpty(value))
    .map(([name, value]) => ({
      label: LABELS[name] ?? words(name, ""),
      text: factText(name, value),
      exact: EXACT.has(name),
    }));
}

function factText(name: string, value: unknown): string {
  if (name === "bytes") return bytes(Number(value));
  if (name.endsWith("_at")) return dayAndTime(text(value));
  if (name === "document") return "有 yes";
  if (CODED.has(name)) return coded(text(value));
  return Array.isArray(value) ? value.join("、") : text(value);
}

function coded(value: string): string {
  const known = VALUES[value];
  return known ? `${known.zh} ${known.en}` : value;
}

function isEmpty(value: unknown): boolean {
  return (
    value === null || value === undefined || value === "" || value === false || (Array.isArray(value) && !value.length)
  );
}

function text(value: unknown): string {
  return value === null || value === undefined ? "" : String(value);
}

const REPORTS: Record<ExamSummary["report"], [Words, Tone]> = {
  none: [words("无报告", "no report"), "none"],
  received: [words("待验签", "received"), "wait"],
  signed: [words("已验签", "signed"), "ok"],
  rejected: [words("验签未过", "rejected"), "bad"],
  voided: [words("已作废", "voided"), "none"],
};

const NOTICES: Record<ExamSummary["notified"], [Words, Tone]> = {
  none: [words("未通知", "not notified"), "none"],
  pending: [words("发送中", "sending"), "wait"],
  accepted: [words("已提交", "accepted"), "ok"],
  delivered: [words("已送达", "delivered"), "ok"],
  failed: [words("发送失败", "failed"), "bad"],
  unknown: [words("结果未知", "unknown"), "wait"],
  suppressed: [words("未发送", "suppressed"), "none"],
};

/** How far an exam has come, in the order in which things normally happen. */
export function stages(exam: ExamSummary): Stage[] {
  const [report, reportTone] = REPORTS[exam.report] ?? REPORTS.none;
  const [notice, noticeTone] = NOTICES[exam.notified] ?? NOTICES.none;
  return [
    {
      key: "images",
      icon: "images",
      label: words("影像", "Images"),
      state: exam.images ? words(`${exam.images} 幅`, `${exam.images} images`) : words("无影像", "no images"),
      tone: exam.images ? "info" : "none",
    },
    {
      key: "linked",
      icon: "linked",
      label: words("关联", "Linked"),
      state: exam.linked ? words("已关联", "linked") : words("未关联", "not linked"),
      tone: exam.linked ? "info" : "none",
    },
    { key: "report", icon: "report", label: words("报告", "Report"), state: report, tone: reportTone },
    {
      key: "reminded",
      icon: "reminded",
      label: words("提醒", "Reminded"),
      state: exam.reminded
        ? words(`提醒 ${exam.reminded}`, `reminded ${exam.reminded}`)
        : words("未提醒", "not reminded"),
      tone: exam.reminded ? "note" : "none",
    },
    {
      key: "marked",
      icon: "marked",
      label: words("互认", "Marked"),
      state: exam.marked ? words(`标记 ${exam.marked}`, `marked ${exam.marked}`) : words("未标记", "not marked"),
      tone: exam.marked ? "ok" : "none",
    },
    { key: "notified", icon: "sent", label: words("通知", "Notified"), state: notice, tone: noticeTone },
  ];
}

/**
 * From the exam's first own step to its last, in milliseconds. A patient's record is linked once, perhaps long before:
 * that is no part of this exam's time.
 */
export function journeyLength(steps: Step[]): number {
  const first = steps.find((step) => step.kind !== "linked") ?? steps[0];
  const last = steps[steps.length - 1];
  return first && last ? Date.parse(last.at) - Date.parse(first.at) : 0;
}

/** The studies that a journey names. */
export function studyUids(steps: Step[]): string[] {
  const stored = steps.flatMap((step) => (typeof step.details.study_uid === "string" ? [step.details.study_uid] : []));
  return [...new Set(stored)];
}
