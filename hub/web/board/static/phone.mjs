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
  const [unit, setUnit] = useState(asked.get('unit') || '');
  const [list, setList] = useState({});
  const filters = { ...(department && { department }), ...(department && unit && { unit }) };
  const ask = () => department && fetched(`data/cases?${new URLSearchParams(filters)}`).then(
    setList, (error) => setList((before) => ({ ...before, error: error.message })));
  useEffect(() => {
    ask();
    history.replaceState(null, '', words.link('phone', filters));
    const timer = setInterval(() => document.hidden || ask(), EVERY_MS);
    return () => clearInterval(timer);
  }, [department, unit]);
  const [told, setTold] = useState(null);
  const say = own && ((act) => send(words, unit ? { ...act, unit } : act, (how) => { setTold(how); if (how.over) ask(); }));
  return html`<${Head} words=${words} />
    <main class="content"><h1>${words.t('page.phone')}</h1>
    <div class="phone-head">${own ? html`<p class="own"><span class="muted">${words.t('phone.mine')}</span><b>${words.department(own)}</b></p>` : html`<label>${words.t('phone.choose')}<select value=${department} onChange=${(event) => { setList({}); setUnit(''); setDepartment(event.target.value); }}>
      <option value="">–</option>${Object.keys(words.city.departments).map((code) => html`<option key=${code} value=${code}>${words.department(code)}</option>`)}</select></label>`}
      <${Unit} words=${words} below=${words.city.below[department]} unit=${unit} choose=${(chosen) => { setList({}); setUnit(chosen); }} />
      <button type="button" onClick=${ask}>${words.t('phone.refresh')}</button></div>
    <${Outcome} told=${told} />
    ${list.error && html`<p class="notice bad" role="alert">${words.t('failed', { why: list.error })}</p>`}
    ${list.cases && html`<p role="status" class="muted">${words.t('phone.count', { n: words.n(list.total), late: words.n(list.overdue) })}</p>
      <div class="cards">${list.cases.slice(0, 100).map((row) => html`<${Card} key=${row.case_id} words=${words} row=${row} now=${list.now} say=${say} unit=${unit} />`)}</div>
      ${!list.cases.length && html`<p>${words.t('phone.none')}</p>`}`}
    </main>`;
}

// Who below the department: chosen from a list, or typed where they are too many.
function Unit({ words, below, unit, choose }) {
  if (below === undefined) return null;
  return html`<label>${words.t('phone.unit')}${below === null
    ? html`<input value=${unit} autocomplete="off" onChange=${(event) => choose(event.target.value.trim())} />`
    : html`<select value=${unit} onChange=${(event) => choose(event.target.value)}><option value="">–</option>
      ${Object.keys(below).map((code) => html`<option key=${code} value=${code}>${words.of(below[code])}</option>`)}</select>`}</label>`;
}

function Card({ words, row, now, say, unit }) {
  const [sheet, setSheet] = useState('');
  const colour = row.overdue ? 'is-late' : row.due_at && row.due_at < now + 3600000 ? 'is-soon' : '';
  const done = (act) => { setSheet(''); say({ cases: [row.case_id], ...act }); };
  return html`<article class=${`panel card ${colour}`}>
    <div class="top"><span class="name">${words.category(row.category)}</span><${Due} words=${words} row=${row} now=${now} /></div>
    <p>${[words.area(row.area), row.address].filter(Boolean).join(' · ')}</p>
    ${row.unit && row.unit !== unit && html`<p class="muted">${words.t('story.unit', { who: words.unitOf(row.department, row.unit) })}</p>`}
    <p class="muted">${row.due_clock ? words.clock(row.due_clock) + ' ' : ''}${words.when(row.due_at)} · ${words.event(row.progress) || words.t('f.open')}</p>
    ${say && (sheet ? html`<${Sheet} words=${words} sheet=${sheet} row=${row} unit=${unit} done=${done} cancel=${() => setSheet('')} />`
      : html`<div class="acts">${(HAS_ACCEPTED.has(row.progress) ? ['refuse', 'hand'] : ['accept', 'refuse', 'hand']).map((name) => html`<button type="button" class=${name === 'accept' ? 'main' : ''} onClick=${() => setSheet(name)}>${words.t(`phone.${name}`)}</button>`)}</div>`)}
  </article>`;
}

const HAS_ACCEPTED = new Set(['accepted', 'arrived', 'responded', 'paused', 'resumed']);
const REASONS = ['duty', 'area', 'place'];

// The second tap: what it is, and then it is said.
function Sheet({ words, sheet, row, unit, done, cancel }) {
  const own = words.city.asker.department;
  const within = Object.keys(words.city.below[own] || {}).filter((code) => code !== row.unit);
  const others = unit ? [...(row.unit ? [own] : []), ...within] : [...within, ...Object.keys(words.city.departments).filter((code) => code !== own)];
  const choices = {
    accept: [[words.t('phone.sure'), { event: 'accepted' }]],
    refuse: REASONS.map((name) => [words.t(`phone.reason.${name}`), { event: 'refused', reason: words.t(`phone.reason.${name}`) }]),
    hand: others.map((code) => [words.unitOf(own, code), { event: 'transferred', to: code, reason: words.t('phone.reason.theirs') }]),
  }[sheet];
  const title = { accept: '', refuse: words.t('phone.why'), hand: words.t('phone.whom') }[sheet];
  return html`<div class="sheet" role="group" aria-label=${title || words.t('phone.accept')}>${title && html`<b>${title}</b>`}
    ${choices.map(([text, act]) => html`<button type="button" class=${sheet === 'accept' ? 'main' : ''} onClick=${() => done(act)}>${text}</button>`)}
    <button type="button" onClick=${cancel}>${words.t('phone.cancel')}</button></div>`;
}
