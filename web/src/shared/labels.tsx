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
  timestamp_revocation_list: words("时间戳吊销列表", "Timestamp revocation list"),
  signature: words("签名值", "Signature"),
  signer_certificate: words("签名人证书", "Signer's certificate"),
  co_signer_certificate: words("会签人证书", "Co-signer's certificate"),
  named_doctor: words("签名医师", "Named doctor"),
  pdf_seal: words("PDF 签章", "PDF seal"),
};

/** What a check of a verdict is called; one that is not known here keeps its own name. */
export function checkName(check: VerdictCheck): Words {
  return CHECKS[check.name] ?? words(check.name, "");
}
