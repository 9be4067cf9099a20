import assert from "node:assert/strict";
import { test } from "node:test";
import { byUrgency, count, filterOf, matches, place, queryOf } from "./order.ts";
import type { Row } from "./types.ts";

const row = (number: number, risk: 1 | 2 | 3 | 4, more: Partial<Row> = {}): Row => ({
  id: `i${number}`, number, version: 1, tenant_id: "t", tenant: "한빛정밀", title_ko: "가", title_en: "a", risk, score: 1,
  status: "new", verdict: "", owner_id: null, owner: "", first_time: "", last_time: "", opened_at: "", updated_at: "",
  told_at: null, acknowledged_at: null, client_answered_at: null, closed_at: null, finding_count: 1, event_count: 1,
  answer: "", failed_notices: 0, deadline: null, ...more,
});
const mapOf = (rows: Row[]) => new Map(rows.map((one) => [one.id, one]));

test("the worst level comes first, within it a call for help", () => {
  const rows = [row(1, 2), row(2, 4), row(3, 2, { answer: "help" }), row(4, 3)];
  assert.deepEqual(rows.sort(byUrgency).map((one) => one.number), [2, 4, 3, 1]);
});

test("a held list never moves a row that is shown", () => {
  const rows = [row(1, 3), row(2, 2), row(9, 4)];
  const { shown, waiting } = place(mapOf(rows), rows, ["i1", "i2"], true);
  assert.deepEqual(shown, ["i1", "i2"]);
  assert.deepEqual(waiting, ["i9"]);
});

test("a new row below everything shown appears at once", () => {
  const rows = [row(1, 3), row(2, 2), row(9, 1)];
  assert.deepEqual(place(mapOf(rows), rows, ["i1", "i2"], true), { shown: ["i1", "i2", "i9"], waiting: [] });
});

test("a list that is not held settles into order of urgency", () => {
  const rows = [row(1, 3), row(2, 2), row(9, 4)];
  assert.deepEqual(place(mapOf(rows), rows, ["i1", "i2"], false).shown, ["i9", "i1", "i2"]);
});

test("a filter survives the address bar", () => {
  const filter = { view: "mine", risk: 4, text: "#12 빛", tenant: "t1" } as const;
  assert.deepEqual(filterOf(queryOf(filter)), filter);
});

test("every word of a search must be found", () => {
  const filter = filterOf("?q=" + encodeURIComponent("한빛 #1"));
  assert.equal(matches(row(1, 2), filter, "me", 0), true);
  assert.equal(matches(row(2, 2), filter, "me", 0), false);
});

test("a row is counted in every view it belongs to, and by level in the chosen one", () => {
  const rows = [row(1, 4, { owner_id: "me" }), row(2, 1), row(3, 4, { status: "closed" })];
  const { views, levels } = count(rows, "open", "me", 0);
  assert.deepEqual(views, { open: 2, mine: 1, due: 0, answer: 0, unowned: 1, closed: 1, all: 3 });
  assert.deepEqual(levels, { 1: 1, 2: 0, 3: 0, 4: 1 });
});
