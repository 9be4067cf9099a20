import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Search, X } from "lucide-preact";
import { Actions, type Doing } from "./actions.tsx";
import { get } from "./call.ts";
import { useKeys, useLive, useNow, useRows } from "./hooks.ts";
import { Level, levelWord, steps } from "./level.tsx";
import { live } from "./live.ts";
import { count, dueAt, filterOf, matches, place, queryOf, VIEWS, type Filter } from "./order.ts";
import { openKeys } from "./keys.tsx";
import { ago, clock, span } from "./time.ts";
import type { Detail, Risk, Row, User } from "./types.ts";
import { go, useWhere } from "./where.ts";
import { coded, lang, t, titleOf } from "./words.ts";

const ROW = 36;
const TINT = 1500; // ms that a changed row stays tinted
const READING = 3000; // ms after the last touch in which the list is held still
const STALE = 10 * 60_000;
const PEEKED = 5; // rules named in the side panel
const LEVELS: Risk[] = [4, 3, 2, 1];

let kept: { key: string; shown: string[]; selected: string | null; top: number } = { key: "", shown: [], selected: null, top: 0 };

export function Queue({ user, wall }: { user: User; wall: boolean }) {
  useLive("rows", "pulse", "link");
  const now = useNow();
  const { query } = useWhere();
  const filter = useMemo(() => filterOf(query), [query]);
  const scroller = useRef<HTMLDivElement>(null);
  const search = useRef<HTMLInputElement>(null);
  const touched = useRef(0);
  const over = useRef(false);
  const [selected, select] = useState<string | null>(kept.selected);
  const [peek, setPeek] = useState(false);
  const [doing, setDoing] = useState<Doing | null>(null);
  const settle = useRef(false);

  const all = [...live.rows.values()];
  const minute = Math.floor(now / 60_000) * 60_000;
  const wanted = all.filter((row) => matches(row, filter, user.id, minute));
  const held = !wall && !settle.current && kept.key === query && (over.current || Date.now() - touched.current < READING || (scroller.current?.scrollTop ?? 0) > 0);
  const { shown, waiting } = place(live.rows, wanted, kept.key === query ? kept.shown : [], held);
  settle.current = false;
  kept = { key: query, shown, selected, top: scroller.current?.scrollTop ?? kept.top };

  const rows = useRows(shown.length, ROW, scroller);
  const touch = (): void => { touched.current = Date.now(); };
  const reveal = (): void => {
    settle.current = true;
    touched.current = 0;
    over.current = false;
    scroller.current?.scrollTo({ top: 0 });
    refresh((n) => n + 1);
  };
  const [, refresh] = useState(0);
  const move = (by: number): void => {
    touch();
    const at = selected ? shown.indexOf(selected) : -1;
    const next = Math.max(0, Math.min(shown.length - 1, at < 0 ? 0 : at + by));
    select(shown[next] ?? null);
    rows.scrollToIndex(next, { align: "auto" });
  };
  const chosen = selected ? live.rows.get(selected) : undefined;
  const set = (change: Partial<Filter>): void => go(location.pathname + queryOf({ ...filter, ...change }), true);
  const level = (risk: Risk): void => set({ risk: filter.risk === risk ? null : risk });
  useKeys({
    j: () => move(1), k: () => move(-1), ArrowDown: () => move(1), ArrowUp: () => move(-1),
    Enter: () => chosen && go(`/incidents/${chosen.number}`),
    " ": () => setPeek((open) => !open),
    a: () => chosen && setDoing({ what: "claim", row: chosen }),
    n: reveal, "/": () => search.current?.focus(), "?": openKeys, Escape: () => setPeek(false),
    "1": () => level(1), "2": () => level(2), "3": () => level(3), "4": () => level(4),
  });
  useEffect(() => { if (scroller.current && kept.top) scroller.current.scrollTop = kept.top; }, []);

  const counts = count(all, filter.view, user.id, minute);
  const worst = waiting.map((id) => live.rows.get(id)).filter((row): row is Row => !!row).sort((a, b) => b.risk - a.risk)[0];
  return (
    <div class={peek && !wall ? "queue peeking" : "queue"}>
      {!wall && <nav class="views" aria-label={t("views")}>
        <h2>{t("views")}</h2>
        {VIEWS.map((view) => (
          <button key={view} aria-pressed={filter.view === view} onClick={() => set({ view })}>
            {coded("view", view)}<span class="num">{counts.views[view]}</span>
          </button>
        ))}
      </nav>}
      <main>
        <div class="counters">
          {LEVELS.map((risk) => (
            <button key={risk} class={`counter level-${risk}`} aria-pressed={filter.risk === risk} onClick={() => level(risk)} disabled={wall}>
              <Level risk={risk} /><span class="num count" data-count={counts.levels[risk]}>{counts.levels[risk]}</span>
            </button>
          ))}
          {!wall && <label class="search"><Search size={14} aria-hidden="true" />
            <input ref={search} type="search" value={filter.text} placeholder={t("search")} aria-label={t("search")}
              onInput={(event) => set({ text: event.currentTarget.value })}
              onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()} />
            <span class="quiet num">{t("shown", { n: shown.length })}</span>
          </label>}
          {(filter.text || filter.risk || filter.tenant) && <button class="plain" onClick={() => set({ text: "", risk: null, tenant: null })}><X size={14} /> {t("clear")}</button>}
        </div>
        {live.link === "lost" && <p class="old">▲ {t("asOf", { time: clock(live.lastWord + live.skew) })}</p>}
        <div class="announce" aria-live="polite">
          {waiting.length > 0 && <button onClick={reveal}>
            ▲ {t("newRows", { n: waiting.length })}{worst && <> · {levelWord(worst.risk)} · {worst.tenant} {titleOf(worst)}</>}
          </button>}
        </div>
        <div class="grid" role="grid" aria-label={t("queue")} aria-rowcount={shown.length + 1} tabIndex={-1}
          onPointerMove={() => { over.current = true; touch(); }} onPointerLeave={() => { over.current = false; }}>
          <div class="line head" role="row" aria-rowindex={1}>
            {(["colLevel", "colDue", "colTenant", "colWhat", "colSteps", "colOwner", "colChange"] as const).map((word) => <span role="columnheader" key={word}>{t(word)}</span>)}
          </div>
          <div class="scroll" ref={scroller} onScroll={touch} tabIndex={0} role="rowgroup" aria-label={t("queue")}>
            {shown.length === 0 ? <div role="row"><div role="gridcell"><Empty filtered={query !== ""} now={now} /></div></div> : (
              <div class="sizer" role="presentation" style={{ height: `${rows.getTotalSize()}px` }}>
                {rows.getVirtualItems().map((item) => {
                  const row = live.rows.get(shown[item.index] as string);
                  return row && <Line key={row.id} row={row} top={item.start} index={item.index} selected={row.id === selected} now={now}
                    onSelect={() => { touch(); select(row.id); }} onOpen={() => go(`/incidents/${row.number}`)} onTenant={() => set({ tenant: row.tenant_id })} />;
                })}
              </div>
            )}
          </div>
        </div>
      </main>
      {peek && !wall && <Peek row={chosen} now={now} onClose={() => setPeek(false)} onDo={setDoing} />}
      {doing && <Actions doing={doing} user={user} onEnd={() => setDoing(null)} />}
    </div>
  );
}

