/** What came of a trial: the whole in one look, then every check with its reason. */

import { Checks } from "../shared/checks";
import { Icon, type IconName } from "../shared/icons";
import { Bi, type Words, words } from "../shared/labels";
import type { Trial, VerdictCheck } from "../shared/types";
import { PARTS, type Standing, standing } from "./trial-sets";

const STANDINGS: Record<Standing, { label: Words; icon: IconName }> = {
  passed: { label: words("通过", "passed"), icon: "check" },
  failed: { label: words("未通过", "failed"), icon: "cross" },
  finding: { label: words("有提示", "finding"), icon: "warning" },
  skipped: { label: words("未提供", "not given"), icon: "minus" },
  none: { label: words("未检查", "not judged"), icon: "minus" },
};

interface Props {
  trial: Trial;
  /** What the checks of the CA's own material speak of. */
  about: Map<string, string>;
}

export function TrialResult({ trial, about }: Props) {
  const failed = [trial.checks, ...trial.sets.map(({ checks }) => checks)].flat().filter(isFailed).length;
  return (
    <section class={`trial-result ${trial.passed ? "passed" : "failed"}`} aria-label="试验结果 Result">
      <div class="card verdict-banner" role="status">
        <Icon name={trial.passed ? "verified" : "cross"} size={28} />
        <div>
          <h3>
            <Bi
              zh={trial.passed ? "试验通过，可以接入" : "试验未通过"}
              en={trial.passed ? "Passed: it may connect" : "Not passed"}
            />
          </h3>
          <p>
            {failed
              ? `${failed} 项检查未通过，原因见下。`
              : `${trial.sets.length} 组测试数据和 CA 自身的证书、吊销列表都没有问题。`}
          </p>
        </div>
      </div>
      <Glance trial={trial} />
      <div class="card result-part">
        <PartHead passed={!trial.checks.some(isFailed)} title="CA 的证书、吊销列表与数据组数" />
        <Checks checks={trial.checks} about={about} />
      </div>
      {trial.sets.map((set, index) => (
        <div key={index} class="card result-part">
          <PartHead passed={set.passed} title={set.name} />
          <Checks checks={set.checks} />
          {Object.keys(set.evidence).length ? <Evidence evidence={set.evidence} /> : null}
        </div>
      ))}
    </section>
  );
}

const isFailed = (check: VerdictCheck): boolean => check.result === "failed";

/** One row a set, one column a part. */
function Glance({ trial }: { trial: Trial }) {
  return (
    <table class="card glance">
      <thead>
        <tr>
          <th scope="col">组 Set</th>
          {PARTS.map(({ part, short }) => (
            <th key={part} scope="col">
              {short}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {trial.sets.map((set, index) => (
          <tr key={index}>
            <th scope="row">{set.name}</th>
            {PARTS.map(({ part }) => {
              const found = standing(set.checks, part);
              const { label, icon } = STANDINGS[found];
              return (
                <td key={part} class={found} title={`${label.zh} ${label.en}`}>
                  <Icon name={icon} size={18} />
                  <span class="glance-word">{label.zh}</span>
                </td>
              );
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function PartHead({ passed, title }: { passed: boolean; title: string }) {
  return (
    <h3>
      <span class={`stage ${passed ? "ok" : "bad"}`}>
        <Icon name={passed ? "check" : "cross"} size={14} />
        <Bi zh={passed ? "通过" : "未通过"} en={passed ? "passed" : "failed"} />
      </span>
      <span class="part-title">{title}</span>
    </h3>
  );
}

function Evidence({ evidence }: { evidence: Record<string, string> }) {
  return (
    <details class="ids">
      <summary>
        <Bi zh="依据" en="Evidence" />
      </summary>
      <dl>
        {Object.entries(evidence).map(([name, value]) => (
          <div key={name} class="entry">
            <dt>{name}</dt>
            <dd class="mono">{value}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
