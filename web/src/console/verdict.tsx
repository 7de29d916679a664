/** The verdict on a report's signature, by hospital and report number. */

import { useState } from "preact/hooks";
import { ApiProblem, getJson, told, withQuery } from "../shared/api";
import { Checks } from "../shared/checks";
import { Icon } from "../shared/icons";
import { Bi, type Words, words } from "../shared/labels";
import type { Verdict } from "../shared/types";
import { HospitalSelect } from "./hospitals";

const VERDICTS: Record<Verdict["verdict"], Words> = {
  pending: words("尚未验签", "pending"),
  accepted: words("验签通过", "accepted"),
  rejected: words("验签未通过", "rejected"),
};

interface Props {
  onProblem: (error: unknown) => void;
}

export function VerdictPage({ onProblem }: Props) {
  const [hospital, setHospital] = useState("");
  const [number, setNumber] = useState("");
  const [verdict, setVerdict] = useState<Verdict | null>(null);
  const [problem, setProblem] = useState("");

  async function look(event: Event): Promise<void> {
    event.preventDefault();
    setVerdict(null);
    setProblem("");
    const path = `/api/signing/v1/reports/${encodeURIComponent(number.trim())}/verdict`;
    try {
      setVerdict(await getJson<Verdict>(withQuery(path, { hospitalCode: hospital })));
    } catch (error) {
      onProblem(error);
      const unknown = error instanceof ApiProblem && error.status === 404;
      setProblem(unknown ? "没有收到过这份报告。No such report was received." : told(error));
    }
  }

  return (
    <section aria-labelledby="verdict-title" class="verdict">
      <div class="head">
        <h2 id="verdict-title">
          <Bi zh="报告验签结论" en="Verdict on a report's signature" />
        </h2>
      </div>
      <form class="card verdict-form" onSubmit={look}>
        <div class="labelled">
          <Bi zh="医院" en="Hospital" />
          <HospitalSelect value={hospital} onChange={setHospital} none="请选择 Choose…" required />
        </div>
        <label class="labelled">
          <Bi zh="报告号" en="Report no. (recordNum)" />
          <input class="field mono" value={number} required onInput={(event) => setNumber(event.currentTarget.value)} />
        </label>
        <button class="button primary" type="submit">
          <Icon name="search" />
          <Bi zh="查询" en="Look up" />
        </button>
      </form>
      {problem ? (
        <p class="notice bad" role="alert">
          {problem}
        </p>
      ) : null}
      {verdict ? (
        <div class={`card verdict-result ${verdict.verdict}`} role="status">
          <h3>
            <Icon
              name={verdict.verdict === "rejected" ? "cross" : verdict.verdict === "accepted" ? "verified" : "clock"}
            />
            <Bi {...VERDICTS[verdict.verdict]} />
            <span class="mono muted">{verdict.recordNum}</span>
          </h3>
          {verdict.reason && verdict.verdict === "rejected" ? <p class="notice bad">{verdict.reason}</p> : null}
          <Checks checks={verdict.checks} />
        </div>
      ) : null}
    </section>
  );
}
