/** The list of exams with search and hospital filter, kept live, with the latest pushes beside it. */

import { useEffect, useState } from "preact/hooks";
import { getJson, told, withQuery } from "../shared/api";
import { ago, dayAndTime } from "../shared/format";
import { Icon } from "../shared/icons";
import { Bi } from "../shared/labels";
import type { ExamPage, ExamSummary } from "../shared/types";
import { useNow } from "../shared/use-now";
import { type Filter, withChanged, withPage } from "./exam-list";
import { HospitalSelect } from "./hospitals";
import { LatestPushes } from "./pushes";
import { examAddress } from "./route";
import { stages } from "./timeline";

const TYPING_MS = 250;
const PAGE = 50;

interface Props {
  changed: ExamSummary | null;
  /** Whether changes come in. When they do again, those that were missed meanwhile are fetched. */
  live: boolean;
  onProblem: (error: unknown) => void;
}

export function Exams({ changed, live, onProblem }: Props) {
  const [filter, setFilter] = useState<Filter>({ q: "", hospital: "" });
  const [exams, setExams] = useState<ExamSummary[] | null>(null);
  const [next, setNext] = useState<string | null>(null);
  const [problem, setProblem] = useState("");
  const now = useNow();

  function load(before: string | null): Promise<ExamPage> {
    const page = getJson<ExamPage>(withQuery("/api/portal/v1/exams", { ...filter, before, limit: PAGE }));
    page.then(
      () => setProblem(""),
      (error: unknown) => {
        setProblem(told(error));
        onProblem(error);
      },
    );
    return page;
  }

  useEffect(() => {
    let current = true;
    const timer = setTimeout(
      () =>
        load(null).then(
          (page) => {
            if (!current) return;
            setExams(page.exams);
            setNext(page.next);
          },
          () => undefined,
        ),
      exams === null ? 0 : TYPING_MS,
    );
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [filter.q, filter.hospital, live]);

  useEffect(() => {
    if (changed) setExams((old) => (old ? withChanged(old, changed, filter) : old));
  }, [changed]);

  function more(): void {
    load(next).then(
      (page) => {
        setExams((old) => withPage(old ?? [], page.exams));
        setNext(page.next);
      },
      () => undefined,
    );
  }

  return (
    <div class="columns">
      <section aria-labelledby="exams-title">
        <div class="head">
          <h2 id="exams-title">
            <Bi zh="检查" en="Exams" />
          </h2>
          <search class="filters">
            <label class="search">
              <Icon name="search" size={16} />
              <input
                class="field"
                type="search"
                aria-label="搜索 Search"
                placeholder="检查号、报告号、影像号或项目名称 Search"
                value={filter.q}
                onInput={(event) => setFilter({ ...filter, q: event.currentTarget.value })}
              />
            </label>
            <HospitalSelect value={filter.hospital} onChange={(hospital) => setFilter({ ...filter, hospital })} />
          </search>
        </div>
        {problem ? (
          <p class="notice bad" role="alert">
            {problem}
          </p>
        ) : null}
        {exams && exams.length === 0 ? <Nothing searched={filter.q !== "" || filter.hospital !== ""} /> : null}
        <ul class="exams card" hidden={!exams?.length}>
          {exams?.map((exam) => (
            <ExamRow key={exam.exam_id} exam={exam} now={now} />
          ))}
        </ul>
        {next !== null ? (
          <button type="button" class="button more" onClick={more}>
            <Bi zh="更多" en="More" />
          </button>
        ) : null}
      </section>
      <LatestPushes onProblem={onProblem} />
    </div>
  );
}

function ExamRow({ exam, now }: { exam: ExamSummary; now: number }) {
  return (
    <li class={exam.voided ? "exam voided" : "exam"}>
      <a href={examAddress(exam.exam_id)}>
        <span class="exam-what">
          <span class="exam-item">
            {exam.modality ? <span class="modality">{exam.modality}</span> : null}
            {exam.item_name || "—"}
            {exam.voided ? <span class="tag">已作废 voided</span> : null}
          </span>
          <span class="exam-where muted">
            {exam.hospital_name} <span class="mono">{exam.exam_number}</span>
          </span>
        </span>
        <Stages exam={exam} />
        <time class="exam-when muted" datetime={exam.updated_at} title={dayAndTime(exam.updated_at)}>
          {ago(exam.updated_at, now)}
        </time>
      </a>
    </li>
  );
}

/** The exam's state at a glance. */
export function Stages({ exam, named = false }: { exam: ExamSummary; named?: boolean }) {
  return (
    <span class={named ? "stages named" : "stages"}>
      {stages(exam).map((stage) => (
        <span
          key={stage.key}
          class={`stage ${stage.tone}`}
          title={`${stage.label.zh}：${stage.state.zh} ${stage.state.en}`}
        >
          <Icon name={stage.icon} size={15} />
          <span class="stage-text">{stage.state.zh}</span>
        </span>
      ))}
    </span>
  );
}

function Nothing({ searched }: { searched: boolean }) {
  return (
    <div class="card nothing">
      <Icon name={searched ? "search" : "arrived"} size={30} />
      {searched ? (
        <p>
          没有符合条件的检查 <span class="en">No exam matches</span>
        </p>
      ) : (
        <>
          <p>
            还没有检查 <span class="en">No exams yet</span>
          </p>
          <p class="muted">
            医院推送后会立即出现在这里；演示请运行 <code class="mono">make demo</code>
          </p>
        </>
      )}
    </div>
  );
}
