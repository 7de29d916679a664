/** What the list of CAs says: generations of certificates, the standing of revocation lists, names behind checks. */

import type { Authority, AuthorityCertificate, AuthorityMaterial } from "../shared/types";

export type Tone = "ok" | "wait" | "bad";

/** Certificates of one subject, the newest first. */
export interface Generations {
  kind: "root" | "intermediate";
  commonName: string;
  subject: string;
  certificates: AuthorityCertificate[];
}

const KINDS = ["root", "intermediate"] as const;

/** A CA's certificates, roots first, each subject's generations together; what was handed in twice counts once. */
export function generations(authority: Authority): Generations[] {
  return KINDS.flatMap((kind) => {
    const bySubject = new Map<string, Generations>();
    for (const { certificate, commonName } of certificatesOf(authority, kind)) {
      const known = bySubject.get(certificate.subject);
      if (known) known.certificates.push(certificate);
      else
        bySubject.set(certificate.subject, {
          kind,
          commonName,
          subject: certificate.subject,
          certificates: [certificate],
        });
    }
    const found = [...bySubject.values()];
    for (const one of found) one.certificates.sort((a, b) => b.not_before.localeCompare(a.not_before));
    return found;
  });
}

/** The lists of a CA, fetched or not. */
export const listsOf = (authority: Authority): AuthorityMaterial[] =>
  authority.material.filter(({ kind }) => kind === "crl");

/** What a list is worth now: it counts, it counts but its address fails, or verdicts are made without it. */
export function listTone(list: AuthorityMaterial): Tone {
  if (list.problem) return "bad";
  return list.fetch_error ? "wait" : "ok";
}

/** A CA in one look: the worst of its lists and current certificates. */
export function authorityTone(authority: Authority): Tone {
  const lists = listsOf(authority).map(listTone);
  const hasRoot = certificatesOf(authority, "root").some(({ certificate }) => certificate.validity === "valid");
  if (!lists.length || !hasRoot || lists.includes("bad")) return "bad";
  return lists.includes("wait") ? "wait" : "ok";
}

/** What numbered checks of a trial speak of: `intermediate[2]` → the common name of that certificate. */
export function subjectsOfChecks(authority: Authority): Map<string, string> {
  const lists = listsOf(authority);
  const fetched = lists.filter((list) => list.fetched).map((list) => list.revocation_list?.issuer ?? "");
  return new Map([
    ...KINDS.flatMap((kind) =>
      numbered(
        kind,
        certificatesOf(authority, kind).map(({ commonName }) => commonName),
      ),
    ),
    ...numbered("revocation_list", fetched.map(commonNameOf)),
    ...numbered("list_address", lists.map(({ url }) => url).filter(Boolean)),
  ]);
}

const numbered = (check: string, texts: string[]): [string, string][] =>
  texts.map((text, index) => [`${check}[${index + 1}]`, text]);

/** The CN of a name as the server writes it, or all of it where it has none. */
export function commonNameOf(subject: string): string {
  return subject.match(/(?:^|, )CN=(.*?)(?=, [\w.]+=|$)/)?.[1] ?? subject;
}

function certificatesOf(
  authority: Authority,
  kind: "root" | "intermediate",
): { certificate: AuthorityCertificate; commonName: string }[] {
  const seen = new Set<string>();
  return authority.material
    .filter((one) => one.kind === kind)
    .flatMap(({ certificates }) => certificates)
    .filter(({ fingerprint }) => !seen.has(fingerprint) && seen.add(fingerprint))
    .map((certificate) => ({ certificate, commonName: commonNameOf(certificate.subject) }));
}
