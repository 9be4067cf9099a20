import { Keyboard, LogOut, MonitorDot } from "lucide-preact";
import { useNow, useLive } from "./hooks.ts";
import { KeysHelp, openKeys } from "./keys.tsx";
import { live } from "./live.ts";
import { ago, clock } from "./time.ts";
import type { User } from "./types.ts";
import { lang, t } from "./words.ts";

const LATE = 4; // seconds without a pulse before it is said
const STALLED = 30;

export function Header({ user, path, onLanguage }: { user: User; path: string; onLanguage: () => void }) {
  useLive("pulse", "link");
  const now = useNow();
  return (
    <header class="top">
      <a class="brand" href="/">{t("product")}</a>
      <nav aria-label={t("product")}>
        <a href="/" aria-current={path === "/" || path.startsWith("/incidents") ? "page" : undefined}>{t("queue")}</a>
        <a href="/messages" aria-current={path === "/messages" ? "page" : undefined}>{t("messages")}</a>
        <a href="/wallboard" aria-current={path === "/wallboard" ? "page" : undefined}>{t("wallboard")}</a>
      </nav>
      <Health now={now} />
      <span class="space" />
      <time class="num quiet">{clock(now)} KST</time>
      <span class="who">{user.name}</span>
      <button class="plain" onClick={onLanguage} lang={lang() === "ko" ? "en" : "ko"}>{t("language")}</button>
      <button class="plain icon" onClick={openKeys} title={`${t("keys")} (?)`} aria-label={t("keys")}><Keyboard size={16} /></button>
      <form method="post" action="/sign-out"><button class="plain icon" title={t("signOut")} aria-label={t("signOut")}><LogOut size={16} /></button></form>
      <KeysHelp />
    </header>
  );
}

/** Is the console itself alive, is anything coming in, does anyone keep silent: in words, with seconds. */
function Health({ now }: { now: number }) {
  const pulse = live.pulse;
  const quiet = Math.max(0, (Date.now() - live.lastWord) / 1000);
  const behind = pulse ? Object.values(pulse.lag).reduce((sum, n) => sum + n, 0) : 0;
  const stuck = live.lagSince !== null && Date.now() - live.lagSince > STALLED * 1000;
  const whole = Math.floor(quiet);
  return (
    <div class="health">
      {(live.link === "lost" || quiet > LATE) && <span class="heard" role="alert">{t("noLive")}</span>}
      {live.link === "lost" ? <b class="bad">■ {t("lost", { n: whole })}</b>
        : live.link === "connecting" ? <span class="quiet">○ {t("connecting")}</span>
        : quiet > LATE ? <b class="bad">▲ {t("noWord", { n: whole })}</b>
        : <span class="good"><MonitorDot size={14} aria-hidden="true" /> {t("live")} <span class="num">{lang() === "ko" ? `${quiet.toFixed(1)}초` : `${quiet.toFixed(1)} s`}</span></span>}
      {pulse && <span class="num">{t("eventsPerSecond", { n: Math.round(pulse.events_per_second).toLocaleString() })}</span>}
      {pulse && (pulse.silent > 0 ? (
        <details class="drop">
          <summary><b class="bad num">▲ {t("agents", { up: pulse.agents - pulse.silent, all: pulse.agents })} · {t("silent", { n: pulse.silent })}</b></summary>
          <div class="panel">
            <h2>{t("silentTitle")}</h2>
            <ul>{pulse.silent_agents.map((one) => (
              <li key={one.tenant + one.device}><b>{one.device}</b> <span class="quiet">{one.tenant}</span><span class="num">{one.last_seen ? ago(one.last_seen, now) : t("never")}</span></li>
            ))}</ul>
          </div>
        </details>
      ) : <span class="num">{pulse.agents ? t("agents", { up: pulse.agents, all: pulse.agents }) : t("noAgents")}</span>)}
      {behind > 0 && <span class={stuck ? "bad num" : "num quiet"} title={`${t("lagTitle")}: ${Object.entries(pulse?.lag ?? {}).map(([k, v]) => `${k} ${v}`).join(", ")}`}>{stuck ? "▲ " : ""}{t(stuck ? "behindStuck" : "behind", { n: behind.toLocaleString() })}</span>}
    </div>
  );
}
