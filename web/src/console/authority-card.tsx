/** One CA: its certificates by generation, its revocation lists, its settings. */

import { ago, day, dayAndTime, until } from "../shared/format";
import { Icon, type IconName } from "../shared/icons";
import { Bi, type Words, words } from "../shared/labels";
import type { Authority, AuthorityCertificate, AuthorityMaterial } from "../shared/types";
import { useNow } from "../shared/use-now";
import {
  authorityTone,
  commonNameOf,
  type Generations,
  generations,
  listsOf,
  listTone,
  type Tone,
} from "./authority-list";
import { trialAddress } from "./route";

const STATES: Record<Tone, { label: Words; icon: IconName }> = {
  ok: { label: words("正常", "In order"), icon: "check" },
  wait: { label: words("更新失败", "Update failed"), icon: "warning" },
  bad: { label: words("需要处理", "Needs attention"), icon: "cross" },
};
const VALIDITIES: Record<AuthorityCertificate["validity"], Words> = {
  valid: words("有效", "valid"),
  expired: words("已过期", "expired"),
  not_yet_valid: words("尚未生效", "not yet valid"),
};
const PURPOSES: Record<AuthorityCertificate["purpose"], string> = { ca: "CA", timestamps: "时间戳 TSA", other: "" };

export function AuthorityCard({ authority, mayTry }: { authority: Authority; mayTry: boolean }) {
  const now = useNow();
  const tone = authorityTone(authority);
  const lists = listsOf(authority);
  return (
    <article class="card authority" aria-label={authority.name}>
      <header>
        <h3>{authority.name}</h3>
        <span class={`stage ${tone}`}>
          <Icon name={STATES[tone].icon} size={14} />
          <Bi {...STATES[tone].label} />
        </span>
        {mayTry ? (
          <a class="button authority-try" href={trialAddress(authority.name)}>
            <Icon name="play" size={16} />
            <Bi zh="试验" en="Trial" />
          </a>
        ) : null}
      </header>
      <div class="authority-columns">
        <section aria-label="证书 Certificates">
          <h4>
            <Bi zh="证书" en="Certificates" />
          </h4>
          <ul class="lineages">
            {generations(authority).map((one) => (
              <Lineage key={`${one.kind} ${one.subject}`} lineage={one} />
            ))}
          </ul>
        </section>
        <section aria-label="吊销列表 Revocation lists">
          <h4>
            <Bi zh="吊销列表" en="Revocation lists (CRL)" />
          </h4>
          {lists.length ? null : <p class="notice bad">没有吊销列表。No revocation list.</p>}
          <ul class="crls">
            {lists.map((list, index) => (
              <Crl key={index} list={list} now={now} />
            ))}
          </ul>
          <h4>
            <Bi zh="设置" en="Settings" />
          </h4>
          <dl class="facts">
            <div class="entry">
              <dt>原始签名值 r‖s Raw signature values</dt>
              <dd>{authority.raw_signatures ? "接受（64 字节）accepted" : "不接受，只接受 DER。DER only"}</dd>
            </div>
            <div class="entry">
              <dt>测试数据 Test data</dt>
              <dd>{authority.test_data_at ? `${dayAndTime(authority.test_data_at)} 提交` : "尚未提交 none yet"}</dd>
            </div>
          </dl>
        </section>
      </div>
    </article>
  );
}

function Lineage({ lineage }: { lineage: Generations }) {
  const { certificates, commonName, subject, kind } = lineage;
  const purpose = PURPOSES[certificates[0]?.purpose ?? "other"];
  return (
    <li class="lineage">
      <p class="lineage-name" title={subject}>
        <b>{commonName}</b>
        <span class="tag">{kind === "root" ? "根证书 root" : purpose || "其他 other"}</span>
      </p>
      <ul>
        {certificates.map((certificate, index) => (
          <li key={certificate.fingerprint} class={`generation ${certificate.validity}`}>
            <Icon name={certificate.validity === "valid" ? "check" : "warning"} size={16} />
            <div>
              {certificates.length > 1 ? <span class="ordinal">第 {certificates.length - index} 代</span> : null}
              <span>
                {day(certificate.not_before)} – {day(certificate.not_after)}
              </span>{" "}
              <span class="validity">
                <Bi {...VALIDITIES[certificate.validity]} />
              </span>
              <span class="algorithm muted">
                {certificate.key || "不支持的公钥"} · {certificate.signed_with || "不支持的签名算法"}
              </span>
              <Particulars certificate={certificate} />
            </div>
          </li>
        ))}
      </ul>
    </li>
  );
}

function Particulars({ certificate }: { certificate: AuthorityCertificate }) {
  const entries: [string, string][] = [
    ["主体 Subject", certificate.subject],
    ["颁发者 Issuer", certificate.issuer],
    ["序列号 Serial", certificate.serial],
    ["SM3", certificate.fingerprint],
  ];
  return (
    <details class="ids">
      <summary>
        <Bi zh="详情" en="Details" />
      </summary>
      <dl>
        {entries.map(([name, value]) => (
          <div key={name} class="entry">
            <dt>{name}</dt>
            <dd class="mono">{value}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

function Crl({ list, now }: { list: AuthorityMaterial; now: number }) {
  const crl = list.revocation_list;
  const tone = listTone(list);
  return (
    <li class={`crl ${tone}`}>
      <Icon name={STATES[tone].icon} size={16} />
      <div>
        <p>
          <b>{crl ? commonNameOf(crl.issuer) : "尚未取得 not fetched yet"}</b>
          {crl?.number ? <span class="tag">No. {crl.number}</span> : null}
        </p>
        {list.problem ? <p class="notice bad">{list.problem}</p> : null}
        {crl ? (
          <>
            {list.problem ? null : <p class="muted">{crl.reason}</p>}
            <dl class="facts">
              <div class="entry">
                <dt>
                  <Bi zh="本次更新" en="thisUpdate" />
                </dt>
                <dd>{dayAndTime(crl.this_update)}</dd>
              </div>
              <div class="entry">
                <dt>
                  <Bi zh="下次更新" en="nextUpdate" />
                </dt>
                <dd>
                  {dayAndTime(crl.next_update)}
                  {crl.next_update ? <span class="muted">（{until(crl.next_update, now)}）</span> : null}
                </dd>
              </div>
              <div class="entry">
                <dt>
                  <Bi zh="已吊销" en="Revoked" />
                </dt>
                <dd>{crl.entries}</dd>
              </div>
            </dl>
          </>
        ) : null}
        {list.url ? (
          <p class="mono crl-address">{list.url}</p>
        ) : (
          <p class="muted">由文件登记，不会自动更新。From a file.</p>
        )}
        {list.fetch_error ? (
          <p class="crl-fault" role="note">
            {list.tried_at ? `${ago(list.tried_at, now)}获取失败：` : "获取失败："}
            {list.fetch_error}
            {crl ? "。仍在使用上次取得的列表。" : "。"}
          </p>
        ) : null}
        {list.url && list.tried_at && !list.fetch_error ? (
          <p class="muted">{ago(list.tried_at, now)}获取成功 Fetched</p>
        ) : null}
      </div>
    </li>
  );
}
