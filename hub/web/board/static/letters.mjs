// Dead letters: what was set aside and why, by whom, and what an operator does about it.
import { html, useEffect, useState } from './vendor/htm/standalone.mjs';
import { Head } from './frame.mjs';
import { Outcome } from './act.mjs';
import { Letter } from './letter.mjs';
import { fetched, posted } from './words.mjs';

const EVERY_MS = 5000;
const OWN = new Set(['lang', 'letter']);
const COMMON = ['reason', 'stage', 'sender'];

export function Page({ words }) {
  const asked = new URLSearchParams(location.search);
  const [filters, setFilters] = useState(Object.fromEntries([...asked].filter(([name]) => !OWN.has(name))));
  const [chosen, setChosen] = useState(asked.get('letter'));
  const [picked, setPicked] = useState(new Set());
  const [told, setTold] = useState(null);
  const [asking, setAsking] = useState(0);
  const list = useLetters(filters, asking);
  const done = (how) => { setTold(how); setAsking((count) => count + 1); };
  useEffect(() => remember(words, filters, chosen), [filters, chosen]);
  const choose = (next) => { setPicked(new Set()); setFilters(next); };
  const pick = (id) => {
    const next = new Set(picked);
    if (!next.delete(id)) next.add(id);
    setPicked(next);
  };
  const { found, error } = list;
  return html`<${Head} words=${words} />
    <main class="content"><h1>${words.t('page.letters')}</h1><p class="muted lead">${words.t('dl.lead')}</p>
    ${error && html`<p class="notice bad" role="alert">${words.t('failed', { why: error })}</p>`}
    <${Outcome} told=${told} />
    ${!found && !error && html`<p role="status">${words.t('loading')}</p>`}
    ${found && html`<${Standing} words=${words} redrive=${found.redrive} done=${done} />
      <${Groups} words=${words} found=${found} filters=${filters} choose=${choose} brief=${Boolean(chosen)} />
      <div class=${`columns letters ${chosen ? '' : 'alone'}`}>
        <${List} words=${words} found=${found} filters=${filters} choose=${choose} chosen=${chosen} open=${setChosen} picked=${picked} pick=${pick} />
        ${chosen && html`<${Letter} key=${chosen} words=${words} id=${chosen} close=${() => setChosen(null)} done=${done} asking=${asking} />`}
      </div>
      ${(picked.size > 0 || !chosen) && html`<${Acts} words=${words} found=${found} filters=${filters} picked=${picked} done=${(how) => { setPicked(new Set()); done(how); }} />`}`}</main>`;
}

function remember(words, filters, chosen) {
  const asked = chosen ? { ...filters, letter: chosen } : filters;
  history.replaceState(null, '', words.link('letters', asked));
  const other = document.querySelector('nav a.language');
  if (other) other.href = words.link('letters', asked, words.language === 'zh' ? 'en' : 'zh');
}

function useLetters(filters, asking) {
  const [state, setState] = useState({});
  useEffect(() => {
    let isGone = false;
    const ask = () => fetched(`letters/list?${new URLSearchParams(filters)}`).then(
      (found) => isGone || setState({ found }), (error) => isGone || setState((before) => ({ ...before, error: error.message })));
    ask();
    const timer = setInterval(() => document.hidden || ask(), EVERY_MS);
    return () => { isGone = true; clearInterval(timer); };
  }, [JSON.stringify(filters), asking]);
  return state;
}

// -- how the last redrive is doing -------------------------------------------------------------------------------------------

function Standing({ words, redrive, done }) {
  if (!redrive) return null;
  const running = redrive.how === 'running';
  const stop = () => posted(words, 'letters/redrive/stop', {}).then(
    () => done({ done: true, text: words.t('dl.stopped') }), (error) => done({ bad: true, text: words.t('act.failed', { why: error.message }) }));
  return html`<section class="panel standing" role="status"><span>${words.t('dl.redrive', { who: redrive.who, when: words.when(redrive.began_ms), sent: words.n(redrive.sent), n: words.n(redrive.letters) })}</span>
    <b class=${running ? '' : redrive.how === 'done' ? 'good' : 'late'}>${words.t(`dl.how.${redrive.how}`)}</b>
    <progress max=${Math.max(1, redrive.letters)} value=${redrive.sent} aria-label=${words.t('dl.progress')}></progress>
    ${running && html`<button type="button" onClick=${stop}>${words.t('dl.stop')}</button>`}</section>`;
}

// -- groups ------------------------------------------------------------------------------------------------------------------

