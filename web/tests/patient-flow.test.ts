import { describe, expect, it } from "vitest";
import { afterLink, afterProblem, cleaned, codeOf } from "../src/patient/flow";
import { ApiProblem } from "../src/shared/api";
import type { LinkInfo } from "../src/shared/types";

const link: LinkInfo = {
  state: "open",
  tries_left: 5,
  asks: "document",
  hospital_name: "甲医院",
  hospital_phone: "0351-0000000",
  expires_at: "2026-06-08T00:00:00Z",
};

describe("what was typed", () => {
  it.each([
    ["12 3x", "123X"],
    ["１２３ｘ", "123X"],
    ["123456", "1234"],
    ["张12-3X", "123X"],
  ])("%s is %s", (typed, clean) => {
    expect(cleaned(typed)).toBe(clean);
  });
});

describe("a patient's link", () => {
  it("is named by the end of the path", () => {
    expect(codeOf("/p/n6i2mYHEvXgw")).toBe("n6i2mYHEvXgw");
    expect(codeOf("/p/n6i2mYHEvXgw/")).toBe("n6i2mYHEvXgw");
  });

  it("asks, or says whom to call", () => {
    expect(afterLink(link)).toMatchObject({ is: "asking", triesLeft: 5, wrong: false });
    expect(afterLink({ ...link, state: "locked" })).toMatchObject({ is: "locked", phone: "0351-0000000" });
    expect(afterLink({ ...link, state: "expired" })).toMatchObject({ is: "expired", hospital: "甲医院" });
  });

  it("counts wrong tries down until it is locked", () => {
    const wrong = new ApiProblem(403, "验证未通过", "", { tries_left: 1 });
    expect(afterProblem(wrong, link)).toMatchObject({ is: "asking", triesLeft: 1, wrong: true });
    const locked = new ApiProblem(423, "链接已锁定", "", { hospital_phone: "0351-1" });
    expect(afterProblem(locked, link)).toEqual({ is: "locked", phone: "0351-1", hospital: "甲医院" });
  });

  it("can expire while it is open", () => {
    expect(afterProblem(new ApiProblem(410, "链接已过期", ""), link)).toMatchObject({
      is: "expired",
      phone: "0351-0000000",
    });
  });

  it("is unknown only where the link itself is; a withdrawn report is told as such", () => {
    expect(afterProblem(new ApiProblem(404, "链接无效", ""), null)).toEqual({ is: "unknown" });
    const withdrawn = new ApiProblem(404, "报告暂不可查看", "");
    expect(afterProblem(withdrawn, link)).toMatchObject({ is: "troubled", reason: "报告暂不可查看" });
  });

  it("does not blame the link for a broken line", () => {
    expect(afterProblem(new ApiProblem(0, "连接中断", ""), link)).toMatchObject({ is: "troubled", reason: "连接中断" });
  });
});
