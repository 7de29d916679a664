/** Data of a component: loaded at once, again when its key changes, and every so often where that is asked for. */

import { useCallback, useEffect, useState } from "preact/hooks";

export interface Loaded<T> {
  data: T | null;
  error: unknown;
  reload: () => void;
}

/** What was loaded stays while newer data is fetched; a failure is told beside it. */
export function useLoad<T>(key: string, load: () => Promise<T>, everyMs = 0): Loaded<T> {
  const [state, setState] = useState<{ key: string; data: T | null; error: unknown }>({ key, data: null, error: null });
  const [round, setRound] = useState(0);
  const reload = useCallback(() => setRound((n) => n + 1), []);

  useEffect(() => {
    let current = true;
    load().then(
      (data) => current && setState({ key, data, error: null }),
      (error: unknown) => current && setState((old) => ({ key, data: old.key === key ? old.data : null, error })),
    );
    return () => {
      current = false;
    };
  }, [key, round]);

  useEffect(() => {
    if (!everyMs) return;
    const timer = setInterval(() => document.visibilityState === "visible" && reload(), everyMs);
    return () => clearInterval(timer);
  }, [everyMs, reload]);

  return { data: state.key === key ? state.data : null, error: state.error, reload };
}
