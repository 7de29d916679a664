/** The registered CAs: certificates by generation, and what their revocation lists are worth now. */

import { useEffect } from "preact/hooks";
import { getJson } from "../shared/api";
import { Icon } from "../shared/icons";
import { Bi } from "../shared/labels";
import type { Authority } from "../shared/types";
import { type Loaded, useLoad } from "../shared/use-load";
import { AuthorityCard } from "./authority-card";
import { refusal } from "./faults";

const EVERY_MS = 60_000;

interface Props {
  /** Whether CAs may be added and tried out. */
  mayChange: boolean;
  onProblem: (error: unknown) => void;
}

export function Authorities({ mayChange, onProblem }: Props) {
  const { data, error } = useAuthorities(onProblem, EVERY_MS);
  return (
    <section aria-labelledby="authorities-title" class="authorities">
      <div class="head">
        <h2 id="authorities-title">
          <Bi zh="CA 与吊销列表" en="Certification authorities" />
        </h2>
        {mayChange && data?.length ? <AddLink /> : null}
      </div>
      {error ? (
        <p class="notice bad" role="alert">
          {refusal(error)}
        </p>
      ) : null}
      {data?.length === 0 ? (
        <div class="card nothing">
          <Icon name="verified" size={36} />
          <p>
            <Bi zh="还没有登记 CA" en="No CA is registered yet" />
          </p>
          <p class="muted">医院的报告要用已登记 CA 的证书和吊销列表来验签。</p>
          {mayChange ? <AddLink /> : null}
        </div>
      ) : null}
      {data?.length && !mayChange ? <AdministratorsOnly /> : null}
      <div class="authority-list">
        {data?.map((authority) => (
          <AuthorityCard key={authority.name} authority={authority} mayTry={mayChange} />
        ))}
      </div>
    </section>
  );
}

export function AdministratorsOnly() {
  return (
    <p class="notice">
      <Icon name="lock" />
      <span>
        登记和试验 CA 需要管理员权限。<span class="en">Adding a CA and its trial are for administrators.</span>
      </span>
    </p>
  );
}

export function useAuthorities(onProblem: (error: unknown) => void, everyMs = 0): Loaded<Authority[]> {
  const loaded = useLoad(
    "authorities",
    async () => (await getJson<{ authorities: Authority[] }>("/api/signing/v1/authorities")).authorities,
    everyMs,
  );
  useEffect(() => {
    if (loaded.error) onProblem(loaded.error);
  }, [loaded.error, onProblem]);
  return loaded;
}

function AddLink() {
  return (
    <a class="button primary" href="#/authorities/add">
      <Icon name="plus" />
      <Bi zh="登记 CA" en="Add a CA" />
    </a>
  );
}
