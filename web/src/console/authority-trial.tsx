/** A CA's trial: its test data handed in, and what is right or wrong, check by check. */

import { useRef, useState } from "preact/hooks";
import { postJson } from "../shared/api";
import { dayAndTime } from "../shared/format";
import { Icon } from "../shared/icons";
import { Bi } from "../shared/labels";
import type { Authority, Trial } from "../shared/types";
import { AdministratorsOnly, useAuthorities } from "./authorities";
import { subjectsOfChecks } from "./authority-list";
import { type FieldFault, faultsOf, refusal } from "./faults";
import { TestSets } from "./test-sets";
import { TrialResult } from "./trial-result";
import { emptySet, isEmpty, missingParts, PARTS, REQUEST_BYTES_MAX, requested, SETS_ASKED_FOR } from "./trial-sets";

interface Props {
  name: string;
  mayChange: boolean;
  onProblem: (error: unknown) => void;
}

export function AuthorityTrial({ name, mayChange, onProblem }: Props) {
  const { data, error, reload } = useAuthorities(onProblem);
  const authority = data?.find((one) => one.name === name);
  return (
    <section aria-labelledby="trial-title" class="authority-page wide">
      <a class="back" href="#/authorities">
        <Icon name="back" size={16} />
        <Bi zh="所有 CA" en="All authorities" />
      </a>
      <div class="head">
        <h2 id="trial-title">
          {name} <Bi zh="接入试验" en="Trial" />
        </h2>
      </div>
      {error ? (
        <p class="notice bad" role="alert">
          {refusal(error)}
        </p>
      ) : null}
      {data && !authority ? (
        <p class="notice bad" role="alert">
          没有登记名为“{name}”的 CA。No such authority.
        </p>
      ) : null}
      {mayChange ? null : <AdministratorsOnly />}
      {mayChange && authority ? <Trying authority={authority} onTried={reload} onProblem={onProblem} /> : null}
    </section>
  );
}

interface TryingProps {
  authority: Authority;
  onTried: () => void;
  onProblem: (error: unknown) => void;
}

function Trying({ authority, onTried, onProblem }: TryingProps) {
  const [sets, setSets] = useState(() => Array.from({ length: SETS_ASKED_FOR }, (_, index) => emptySet(index + 1)));
  const [faults, setFaults] = useState<FieldFault[]>([]);
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const [result, setResult] = useState<Trial | null>(null);
  const top = useRef<HTMLDivElement>(null);

  async function run(body: { sets?: unknown[] }): Promise<void> {
    setBusy(true);
    setProblem("");
    setFaults([]);
    setResult(null);
    try {
      setResult(await postJson<Trial>(`/api/signing/v1/authorities/${encodeURIComponent(authority.name)}/trial`, body));
      onTried();
    } catch (error) {
      onProblem(error);
      setFaults(faultsOf(error).map((fault) => ({ ...fault, field: fieldOfForm(fault.field) })));
      setProblem(refusal(error));
    }
    setBusy(false);
    top.current?.scrollIntoView({ block: "start" });
  }

  /** The server numbers the sets that were sent; the form numbers all, empty ones too. */
  function fieldOfForm(field: string): string {
    const sent = sets.flatMap((set, index) => (isEmpty(set) ? [] : [index]));
    return field.replace(/^sets\[(\d+)\]/, (_, number) => `sets[${sent[Number(number)]}]`);
  }

  function handIn(event: Event): void {
    event.preventDefault();
    const missing = sets.flatMap((set, index) =>
      (isEmpty(set) ? [] : missingParts(set)).map((part) => ({ field: `sets[${index}].${part}`, message: "请提供" })),
    );
    const given = sets.filter((set) => !isEmpty(set)).map(requested);
    setFaults(missing);
    if (!given.length) setProblem("请至少提供一组测试数据。Hand in at least one set.");
    else if (missing.length) setProblem(`还缺 ${missing.length} 项：${toldMissing(missing)}。`);
    else if (JSON.stringify(given).length > REQUEST_BYTES_MAX) setProblem("文件总量超过 64 MB，请分次试验。");
    else void run({ sets: given });
  }

  return (
    <>
      <div ref={top} class="trial-top" />
      {problem ? (
        <p class="notice bad" role="alert">
          {problem}
        </p>
      ) : null}
      {busy ? (
        <p class="notice" role="status">
          <Icon name="clock" />
          正在更新吊销列表并逐项检查… Judging…
        </p>
      ) : null}
      {result ? <TrialResult trial={result} about={subjectsOfChecks(authority)} /> : null}
      {authority.test_data_at ? (
        <div class="card again">
          <span>
            已有测试数据，{dayAndTime(authority.test_data_at)} 提交。
            <span class="en">Test data was handed in before.</span>
          </span>
          <button type="button" class="button" disabled={busy} onClick={() => run({})}>
            <Icon name="play" size={16} />
            <Bi zh="用它重新试验" en="Judge it again" />
          </button>
        </div>
      ) : null}
      <form onSubmit={handIn}>
        <TestSets
          sets={sets}
          faults={faults}
          onChange={(changed) => {
            setSets(changed);
            setFaults([]);
            setProblem("");
          }}
        />
        <div class="form-end">
          <button class="button primary" type="submit" disabled={busy}>
            <Icon name="play" size={16} />
            <Bi zh="开始试验" en="Run the trial" />
          </button>
        </div>
      </form>
    </>
  );
}

function toldMissing(faults: FieldFault[]): string {
  return faults
    .map(({ field }) => {
      const [, number, part] = field.match(/^sets\[(\d+)\]\.(.*)$/) ?? [];
      return `第 ${Number(number) + 1} 组的${PARTS.find((one) => one.part === part)?.label.zh ?? ""}`;
    })
    .join("、");
}
