import { Virtualizer, elementScroll, observeElementOffset, observeElementRect } from "@tanstack/virtual-core";
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";
import { live } from "./live.ts";

/** Renders again when the live copy changed in one of these ways. */
export function useLive(...what: ("rows" | "pulse" | "link")[]): void {
  const [, again] = useReducer((n: number) => n + 1, 0);
  useEffect(() => live.subscribe((kind) => what.includes(kind as "rows") && again(undefined)), []);
}

/** The server's time, once a second. */
export function useNow(every = 1000): number {
  const [now, set] = useState(live.now());
  useEffect(() => {
    const timer = setInterval(() => set(live.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

export function useRows(count: number, height: number, scroller: { current: HTMLElement | null }): Virtualizer<HTMLElement, Element> {
  const [, again] = useReducer((n: number) => n + 1, 0);
  const kept = useRef<Virtualizer<HTMLElement, Element> | null>(null);
  const options = {
    count, estimateSize: () => height, overscan: 8, getScrollElement: () => scroller.current,
    observeElementRect, observeElementOffset, scrollToFn: elementScroll, onChange: () => again(undefined),
  };
  kept.current ??= new Virtualizer<HTMLElement, Element>(options);
  kept.current.setOptions(options);
  useLayoutEffect(() => kept.current?._didMount(), []);
  useLayoutEffect(() => kept.current?._willUpdate());
  return kept.current;
}

/** Keys outside of inputs; `event.key` as the browser names it. */
export function useKeys(keys: Record<string, (event: KeyboardEvent) => void>): void {
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      if (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) return;
      if (event.key === "Enter" || event.key === " ") if (/^(A|BUTTON|SUMMARY)$/.test(target.tagName)) return;
      const act = latest.current[event.key];
      if (act) {
        event.preventDefault();
        act(event);
      }
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}
