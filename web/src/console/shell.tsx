/** What stands around every page of the console: navigation, the services' state, and the stream that keeps them live. */

import { useCallback, useEffect, useState } from "preact/hooks";
import { ApiProblem } from "../shared/api";
import { Icon, Logo } from "../shared/icons";
import { Bi, type Words, words } from "../shared/labels";
import { useStream } from "../shared/stream";
import type { ExamSummary, ServiceState, Session } from "../shared/types";
import { Authorities } from "./authorities";
import { AuthorityForm } from "./authority-form";
import { AuthorityTrial } from "./authority-trial";
import { Exams } from "./exams";
import { JourneyPage } from "./journey";
import { Pushes } from "./pushes";
import { type Route, useRoute } from "./route";
import { Services } from "./services";
import { VerdictPage } from "./verdict";

const PAGES: { page: Route["page"]; address: string; label: Words }[] = [
  { page: "exams", address: "#/", label: words("检查", "Exams") },
  { page: "pushes", address: "#/pushes", label: words("推送", "Pushes") },
  { page: "verdict", address: "#/verdict", label: words("验签", "Verdicts") },
  { page: "authorities", address: "#/authorities", label: words("CA", "Authorities") },
];

/** Which page of the navigation a page belongs to. */
const PARENTS: Partial<Record<Route["page"], Route["page"]>> = {
  exam: "exams",
  "authority-form": "authorities",
  "authority-trial": "authorities",
};

interface Props {
  session: Session;
  onLeave: () => void;
  onExpired: () => void;
}

export function Shell({ session, onLeave, onExpired }: Props) {
  const route = useRoute();
  const [services, setServices] = useState<ServiceState[]>([]);
  const [changed, setChanged] = useState<ExamSummary | null>(null);
  const live = useStream("/api/portal/v1/stream", {
    services: (data) => setServices((data as { services: ServiceState[] }).services),
    exam: (data) => setChanged(data as ExamSummary),
  });
  const onProblem = useCallback(
    (error: unknown) => {
      if (error instanceof ApiProblem && error.status === 401) onExpired();
    },
    [onExpired],
  );
  const current = PARENTS[route.page] ?? route.page;
  const mayChange = session.roles.includes("admin");

  useEffect(() => scrollTo(0, 0), [location.hash]);

  return (
    <>
      <header class="bar">
        <a class="brand" href="#/">
          <Logo />
          <span>影桥</span>
          <span class="en brand-en">RadBridge</span>
        </a>
        <nav aria-label="页面 Pages">
          {PAGES.map(({ page, address, label }) => (
            <a key={page} href={address} aria-current={page === current ? "page" : undefined}>
              <Bi {...label} />
            </a>
          ))}
        </nav>
        <div class="bar-end">
          <span class={`live ${live ? "on" : ""}`} role="status" title={live ? "实时更新中" : "正在重新连接"}>
            <Bi zh={live ? "实时" : "重连中"} en={live ? "Live" : "Reconnecting"} />
          </span>
          <button type="button" class="button quiet" onClick={onLeave} title={`${session.subject}：退出 Log out`}>
            <Icon name="exit" />
            <span class="visually-hidden">退出 Log out</span>
          </button>
        </div>
      </header>
      <Services services={services} live={live} />
      <main class="page">
        {route.page === "exams" ? <Exams changed={changed} live={live} onProblem={onProblem} /> : null}
        {route.page === "exam" ? <JourneyPage key={route.id} id={route.id} onProblem={onProblem} /> : null}
        {route.page === "pushes" ? <Pushes onProblem={onProblem} /> : null}
        {route.page === "verdict" ? <VerdictPage onProblem={onProblem} /> : null}
        {route.page === "authorities" ? <Authorities mayChange={mayChange} onProblem={onProblem} /> : null}
        {route.page === "authority-form" ? <AuthorityForm mayChange={mayChange} onProblem={onProblem} /> : null}
        {route.page === "authority-trial" ? (
          <AuthorityTrial key={route.name} name={route.name} mayChange={mayChange} onProblem={onProblem} />
        ) : null}
      </main>
    </>
  );
}
