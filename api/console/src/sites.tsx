import { useEffect, useRef, useState } from "preact/hooks";
import { get, post, Refusal } from "./call.ts";
import { stamp } from "./time.ts";
import type { Detail, Picture, Site } from "./types.ts";
import { t, type Word } from "./words.ts";

const MINUTES = [30, 60, 120, 480, 1440];

/** The watched sites that the incident is about: before and after, and "I am deploying". Nothing for other incidents. */
export function Sites({ detail, onChange }: { detail: Detail; onChange: () => void }) {
  const about = detail.findings.some((finding) => finding.logsource["category"] === "web_integrity");
  const [sites, setSites] = useState<Site[]>([]);
  const [asked, setAsked] = useState<{ site: Site; now: boolean } | null>(null);
  useEffect(() => {
    if (about) void get<{ sites: Site[] }>(`/api/incidents/${detail.row.number}/sites`).then((found) => setSites(found.sites), () => setSites([]));
  }, [about, detail]);
  if (sites.length === 0) return null;
  return (
    <section class="sites" aria-label={t("site")}>
      {sites.map((site) => (
        <div key={site.id} class="site">
          <div class="heading">
            <h2>{t("site")} <span class="num">{site.url}</span></h2>
            {site.deploying_until && <span class="flag strong">{t("deployingUntil", { t: stamp(site.deploying_until, detail.zone) })}</span>}
            <div class="buttons">
              <button onClick={() => setAsked({ site, now: false })}>{t("deploying")}…</button>
              <button onClick={() => setAsked({ site, now: true })}>{t("deployed")}…</button>
            </div>
          </div>
          <div class="faces">
            <Face word="siteBefore" picture={site.before} path={`/api/incidents/${detail.row.number}/sites/${site.id}/pictures`} zone={detail.zone} />
            <Face word="siteAfter" picture={site.after} path={`/api/incidents/${detail.row.number}/sites/${site.id}/pictures`} zone={detail.zone} />
          </div>
        </div>
      ))}
      {asked && <Deploying site={asked.site} now={asked.now} incident={detail.row.id} onEnd={(done) => { setAsked(null); if (done) onChange(); }} />}
    </section>
  );
}

function Face({ word, picture, path, zone }: { word: Word; picture: Picture | null; path: string; zone: string }) {
  const address = picture && `${path}/${picture.name}`;
  return (
    <figure>
      <figcaption>{t(word)} {picture && <time class="num quiet" dateTime={picture.taken_at}>{stamp(picture.taken_at, zone)}</time>}</figcaption>
      {address ? <a href={address} target="_blank" rel="noreferrer" title={t("openPicture")}><img src={address} alt={t(word)} loading="lazy" /></a> : <p class="quiet none">{t("noPicture")}</p>}
    </figure>
  );
}

/** Says what it will do, then does it. */
function Deploying({ site, now, incident, onEnd }: { site: Site; now: boolean; incident: string; onEnd: (done: boolean) => void }) {
  const box = useRef<HTMLDialogElement>(null);
  const [minutes, setMinutes] = useState(60);
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);
  useEffect(() => box.current?.showModal(), []);
  const act = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    try {
      await post(`/api/incidents/${incident}/sites/${site.id}/deploying`, { minutes: now ? 0 : minutes });
      onEnd(true);
    } catch (error) {
      setWrong(error instanceof Refusal ? error.message : t("failed", { why: String(error) }));
      setBusy(false);
    }
  };
  return (
    <dialog ref={box} class="act" onClose={() => onEnd(false)} aria-labelledby="deploying-title">
      <form onSubmit={act}>
        <h2 id="deploying-title">{t(now ? "deployed" : "deploying")} <span class="quiet num">{site.url}</span></h2>
        {!now && <label>{t("howLong")}<select value={minutes} onChange={(event) => setMinutes(Number(event.currentTarget.value))}>
          {MINUTES.map((one) => <option key={one} value={one}>{one < 120 ? t("minutesN", { n: one }) : t("hoursN", { n: one / 60 })}</option>)}
        </select></label>}
        <p class="consequence">{t(now ? "willAccept" : "willDeploy")}</p>
        {wrong && <p class="wrong" role="alert">{wrong}</p>}
        <div class="buttons">
          <button type="submit" class="primary" disabled={busy}>{t(now ? "deployed" : "deploying")}</button>
          <button type="button" onClick={() => onEnd(false)}>{t("cancel")} <kbd>Esc</kbd></button>
        </div>
      </form>
    </dialog>
  );
}