function Groups({ words, found, filters, choose, brief }) {
  const { groups } = found;
  if (!groups.length) return html`<section class="panel"><p class="muted">${words.t('op.noletters')}</p></section>`;
  const isChosen = (group) => COMMON.every((name) => filters[name] === group[name]);
  const number = (group, state, count) => {
    const next = { ...common(group), ...(state === 'open' ? {} : { state }) };
    return count ? html`<a href=${words.link('letters', next)} onClick=${(event) => { event.preventDefault(); choose(next); }}>${words.n(count)}</a>` : html`<span class="muted">0</span>`;
  };
  return html`<section class=${`panel list groups ${brief ? 'brief' : ''}`} aria-label=${words.t('dl.groups')}><table class="cases"><thead><tr>
    <th scope="col">${words.t('op.reason')}</th><th scope="col">${words.t('dl.sender')}</th><th scope="col">${words.t('dl.owner')}</th>
    <th scope="col" class="right">${words.t('dl.state.open')}</th><th scope="col" class="right">${words.t('dl.state.sent')}</th><th scope="col" class="right">${words.t('dl.state.closed')}</th>
    <th scope="col">${words.t('dl.oldest')}</th><th scope="col">${words.t('op.newest')}</th></tr></thead>
    <tbody>${groups.map((group) => html`<tr key=${JSON.stringify(common(group))} class=${isChosen(group) ? 'chosen' : ''}>
      <td><b>${words.t(`reason.${group.reason}`)}</b><span class="place">${words.stage(group.stage)}</span></td><td>${words.sender(group.sender)}</td><td>${words.owner(group.sender)}</td>
      <td class="right">${number(group, 'open', group.open)}</td><td class="right">${number(group, 'sent', group.sent)}</td><td class="right">${number(group, 'closed', group.closed)}</td>
      <td>${words.t('dl.ago', { n: words.span(found.now - group.oldest_ms) })}<span class="place">${words.when(group.oldest_ms)}</span></td><td>${words.when(group.newest_ms)}</td></tr>`)}</tbody></table>
    ${found.there > found.looked_at && html`<p class="list-head muted">${words.t('dl.newest', { n: words.n(found.looked_at), all: words.n(found.there) })}</p>`}</section>`;
}

function common(group) { return Object.fromEntries(COMMON.map((name) => [name, group[name]])); }

// -- the letters of one -------------------------------------------------------------------------------------------------------

function List({ words, found, filters, choose, chosen, open, picked, pick }) {
  const rows = found.letters;
  const said = filters.reason ? words.t('dl.of', { reason: words.t(`reason.${filters.reason}`), sender: words.sender(filters.sender) }) : words.t('dl.all');
  const setState = (event) => choose({ ...filters, state: event.target.value });
  return html`<section class="panel list" aria-label=${words.t('page.letters')}>
    <div class="list-head"><span class="count" role="status" data-total=${found.total}>${words.t('dl.count', { n: words.n(found.total) })} · ${said}</span>
      ${filters.reason && html`<button type="button" onClick=${() => choose(filters.state ? { state: filters.state } : {})}>${words.t('dl.everything')}</button>`}
      <label>${words.t('f.state')} <select name="state" value=${filters.state || 'open'} onChange=${setState}>
        ${['open', 'sent', 'closed', 'all'].map((name) => html`<option key=${name} value=${name}>${words.t(`dl.state.${name}`)}</option>`)}</select></label></div>
    ${rows.length ? html`<table class="cases"><thead><tr><th scope="col"><span class="hidden">${words.t('list.all')}</span></th><th scope="col">${words.t('dl.letter')}</th>
      <th scope="col">${words.t('op.reason')}</th><th scope="col">${words.t('dl.sender')}</th><th scope="col">${words.t('col.state')}</th></tr></thead>
      <tbody>${rows.map((row) => html`<${Row} key=${row.id} words=${words} row=${row} chosen=${row.id === chosen} open=${open} isPicked=${picked.has(row.id)} pick=${pick} filters=${filters} />`)}</tbody></table>`
    : html`<p class="list-head muted">${words.t('dl.none')}</p>`}
    ${found.total > rows.length && html`<p class="list-head muted">${words.t('dl.shown', { n: words.n(rows.length) })}</p>`}</section>`;
}

function Row({ words, row, chosen, open, isPicked, pick, filters }) {
  const show = (event) => { event.preventDefault(); open(row.id); };
  return html`<tr class=${chosen ? 'chosen' : ''} onClick=${show}>
    <td onClick=${(event) => event.stopPropagation()}><input type="checkbox" checked=${isPicked} onChange=${() => pick(row.id)} aria-label=${words.t('list.pick', { case: row.id })} /></td>
    <td><a href=${words.link('letters', { ...filters, letter: row.id })} onClick=${show}>${row.id}</a><span class="place whole">${words.when(row.at)}</span></td>
    <td>${words.t(`reason.${row.reason}`)}<span class="place detail" lang="en">${row.detail}</span></td>
    <td>${words.sender(row.sender)}<span class="place origin">${row.place}</span></td><td>${words.t(`dl.state.${row.state}`)}</td></tr>`;
}

