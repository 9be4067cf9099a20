import "./theme.css";
import "./console.css";
import { render } from "preact";
import { useState } from "preact/hooks";
import { post } from "./call.ts";
import { Header } from "./header.tsx";
import { IncidentPage } from "./incident.tsx";
import { live } from "./live.ts";
import { MessagesPage } from "./messages.tsx";
import { Queue } from "./queue.tsx";
import type { User } from "./types.ts";
import { follow, useWhere } from "./where.ts";
import { setWords } from "./words.ts";

function Console({ user }: { user: User }) {
  const { path } = useWhere();
  const [language, setLanguage] = useState(user.language);
  setWords(language);
  document.documentElement.lang = language;
  const toggle = (): void => {
    const next = language === "ko" ? "en" : "ko";
    void post("/api/me/language", { language: next }).then(() => setLanguage(next));
  };
  const number = /^\/incidents\/(\d+)$/.exec(path)?.[1];
  const wall = path === "/wallboard";
  return (
    <div class={wall ? "console wall" : "console"} onClick={follow}>
      <Header user={user} path={path} onLanguage={toggle} />
      {number ? <IncidentPage key={number} number={Number(number)} user={user} />
        : path === "/messages" ? <MessagesPage />
        : <Queue user={user} wall={wall} />}
    </div>
  );
}

const root = document.getElementById("app") as HTMLElement;
live.start();
render(<Console user={JSON.parse(root.dataset["user"] ?? "{}") as User} />, root);
