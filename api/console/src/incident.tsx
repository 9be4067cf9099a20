import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ArrowLeft } from "lucide-preact";
import { Actions, type Doing, type What } from "./actions.tsx";
import { get, Refusal } from "./call.ts";
import { useKeys, useLive, useNow } from "./hooks.ts";
import { openKeys } from "./keys.tsx";
import { Level } from "./level.tsx";
import { live } from "./live.ts";
import { Due, Flags, Stepper } from "./queue.tsx";
import { Sites } from "./sites.tsx";
import { ago, clock, stamp } from "./time.ts";
import { Timeline } from "./timeline.tsx";
import type { Detail, Device, EvidenceEvent, User } from "./types.ts";
import { go } from "./where.ts";
import { coded, lang, t, titleOf } from "./words.ts";

export function IncidentPage({ number, user }: { number: number; user: User }) {
  const [detail, setDetail] = useState<Detail | null>(null);
  const [evidence, setEvidence] = useState<{ events: EvidenceEvent[]; complete: boolean }>({ events: [], complete: true });
  const [wrong, setWrong] = useState("");
  const [doing, setDoing] = useState<Doing | null>(null);
  const now = useNow();
  const seen = useRef("");
  useLive("rows");
  const load = useCallback(() => {
    get<Detail>(`/api/incidents/${number}`).then(setDetail, (error: unknown) =>
      setWrong(error instanceof Refusal && error.status === 404 ? t("notThere") : String(error instanceof Error ? error.message : error)));
    get<typeof evidence>(`/api/incidents/${number}/events`).then(setEvidence, () => setEvidence((known) => ({ ...known, complete: false })));
  }, [number]);
  useEffect(load, [load]);

  const row = detail ? (live.rows.get(detail.row.id) ?? detail.row) : null;
  const mark = row ? `${row.id}:${row.version}` : "";
  useEffect(() => {
    if (!mark) return;
    if (seen.current && seen.current !== mark) {
      const timer = setTimeout(load, 400); // an attack changes an incident many times a second
      seen.current = mark;
      return () => clearTimeout(timer);
    }
    seen.current = mark;
    return undefined;
  }, [mark]);
  useEffect(() => live.subscribe((what) => what === "notices" && load()), [load]);

  const act = (what: What): void => {
    if (detail && row) setDoing({ what, row: { ...row, version: detail.row.version, risk: detail.row.risk }, reach: detail.reach });
  };
  const open = row !== null && row.status !== "closed";
  useKeys({
    u: () => go("/"), Escape: () => go("/"), "?": openKeys,
    a: () => open && act("claim"), c: () => row?.status === "new" && act("acknowledge"), m: () => act("note"), x: () => open && act("close"),
  });
  if (wrong) return <main class="incident"><p class="wrong" role="alert">{wrong}</p><a href="/">{t("back")}</a></main>;
  if (!detail || !row) return <main class="incident"><p class="quiet">{t("loading")}</p></main>;
  return (
    <main class="incident">
      <header>
        <p class="quiet num"><a href="/"><ArrowLeft size={14} aria-hidden="true" /> {t("back")}</a> · #{row.number} · <a href={`/?tenant=${row.tenant_id}&view=all`}>{row.tenant}</a> · {coded("status", row.status)}{row.verdict && ` · ${coded("verdict", row.verdict)}`}</p>
        <h1>{titleOf(row)}</h1>
        <div class="facts">
          <Level risk={row.risk} />
          <Terms detail={detail} score={row.score} />
          <Due row={row} now={now} />
          <span>{t("owner")}: <b>{row.owner || t("nobody")}</b></span>
          <Flags row={row} />
        </div>
        <div class="bar">
          <Stepper row={row} />
          <div class="buttons">
            {row.status === "new" && <button class="primary" onClick={() => act("acknowledge")}>{t("acknowledge")} <kbd>c</kbd></button>}
            {open && row.owner_id !== user.id && <button onClick={() => act("claim")}>{t("claim")} <kbd>a</kbd></button>}
            {open && <button onClick={() => act("assign")}>{t("assign")}</button>}
            <button onClick={() => act("note")}>{t("note")} <kbd>m</kbd></button>
            {open ? <button onClick={() => act("close")}>{t("close")} <kbd>x</kbd></button> : <button onClick={() => act("reopen")}>{t("reopen")}</button>}
          </div>
        </div>
      </header>
      <div class="columns">
        <div>
          <Sites detail={detail} onChange={load} />
          <Timeline detail={detail} events={evidence.events} complete={evidence.complete} />
        </div>
        <Aside detail={detail} now={now} />
      </div>
      {doing && <Actions doing={doing} user={user} onEnd={(changed) => { setDoing(null); if (changed) load(); }} />}
    </main>
  );
}

