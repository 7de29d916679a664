/** Registering a CA, as `radbridge ca add` does; what is wrong is told beside the field, all of it at once. */

import { useEffect, useState } from "preact/hooks";
import { putJson } from "../shared/api";
import { base64, type Content } from "../shared/files";
import { Icon } from "../shared/icons";
import { Bi } from "../shared/labels";
import type { Authority, AuthorityRequest } from "../shared/types";
import { AdministratorsOnly, useAuthorities } from "./authorities";
import { AuthorityCard } from "./authority-card";
import { type FieldFault, faultsIn, faultsOf, refusal } from "./faults";
import { FaultTexts, FilePicker } from "./file-picker";

interface Props {
  mayChange: boolean;
  onProblem: (error: unknown) => void;
}

export function AuthorityForm({ mayChange, onProblem }: Props) {
  const [added, setAdded] = useState<Authority | null>(null);
  useEffect(() => scrollTo(0, 0), [added]);
  return (
    <section aria-labelledby="authority-form-title" class="authority-page">
      <a class="back" href="#/authorities">
        <Icon name="back" size={16} />
        <Bi zh="所有 CA" en="All authorities" />
      </a>
      <div class="head">
        <h2 id="authority-form-title">
          <Bi zh="登记 CA" en="Add a certification authority" />
        </h2>
      </div>
      {mayChange ? null : <AdministratorsOnly />}
      {mayChange && !added ? <Fields onAdded={setAdded} onProblem={onProblem} /> : null}
      {added ? (
        <>
          <p class="notice good" role="status">
            <Icon name="check" />
            <span>
              {added.name} 已登记，从现在起用于验签。下一步：用它的三组测试数据试验。
              <span class="en">Registered; next is its trial.</span>
            </span>
          </p>
          <AuthorityCard authority={added} mayTry />
        </>
      ) : null}
    </section>
  );
}

function Fields({ onAdded, onProblem }: { onAdded: (authority: Authority) => void; onProblem: Props["onProblem"] }) {
  const { data: known } = useAuthorities(onProblem);
  const [name, setName] = useState("");
  const [roots, setRoots] = useState<Content[]>([]);
  const [intermediates, setIntermediates] = useState<Content[]>([]);
  const [crls, setCrls] = useState<Content[]>([]);
  const [addresses, setAddresses] = useState("");
  const [raw, setRaw] = useState(false);
  const [replaces, setReplaces] = useState(false);
  const [faults, setFaults] = useState<FieldFault[]>([]);
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const exists = known?.some((one) => one.name === name.trim()) ?? false;
  const urls = addresses.split(/\s+/).filter(Boolean);

  /** Numbers of files and lines change with an edit, and faults are told by number. */
  function edited<T>(field: string, set: (value: T) => void): (value: T) => void {
    return (value) => {
      set(value);
      setFaults((old) => old.filter((fault) => fault.field !== field && !fault.field.startsWith(`${field}[`)));
    };
  }

  async function add(event: Event): Promise<void> {
    event.preventDefault();
    setProblem("");
    setFaults([]);
    if (!roots.length) {
      setFaults([{ field: "roots", message: "请选择至少一个根证书文件" }]);
      return;
    }
    setBusy(true);
    const files = (chosen: Content[]) => chosen.map(({ bytes }) => base64(bytes));
    const body: AuthorityRequest = {
      roots: files(roots),
      intermediates: files(intermediates),
      crls: files(crls),
      crl_urls: urls,
      raw_signatures: raw,
    };
    try {
      onAdded(await putJson<Authority>(`/api/signing/v1/authorities/${encodeURIComponent(name.trim())}`, body));
    } catch (error) {
      onProblem(error);
      setFaults(faultsOf(error));
      setProblem(refusal(error));
      setBusy(false);
    }
  }

  return (
    <form class="card authority-form" onSubmit={add}>
      <label class="labelled">
        <Bi zh="名称" en="Name" />
        <input
          class="field"
          value={name}
          required
          maxLength={100}
          pattern="[^\/\\?#%]*[^\/\\?#%.\s][^\/\\?#%]*"
          title="不含 / \ ? # %"
          placeholder="例如 SXCA"
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </label>
      {exists ? (
        <div class="notice">
          <Icon name="warning" />
          <div>
            <p>“{name.trim()}”已登记。保存会用这里的内容替换它的全部证书、吊销列表和设置，请把旧一代证书也一并选上。</p>
            <label class="tick">
              <input
                type="checkbox"
                required
                checked={replaces}
                onChange={(event) => setReplaces(event.currentTarget.checked)}
              />
              <Bi zh="确认替换" en="Replace all of it" />
            </label>
          </div>
        </div>
      ) : null}
      <Group zh="根证书" en="Trust anchors" hint="PEM 或 DER，可多选；新旧各代都要。">
        <FilePicker
          label="根证书 Trust anchors"
          files={roots}
          onChange={edited("roots", setRoots)}
          faults={faultsIn(faults, "roots")}
        />
      </Group>
      <Group zh="其他证书" en="Further certificates" hint="下级 CA、时间戳（TSA）证书，包括已过期、已吊销的。">
        <FilePicker
          label="其他证书 Further certificates"
          files={intermediates}
          onChange={edited("intermediates", setIntermediates)}
          faults={faultsIn(faults, "intermediates")}
        />
      </Group>
      <Group
        zh="吊销列表更新地址"
        en="CRL addresses"
        hint="每行一个 http 或 https 地址；登记时立即获取，之后定时更新。"
      >
        <textarea
          class="field mono"
          rows={3}
          aria-label="吊销列表更新地址 CRL addresses"
          aria-invalid={faultsIn(faults, "crl_urls").length > 0}
          placeholder="http://crl.example.cn/ca.crl"
          value={addresses}
          onInput={(event) => edited("crl_urls", setAddresses)(event.currentTarget.value)}
        />
        <FaultTexts
          faults={faultsIn(faults, "crl_urls").map(({ number, message }) => ({
            message: number === null ? message : `${urls[number] ?? ""}：${message}`,
          }))}
        />
      </Group>
      <Group zh="吊销列表文件" en="CRL files" hint="没有更新地址时使用；不会自动更新。">
        <FilePicker
          label="吊销列表文件 CRL files"
          files={crls}
          onChange={edited("crls", setCrls)}
          faults={faultsIn(faults, "crls")}
        />
      </Group>
      <label class="tick">
        <input type="checkbox" checked={raw} onChange={(event) => setRaw(event.currentTarget.checked)} />
        <span>
          接受 64 字节原始签名值 r‖s（除 DER 外）<span class="en">Accept raw signature values beside DER</span>
        </span>
      </label>
      {problem ? (
        <p class="notice bad" role="alert">
          {problem}
        </p>
      ) : null}
      <FaultTexts faults={faults.filter(({ field }) => !SHOWN.test(field))} />
      <div class="form-end">
        <button class="button primary" type="submit" disabled={busy}>
          <Icon name="plus" />
          <Bi zh={busy ? "正在登记…" : "登记"} en={busy ? "Adding…" : "Add"} />
        </button>
      </div>
    </form>
  );
}

/** Fields that tell their faults themselves. */
const SHOWN = /^(roots|intermediates|crls|crl_urls)(\[\d+\])?$/;

interface GroupProps {
  zh: string;
  en: string;
  hint: string;
  children: preact.ComponentChildren;
}

function Group({ zh, en, hint, children }: GroupProps) {
  return (
    <fieldset class="group">
      <legend>
        <Bi zh={zh} en={en} />
      </legend>
      <p class="muted group-hint">{hint}</p>
      {children}
    </fieldset>
  );
}
