import { useEffect, useReducer } from "preact/hooks";

const watchers = new Set<() => void>();

export function go(to: string, replace = false): void {
  history[replace ? "replaceState" : "pushState"](null, "", to);
  for (const watcher of watchers) watcher();
}

/** Follows a link inside the console without loading the page anew. */
export function follow(event: MouseEvent): void {
  const link = (event.target as HTMLElement).closest("a");
  if (!link || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (link.origin !== location.origin || link.target || !/^\/(incidents\/\d+|messages|wallboard)?$/.test(link.pathname)) return;
  event.preventDefault();
  go(link.pathname + link.search);
}

export function useWhere(): { path: string; query: string } {
  const [, again] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    const watcher = (): void => again(undefined);
    watchers.add(watcher);
    addEventListener("popstate", watcher);
    return () => {
      watchers.delete(watcher);
      removeEventListener("popstate", watcher);
    };
  }, []);
  return { path: location.pathname, query: location.search };
}
