/** Which services are alive, in one row. */

import type { Words } from "../shared/labels";
import { words } from "../shared/labels";
import type { ServiceState } from "../shared/types";

const NAMES: Record<string, string> = {
  "ingest-api": "接入",
  "dicom-edge": "影像",
  mpi: "主索引",
  signing: "签名",
  recognition: "互认",
  notify: "通知",
  portal: "门户",
};

const STATES: Record<ServiceState["state"], Words> = {
  up: words("正常", "up"),
  degraded: words("部分受限", "degraded"),
  starting: words("启动中", "starting"),
  down: words("停止", "down"),
  unknown: words("未知", "unknown"),
};

/** The state in words, with what is away. */
function titleOf(service: ServiceState): string {
  const state = STATES[service.state];
  const missing = [...new Set(service.instances.flatMap((instance) => instance.degraded))];
  const reason = service.state === "degraded" ? `（${missing.join("、")}）` : "";
  return `${service.service}：${state.zh} ${state.en}${reason}，${service.instances.length} 个实例`;
}

export function Services({ services, live }: { services: ServiceState[]; live: boolean }) {
  return (
    <section class="services" aria-label="服务状态 Services" data-stale={live ? undefined : "true"}>
      <ul>
        {services.map((service) => (
          <li key={service.service} class={`service ${service.state}`} title={titleOf(service)}>
            <span class="dot" aria-hidden="true" />
            <span>{NAMES[service.service] ?? service.service}</span>
            <span class="en">{service.service}</span>
            {service.state === "up" ? null : <span class="service-state">{STATES[service.state].zh}</span>}
            {service.instances.length > 1 ? <span class="count">×{service.instances.length}</span> : null}
          </li>
        ))}
      </ul>
    </section>
  );
}
