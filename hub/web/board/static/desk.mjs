// The desk: which cases there are, one's story, and what the dispatcher says of many at once.
import { html, useEffect, useState } from './vendor/htm/standalone.mjs';
import { Due, Head } from './frame.mjs';
import { Acts, Outcome, mayDispatch, send } from './act.mjs';
import { fetched } from './words.mjs';
import { Story } from './story.mjs';

const EVERY_MS = 5000;
const OWN = new Set(['lang', 'case']);

function asked() { return new URLSearchParams(location.search); }

export function Page({ words }) {
  const [filters, setFilters] = useState(filtersIn(asked()));
  const [chosen, setChosen] = useState(asked().get('case'));
  const [limit, setLimit] = useState(1);
  const [picked, setPicked] = useState(new Set());
  const [told, setTold] = useState(null);
  const [asking, setAsking] = useState(0);
  const list = useList(filters, limit, asking);
  const may = mayDispatch(words);
  const begun = (act) => {
    setPicked(new Set());
    send(words, act, (how) => { setTold(how); setAsking((count) => count + 1); });
  };
  const pick = (code) => {
    const next = new Set(picked);
    if (!next.delete(code)) next.add(code);
    setPicked(next);
  };
  const pickAll = () => fetched(`data/ids?${new URLSearchParams(filters)}`).then(
    (found) => setPicked(new Set(found.cases)), (error) => setTold({ bad: true, text: words.t('act.failed', { why: error.message }) }));
  useEffect(() => remember(words, filters, chosen), [filters, chosen]);
  const change = (name, value) => {
    const next = { ...filters, [name]: value };
    if (!value) delete next[name];
    setLimit(1);
    setFilters(next);
  };
  return html`<${Head} words=${words} />
    <main class="content"><h1>${words.t('page.desk')}</h1>
    <${Filters} words=${words} filters=${filters} change=${change} clear=${() => setFilters({})} />
    ${list.error && html`<p class="notice bad" role="alert">${words.t('failed', { why: list.error })}</p>`}
    <${Outcome} told=${told} />
    <div class=${`columns ${chosen ? '' : 'alone'}`}>
      <${List} words=${words} list=${list} chosen=${chosen} choose=${setChosen} may=${may} picked=${picked} pick=${pick} pickAll=${pickAll} pickNone=${() => setPicked(new Set())} more=${() => setLimit(limit + 1)} />
      ${chosen && html`<${Story} words=${words} case_id=${chosen} close=${() => setChosen(null)} begun=${may && begun} asking=${asking} />`}
    </div>
    ${picked.size > 0 && html`<section class="act-bar" aria-label=${words.t('act.title')}><b>${words.t('list.picked', { n: words.n(picked.size) })}</b>
      <${Acts} words=${words} cases=${[...picked]} begun=${begun} /></section>`}</main>`;
}

function filtersIn(params) {
  return Object.fromEntries([...params].filter(([name]) => !OWN.has(name)));
}

function remember(words, filters, chosen) {
  history.replaceState(null, '', words.link('desk', chosen ? { ...filters, case: chosen } : filters));
  const other = document.querySelector('nav a.language');
  if (other) other.href = words.link('desk', chosen ? { ...filters, case: chosen } : filters, words.language === 'zh' ? 'en' : 'zh');
}

// The list as the ledger has it, asked again every few seconds while somebody can see it.
function useList(filters, pages, asking) {
  const [list, setList] = useState({ cases: null, total: 0, overdue: 0, now: 0 });
  useEffect(() => {
    let isGone = false;
    async function ask() {
      try {
        const answers = await Promise.all(Array.from({ length: pages }, (_, index) =>
          fetched(`data/cases?${new URLSearchParams({ ...filters, offset: index * 200 })}`)));
        if (!isGone) setList({ ...answers[0], cases: unique(answers.flatMap((answer) => answer.cases)) });
      } catch (error) {
        if (!isGone) setList((before) => ({ ...before, error: error.message }));
      }
    }
    ask();
    const timer = setInterval(() => document.hidden || ask(), EVERY_MS);
    return () => { isGone = true; clearInterval(timer); };
  }, [JSON.stringify(filters), pages, asking]);
  return list;
}

function unique(rows) { return [...new Map(rows.map((row) => [row.case_id, row])).values()]; }

