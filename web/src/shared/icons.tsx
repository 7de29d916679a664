/** Line icons on a 24-unit grid, drawn with the colour of the text around them. */

import type { JSX } from "preact";

const PATHS = {
  arrived: "M12 3v11m0 0 4-4m-4 4-4-4M4 15v4a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2v-4",
  stored:
    "M4 6c0-1.7 3.6-3 8-3s8 1.3 8 3-3.6 3-8 3-8-1.3-8-3Zm0 0v12c0 1.7 3.6 3 8 3s8-1.3 8-3V6M4 12c0 1.7 3.6 3 8 3s8-1.3 8-3",
  linked:
    "M9.5 14.5 14.5 9.5M11 6.5l1.2-1.2a4.6 4.6 0 0 1 6.5 6.5L17.5 13M13 17.5l-1.2 1.2a4.6 4.6 0 0 1-6.5-6.5L6.5 11",
  verified: "M12 3 5 6v5.5c0 4.4 2.9 8 7 9.5 4.1-1.5 7-5.1 7-9.5V6l-7-3Zm-3.2 9 2.4 2.4 4.2-4.6",
  reminded: "M6 9.5a6 6 0 0 1 12 0c0 5 2 6.5 2 6.5H4s2-1.5 2-6.5ZM10 20a2.2 2.2 0 0 0 4 0",
  marked: "M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17Zm-3.6 8.7 2.5 2.5 4.7-5.2",
  sent: "M21 4 10.5 13.5M21 4l-6.5 17-4-7.5L3 9.5 21 4Z",
  voided: "M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17ZM6 6l12 12",
  images: "M4 5h16v14H4zM4 16l4.5-5 4 4 2.5-2.5L20 17M15.5 9.2h.01",
  report: "M7 3h7l4 4v14H7zM14 3v4h4M10 12h5M10 16h5",
  check: "m5 12.5 4.5 4.5L19 7.5",
  cross: "m6 6 12 12M18 6 6 18",
  minus: "M6 12h12",
  warning: "M12 4 2.8 19.5h18.4L12 4Zm0 6v4.5m0 2.6v.1",
  search: "M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13ZM20 20l-4.8-4.8",
  back: "M11 5 4 12l7 7M4 12h16",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  download: "M12 4v10m0 0 4-4m-4 4-4-4M5 19h14",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  clock: "M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17ZM12 7.5V12l3 2",
  phone: "M6 3.5h3l1.5 4-2 1.5a12 12 0 0 0 6.5 6.5l1.5-2 4 1.5v3a2 2 0 0 1-2.2 2A17 17 0 0 1 4 5.7 2 2 0 0 1 6 3.5Z",
  plus: "M12 5v14M5 12h14",
  upload: "M12 15V4m0 0 4 4m-4-4-4 4M4 15v4a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2v-4",
  folder: "M3 6h6l2 2.5h10V19H3z",
  play: "M8 5v14l11-7Z",
  exit: "M14 4h5v16h-5M10 8l-4 4 4 4M6 12h9",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }): JSX.Element {
  return (
    <svg
      class="icon"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="1.8"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The bridge of the name: two piers, a span, and a picture that crosses it. */
export function Logo({ size = 26 }: { size?: number }): JSX.Element {
  return (
    <svg class="logo" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="var(--accent-fill)" />
      <path
        d="M5 22h22M8 22v-5m16 5v-5M5 19c5-1.2 8.5-8 11-8s6 6.8 11 8M12 22v-6.5m8 6.5v-6.5M16 22V11"
        fill="none"
        stroke="#fff"
        stroke-width="1.9"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}