interface LineProps { row: Row; top: number; index: number; selected: boolean; now: number; onSelect: () => void; onOpen: () => void; onTenant: () => void }

function Line({ row, top, index, selected, now, onSelect, onOpen, onTenant }: LineProps) {
  const fresh = Date.now() - (live.changedAt.get(row.id) ?? 0) < TINT;
  const closed = row.status === "closed";
  return (
    <div role="row" aria-rowindex={index + 2} aria-selected={selected} data-number={row.number}
      class={`line${selected ? " selected" : ""}${fresh ? " fresh" : ""}${closed ? " closed" : ""}${row.status === "new" ? " new" : ""}`}
      style={{ transform: `translateY(${top}px)` }} onClick={onSelect} onDblClick={onOpen}>
      <span role="gridcell"><Level risk={row.risk} /></span>
      <span role="gridcell"><Due row={row} now={now} /></span>
      <span role="gridcell" class="cut"><button class="link" tabIndex={-1} onClick={(event) => { event.stopPropagation(); onTenant(); }}>{row.tenant}</button></span>
      <span role="gridcell" class="cut what">
        <a href={`/incidents/${row.number}`} tabIndex={-1} title={titleOf(row)}>{titleOf(row)}</a>
        <Flags row={row} />
      </span>
      <span role="gridcell"><Dots row={row} /></span>
      <span role="gridcell" class="cut">{row.owner || <span class="quiet">—</span>}</span>
      <span role="gridcell" class="num quiet">{ago(row.updated_at, now)}</span>
    </div>
  );
}

export function Flags({ row }: { row: Row }) {
  return (
    <>
      {row.answer === "help" && <b class="flag strong">{t("helpWanted")}</b>}
      {row.answer === "call" && <b class="flag strong">{t("callWanted")}</b>}
      {row.answer === "ours" && <b class="flag">{t("oursSaid")}</b>}
      {row.failed_notices > 0 && <b class="flag strong">{t("noticeFailed", { n: row.failed_notices })}</b>}
    </>
  );
}

export function Due({ row, now }: { row: Row; now: number }) {
  if (!row.deadline) return <span class="quiet">{t("dueDone")}</span>;
  const left = dueAt(row) - now;
  const part = Math.max(0, Math.min(1, left / (row.deadline.span * 1000)));
  const word = coded("due", row.deadline.step);
  return (
    <span class={`due num${left < 0 ? " over" : part < 0.25 ? " soon" : ""}`} title={word}>
      <svg viewBox="0 0 28 6" width="28" height="6" aria-hidden="true"><rect width="28" height="6" rx="1" class="track" /><rect width={28 * part} height="6" rx="1" class="fill" /></svg>
      {left < 0 ? t("over", { t: span(left) }) : span(left)} <small>{word}</small>
    </span>
  );
}

