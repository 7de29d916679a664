/** Times, durations and sizes as people read them. Times are shown as in China, wherever the browser is. */

const ZONE = "Asia/Shanghai";

const DAY_AND_TIME = new Intl.DateTimeFormat("sv-SE", {
  timeZone: ZONE,
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
});
const DAY = new Intl.DateTimeFormat("sv-SE", { timeZone: ZONE, year: "numeric", month: "2-digit", day: "2-digit" });
const CLOCK = new Intl.DateTimeFormat("sv-SE", {
  timeZone: ZONE,
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});

/** `2026-06-01 09:30`, or a dash where there is no time. */
export function dayAndTime(iso: string | null): string {
  return iso ? DAY_AND_TIME.format(new Date(iso)) : "—";
}

/** `2026-06-01` */
export function day(iso: string): string {
  return DAY.format(new Date(iso));
}

/** `09:30:05.123` */
export function clock(iso: string): string {
  return CLOCK.format(new Date(iso)).replace(",", ".");
}

/** How long ago: `刚刚`, `5 秒前`, `3 分钟前`, `2 小时前`, else the day and time. */
export function ago(iso: string, now: number): string {
  const seconds = Math.floor((now - Date.parse(iso)) / 1000);
  if (seconds < 5) return "刚刚";
  if (seconds < 60) return `${seconds} 秒前`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} 分钟前`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} 小时前`;
  return dayAndTime(iso);
}

/** How long until: `还有 3 天`, `还有 5 小时`, or since: `已过 2 天`. */
export function until(iso: string, now: number): string {
  const minutes = Math.round((Date.parse(iso) - now) / 60_000);
  const size = Math.abs(minutes);
  const [length, unit] = size < 120 ? [1, "分钟"] : size < 2880 ? [60, "小时"] : [1440, "天"];
  return `${minutes < 0 ? "已过" : "还有"} ${Math.floor(size / (length as number))} ${unit}`;
}

/** A duration with at most two units: `12 ms`, `1.25 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(ms: number): string {
  const size = Math.max(0, ms);
  if (size < 1000) return `${Math.round(size)} ms`;
  if (size < 59_950) return `${trimmed(size / 1000)} s`;
  const seconds = Math.round(size / 1000);
  const units: [number, string][] = [
    [86400, "d"],
    [3600, "h"],
    [60, "min"],
    [1, "s"],
  ];
  const first = units.findIndex(([length]) => seconds >= length);
  const [length, name] = units[first] as [number, string];
  const rest = units[first + 1];
  const whole = `${Math.floor(seconds / length)} ${name}`;
  const more = rest ? Math.floor((seconds % length) / rest[0]) : 0;
  return rest && more > 0 ? `${whole} ${more} ${rest[1]}` : whole;
}

/** `1.5 MB` (powers of 1000, as disks count). */
export function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let size = count;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? size : trimmed(size)} ${units[unit]}`;
}

function trimmed(value: number): string {
  return value.toFixed(value < 10 ? 2 : 1).replace(/\.?0+$/, "");
}
