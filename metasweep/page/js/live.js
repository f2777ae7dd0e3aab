// Requests data from a server again and again. An unchanged answer costs only a 304 and draws nothing.
import { h } from "page/base/dom";

const LONGEST = 15000; // the longest wait in ms between two tries while the server does not answer
let wake = () => {};

/** Requests new data at once, for example after a change on this page. */
export function refresh() {
  wake();
}

/** Calls `show(document)` with every new version of the data, requested every `interval` ms. */
export async function follow(source, interval, show) {
  let [tag, wait] = [null, interval];
  const banner = h("p", { class: "banner", role: "alert", hidden: true });
  document.body.prepend(banner);
  for (;;) {
    const answer = await ask(source, tag);
    banner.hidden = answer.ok;
    wait = answer.ok ? interval : Math.min(wait * 2, LONGEST);
    if (!answer.ok) banner.textContent = `${answer.reason} The numbers below may be old; trying again.`;
    if (answer.document) {
      tag = answer.tag;
      show(answer.document);
    }
    await rest(wait);
  }
}

async function ask(source, tag) {
  try {
    const response = await fetch(source, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
    if (response.status === 304) return { ok: true };
    if (response.status === 401) return { ok: false, reason: "You are signed out: reload this page to sign in." };
    if (!response.ok) return { ok: false, reason: `The server answered ${response.status}.` };
    return { ok: true, tag: response.headers.get("ETag"), document: await response.json() };
  } catch {
    return { ok: false, reason: "The server does not answer." };
  }
}

/** Waits; while the page is hidden, keeps waiting. */
function rest(time) {
  return new Promise((resolve) => {
    wake = resolve;
    setTimeout(() => {
      if (!document.hidden) resolve();
      else document.addEventListener("visibilitychange", resolve, { once: true });
    }, time);
  });
}
