/** The console: who is logged in decides what is shown. */

import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import "../shared/theme.css";
import "./console.css";
import "./authorities.css";
import { ApiProblem, deleteJson, getJson, told } from "../shared/api";
import type { Session } from "../shared/types";
import { Login } from "./login";
import { Shell } from "./shell";

type State = { is: "starting" } | { is: "out" } | { is: "in"; session: Session } | { is: "broken"; reason: string };

function Console() {
  const [state, setState] = useState<State>({ is: "starting" });

  useEffect(() => {
    getJson<Session>("/api/portal/v1/session").then(
      (session) => setState({ is: "in", session }),
      (error: unknown) =>
        setState(
          error instanceof ApiProblem && error.status === 401 ? { is: "out" } : { is: "broken", reason: told(error) },
        ),
    );
  }, []);

  async function leave(): Promise<void> {
    await deleteJson("/api/portal/v1/session").catch(() => undefined);
    setState({ is: "out" });
  }

  if (state.is === "in") {
    return <Shell session={state.session} onLeave={leave} onExpired={() => setState({ is: "out" })} />;
  }
  if (state.is === "out") return <Login onEnter={(session) => setState({ is: "in", session })} />;
  return state.is === "broken" ? (
    <main class="centred">
      <p class="notice bad" role="alert">
        {state.reason}
      </p>
      <button type="button" class="button" onClick={() => location.reload()}>
        重试 Retry
      </button>
    </main>
  ) : null;
}

render(<Console />, document.getElementById("root") as HTMLElement);
