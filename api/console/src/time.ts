import { lang, t } from "./words.ts";

const pad = (n: number): string => String(n).padStart(2, "0");

/** `2:10` under an hour as minutes:seconds, `3시간 20분` under two days, else days. */
export function span(milliseconds: number): string {
  const s = Math.floor(Math.abs(milliseconds) / 1000);
  if (s < 3600) return `${pad(Math.floor(s / 60))}:${pad(s % 60)}`;
  const hours = Math.floor(s / 3600);
  if (hours < 48) return lang() === "ko" ? `${hours}시간 ${Math.floor((s % 3600) / 60)}분` : `${hours} h ${Math.floor((s % 3600) / 60)} m`;
  return lang() === "ko" ? `${Math.floor(hours / 24)}일` : `${Math.floor(hours / 24)} d`;
}

export function ago(then: string, now: number): string {
  const minutes = Math.floor((now - Date.parse(then)) / 60_000);
  if (minutes < 1) return t("justNow");
  if (minutes < 60) return t("agoMinutes", { n: minutes });
  if (minutes < 48 * 60) return t("agoHours", { n: Math.floor(minutes / 60) });
  return t("agoDays", { n: Math.floor(minutes / 1440) });
}

const formats = new Map<string, Intl.DateTimeFormat>(); // making one costs a hundred times using it

function format(zone: string, what: "clock" | "day" | "date"): Intl.DateTimeFormat {
  const key = `${lang()} ${zone} ${what}`;
  let made = formats.get(key);
  if (!made) {
    const shown: Intl.DateTimeFormatOptions = what !== "clock"
      ? { month: "long", day: "numeric", weekday: "short", ...(what === "date" && { year: "numeric" }) }
      : { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
    made = new Intl.DateTimeFormat(lang() === "ko" ? "ko-KR" : "en-GB", { ...shown, timeZone: zone });
    formats.set(key, made);
  }
  return made;
}

export function clock(moment: string | number, zone = "Asia/Seoul"): string {
  return format(zone, "clock").format(new Date(moment));
}

/** With its year when it is not this one: replayed records can be old. */
export function day(moment: string | number, zone = "Asia/Seoul"): string {
  const at = new Date(moment);
  return format(zone, at.getFullYear() === new Date().getFullYear() ? "day" : "date").format(at);
}

export function stamp(moment: string, zone = "Asia/Seoul"): string {
  return `${day(moment, zone)} ${clock(moment, zone)}`;
}