function Filters({ words, filters, change, clear }) {
  const [text, setText] = useState(filters.q || '');
  useEffect(() => {
    const timer = setTimeout(() => { if (text !== (filters.q || '')) change('q', text); }, 350);
    return () => clearTimeout(timer);
  }, [text]);
  const { city } = words;
  const families = Object.keys(city.categories).sort();
  const urgency = filters.overdue === '1' ? 'overdue' : filters.due ? `due${filters.due}` : '';
  const setUrgency = (value) => {
    change('overdue', value === 'overdue' ? '1' : '');
    change('due', '');
  };
  return html`<form class="filters" role="search" onSubmit=${(event) => event.preventDefault()}>
    <label class="search">${words.t('f.search')}<input type="search" value=${text} maxlength="100" onInput=${(event) => setText(event.target.value)} /></label>
    <${Choice} words=${words} name="department" codes=${Object.keys(city.departments)} label=${(code) => words.department(code)} filters=${filters} change=${change} />
    <${Choice} words=${words} name="area" codes=${Object.keys(city.areas)} label=${(code) => words.area(code)} filters=${filters} change=${change} />
    <${Choice} words=${words} name="category" codes=${families} label=${(code) => words.category(code)} filters=${filters} change=${change} />
    <${Choice} words=${words} name="clock" codes=${Object.keys(city.clocks)} label=${(code) => words.clock(code)} filters=${filters} change=${change} />
    ${city.campaigns.length > 0 && html`<${Choice} words=${words} name="campaign" codes=${city.campaigns} label=${(name) => name} filters=${filters} change=${change} />`}
    <${UrgencyChoice} words=${words} filters=${filters} change=${change} />
    <label>${words.t('f.state')}<select value=${filters.state || 'open'} onChange=${(event) => change('state', event.target.value === 'open' ? '' : event.target.value)}>
      <option value="open">${words.t('f.open')}</option><option value="over">${words.t('f.over')}</option><option value="any">${words.t('f.any')}</option></select></label>
    <button type="button" onClick=${() => { setText(''); clear(); }}>${words.t('f.clear')}</button>
  </form>`;
}

function Choice({ words, name, codes, label, filters, change }) {
  return html`<label>${words.t(`f.${name}`)}<select value=${filters[name] || ''} onChange=${(event) => change(name, event.target.value)}>
    <option value="">${words.t('f.any')}</option>${codes.map((code) => html`<option key=${code} value=${code}>${label(code)}</option>`)}</select></label>`;
}

function UrgencyChoice({ words, filters, change }) {
  return html`<label>${words.t('f.urgency')}<select value=${filters.overdue === '1' ? '1' : ''} onChange=${(event) => change('overdue', event.target.value)}>
    <option value="">${words.t('f.any')}</option><option value="1">${words.t('f.overdue')}</option></select></label>
  <label>${words.t('f.left')}<select value=${filters.due || ''} onChange=${(event) => change('due', event.target.value)}>
    <option value="">${words.t('f.any')}</option><option value="60">${words.t('f.due60')}</option><option value="1440">${words.t('f.due1440')}</option></select></label>`;
}

function List({ words, list, chosen, choose, more, may, picked, pick, pickAll, pickNone }) {
  if (!list.cases) return html`<section class="panel"><p role="status">${words.t('loading')}</p></section>`;
  const left = list.total - list.cases.length;
  return html`<section class="panel list" aria-label=${words.t('list.label')}>
    <div class="list-head"><span class="count" role="status" data-total=${list.total}>${words.t('list.count', { n: words.n(list.total), late: words.n(list.overdue) })}</span>
      ${may && list.total > 0 && html`<button type="button" onClick=${picked.size ? pickNone : pickAll}>${picked.size ? words.t('list.nothing') : words.t('list.everything', { n: words.n(list.total) })}</button>`}</div>
    ${list.cases.length ? html`<table class="cases"><thead><tr>
      ${may && html`<th scope="col"><span class="hidden">${words.t('list.all')}</span></th>`}
      <th scope="col">${words.t('col.due')}</th><th scope="col">${words.t('col.what')}</th><th scope="col">${words.t('col.who')}</th>
      <th scope="col">${words.t('col.progress')}</th><th scope="col" class="right">${words.t('col.reports')}</th><th scope="col">${words.t('col.opened')}</th>
    </tr></thead><tbody>${list.cases.map((row) => html`<${Row} key=${row.case_id} words=${words} row=${row} now=${list.now} chosen=${row.case_id === chosen} choose=${choose} may=${may} isPicked=${picked.has(row.case_id)} pick=${pick} />`)}</tbody></table>`
    : html`<p class="list-head muted">${words.t('list.none')}</p>`}
    ${left > 0 && html`<button class="more" type="button" onClick=${more}>${words.t('list.more', { n: words.n(Math.min(200, left)) })}</button>`}
  </section>`;
}

// Who of the department has it, and who else is with it.
function beside(words, row) {
  return [row.unit && words.unitOf(row.department, row.unit), row.helpers && words.t('story.helpers', { who: words.departments(row.helpers) })].filter(Boolean);
}

function Row({ words, row, now, chosen, choose, may, isPicked, pick }) {
  const open = (event) => { event.preventDefault(); choose(row.case_id); };
  return html`<tr class=${chosen ? 'chosen' : ''} onClick=${open}>
    ${may && html`<td onClick=${(event) => event.stopPropagation()}><input type="checkbox" checked=${isPicked} onChange=${() => pick(row.case_id)} aria-label=${words.t('list.pick', { case: row.case_id })} /></td>`}
    <td class="due"><${Due} words=${words} row=${row} now=${now} /><span class="place">${row.due_clock ? words.clock(row.due_clock) : ''}</span></td>
    <td><a href=${words.link('desk', { case: row.case_id })} onClick=${open}>${words.category(row.category)}</a><span class="place">${[words.area(row.area), row.address].filter(Boolean).join(' · ')}</span></td>
    <td>${words.department(row.department)}${beside(words, row).map((text) => html`<span class="place cut" title=${text}>${text}</span>`)}</td>
    <td class="progress">${words.event(row.progress) || html`<span class="muted">–</span>`}</td>
    <td class="right">${words.n(row.reports)}</td>
    <td>${words.when(row.opened_at)}</td></tr>`;
}
