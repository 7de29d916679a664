/** The last pushes of each hospital, with every fault of the refused ones. */

import { useEffect, useState } from "preact/hooks";
import { getJson, told, withQuery } from "../shared/api";
import { ago, clock, dayAndTime } from "../shared/format";
import { Icon } from "../shared/icons";
import { Bi } from "../shared/labels";
import type { Fault, Push } from "../shared/types";
import { type Loaded, useLoad } from "../shared/use-load";
import { useNow } from "../shared/use-now";
import { HospitalSelect } from "./hospitals";
import { byHospital, refusalText } from "./push-list";
import { examAddress } from "./route";

const EVERY_MS = 5000;
const LATEST = 12;
const ALL = 200;
const FEW = 4;

interface Props {
  onProblem: (error: unknown) => void;
}

/** A short column for beside the exams. */
export function LatestPushes({ onProblem }: Props) {
  const { data, error } = usePushes(LATEST, onProblem);
  const now = useNow();
  return (
    <section aria-labelledby="latest-title" class="aside">
      <div class="head">
        <h2 id="latest-title">
          <Bi zh="最近推送" en="Latest pushes" />
        </h2>
        <a href="#/pushes">
          <Bi zh="按医院" en="By hospital" />
        </a>
      </div>
      <Trouble error={error} />
      {data?.length === 0 ? <p class="card nothing muted">还没有推送 No pushes yet</p> : null}
      <ul class="card pushes" hidden={!data?.length}>
        {data?.map((push) => (
          <PushRow key={push.push_id} push={push} now={now} />
        ))}
      </ul>
    </section>
  );
}

/** All hospitals, each with its own list. */
export function Pushes({ onProblem }: Props) {
  const [refusedOnly, setRefusedOnly] = useState(false);
  const [hospital, setHospital] = useState("");
  const { data, error } = usePushes(ALL, onProblem, hospital);
  const now = useNow();
  return (
    <section aria-labelledby="pushes-title">
      <div class="head">
        <h2 id="pushes-title">
          <Bi zh="各医院最近的推送" en="Last pushes of each hospital" />
        </h2>
        <HospitalSelect value={hospital} onChange={setHospital} />
        <label class="tick">
          <input
            type="checkbox"
            checked={refusedOnly}
            onChange={(event) => setRefusedOnly(event.currentTarget.checked)}
          />
          <Bi zh="只看被拒绝的" en="Refused only" />
        </label>
      </div>
      <Trouble error={error} />
      {data?.length === 0 ? <p class="card nothing muted">还没有推送 No pushes yet</p> : null}
      <div class="hospitals">
        {byHospital(data ?? []).map((hospital) => (
          <section key={hospital.code} class="card hospital" aria-label={hospital.name}>
            <header>
              <h3>{hospital.name || "未登记的医院 Unregistered"}</h3>
              <span class="mono muted">{hospital.code}</span>
              <span class="hospital-count">
                {hospital.pushes.length} 次{hospital.refused ? <b class="bad">，拒绝 {hospital.refused}</b> : null}
              </span>
            </header>
            <ul class="pushes">
              {hospital.pushes
                .filter((push) => !refusedOnly || !push.accepted)
                .map((push) => (
                  <PushRow key={push.push_id} push={push} now={now} isWhole />
                ))}
            </ul>
          </section>
        ))}
      </div>
    </section>
  );
}

/** `isWhole`: in a list of its hospital, with all faults open. */
function PushRow({ push, now, isWhole = false }: { push: Push; now: number; isWhole?: boolean }) {
  const number = push.number || "—";
  return (
    <li class={push.accepted ? "push" : "push refused"}>
      <div class="push-line">
        <Icon name={push.accepted ? "check" : "cross"} size={16} />
        <span class="push-what">
          {push.accepted ? "已接收" : "已拒绝"} <span class="en">{push.accepted ? "accepted" : "refused"}</span>{" "}
          <code class="mono interface">{push.interface}</code>
        </span>
        <time class="muted" datetime={push.at} title={`${dayAndTime(push.at)} ${clock(push.at)}`}>
          {ago(push.at, now)}
        </time>
      </div>
      <div class="push-number muted">
        {isWhole ? "" : `${push.hospital_name} `}
        {push.exam_id ? (
          <a class="mono" href={examAddress(push.exam_id)}>
            {number}
          </a>
        ) : (
          <span class="mono">{number}</span>
        )}
      </div>
      {refusalText(push) ? <p class="refusal-text">{refusalText(push)}</p> : null}
      {push.faults.length ? <Faults faults={push.faults} isOpen={isWhole || push.faults.length <= FEW} /> : null}
    </li>
  );
}

function Faults({ faults, isOpen }: { faults: Fault[]; isOpen: boolean }) {
  return (
    <details class="faults" open={isOpen}>
      <summary>
        <Bi zh={`${faults.length} 处错误`} en={faults.length === 1 ? "1 fault" : `${faults.length} faults`} />
      </summary>
      <ul>
        {faults.map((fault) => (
          <li key={`${fault.field} ${fault.rule} ${fault.message}`}>
            <code class="mono fault-field">{fault.field || "—"}</code>
            <span class="fault-rule">{fault.rule}</span>
            <span class="fault-message">{fault.message}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}

function Trouble({ error }: { error: unknown }) {
  return error ? (
    <p class="notice" role="alert">
      {told(error)}
    </p>
  ) : null;
}

function usePushes(limit: number, onProblem: (error: unknown) => void, hospital = ""): Loaded<Push[]> {
  const path = withQuery("/api/ingest-api/v1/pushes", { limit, hospital });
  const loaded = useLoad(path, async () => (await getJson<{ pushes: Push[] }>(path)).pushes, EVERY_MS);
  useEffect(() => {
    if (loaded.error) onProblem(loaded.error);
  }, [loaded.error, onProblem]);
  return loaded;
}
