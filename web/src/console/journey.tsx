/** One exam's journey as a timeline, live as its events arrive. */

import { useEffect, useState } from "preact/hooks";
import { ApiProblem, getJson, told, withQuery } from "../shared/api";
import { Checks } from "../shared/checks";
import { clock, day, dayAndTime, duration } from "../shared/format";
import { Icon } from "../shared/icons";
import { Bi } from "../shared/labels";
import { useStream } from "../shared/stream";
import type { Journey, Step } from "../shared/types";
import { Stages } from "./exams";
import { journeyLength, studyUids, tellStep } from "./timeline";

interface Props {
  id: string;
  onProblem: (error: unknown) => void;
}

export function JourneyPage({ id, onProblem }: Props) {
  const path = `/api/portal/v1/exams/${encodeURIComponent(id)}`;
  const [journey, setJourney] = useState<Journey | null>(null);
  const [problem, setProblem] = useState("");
  useStream(`${path}/stream`, {
    journey: (data) => {
      setJourney(data as Journey);
      setProblem("");
    },
  });

  useEffect(() => {
    getJson<Journey>(path).then(
      (found) => setJourney((newer) => newer ?? found),
      (error: unknown) => {
        onProblem(error);
        const unknown = error instanceof ApiProblem && error.status === 404;
        setProblem(unknown ? "没有这个检查。There is no such exam." : told(error));
      },
    );
  }, [path, onProblem]);

  return (
    <article class="journey">
      <a class="back" href="#/">
        <Icon name="back" size={16} />
        <Bi zh="检查" en="Exams" />
      </a>
      {problem && !journey ? (
        <p class="notice bad" role="alert">
          {problem}
        </p>
      ) : null}
      {journey ? <Told journey={journey} /> : null}
    </article>
  );
}

function Told({ journey }: { journey: Journey }) {
  const { exam, steps } = journey;
  const uids = studyUids(steps);
  return (
    <>
      <header class="card journey-head">
        <div class="journey-title">
          <h2>
            {exam.modality ? <span class="modality">{exam.modality}</span> : null}
            {exam.item_name || "—"}
            {exam.voided ? <span class="tag">已作废 voided</span> : null}
          </h2>
          {uids.length ? (
            <a
              class="button"
              href={withQuery("/viewer", { StudyInstanceUIDs: uids.join(",") })}
              target="_blank"
              rel="noopener"
            >
              <Icon name="images" />
              <Bi zh="查看影像" en="Images" />
            </a>
          ) : null}
        </div>
        <dl class="facts">
          <Entry zh="医院" en="Hospital" text={exam.hospital_name || exam.hospital_code} />
          <Entry zh="检查号" en="Exam no." text={exam.exam_number} exact />
          <Entry zh="检查时间" en="Performed" text={dayAndTime(exam.performed_at)} />
          <Entry zh="部位" en="Body part" text={exam.body_part} />
          <Entry zh="编号" en="Exam id" text={exam.exam_id} exact />
        </dl>
        <Stages exam={exam} named />
      </header>
      <div class="head">
        <h3>
          <Bi zh="旅程" en="Journey" />
        </h3>
        <span class="muted">
          {steps.length} 步 <span class="en">steps</span> · 全程 {duration(journeyLength(steps))}
        </span>
      </div>
      <ol class="timeline" aria-live="polite">
        {steps.map((step, index) => (
          <StepItem key={step.event_id} step={step} previous={steps[index - 1]} />
        ))}
      </ol>
    </>
  );
}

function StepItem({ step, previous }: { step: Step; previous: Step | undefined }) {
  const told = tellStep(step);
  const isNewDay = !previous || day(previous.at) !== day(step.at);
  return (
    <li class={`step ${told.tone}`}>
      {step.since_previous_ms !== null ? <span class="gap">+{duration(step.since_previous_ms)}</span> : null}
      <span class="node">
        <Icon name={told.icon} size={17} />
      </span>
      <div class="card step-card">
        <div class="step-head">
          <h4>
            <Bi {...told.title} />
          </h4>
          <span class="service-name">{step.service}</span>
          <time class="mono muted" datetime={step.at}>
            {isNewDay ? `${day(step.at)} ` : ""}
            {clock(step.at)}
          </time>
          <details class="ids">
            <summary>
              <Bi zh="编号" en="Ids" />
            </summary>
            <dl class="facts">
              <Entry zh="事件" en="Event" text={step.event_id} exact />
              <Entry zh="类型" en="Type" text={step.type} exact />
              <Entry zh="对象" en="Subject" text={step.subject} exact />
              <Entry zh="版本" en="Version" text={String(step.version)} exact />
            </dl>
          </details>
        </div>
        {told.refusal ? (
          <p class="notice bad">
            <Icon name="warning" />
            <span>
              {told.refusal.reason}{" "}
              {told.refusal.reason.includes(told.refusal.field) ? null : <code class="mono">{told.refusal.field}</code>}
            </span>
          </p>
        ) : null}
        {told.facts.length ? (
          <dl class="facts">
            {told.facts.map((fact) => (
              <Entry key={fact.label.zh} {...fact.label} text={fact.text} exact={fact.exact} />
            ))}
          </dl>
        ) : null}
        {told.checks.length ? <Checks checks={told.checks} /> : null}
      </div>
    </li>
  );
}

function Entry({ zh, en, text, exact = false }: { zh: string; en: string; text: string; exact?: boolean }) {
  return text ? (
    <div class="entry">
      <dt>
        <Bi zh={zh} en={en} />
      </dt>
      <dd class={exact ? "mono" : undefined}>{text}</dd>
    </div>
  ) : null;
}
