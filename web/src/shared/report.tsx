/** A report as patients and asking doctors read it. */

import { Checks } from "./checks";
import { dayAndTime } from "./format";
import { Icon } from "./icons";
import { Bi } from "./labels";
import type { ExamView } from "./types";

export function WhoAndWhat({ view }: { view: ExamView }) {
  const person = [view.patient_name, view.sex, view.age_text].filter(Boolean).join(" · ");
  return (
    <section class="card who">
      <p class="who-name">{person}</p>
      <h2>
        {view.modality ? <span class="kind">{view.modality}</span> : null}
        {view.item_name}
      </h2>
      <p class="muted">
        {view.hospital_name}
        <br />
        {dayAndTime(view.performed_at)}
      </p>
    </section>
  );
}

export function ReportCard({ view }: { view: ExamView }) {
  const { report } = view;
  if (!report) {
    return (
      <section class="card report">
        <p class="muted">
          报告尚未出具 <span class="en">There is no report yet</span>
        </p>
      </section>
    );
  }
  return (
    <article class="card report">
      <Passage zh="影像所见" en="Findings" text={report.findings} />
      <Passage zh="影像诊断" en="Impression" text={report.impression} strong />
      <Passage zh="建议" en="Advice" text={report.advice} />
      <dl class="signers">
        <Signer zh="报告医师" en="Reported by" name={report.reporting_doctor} at={report.reported_at} />
        <Signer zh="审核医师" en="Audited by" name={report.auditing_doctor} at={report.audited_at} />
        <div>
          <dt>
            <Bi zh="报告号" en="Report no." />
          </dt>
          <dd class="mono">{report.report_number}</dd>
        </div>
      </dl>
    </article>
  );
}

/** Says that the signature was verified, and on demand what that means and what was checked. */
export function SignatureBadge({ view }: { view: ExamView }) {
  const { signature } = view;
  if (!signature?.accepted) return null;
  return (
    <details class="badge">
      <summary>
        <Icon name="verified" size={22} />
        <span>
          <b>电子签名已验证</b> <span class="en">Signature verified</span>
          {signature.signed_at ? (
            <span class="signed-at">
              {dayAndTime(signature.signed_at)} <span class="en">signed</span>
            </span>
          ) : null}
        </span>
      </summary>
      <div class="badge-why">
        <p>医师用数字证书签署了这份报告。平台核对了签名、证书和时间戳：报告自签署以来没有被改动，证书在签署时有效。</p>
        <p class="en" lang="en">
          A doctor signed this report with a digital certificate. The signature, the certificate and the timestamp were
          checked: the report was not changed since, and the certificate was valid when it was signed.
        </p>
        <Checks checks={signature.checks} />
      </div>
    </details>
  );
}

function Passage({ zh, en, text, strong = false }: { zh: string; en: string; text: string | null; strong?: boolean }) {
  return text ? (
    <section class={strong ? "passage strong" : "passage"}>
      <h3>
        <Bi zh={zh} en={en} />
      </h3>
      <p>{text}</p>
    </section>
  ) : null;
}

function Signer({ zh, en, name, at }: { zh: string; en: string; name: string | null; at: string | null }) {
  return name || at ? (
    <div>
      <dt>
        <Bi zh={zh} en={en} />
      </dt>
      <dd>
        {name}
        {at ? <span class="muted"> {dayAndTime(at)}</span> : null}
      </dd>
    </div>
  ) : null;
}
