// A department's own cases, what is due first, on a small screen and a bad connection.
import { html, useEffect, useState } from './vendor/htm/standalone.mjs';
import { Due, Nav } from './frame.mjs';
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
  return html`<header class="bar-top"><span class="city">${words.cityName}</span><${Nav} words=${words} /></header>
    <main class="content"><h1>${words.t('page.phone')}</h1>
    <div class="phone-head"><label>${words.t('phone.choose')}<select value=${department} disabled=${Boolean(own)} onChange=${(event) => { setList({}); setDepartment(event.target.value); }}>
      <option value="">–</option>${Object.keys(words.city.departments).map((code) => html`<option key=${code} value=${code}>${words.department(code)}</option>`)}</select></label>
      <button type="button" onClick=${ask}>${words.t('phone.refresh')}</button></div>
    ${list.error && html`<p class="notice bad" role="alert">${words.t('failed', { why: list.error })}</p>`}
    ${list.cases && html`<p role="status" class="muted">${words.t('phone.count', { n: words.n(list.total), late: words.n(list.overdue) })}</p>
      <div class="cards">${list.cases.slice(0, 100).map((row) => html`<${Card} key=${row.case_id} words=${words} row=${row} now=${list.now} />`)}</div>
      ${!list.cases.length && html`<p>${words.t('phone.none')}</p>`}`}
    </main>`;
}

function Card({ words, row, now }) {
  const colour = row.overdue ? 'is-late' : row.due_at && row.due_at < now + 3600000 ? 'is-soon' : '';
  return html`<article class=${`panel card ${colour}`}>
    <div class="top"><span class="name">${words.category(row.category)}</span><${Due} words=${words} row=${row} now=${now} /></div>
    <p>${[words.area(row.area), row.address].filter(Boolean).join(' · ')}</p>
    <p class="muted">${row.due_clock ? words.clock(row.due_clock) + ' ' : ''}${words.when(row.due_at)} · ${words.event(row.progress) || words.t('f.open')}</p>
  </article>`;
}
