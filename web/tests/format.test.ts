import { describe, expect, it } from "vitest";
import { ago, bytes, clock, day, dayAndTime, duration } from "../src/shared/format";

describe("durations", () => {
  it.each([
    [0, "0 ms"],
    [-5, "0 ms"],
    [12.4, "12 ms"],
    [1250, "1.25 s"],
    [59_900, "59.9 s"],
    [59_960, "1 min"],
    [200_000, "3 min 20 s"],
    [7_500_000, "2 h 5 min"],
    [273_600_000, "3 d 4 h"],
  ])("%d ms is %s", (ms, text) => {
    expect(duration(ms)).toBe(text);
  });
});

describe("times", () => {
  it("are those of China wherever the browser is", () => {
    expect(dayAndTime("2026-05-31T17:30:00Z")).toBe("2026-06-01 01:30");
    expect(day("2026-05-31T17:30:00Z")).toBe("2026-06-01");
    expect(clock("2026-05-31T17:30:05.123Z")).toBe("01:30:05.123");
    expect(dayAndTime(null)).toBe("—");
  });

  it.each([
    [2, "刚刚"],
    [42, "42 秒前"],
    [150, "2 分钟前"],
    [7300, "2 小时前"],
    [200_000, "2026-06-01 08:00"],
  ])("%d seconds ago is %s", (seconds, text) => {
    const then = "2026-06-01T00:00:00Z";
    expect(ago(then, Date.parse(then) + seconds * 1000)).toBe(text);
  });
});

describe("sizes", () => {
  it.each([
    [999, "999 B"],
    [1500, "1.5 kB"],
    [12_700_000, "12.7 MB"],
  ])("%d is %s", (count, text) => {
    expect(bytes(count)).toBe(text);
  });
});
