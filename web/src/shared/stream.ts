/** Server-sent events that come back by themselves after a restart of the server or a broken line. */

import { useEffect, useRef, useState } from "preact/hooks";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;

export type Handlers = Record<string, (data: unknown) => void>;

/** Follow a stream until `close()`; `onState` hears whether it is open. */
export function follow(url: string, handlers: Handlers, onState: (open: boolean) => void): { close(): void } {
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let wait = FIRST_WAIT_MS;

  function open(): void {
    source = new EventSource(url);
    source.onopen = () => {
      wait = FIRST_WAIT_MS;
      onState(true);
    };
    // the browser's own reconnecting gives up at an error status, such as the 502 of a front door without its service
    source.onerror = () => {
      source?.close();
      onState(false);
      timer = setTimeout(open, wait);
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    };
    for (const [name, handle] of Object.entries(handlers)) {
      source.addEventListener(name, (event) => handle(JSON.parse((event as MessageEvent<string>).data)));
    }
  }

  open();
  return {
    close() {
      clearTimeout(timer);
      source?.close();
    },
  };
}

/** `follow` for the life of a component; answers whether the stream is open. */
export function useStream(url: string, handlers: Handlers): boolean {
  const [open, setOpen] = useState(false);
  const newest = useRef(handlers);
  newest.current = handlers;
  useEffect(() => {
    const names = Object.keys(newest.current);
    const relay = Object.fromEntries(names.map((name) => [name, (data: unknown) => newest.current[name]?.(data)]));
    return follow(url, relay, setOpen).close;
  }, [url]);
  return open;
}
