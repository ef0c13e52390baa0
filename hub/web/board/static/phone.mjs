// A department's own cases, what is due first, on a small screen and a bad connection.
import { html, useEffect, useState } from './vendor/htm/standalone.mjs';
import { Outcome, send } from './act.mjs';
import { Due, Head } from './frame.mjs';
import { fetched } from './words.mjs';

const EVERY_MS = 15000;

export function Page({ words }) {
  const asked = new URLSearchParams(location.search);
  const own = words.city.asker && words.city.asker.department;
  const [department, setDepartment] = useState(own || asked.get('department') || '');
  const [list, setList] = useState({});
  const ask = () => department && fetched(`data/cases?${new URLSearchParams({ department })}`).then(
    setList, (error) => setList((before) => ({ ...before, error: error.message })));
  useEffect(() => {
    ask();
    history.replaceState(null, '', words.link('phone', department ? { department } : {}));
    const timer = setInterval(() => document.hidden || ask(), EVERY_MS);
    return () => clearInterval(timer);
  }, [department]);
  const [told, setTold] = useState(null);
  const say = own && ((act) => send(words, act, (how) => { setTold(how); if (how.over) ask(); }));
  return html`<${Head} words=${words} />
    <main class="content"><h1>${words.t('page.phone')}</h1>
    <div class="phone-head">${own ? html`<p class="own"><span class="muted">${words.t('phone.mine')}</span><b>${words.department(own)}</b></p>` : html`<label>${words.t('phone.choose')}<select value=${department} onChange=${(event) => { setList({}); setDepartment(event.target.value); }}>
      <option value="">–</option>${Object.keys(words.city.departments).map((code) => html`<option key=${code} value=${code}>${words.department(code)}</option>`)}</select></label>`}
      <button type="button" onClick=${ask}>${words.t('phone.refresh')}</button></div>
    <${Outcome} told=${told} />
    ${list.error && html`<p class="notice bad" role="alert">${words.t('failed', { why: list.error })}</p>`}
    ${list.cases && html`<p role="status" class="muted">${words.t('phone.count', { n: words.n(list.total), late: words.n(list.overdue) })}</p>
      <div class="cards">${list.cases.slice(0, 100).map((row) => html`<${Card} key=${row.case_id} words=${words} row=${row} now=${list.now} say=${say} />`)}</div>
      ${!list.cases.length && html`<p>${words.t('phone.none')}</p>`}`}
    </main>`;
}

function Card({ words, row, now, say }) {
  const [sheet, setSheet] = useState('');
  const colour = row.overdue ? 'is-late' : row.due_at && row.due_at < now + 3600000 ? 'is-soon' : '';
  const done = (act) => { setSheet(''); say({ cases: [row.case_id], ...act }); };
  return html`<article class=${`panel card ${colour}`}>
    <div class="top"><span class="name">${words.category(row.category)}</span><${Due} words=${words} row=${row} now=${now} /></div>
    <p>${[words.area(row.area), row.address].filter(Boolean).join(' · ')}</p>
    <p class="muted">${row.due_clock ? words.clock(row.due_clock) + ' ' : ''}${words.when(row.due_at)} · ${words.event(row.progress) || words.t('f.open')}</p>
    ${say && (sheet ? html`<${Sheet} words=${words} sheet=${sheet} row=${row} done=${done} cancel=${() => setSheet('')} />`
      : html`<div class="acts">${(HAS_ACCEPTED.has(row.progress) ? ['refuse', 'hand'] : ['accept', 'refuse', 'hand']).map((name) => html`<button type="button" class=${name === 'accept' ? 'main' : ''} onClick=${() => setSheet(name)}>${words.t(`phone.${name}`)}</button>`)}</div>`)}
  </article>`;
}

const HAS_ACCEPTED = new Set(['accepted', 'arrived', 'responded', 'paused', 'resumed']);
const REASONS = ['duty', 'area', 'place'];

// The second tap: what it is, and then it is said.
function Sheet({ words, sheet, row, done, cancel }) {
  const others = Object.keys(words.city.departments).filter((code) => code !== words.city.asker.department);
  const choices = {
    accept: [[words.t('phone.sure'), { event: 'accepted' }]],
    refuse: REASONS.map((name) => [words.t(`phone.reason.${name}`), { event: 'refused', reason: words.t(`phone.reason.${name}`) }]),
    hand: others.map((code) => [words.department(code), { event: 'transferred', to: code, reason: words.t('phone.reason.theirs') }]),
  }[sheet];
  const title = { accept: '', refuse: words.t('phone.why'), hand: words.t('phone.whom') }[sheet];
  return html`<div class="sheet" role="group" aria-label=${title || words.t('phone.accept')}>${title && html`<b>${title}</b>`}
    ${choices.map(([text, act]) => html`<button type="button" class=${sheet === 'accept' ? 'main' : ''} onClick=${() => done(act)}>${text}</button>`)}
    <button type="button" onClick=${cancel}>${words.t('phone.cancel')}</button></div>`;
}
