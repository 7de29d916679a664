/** A patient's page: asks for the last four characters of the ID document, then shows the report. */

import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import "../shared/theme.css";
import "../shared/report.css";
import "./patient.css";
import { getJson, postJson } from "../shared/api";
import { dayAndTime } from "../shared/format";
import { Icon, Logo } from "../shared/icons";
import { Bi } from "../shared/labels";
import { ReportCard, SignatureBadge, WhoAndWhat } from "../shared/report";
import type { ExamView, LinkInfo } from "../shared/types";
import { afterLink, afterProblem, cleaned, codeOf, type Phase } from "./flow";

const CODE = codeOf(location.pathname);
const LINK = `/api/portal/v1/links/${encodeURIComponent(CODE)}`;

function PatientPage() {
  const [phase, setPhase] = useState<Phase>({ is: "loading" });

  useEffect(() => {
    getJson<LinkInfo>(LINK).then(
      (link) => setPhase(afterLink(link)),
      (error: unknown) => setPhase(afterProblem(error, null)),
    );
  }, []);

  async function open(link: LinkInfo, lastFour: string): Promise<void> {
    try {
      setPhase({ is: "open", view: await postJson<ExamView>(`${LINK}/open`, { last_four: lastFour }) });
      scrollTo(0, 0);
    } catch (error) {
      setPhase(afterProblem(error, link));
    }
  }

  return (
    <div class={phase.is === "open" ? "sheet wide" : "sheet"}>
      <header class="sheet-head">
        <Logo size={30} />
        <h1>
          <Bi zh="检查报告" en="Exam report" />
        </h1>
      </header>
      <Shown phase={phase} onOpen={open} />
    </div>
  );
}

interface ShownProps {
  phase: Phase;
  onOpen: (link: LinkInfo, lastFour: string) => Promise<void>;
}

function Shown({ phase, onOpen }: ShownProps) {
  switch (phase.is) {
    case "loading":
      return <p class="muted waiting">正在打开… Opening…</p>;
    case "asking":
      return <Ask key={phase.triesLeft} {...phase} onOpen={onOpen} />;
    case "locked":
      return (
        <Stopped
          icon="lock"
          zh="链接已锁定"
          en="This link is locked"
          why="输入错误次数过多，为保护您的隐私，链接已锁定。"
          whyEn="Too many wrong tries. To protect your privacy the link was locked."
          {...phase}
        />
      );
    case "expired":
      return (
        <Stopped
          icon="clock"
          zh="链接已过期"
          en="This link has expired"
          why="链接的有效期为 7 天。需要报告时，请联系医院重新发送。"
          whyEn="Links are valid for 7 days. Please ask the hospital for a new one."
          {...phase}
        />
      );
    case "unknown":
      return (
        <Stopped
          icon="warning"
          zh="链接无效"
          en="No such link"
          why="请检查链接是否完整，或联系检查医院。"
          whyEn="Please check that the link is complete, or contact the hospital."
          phone=""
          hospital=""
        />
      );
    case "troubled":
      return (
        <div class="card stopped" role="alert">
          <Icon name="warning" size={40} />
          <h2>
            <Bi zh="暂时打不开" en="Not available now" />
          </h2>
          <p>{phase.reason}</p>
          <button type="button" class="button big" onClick={() => location.reload()}>
            <Bi zh="重试" en="Try again" />
          </button>
        </div>
      );
    case "open":
      return <Opened view={phase.view} />;
  }
}

interface AskProps {
  link: LinkInfo;
  triesLeft: number;
  wrong: boolean;
  onOpen: ShownProps["onOpen"];
}

function Ask({ link, triesLeft, wrong, onOpen }: AskProps) {
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const asksDocument = link.asks === "document";

  useEffect(() => {
    if (wrong) input.current?.focus();
  }, [wrong]);

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    setBusy(true);
    await onOpen(link, typed);
    setBusy(false);
  }

  return (
    <form class="card ask" onSubmit={submit}>
      <p class="hospital-name">{link.hospital_name}</p>
      <label for="last-four">
        <span class="ask-what">请输入{asksDocument ? "身份证件号码" : "手机号码"}的最后 4 位</span>
        <span class="en" lang="en">
          Last 4 characters of your {asksDocument ? "ID document" : "phone number"}
        </span>
      </label>
      <input
        id="last-four"
        ref={input}
        class="four"
        value={typed}
        onInput={(event) => {
          const clean = cleaned(event.currentTarget.value);
          event.currentTarget.value = clean;
          setTyped(clean);
        }}
        inputmode={asksDocument ? "text" : "numeric"}
        autocomplete="off"
        autocapitalize="characters"
        spellcheck={false}
        placeholder="····"
        aria-describedby="tries"
        required
      />
      {wrong ? (
        <p class="notice bad" role="alert">
          <Icon name="warning" />
          <span>
            不正确，请再试一次 <span class="en">Not correct</span>
          </span>
        </p>
      ) : null}
      <button type="submit" class="button primary big" disabled={busy || typed.length !== 4}>
        <Bi zh="查看报告" en="Open the report" />
      </button>
      <p id="tries" class="muted small">
        还可尝试 <b>{triesLeft}</b> 次 <span class="en">{triesLeft === 1 ? "1 try" : `${triesLeft} tries`} left</span>
        <br />
        链接有效期至 {dayAndTime(link.expires_at)} <span class="en">valid until</span>
      </p>
    </form>
  );
}

interface StoppedProps {
  icon: "lock" | "clock" | "warning";
  zh: string;
  en: string;
  why: string;
  whyEn: string;
  phone: string;
  hospital: string;
}

function Stopped({ icon, zh, en, why, whyEn, phone, hospital }: StoppedProps) {
  return (
    <div class="card stopped" role="alert">
      <Icon name={icon} size={40} />
      <h2>
        <Bi zh={zh} en={en} />
      </h2>
      <p>{why}</p>
      <p class="en" lang="en">
        {whyEn}
      </p>
      {hospital ? <p class="hospital-name">{hospital}</p> : null}
      {phone ? (
        <a class="button primary big" href={`tel:${phone.replace(/[^0-9+]/g, "")}`}>
          <Icon name="phone" />
          致电 Call {phone}
        </a>
      ) : null}
    </div>
  );
}

function Opened({ view }: { view: ExamView }) {
  return (
    <main class="opened">
      <WhoAndWhat view={view} />
      <div class="actions">
        {view.viewer_url ? (
          <a class="button primary big" href={view.viewer_url}>
            <Icon name="images" />
            <Bi zh="查看影像" en="View images" />
          </a>
        ) : null}
        {view.document_url ? (
          <a class="button big" href={view.document_url} download>
            <Icon name="download" />
            <Bi zh="下载报告" en="Download PDF" />
          </a>
        ) : null}
      </div>
      <SignatureBadge view={view} />
      <ReportCard view={view} />
      <p class="muted small valid">
        本页内容可查看至 {dayAndTime(view.valid_until)}，之后请重新输入。
        <span class="en"> This view is valid until then.</span>
      </p>
    </main>
  );
}

render(<PatientPage />, document.getElementById("root") as HTMLElement);