function Terms({ detail, score }: { detail: Detail; score: number }) {
  const terms = detail.score_terms;
  const say = (term: { ko: string; en: string }): string => (lang() === "ko" ? term.ko : term.en);
  return (
    <details class="drop">
      <summary class="num">{t("score")} {score}{terms.length > 0 && <span class="quiet"> · {terms.slice(0, 3).map((term) => `${say(term)} ${term.points > 0 ? "+" : ""}${term.points}`).join(" · ")}</span>}</summary>
      <div class="panel"><h2>{t("why")}</h2><ul>{terms.map((term) => <li key={term.en}>{say(term)}<span class="num">{term.points > 0 ? "+" : ""}{term.points}</span></li>)}</ul></div>
    </details>
  );
}

function Seen({ device, now }: { device: Device; now: number }) {
  return <>{t("lastSeen")}: {device.last_seen ? ago(device.last_seen, now) : t("never")}{device.agent_version && ` · ${t("agentVersion")} ${device.agent_version}`}</>;
}

function Aside({ detail, now }: { detail: Detail; now: number }) {
  const { row, zone } = detail;
  return (
    <aside class="side">
      <section><h2>{t("period")}</h2>
        <p class="num">{stamp(row.first_time, zone)}<br />{row.last_time !== row.first_time && `– ${clock(row.last_time, zone)}`}</p>
        <p class="num quiet">{t("findingsCount", { f: row.finding_count.toLocaleString(), e: row.event_count.toLocaleString() })}</p>
      </section>
      <section><h2>{t("devices")}</h2>
        {detail.devices.length === 0 && <p class="quiet">—</p>}
        <ul>{detail.devices.filter((device) => !device.sender).map((device) => (
          <li key={device.name}><b>{device.name}</b> <span class="quiet">{device.os}</span>
            {device.os !== "web site" && <p class="quiet num">{device.id ? <Seen device={device} now={now} /> : t("noOwnAgent")}</p>}</li>
        ))}</ul>
        {detail.devices.some((device) => device.sender) && <>
          <h3>{t("sentBy")}</h3>
          <ul>{detail.devices.filter((device) => device.sender).map((device) => (
            <li key={device.id} class="quiet">{device.name}<p class="num"><Seen device={device} now={now} /></p></li>
          ))}</ul>
        </>}
      </section>
      {detail.users.length > 0 && <section><h2>{t("people")}</h2><ul>{detail.users.map((name) => <li key={name}><code>{name}</code></li>)}</ul></section>}
      <section><h2>{t("contacts")}</h2>
        {detail.reach.length === 0 && <p class="quiet">{t("noContacts")}</p>}
        <ul>{detail.reach.map((one) => (
          <li key={one.channel + one.address}>{one.name} <span class="quiet">{t(one.channel)} <span class="num">{one.address}</span>{!one.told && ` · ${t("notReached")}`}</span></li>
        ))}</ul>
      </section>
      <section><h2>{t("past")}</h2>
        {detail.past.length === 0 ? <p class="quiet">{t("noPast")}</p> : <ul>{detail.past.map((past) => (
          <li key={past.number}><a href={`/incidents/${past.number}`}>{titleOf(past)}</a><p class="quiet num"><Level risk={past.risk} /> {coded("status", past.status)} · {ago(past.opened_at, now)}</p></li>
        ))}</ul>}
      </section>
    </aside>
  );
}
