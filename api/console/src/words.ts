import type { Language } from "./types.ts";

// Korean first; TypeScript refuses an English table that lacks a key.
const ko = {
  product: "지킴이", queue: "사건", messages: "알림", signOut: "로그아웃", language: "English", keys: "단축키", wallboard: "상황판",
  live: "실시간", secondsAgo: "{n}초 전", noWord: "{n}초째 소식 없음", lost: "연결 끊김 {n}초 · 다시 연결하는 중", connecting: "연결하는 중",
  eventsPerSecond: "이벤트 {n}/초", agents: "에이전트 {up}/{all}", noAgents: "에이전트 없음", silent: "침묵 {n}", silentTitle: "소식이 끊긴 에이전트", lastSeen: "마지막 소식", never: "아직 없음",
  behind: "처리 대기 {n}건", lagTitle: "아직 처리하지 못한 묶음", behindStuck: "처리 멈춤: {n}건 대기",
  level4: "매우높음", level3: "높음", level2: "보통", level1: "낮음",
  viewOpen: "미처리", viewMine: "내 사건", viewDue: "기한 임박", viewAnswer: "고객 응답", viewUnowned: "담당 없음", viewClosed: "종결 (24시간)", viewAll: "전체", views: "보기",
  search: "검색: 회사, 내용, 담당, #번호", clear: "조건 지우기",
  colLevel: "위험도", colDue: "기한", colTenant: "회사", colWhat: "무슨 일", colSteps: "진행", colOwner: "담당", colChange: "변경",
  dueTell: "통지", dueAcknowledge: "접수", dueClose: "종결", left: "{t} 남음", over: "{t} 지남", dueDone: "종결됨",
  stepFound: "발견", stepTold: "통지", stepAcknowledged: "접수", stepAnswered: "고객 응답", stepClosed: "종결",
  stepDone: "{step} {time}", stepOpen: "{step} 전",
  justNow: "방금", agoMinutes: "{n}분 전", agoHours: "{n}시간 전", agoDays: "{n}일 전",
  newRows: "새 사건 {n}건", newWorst: "가장 높은 위험: {level}", show: "보기",
  emptyOpen: "미처리 사건이 없습니다", emptyFilter: "조건에 맞는 사건이 없습니다", emptyLast: "마지막 이벤트는 {ago}에 도착했습니다. 지난 한 시간 동안 장치 {n}대가 이벤트를 보냈습니다.", emptyNever: "아직 도착한 이벤트가 없습니다. 에이전트를 등록하면 여기에 나타납니다.", emptyStale: "조용한 것이 아니라 소식이 끊긴 것입니다: 마지막 이벤트가 {ago}에 도착했습니다.", emptyWatch: "지켜보는 회사 {t}곳, 에이전트 {up}/{all}.",
  helpWanted: "고객: 도와주세요", callWanted: "고객: 전화 요청", oursSaid: "고객: 우리 직원", noticeFailed: "통지 실패 {n}",
  statusNew: "새 사건", statusAcknowledged: "접수됨", statusClosed: "종결",
  verdictTrue_positive: "실제 침해", verdictBenign: "정상 업무", verdictFalse_positive: "오탐", verdictUnclear: "판단 불가", verdict: "판정",
  acknowledge: "접수", claim: "내가 맡기", assign: "담당 지정", note: "메모", close: "종결", reopen: "다시 열기", open: "열기", cancel: "취소", nobody: "담당 없음",
  willAck: "접수로 표시합니다. 고객에게는 아무것도 보내지 않습니다.", willClaim: "담당을 나로 정하고 접수합니다. 고객에게는 아무것도 보내지 않습니다.", willClaimShort: "담당을 나로 정합니다. 고객에게는 아무것도 보내지 않습니다.", willAssign: "담당을 바꿉니다. 고객에게는 아무것도 보내지 않습니다.", willNote: "분석가만 봅니다. 고객에게 보내지 않습니다.", willReopen: "접수 상태로 되돌립니다. 고객에게는 아무것도 보내지 않습니다.",
  tellClosed: "고객에게 끝났다고 알립니다", willTell: "다음 연락처로 종결을 알립니다:", willTellNobody: "이 위험도로 알릴 연락처가 없습니다. 아무것도 보내지 않습니다.", willNotTell: "고객에게는 아무것도 보내지 않습니다.", notReached: "이 위험도에서는 보내지 않음",
  noteText: "메모 내용", closeText: "조치 내용 (기록용)", owner: "담당", done: "처리했습니다", taken: "이미 {by} 님이 {what} ({time}). 화면을 새로 고쳤으니 확인하고 다시 해 주십시오.", failed: "처리하지 못했습니다: {why}", sessionOver: "로그인이 끝났습니다. 쓰신 내용은 그대로 있습니다.", signInAgain: "새 창에서 다시 로그인하고 돌아와 다시 눌러 주십시오.",
  didAcknowledged: "접수했습니다", didAssigned: "담당을 바꿨습니다", didNoted: "메모를 남겼습니다", didClosed: "종결했습니다", didReopened: "다시 열었습니다", didRaised: "위험도를 올렸습니다", didClient_answered: "응답했습니다", didOpened: "열었습니다", didNotified: "알렸습니다",
  back: "사건 목록", score: "점수", why: "점수의 근거", timeline: "시간순 기록", kindFinding: "탐지", kindEvent: "이벤트", kindNotice: "통지", kindAnswer: "고객 응답", kindAction: "조치", fold: "종류별 보기",
  moreEvents: "이벤트 {n}건 더", fewerEvents: "접기", evidenceKept: "증거 이벤트 {kept}건 보관 (전체 {all}건)", raw: "원본 JSON", fields: "필드별", copy: "복사", sameValue: "같은 값의 이벤트 찾기", found: "{n}건", notFound: "같은 값의 이벤트가 더 없습니다.",
  rule: "규칙", tags: "분류", events: "이벤트 {n}건", times: "{n}건", asOf: "연결이 끊겨 {time}의 목록을 보고 있습니다. 새 사건은 보이지 않습니다.", emptyLost: "연결이 끊겨 새 사건이 있는지 알 수 없습니다", noLive: "실시간 연결이 끊겼습니다.", moreRules: "그 외 규칙 {n}가지", moreFindings: "그 외 {n}건", findingsLeft: "사이의 {n}건은 같은 규칙의 탐지라 목록에서 뺐습니다.", evidenceLate: "이벤트 보관소가 지금 답하지 않습니다. 탐지에 담긴 이벤트만 보입니다.",
  sigmaInformational: "참고", sigmaLow: "낮음", sigmaMedium: "보통", sigmaHigh: "높음", sigmaCritical: "매우 심각", sentBy: "기록을 보낸 장치", noOwnAgent: "이 장치에는 에이전트가 없습니다.",
  device: "장치", devices: "장치", person: "사용자", people: "사용자", agentVersion: "에이전트", past: "같은 장치의 다른 사건", noPast: "다른 사건이 없습니다.", contacts: "이 위험도에서 알릴 사람", noContacts: "등록된 연락처가 없습니다.", findingsCount: "탐지 {f}건 · 이벤트 {e}건", period: "발생",
  hOpened: "사건이 열렸습니다", hRaised: "위험도가 올랐습니다", hNoted: "메모", hAcknowledged: "접수", hAssigned: "담당 지정: {who}", hUnassigned: "담당 해제", hClosed: "종결: {verdict}", hReopened: "다시 열림", hNotified: "통지", hAnswered: "고객 응답: {what}",
  ansOurs: "우리 직원이 한 일입니다", ansHelp: "아닙니다, 도와주세요", ansCall: "전화 주세요", system: "지킴이",
  sms: "문자", mail: "메일", stPending: "대기", stSending: "보내는 중", stAccepted: "접수됨", stDelivered: "도착", stFailed: "실패", stUnknown: "결과 모름", stSuppressed: "보내지 않음", stBundled: "묶음 발송", allStates: "전체",
  msgFor: "받는 사람", msgState: "상태", msgText: "내용", msgWhen: "시각", msgIncident: "사건", msgAttempts: "시도 {n}회", noMessages: "보낸 알림이 없습니다.", older: "이전 알림 더 보기", kindOpened: "발생", kindRaised: "위험도 상승", kindClosed: "종결", nextTry: "다음 시도 {t}", oAccepted: "접수", oDelivered: "도착", oTransient: "일시 오류", oRefused: "거부", oUnknown: "모름",
  loading: "불러오는 중", notThere: "그런 사건이 없습니다.", keyMove: "다음 · 이전 사건", keyOpen: "열기", keyPeek: "옆에서 미리보기", keyClaim: "내가 맡기", keyHelp: "이 도움말", keyNew: "새 사건 보이기", keyLevels: "위험도별 보기", keySearch: "검색", keyEsc: "닫기", keyBack: "목록으로", keyAck: "접수 (사건 화면)", keyNote: "메모 (사건 화면)", keyClose: "종결 (사건 화면)", lessThanMinute: "1분 미만",
  site: "홈페이지 화면", siteBefore: "배운 화면", siteAfter: "달라진 화면", noPicture: "찍은 화면이 없습니다.", openPicture: "새 창에서 크게 보기", siteSeen: "마지막으로 본 때: {t}",
  deploying: "배포 중", deployingUntil: "{t}까지 배포 중: 비교하지 않습니다", deployed: "지금 화면이 맞음", willDeploy: "그때까지 이 홈페이지를 비교하지 않고, 그 뒤 새로 배웁니다. 고객에게는 아무것도 보내지 않습니다.", willAccept: "지금 화면을 회사의 것으로 다시 배웁니다. 침입으로 바뀐 화면이면 누르지 마십시오.", howLong: "얼마 동안", minutesN: "{n}분", hoursN: "{n}시간",
  shown: "{n}건", peek: "미리보기", noPeek: "사건을 고르십시오.", theme: "화면 색",
};
export type Word = keyof typeof ko;
const en: Record<Word, string> = {
  product: "Jikimi", queue: "Incidents", messages: "Messages", signOut: "Sign out", language: "한국어", keys: "Keys", wallboard: "Wallboard",
  live: "Live", secondsAgo: "{n} s ago", noWord: "no word for {n} s", lost: "Connection lost for {n} s · reconnecting", connecting: "Connecting",
  eventsPerSecond: "{n} events/s", agents: "Agents {up}/{all}", noAgents: "No agents", silent: "{n} silent", silentTitle: "Agents gone silent", lastSeen: "Last seen", never: "never",
  behind: "{n} waiting", lagTitle: "Blocks not yet processed", behindStuck: "Stalled: {n} waiting",
  level4: "Very high", level3: "High", level2: "Medium", level1: "Low",
  viewOpen: "Open", viewMine: "Mine", viewDue: "Due soon", viewAnswer: "Client answered", viewUnowned: "Unowned", viewClosed: "Closed (24 h)", viewAll: "All", views: "Views",
  search: "Search: company, text, owner, #number", clear: "Clear filters",
  colLevel: "Level", colDue: "Deadline", colTenant: "Company", colWhat: "What happened", colSteps: "Progress", colOwner: "Owner", colChange: "Changed",
  dueTell: "tell", dueAcknowledge: "ack.", dueClose: "close", left: "{t} left", over: "{t} over", dueDone: "closed",
  stepFound: "Found", stepTold: "Told", stepAcknowledged: "Acknowledged", stepAnswered: "Client answered", stepClosed: "Closed",
  stepDone: "{step} {time}", stepOpen: "not yet: {step}",
  justNow: "now", agoMinutes: "{n} min ago", agoHours: "{n} h ago", agoDays: "{n} d ago",
  newRows: "{n} new incidents", newWorst: "highest: {level}", show: "Show",
  emptyOpen: "No open incidents", emptyFilter: "No incident matches", emptyLast: "The last event arrived {ago}. {n} devices sent events within the last hour.", emptyNever: "No event has arrived yet. Enrol an agent and it appears here.", emptyStale: "This is not quiet, this is silence: the last event arrived {ago}.", emptyWatch: "Watching {t} companies, agents {up}/{all}.",
  helpWanted: "Client: help", callWanted: "Client: call me", oursSaid: "Client: it was us", noticeFailed: "{n} not delivered",
  statusNew: "New", statusAcknowledged: "Acknowledged", statusClosed: "Closed",
  verdictTrue_positive: "True positive", verdictBenign: "Benign, real work", verdictFalse_positive: "False positive", verdictUnclear: "Unclear", verdict: "Verdict",
  acknowledge: "Acknowledge", claim: "Take it", assign: "Assign", note: "Note", close: "Close", reopen: "Reopen", open: "Open", cancel: "Cancel", nobody: "Nobody",
  willAck: "Marks it acknowledged. Nothing is sent to the client.", willClaim: "Makes you the owner and acknowledges it. Nothing is sent to the client.", willClaimShort: "Makes you the owner. Nothing is sent to the client.", willAssign: "Changes the owner. Nothing is sent to the client.", willNote: "Only analysts see it. Nothing is sent to the client.", willReopen: "Puts it back to acknowledged. Nothing is sent to the client.",
  tellClosed: "Tell the client that it ended", willTell: "These contacts are told that it ended:", willTellNobody: "No contact is told at this level. Nothing is sent.", willNotTell: "Nothing is sent to the client.", notReached: "not sent at this level",
  noteText: "Note", closeText: "What was done (for the record)", owner: "Owner", done: "Done", taken: "{by} was faster: {what} ({time}). The page now shows it; look and try again.", failed: "Not done: {why}", sessionOver: "Your session is over. What you wrote is still here.", signInAgain: "Sign in again in a new window, come back and press once more.",
  didAcknowledged: "acknowledged it", didAssigned: "changed the owner", didNoted: "wrote a note", didClosed: "closed it", didReopened: "reopened it", didRaised: "raised its level", didClient_answered: "answered", didOpened: "opened it", didNotified: "sent a notice",
  back: "Incidents", score: "Score", why: "Why this score", timeline: "In order of time", kindFinding: "Findings", kindEvent: "Events", kindNotice: "Notices", kindAnswer: "Client answers", kindAction: "Actions", fold: "Show by kind",
  moreEvents: "{n} more events", fewerEvents: "Fold", evidenceKept: "{kept} evidence events kept (of {all})", raw: "Raw JSON", fields: "Fields", copy: "Copy", sameValue: "Find events with this value", found: "{n} found", notFound: "No other event has this value.",
  rule: "Rule", tags: "Tags", events: "{n} events", times: "× {n}", asOf: "The connection is lost: this is the list of {time}. New incidents do not appear.", emptyLost: "The connection is lost: nobody can say whether there are new incidents", noLive: "The live connection is lost.", moreRules: "{n} more rules", moreFindings: "{n} more", findingsLeft: "{n} in between, of the same rule, are left out.", evidenceLate: "The event store does not answer now. Only what the findings carry is shown.",
  sigmaInformational: "informational", sigmaLow: "low", sigmaMedium: "medium", sigmaHigh: "high", sigmaCritical: "critical", sentBy: "Sent by", noOwnAgent: "No agent runs on this device.",
  device: "Device", devices: "Devices", person: "Person", people: "People", agentVersion: "Agent", past: "Other incidents of this device", noPast: "No other incident.", contacts: "Who is told at this level", noContacts: "No contact is registered.", findingsCount: "{f} findings · {e} events", period: "Happened",
  hOpened: "Incident opened", hRaised: "Level raised", hNoted: "Note", hAcknowledged: "Acknowledged", hAssigned: "Assigned to {who}", hUnassigned: "Owner removed", hClosed: "Closed: {verdict}", hReopened: "Reopened", hNotified: "Notice", hAnswered: "Client answered: {what}",
  ansOurs: "It was one of us", ansHelp: "It was not, please help", ansCall: "Please call me", system: "Jikimi",
  sms: "SMS", mail: "Mail", stPending: "Waiting", stSending: "Sending", stAccepted: "Accepted", stDelivered: "Delivered", stFailed: "Failed", stUnknown: "Unknown", stSuppressed: "Not sent", stBundled: "Bundled", allStates: "All",
  msgFor: "To", msgState: "State", msgText: "Text", msgWhen: "Time", msgIncident: "Incident", msgAttempts: "{n} attempts", noMessages: "No message yet.", older: "Show older messages", kindOpened: "opened", kindRaised: "level raised", kindClosed: "closed", nextTry: "next try {t}", oAccepted: "accepted", oDelivered: "delivered", oTransient: "temporary fault", oRefused: "refused", oUnknown: "unknown",
  loading: "Loading", notThere: "There is no such incident.", keyMove: "next · previous incident", keyOpen: "open", keyPeek: "peek at the side", keyClaim: "take it", keyHelp: "this help", keyNew: "show new incidents", keyLevels: "filter by level", keySearch: "search", keyEsc: "close", keyBack: "back to the list", keyAck: "acknowledge (incident page)", keyNote: "note (incident page)", keyClose: "close (incident page)", lessThanMinute: "under 1 min",
  site: "The web site", siteBefore: "As it was learned", siteAfter: "Changed", noPicture: "No picture was taken.", openPicture: "Open in a new window", siteSeen: "Last look: {t}",
  deploying: "Being rebuilt", deployingUntil: "Being rebuilt until {t}: nothing is compared", deployed: "It is right as it is now", willDeploy: "Until then nothing of this site is compared, and afterwards it is learned anew. Nothing is sent to the client.", willAccept: "The site is learned anew as it looks now. Not for a page that an intruder changed.", howLong: "How long", minutesN: "{n} min", hoursN: "{n} h",
  shown: "{n} shown", peek: "Peek", noPeek: "Choose an incident.", theme: "Colours",
};

const tables = { ko, en };
let language: Language = "ko";

export function setWords(chosen: Language): void {
  language = chosen;
}
export function lang(): Language {
  return language;
}
export function t(word: Word, values: Record<string, string | number> = {}): string {
  return tables[language][word].replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}
/** The word for a coded value, e.g. `coded("st", "failed")`; the code itself when it has none yet. */
export function coded(prefix: string, code: string): string {
  const key = prefix + code.charAt(0).toUpperCase() + code.slice(1);
  return (tables[language] as Record<string, string>)[key] ?? code;
}
export function titleOf(item: { title_ko: string; title_en: string }): string {
  return language === "ko" ? item.title_ko : item.title_en;
}
