/** Texts in two languages: Chinese first, English beside it. */

import type { VerdictCheck } from "./types";

export interface Words {
  zh: string;
  en: string;
}

export const words = (zh: string, en: string): Words => ({ zh, en });

/** Both languages, the English one quieter. */
export function Bi({ zh, en }: Words) {
  return (
    <span class="bi">
      <span>{zh}</span>{" "}
      <span class="en" lang="en">
        {en}
      </span>
    </span>
  );
}

const CHECKS: Record<string, Words> = {
  original_text: words("签名原文", "Signed text"),
  original_text_unchanged: words("原文未改动", "Text unchanged"),
  certificate_form: words("证书格式", "Certificate form"),
  certificate: words("证书链", "Certificate chain"),
  revocation: words("吊销状态", "Revocation"),
  timestamp: words("时间戳", "Timestamp"),
  ocsp: words("OCSP 服务", "OCSP responder"),
  timestamp_revocation_list: words("时间戳吊销列表", "Timestamp revocation list"),
  signature: words("签名值", "Signature"),
  signer_certificate: words("签名人证书", "Signer's certificate"),
  co_signer_certificate: words("会签人证书", "Co-signer's certificate"),
  named_doctor: words("签名医师", "Named doctor"),
  pdf_seal: words("PDF 签章", "PDF seal"),
  root: words("根证书", "Root"),
  intermediate: words("其他证书", "Further certificate"),
  revocation_list: words("吊销列表", "Revocation list"),
  revocation_lists: words("吊销列表", "Revocation lists"),
  list_address: words("更新地址", "List's address"),
  list_addresses: words("更新地址", "Lists' addresses"),
  test_sets: words("测试数据", "Test data"),
  document: words("签章文件", "Sealed document"),
  seal: words("签章", "Seal"),
  seals: words("签章", "Seals"),
};

/** What a check of a verdict is called, with its number (`seal[2]`); one that is not known here keeps its own name. */
export function checkName(check: VerdictCheck): Words {
  const [, name = "", number] = check.name.match(/^(.*?)(?:\[(\d+)\])?$/) ?? [];
  const known = CHECKS[name];
  if (!known) return words(check.name, "");
  return number ? words(`${known.zh} ${number}`, `${known.en} ${number}`) : known;
}
