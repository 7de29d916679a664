/** Logging in with the admin token, or with the provider that the portal was set up with. */

import { useEffect, useState } from "preact/hooks";
import { ApiProblem, getJson, postJson, told, withQuery } from "../shared/api";
import { Logo } from "../shared/icons";
import { Bi } from "../shared/labels";
import type { LoginWays, Session } from "../shared/types";
import { loginProblem } from "./route";

export function Login({ onEnter }: { onEnter: (session: Session) => void }) {
  const [token, setToken] = useState("");
  const [problem, setProblem] = useState(() => loginProblem(location.hash));
  const [busy, setBusy] = useState(false);
  const [ways, setWays] = useState<LoginWays | null>(null);

  useEffect(() => {
    getJson<LoginWays>("/api/portal/v1/login").then(setWays, () => undefined);
  }, []);

  async function enter(event: Event): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setProblem("");
    try {
      onEnter(await postJson<Session>("/api/portal/v1/session", { token: token.trim() }));
    } catch (error) {
      const wrong = error instanceof ApiProblem && error.status === 401;
      setProblem(wrong ? "令牌不正确。The token is not valid." : told(error));
      setBusy(false);
    }
  }

  return (
    <main class="login">
      <div class="card login-card">
        <div class="login-brand">
          <Logo size={44} />
          <div>
            <h1>影桥</h1>
            <p class="muted">RadBridge</p>
          </div>
        </div>
        <p class="muted login-purpose">区域医学影像与签名报告的交换平台</p>
        <form onSubmit={enter}>
          <label for="token">
            <Bi zh="管理令牌" en="Admin token" />
          </label>
          <input
            id="token"
            class="field mono"
            type="password"
            autocomplete="current-password"
            value={token}
            onInput={(event) => setToken(event.currentTarget.value)}
            required
          />
          {problem ? (
            <p class="notice bad" role="alert">
              {problem}
            </p>
          ) : null}
          <button class="button primary" type="submit" disabled={busy}>
            <Bi zh="登录" en="Log in" />
          </button>
        </form>
        {ways?.oidc ? (
          <a
            class="button"
            href={withQuery("/api/portal/v1/login/oidc", {
              next: loginProblem(location.hash) ? "/" : location.pathname + location.hash,
            })}
          >
            {ways.oidc_label}
          </a>
        ) : null}
        <p class="login-hint en">
          本机启动时，令牌在数据目录的 <code class="mono">admin.token</code> 文件中。A local suite keeps it in its data
          folder.
        </p>
      </div>
    </main>
  );
}