// -- what is done with many ---------------------------------------------------------------------------------------------------

function Acts({ words, found, filters, picked, done }) {
  const [what, setWhat] = useState('');
  const [why, setWhy] = useState('');
  const [rate, setRate] = useState(50);
  const [again, setAgain] = useState(false);
  const [plan, setPlan] = useState(null);
  const [fault, setFault] = useState('');
  const choice = picked.size ? { letters: [...picked] } : Object.fromEntries(COMMON.filter((name) => filters[name]).map((name) => [name, filters[name]]));
  const count = picked.size || found.total;
  const key = JSON.stringify([choice, filters.state, what, again]);
  useEffect(() => { setPlan(null); setFault(''); }, [key]);
  if (!count || !Object.keys(choice).length) return null;
  const isClosed = filters.state === 'closed';
  const go = (path, body, then) => posted(words, `letters/${path}`, { ...choice, ...body }).then(then, (error) => setFault(error.message));
  const dealt = (said) => { setWhat(''); setWhy(''); done({ done: true, text: words.t(said.left ? 'dl.dealt.left' : 'dl.dealt', { n: words.n(said.done), left: words.n(said.left) }) }); };
  const redrive = (dry) => go('redrive', { rate: Number(rate) || 1, again, dry_run: dry }, (said) => {
    if (dry) setPlan(said);
    else { setWhat(''); done({ done: true, text: words.t('dl.begun', { n: words.n(said.send) }) }); }
  });
  const submit = (event) => { event.preventDefault(); if (what === 'redrive') redrive(!plan); else go(what, { why }, dealt); };
  return html`<section class="act-bar" aria-label=${words.t('act.title')}><b>${picked.size ? words.t('dl.picked', { n: words.n(picked.size) }) : words.t('dl.group', { n: words.n(count) })}</b>
    <form class="acts" onSubmit=${submit}>
      <label>${words.t('act.choose')}<select name="what" value=${what} onChange=${(event) => setWhat(event.target.value)}><option value="">–</option>
        <option value="redrive">${words.t('dl.do.redrive')}</option>${isClosed ? html`<option value="reopen">${words.t('dl.do.reopen')}</option>` : html`<option value="close">${words.t('dl.do.close')}</option>`}</select></label>
      ${what === 'redrive' && html`<label>${words.t('dl.rate')}<input type="number" name="rate" min="1" max="1000" value=${rate} onInput=${(event) => setRate(event.target.value)} /></label>
        <label class="tick"><input type="checkbox" name="again" checked=${again} onChange=${(event) => setAgain(event.target.checked)} /> ${words.t('dl.again')}</label>`}
      ${what && what !== 'redrive' && html`<label class="reason">${words.t('act.reason')}<input name="why" maxlength="1000" value=${why} onInput=${(event) => setWhy(event.target.value)} /></label>`}
      ${what && html`<button class="main" disabled=${what === 'redrive' ? plan && !plan.send : !why.trim()}>${what === 'redrive' ? (plan ? words.t('dl.go', { n: words.n(plan.send) }) : words.t('dl.dry')) : words.t(`dl.do.${what}`)}</button>`}
    </form>
    ${plan && html`<${Plan} words=${words} plan=${plan} />`}${fault && html`<p class="notice bad" role="alert">${words.t('act.failed', { why: fault })}</p>`}</section>`;
}

function Plan({ words, plan }) {
  const back = Object.entries(plan.back);
  return html`<ul class="plan" role="status"><li>${words.t('dl.plan.send', { n: words.n(plan.send) })}</li>
    ${back.map(([reason, count]) => html`<li class="warn">▲ ${words.t('dl.plan.back', { n: words.n(count), reason: words.t(`reason.${reason}`) })}</li>`)}
    ${plan.clocks > 0 && html`<li class="warn">▲ ${words.t('dl.plan.clocks', { n: words.n(plan.clocks) })}</li>`}
    ${Object.entries(plan.left).map(([why, count]) => html`<li>${words.t('dl.plan.left', { n: words.n(count), why: words.t(`dl.left.${why}`) })}</li>`)}
    ${plan.more > 0 && html`<li>${words.t('dl.plan.more', { n: words.n(plan.more) })}</li>`}</ul>`;
}
