// One case: where it stands, how its clocks came about, why reports were joined, and all that happened, in order.
import { html, useEffect, useState } from './vendor/htm/standalone.mjs';
import { Acts } from './act.mjs';
import { fetched } from './words.mjs';

const EVERY_MS = 5000;

export function useStory(caseId, asking) {
  const [story, setStory] = useState({});
  useEffect(() => {
    let isGone = false;
    const ask = () => fetched(`data/cases/${encodeURIComponent(caseId)}`).then(
      (found) => { if (!isGone) setStory(found); }, (error) => { if (!isGone) setStory({ error: error.message }); });
    ask();
    const timer = setInterval(() => document.hidden || ask(), EVERY_MS);
    return () => { isGone = true; clearInterval(timer); };
  }, [caseId, asking]);
  return story.cases && story.cases[0].case_id !== caseId ? {} : story;
}

export function Story({ words, case_id, close, begun, asking }) {
  const story = useStory(case_id, asking);
  const row = story.cases && story.cases[0];
  return html`<aside class="panel story" aria-label=${words.t('story.title')}>
    <button type="button" onClick=${close}>✕ ${words.t('story.close')}</button>
    ${story.error && html`<p class="notice bad" role="alert">${words.t('failed', { why: story.error })}</p>`}
    ${row && html`<${Told} words=${words} story=${story} row=${row} />`}
    ${row && begun && html`<h3>${words.t('act.title')}</h3><${Acts} words=${words} cases=${[case_id]} reports=${reportsIn(story)} begun=${begun} />`}
  </aside>`;
}

function reportsIn(story) {
  return story.reports.filter((report) => !report.has_left).map((report) => `${report.source}:${report.ref}`);
}

function Told({ words, story, row }) {
  return html`<h2 class="title">${words.category(row.category)}</h2>
    <p>${[words.area(row.area), row.address].filter(Boolean).join(' · ')}</p>
    <p><b>${words.department(row.department)}</b> <span class="tag">${row.state === 'over' ? words.t('f.over') : words.event(row.progress) || words.t('f.open')}</span>${row.result && html` <span class="tag">${words.result(row.result)}</span>`}</p>
    ${row.unit && html`<p class="muted">${words.t('story.unit', { who: words.unitOf(row.department, row.unit) })}</p>`}
    ${row.helpers && html`<p class="muted">${words.t('story.helpers', { who: words.departments(row.helpers) })}</p>`}
    <p class="id">${row.case_id}<br />${words.t('story.rule', { rule: row.rule, rules: row.rules })}</p>
    <h3>${words.t('story.clocks')}</h3>${story.clocks.map((clock) => html`<${Clock} words=${words} clock=${clock} now=${story.now} />`)}
    <h3>${words.t('story.reports')}</h3><ul>${story.reports.map((report) => html`<${Report} words=${words} report=${report} row=${row} />`)}</ul>
    <h3>${words.t('story.events')}</h3><ul class="timeline">${happened(words, story).map((entry) => html`<li class=${entry.notice ? 'is-notice' : ''}>
      <time datetime=${new Date(entry.when).toISOString()}>${words.when(entry.when)}</time>${entry.text}</li>`)}</ul>`;
}

function Clock({ words, clock, now }) {
  const runs = ['running', 'warned', 'breached'].includes(clock.state);
  const colour = clock.state === 'breached' || clock.state === 'ended_late' ? 'late' : clock.state === 'warned' ? 'soon' : clock.state === 'met' ? 'good' : '';
  const unit = words.unit(clock.unit, clock.duration);
  const derived = clock.duration ? words.t('clock.derived', { start: words.when(clock.started_at), duration: words.n(clock.duration), unit, policy: clock.policy })
    : words.t('clock.derived.source', { start: words.when(clock.started_at) });
  return html`<div class="clock-row"><span><b>${words.clock(clock.clock)}</b> <span class=${colour}>${words.t(`clock.${clock.state}`)}</span></span>
    <span class=${colour}>${runs ? words.left(clock.due_at, now) : words.when(clock.due_at)}</span><span class="derived">${derived}</span></div>`;
}

function Report({ words, report, row }) {
  const isLead = report.source === row.lead_source && report.ref === row.lead_ref;
  const measured = report.link_score !== null && report.link_score !== undefined;
  return html`<li class="report">${words.source(report.source)} <span class="muted">${report.ref} · ${words.when(report.first_at)}</span>
    ${isLead && html` <span class="tag">${words.t('story.lead')}</span>`}${Boolean(report.has_left) && html` <span class="tag">${words.t('story.left')}</span>`}
    ${measured && html`<span class="why">${words.t('story.link', { m: words.n(Math.round(report.link_distance_m || 0)), apart: words.span((report.link_apart_s || 0) * 1000), score: report.link_score.toFixed(2) })}${report.link_reasons ? ` · ${reasons(report.link_reasons)}` : ''}</span>`}</li>`;
}

function reasons(said) {
  if (Array.isArray(said)) return said.map((one) => (typeof one === 'string' ? one : Object.values(one).join(' '))).join(', ');
  return typeof said === 'object' ? Object.entries(said).map(([name, value]) => `${name} ${value}`).join(', ') : said;
}

function beside(words, order) {
  if (!order.joined) return [];
  const others = words.departments(order.joined);
  return [words.t(order.is_called ? 'order.called' : 'order.joined', { others })];
}

// Which clock a reminder is about, by the notice from which it came; one of a rung of supervision says the rung.
function remindedOf(words, order) {
  if (order.kind !== 'remind') return [];
  return [order.clock ? `${words.clock(order.clock)} ${words.t(`clock.${order.notice}`)}` : words.event(order.rule)];
}

function received(words, row) {
  const event = words.event(row.event);
  if (row.outcome !== 'accepted') return words.t('receipt.refused', { who: words.department(row.department), event, detail: row.detail || row.outcome });
  return [words.t('receipt', { who: words.department(row.department), event }), row.detail && words.clocks(row.detail)].filter(Boolean).join(' · ');
}

function happened(words, story) {
  const { t } = { t: words.t.bind(words) };
  const entries = [
    ...story.changes.map((row) => ({ when: row.happened_at, text: `${t(`change.${row.change}`)}${row.source ? ` · ${words.source(row.source)} ${row.ref}` : ''}` })),
    ...story.orders.map((row) => ({ when: row.issued_at, text: [t(`order.${row.kind}`, { who: words.department(row.department) }), ...beside(words, row), ...remindedOf(words, row)].join(' · ') })),
    ...story.notices.map((row) => ({ when: row.happened_at, notice: row.kind === 'breached', text: t('notice', { clock: words.clock(row.clock), what: t(`clock.${row.kind}`) }) })),
    ...story.receipts.map((row) => ({ when: row.counts_from || row.decided_at, text: received(words, row) })),
    ...story.replies.map((row) => ({ when: row.happened_at, text: t('reply', { source: words.source(row.source), status: words.event(row.status) }) })),
  ];
  return entries.sort((one, other) => one.when - other.when);
}