export function Dots({ row }: { row: Row }) {
  const all = steps(row);
  const words = all.map(([word, at]) => (at ? t("stepDone", { step: t(word), time: clock(at) }) : t("stepOpen", { step: t(word) }))).join(" · ");
  return (
    <span class="dots" role="img" aria-label={words} title={words}>
      {all.map(([word, at]) => <i key={word} class={at ? "done" : ""} />)}
    </span>
  );
}

function Empty({ filtered, now }: { filtered: boolean; now: number }) {
  const pulse = live.pulse;
  if (!live.loaded || !pulse) return <div class="empty"><p class="quiet">{t("loading")}</p></div>;
  if (live.link === "lost") return <div class="empty"><h2>{t("emptyLost")}</h2></div>;
  const last = pulse.last_event_at;
  const stale = last !== null && now - Date.parse(last) > STALE;
  return (
    <div class="empty">
      <h2>{filtered ? t("emptyFilter") : t("emptyOpen")}</h2>
      <p class={stale ? "bad" : ""}>{last === null ? t("emptyNever") : stale ? t("emptyStale", { ago: ago(last, now) }) : t("emptyLast", { ago: ago(last, now), n: pulse.senders })}</p>
      <p class="quiet num">{t("emptyWatch", { t: pulse.tenants, up: pulse.agents - pulse.silent, all: pulse.agents })}</p>
    </div>
  );
}

function Peek({ row, now, onClose, onDo }: { row: Row | undefined; now: number; onClose: () => void; onDo: (doing: Doing) => void }) {
  return (
    <aside class="peek" aria-label={t("peek")}>
      <button class="plain icon close" onClick={onClose} aria-label={t("keyEsc")}><X size={16} /></button>
      {!row ? <p class="quiet">{t("noPeek")}</p> : <>
        <p class="quiet num">#{row.number} · {row.tenant}</p>
        <h2>{titleOf(row)}</h2>
        <p><Level risk={row.risk} /> <span class="num quiet">{t("score")} {row.score}</span></p>
        <p><Flags row={row} /></p>
        <Stepper row={row} />
        <p class="num">{t("findingsCount", { f: row.finding_count.toLocaleString(), e: row.event_count.toLocaleString() })}</p>
        <p><Due row={row} now={now} /></p>
        <p>{t("owner")}: {row.owner || t("nobody")}</p>
        <Short key={row.id} row={row} />
        <div class="buttons">
          <a class="button primary" href={`/incidents/${row.number}`}>{t("open")} <kbd>Enter</kbd></a>
          {row.status !== "closed" && <button onClick={() => onDo({ what: "claim", row })}>{t("claim")} <kbd>a</kbd></button>}
        </div>
      </>}
    </aside>
  );
}

const REST = 250; // ms the choice must rest before its page is read

/** Why, what and where, once the reader stays on a row. */
function Short({ row }: { row: Row }) {
  const [detail, setDetail] = useState<Detail | null>(null);
  useEffect(() => {
    const timer = setTimeout(() => void get<Detail>(`/api/incidents/${row.number}`).then(setDetail, () => undefined), REST);
    return () => clearTimeout(timer);
  }, [row.number, row.version]);
  if (!detail) return <p class="quiet">{t("loading")}</p>;
  const rules = [...new Map(detail.findings.map((one) => [one.rule_id, one])).values()].sort((a, b) => b.risk - a.risk);
  const devices = detail.devices.filter((device) => !device.sender).map((device) => device.name);
  return (
    <>
      <section><h3>{t("why")}</h3><ul>{detail.score_terms.slice(0, 3).map((term) => <li key={term.en}>{lang() === "ko" ? term.ko : term.en} <span class="num quiet">+{term.points}</span></li>)}</ul></section>
      <section><h3>{t("kindFinding")}</h3>
        <ul>{rules.slice(0, PEEKED).map((one) => <li key={one.id}><Level risk={one.risk} /> {titleOf(one)} <span class="num quiet">{t("times", { n: (detail.rule_counts[one.rule_id] ?? 1).toLocaleString() })}</span></li>)}</ul>
        {rules.length > PEEKED && <p class="quiet">{t("moreRules", { n: rules.length - PEEKED })}</p>}
      </section>
      {(devices.length > 0 || detail.users.length > 0) && <section><h3>{t("devices")} · {t("people")}</h3><p>{[...devices, ...detail.users].join(", ")}</p></section>}
    </>
  );
}

export function Stepper({ row }: { row: Row }) {
  return (
    <ol class="stepper">
      {steps(row).map(([word, at]) => (
        <li key={word} class={at ? "done" : ""}><b>{t(word)}</b><span class="num quiet">{at ? clock(at) : "—"}</span></li>
      ))}
    </ol>
  );
}
