/** The checks of a signature's verdict as a list. */

import { Icon, type IconName } from "./icons";
import { Bi, checkName } from "./labels";
import type { VerdictCheck } from "./types";

const ICONS: Record<string, IconName> = { passed: "check", failed: "cross", finding: "warning" };

interface Props {
  checks: VerdictCheck[];
  /** What a check speaks of, by the check's name. */
  about?: Map<string, string>;
}

export function Checks({ checks, about }: Props) {
  return (
    <ul class="checks">
      {checks.map((check) => (
        <li key={`${check.name}:${check.reason}`} class={check.result}>
          <Icon name={ICONS[check.result] ?? "minus"} size={16} />
          <Bi {...checkName(check)} />
          <span class="reason muted">
            {about?.get(check.name) ? <span class="about">{about.get(check.name)}</span> : null}
            {check.reason}
            {check.result === "failed" && check.field ? <code class="mono"> {check.field}</code> : null}
          </span>
        </li>
      ))}
    </ul>
  );
}
