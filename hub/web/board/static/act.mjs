// What somebody says of one or of many cases: sent once however often it is tried, and followed until receipts say what became of it.
import { html, useEffect, useState } from './vendor/htm/standalone.mjs';
import { fetched } from './words.mjs';

const AGAIN_MS = 3000;
const LOOK_MS = 1000;
const MOST_LOOKS = 60;

function drawn() { return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join(''); }

function after(ms) { return new Promise((resolve) => { setTimeout(resolve, ms); }); }

// Sends an act until the hub has it; `tell` hears how it goes. Rejects with the reason if it is refused.
export async function send(words, act, tell) {
  const body = JSON.stringify({ act_id: drawn(), ...act });
  tell({ text: words.t('act.sending') });
  for (;;) {
    const answer = await post(words, body);
    if (answer && answer.ok) return follow(words, (await answer.json()).act_id, tell);
    if (answer && answer.status < 500) {
      const problem = await answer.json().catch(() => ({}));
      return tell({ bad: true, over: true, text: words.t('act.failed', { why: problem.detail || answer.status }) });
    }
    tell({ text: words.t('act.retry') });
    await after(AGAIN_MS);
  }
}

async function post(words, body) {
  try {
    return await fetch('acts', { method: 'POST', body, headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': words.city.csrf } });
  } catch {
    return null; // the network: it is tried again, and counts once
  }
}

async function follow(words, actId, tell) {
  for (let look = 0; look < MOST_LOOKS; look += 1) {
    const found = await fetched(`acts/${actId}`).catch(() => null);
    if (found) {
      const { accepted = 0, ...others } = found.outcomes;
      const { waiting = 0, ...refused } = others;
      const bad = Object.values(refused).reduce((sum, count) => sum + count, 0);
      const left = found.sent - accepted - bad;
      const parts = [left ? words.t('act.sent', { n: words.n(found.sent), done: words.n(accepted), wait: words.n(left) }) : accepted ? words.t('act.done', { n: words.n(accepted) }) : ''];
      if (bad) parts.push(words.t('act.refused', { n: words.n(bad), why: found.details.join('; ') }));
      tell({ bad: bad > 0, done: !left && !bad, over: !left, text: parts.filter(Boolean).join(' · ') });
      if (!left) return;
    }
    await after(LOOK_MS);
  }
}

export function Outcome({ told }) {
  return html`<p class=${`notice ${told && told.bad ? 'bad' : told && told.done ? 'done' : ''} ${told ? '' : 'empty'}`} role="status" aria-live="polite">${told ? told.text : ''}</p>`;
}

const DESK_ACTS = ['transferred', 'designated', 'reminded', 'supervised', 'extension_granted', 'extension_denied', 'verified', 'reopened', 'unlinked'];
const TO = new Set(['transferred', 'designated']);
const REASON = new Set(['transferred', 'designated', 'reopened', 'unlinked']);
const CLOCK = new Set(['extension_granted', 'extension_denied']);

export function mayDispatch(words) {
  return words.city.asker.roles.some((role) => role === 'dispatcher' || role === 'supervisor');
}

// The acts of the desk, on all of `cases`. `reports` are those of the one case that is open.
export function Acts({ words, cases, reports = [], begun }) {
  const [event, setEvent] = useState('');
  const [fields, setFields] = useState({});
  useEffect(() => setFields({}), [event]);
  const set = (name) => (change) => setFields({ ...fields, [name]: change.target.value });
  const events = DESK_ACTS.filter((name) => name !== 'unlinked' || reports.length > 1);
  const isWhole = event && (!TO.has(event) || fields.to) && (!REASON.has(event) || fields.reason) && (event !== 'unlinked' || fields.report);
  const go = (submitted) => {
    submitted.preventDefault();
    const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value));
    begun({ event, cases, ...given });
    setEvent('');
  };
  return html`<form class="acts" onSubmit=${go}>
    <label>${words.t('act.choose')}<select name="event" value=${event} onChange=${(change) => setEvent(change.target.value)}><option value="">–</option>
      ${events.map((name) => html`<option key=${name} value=${name}>${words.t(`act.${name}`)}</option>`)}</select></label>
    ${TO.has(event) && html`<label>${words.t('act.to')}<select name="to" value=${fields.to || ''} onChange=${set('to')}><option value="">–</option>
      ${Object.keys(words.city.departments).map((code) => html`<option key=${code} value=${code}>${words.department(code)}</option>`)}</select></label>`}
    ${CLOCK.has(event) && html`<label>${words.t('act.clock')}<select name="clock" value=${fields.clock || ''} onChange=${set('clock')}><option value="">–</option>
      ${Object.keys(words.city.clocks).map((code) => html`<option key=${code} value=${code}>${words.clock(code)}</option>`)}</select></label>`}
    ${event === 'unlinked' && html`<label>${words.t('act.report')}<select name="report" value=${fields.report || ''} onChange=${set('report')}><option value="">–</option>
      ${reports.map((report) => html`<option key=${report} value=${report}>${report}</option>`)}</select></label>`}
    ${REASON.has(event) && html`<label class="reason">${words.t('act.reason')}<input name="reason" maxlength="200" value=${fields.reason || ''} onInput=${set('reason')} /></label>`}
    <button class="main" disabled=${!isWhole}>${words.t('act.do', { n: words.n(cases.length) })}</button></form>`;
}
