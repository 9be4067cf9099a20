import type { Risk, Row } from "./types.ts";

export type View = "open" | "mine" | "due" | "answer" | "unowned" | "closed" | "all";
export interface Filter { view: View; risk: Risk | null; text: string; tenant: string | null }

export const VIEWS: readonly View[] = ["open", "mine", "due", "answer", "unowned", "closed", "all"];
const SOON = 15 * 60_000;

const dues = new WeakMap<Row, number>(); // parsing dates was half the cost of a delta over 2,000 rows

/** The deadline in milliseconds; without one, never. */
export function dueAt(row: Row): number {
  let at = dues.get(row);
  if (at === undefined) {
    at = row.deadline === null ? Infinity : Date.parse(row.deadline.due);
    dues.set(row, at);
  }
  return at;
}

export interface Counts { views: Record<View, number>; levels: Record<Risk, number> }

/** How many rows each view holds, and each level within the chosen view: one pass. */
export function count(rows: Iterable<Row>, chosen: View, me: string, now: number): Counts {
  const found: Counts = {
    views: { open: 0, mine: 0, due: 0, answer: 0, unowned: 0, closed: 0, all: 0 },
    levels: { 1: 0, 2: 0, 3: 0, 4: 0 },
  };
  for (const row of rows) {
    for (const view of VIEWS) if (inView(row, view, me, now)) found.views[view]++;
    if (inView(row, chosen, me, now)) found.levels[row.risk]++;
  }
  return found;
}

export function inView(row: Row, view: View, me: string, now: number): boolean {
  const open = row.status !== "closed";
  switch (view) {
    case "all": return true;
    case "closed": return !open;
    case "open": return open;
    case "mine": return open && row.owner_id === me;
    case "due": return open && dueAt(row) - now < SOON;
    case "answer": return open && row.answer !== "";
    case "unowned": return open && row.owner_id === null;
  }
}

export function matches(row: Row, filter: Filter, me: string, now: number): boolean {
  if (!inView(row, filter.view, me, now)) return false;
  if (filter.risk !== null && row.risk !== filter.risk) return false;
  if (filter.tenant !== null && row.tenant_id !== filter.tenant) return false;
  if (filter.text === "") return true;
  const words = filter.text.trim().toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const text = `#${row.number} ${row.tenant} ${row.title_ko} ${row.title_en} ${row.owner}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

/** Worst first; within a level a client's call for help first, then the nearest deadline, then the newest. */
export function byUrgency(a: Row, b: Row): number {
  return (
    b.risk - a.risk ||
    Number(wantsUs(b)) - Number(wantsUs(a)) ||
    due(a) - due(b) ||
    b.number - a.number
  );
}
const due = (row: Row): number => Math.floor(dueAt(row) / 60_000);
const wantsUs = (row: Row): boolean => row.status !== "closed" && (row.answer === "help" || row.answer === "call");

export interface Placement { shown: string[]; waiting: string[] }

/**
 * Where rows stand, given where the reader last saw them. A held list keeps its order: what is new waits to be
 * announced, unless its place is below all that is shown; what no longer matches stays until the list settles.
 */
export function place(rows: ReadonlyMap<string, Row>, wanted: readonly Row[], before: readonly string[], held: boolean): Placement {
  const sorted = [...wanted].sort(byUrgency).map((row) => row.id);
  if (!held || before.length === 0) return { shown: sorted, waiting: [] };
  const kept = before.filter((id) => rows.has(id));
  const known = new Set(kept);
  const fresh = sorted.filter((id) => !known.has(id));
  const rank = new Map(fresh.length ? sorted.map((id, at) => [id, at]) : []);
  const last = rank.get(kept[kept.length - 1] ?? "") ?? -1;
  const below = last < 0 ? [] : fresh.filter((id) => (rank.get(id) ?? 0) > last);
  const under = new Set(below);
  return { shown: [...kept, ...below], waiting: fresh.filter((id) => !under.has(id)) };
}

export function filterOf(query: string): Filter {
  const q = new URLSearchParams(query);
  const risk = Number(q.get("risk"));
  const view = q.get("view") as View;
  return {
    view: VIEWS.includes(view) ? view : "open",
    risk: risk >= 1 && risk <= 4 ? (risk as Risk) : null,
    text: q.get("q") ?? "",
    tenant: q.get("tenant"),
  };
}

export function queryOf(filter: Filter): string {
  const q = new URLSearchParams();
  if (filter.view !== "open") q.set("view", filter.view);
  if (filter.risk !== null) q.set("risk", String(filter.risk));
  if (filter.text) q.set("q", filter.text);
  if (filter.tenant) q.set("tenant", filter.tenant);
  const text = q.toString();
  return text ? `?${text}` : "";
}
