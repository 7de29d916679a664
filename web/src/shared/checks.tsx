/** The checks of a signature's verdict as a list. */

import { Icon, type IconName } from "./icons";
import { Bi, checkName } from "./labels";
import type { VerdictCheck } from "./types";

const ICONS: Record<string, IconName> = { passed: "check", failed: "cross", finding: "warning" };

export function Checks({ checks }: { checks: VerdictCheck[] }) {
  return (
    <ul class="checks">
      {checks.map((check) => (
        <li key={`${check.name}:${check.reason}`} class={check.result}>
          <Icon name={ICONS[check.result] ?? "minus"} size={16} />
          <Bi {...checkName(check)} />
          <span class="reason muted">
            {check.reason}
            {check.result === "failed" && check.field ? <code class="mono"> {check.field}</code> : null}
          </span>
        </li>
      ))}
    </ul>
  );
}
