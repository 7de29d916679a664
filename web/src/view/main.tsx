/** The exam that a HIS opens for its doctor: the report, and the images beside it. */

import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import "../shared/theme.css";
import "../shared/report.css";
import "./view.css";
import { ApiProblem, getJson, told, withQuery } from "../shared/api";
import { dayAndTime } from "../shared/format";
import { Icon, Logo } from "../shared/icons";
import { Bi } from "../shared/labels";
import { ReportCard, SignatureBadge, WhoAndWhat } from "../shared/report";
import type { ExamView } from "../shared/types";
import { useWide } from "../shared/use-wide";

const ROOM_FOR_BOTH = 900;

function DoctorsView() {
  const [view, setView] = useState<ExamView | null>(null);
  const [problem, setProblem] = useState("");
  const isWide = useWide(ROOM_FOR_BOTH);

  useEffect(() => {
    const token = new URLSearchParams(location.search).get("token");
    getJson<ExamView>(withQuery("/api/portal/v1/view", { token })).then(setView, (error: unknown) => {
      const isOver = error instanceof ApiProblem && (error.status === 401 || error.status === 403);
      setProblem(
        isOver ? "链接无效或已过期，请从 HIS 重新打开。The link has expired; open it again from the HIS." : told(error),
      );
    });
  }, []);

  if (!view) {
    return (
      <main class="view-alone">
        {problem ? (
          <p class="notice bad" role="alert">
            <Icon name="warning" />
            {problem}
          </p>
        ) : (
          <p class="muted">正在打开… Opening…</p>
        )}
      </main>
    );
  }
  const beside = isWide && view.viewer_url !== null;
  return (
    <div class={beside ? "view beside" : "view"}>
      <main class="view-report">
        <header class="view-head">
          <Logo size={24} />
          <h1>
            <Bi zh="外院检查报告" en="Exam of another hospital" />
          </h1>
        </header>
        <WhoAndWhat view={view} />
        {!beside && view.viewer_url ? (
          <a class="button primary" href={view.viewer_url}>
            <Icon name="images" />
            <Bi zh="查看影像" en={`View ${view.images} images`} />
          </a>
        ) : null}
        {view.images ? null : (
          <p class="notice">
            影像尚未到达 <span class="en">Images have not arrived</span>
          </p>
        )}
        <ReportCard view={view} />
        <SignatureBadge view={view} />
        <footer>
          {view.document_url ? (
            <a class="button" href={view.document_url} download>
              <Icon name="download" />
              <Bi zh="下载报告" en="Download PDF" />
            </a>
          ) : null}
          <span class="muted until">
            有效期至 {dayAndTime(view.valid_until)} <span class="en">valid until</span>
          </span>
        </footer>
      </main>
      {beside && view.viewer_url ? <iframe class="view-images" title="影像 Images" src={view.viewer_url} /> : null}
    </div>
  );
}

render(<DoctorsView />, document.getElementById("root") as HTMLElement);
