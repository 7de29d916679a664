import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { follow } from "../src/shared/stream";

class Source {
  static made: Source[] = [];
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  closed = false;
  private readonly listeners = new Map<string, (event: { data: string }) => void>();

  constructor(readonly url: string) {
    Source.made.push(this);
  }

  addEventListener(name: string, listener: (event: { data: string }) => void): void {
    this.listeners.set(name, listener);
  }

  emit(name: string, data: unknown): void {
    this.listeners.get(name)?.({ data: JSON.stringify(data) });
  }

  close(): void {
    this.closed = true;
  }
}

const newest = (): Source => Source.made.at(-1) as Source;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("EventSource", Source);
  Source.made = [];
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a stream", () => {
  it("hands over events by name", () => {
    const heard: unknown[] = [];
    follow("/stream", { journey: (data) => heard.push(data) }, () => undefined);
    newest().emit("journey", { steps: [1] });
    newest().emit("other", {});
    expect(heard).toEqual([{ steps: [1] }]);
  });

  it("comes back after errors, waiting longer each time, and at once again after it was open", () => {
    const states: boolean[] = [];
    follow("/stream", {}, (open) => states.push(open));
    newest().onerror?.();
    expect(newest().closed).toBe(true);
    vi.advanceTimersByTime(500);
    expect(Source.made).toHaveLength(2);
    newest().onerror?.();
    vi.advanceTimersByTime(500);
    expect(Source.made).toHaveLength(2);
    vi.advanceTimersByTime(500);
    expect(Source.made).toHaveLength(3);
    newest().onopen?.();
    newest().onerror?.();
    vi.advanceTimersByTime(500);
    expect(Source.made).toHaveLength(4);
    expect(states).toEqual([false, false, true, false]);
  });

  it("stays closed", () => {
    const following = follow("/stream", {}, () => undefined);
    newest().onerror?.();
    following.close();
    vi.advanceTimersByTime(60_000);
    expect(Source.made).toHaveLength(1);
  });
});
