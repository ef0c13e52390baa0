// How the hub is: agents, edges, dead letters, and the rules that open cases go by.
import { html, useEffect, useState } from './vendor/htm/standalone.mjs';
import { Head } from './frame.mjs';
import { fetched } from './words.mjs';

const EVERY_MS = 3000;
const MARKS = { failed: '✗', degraded: '⚠', paused: '‖', waiting: '…', running: '●', checking: '…', done: '✓', new: '○' };

export function Page({ words }) {
  const [state, setState] = useState({});
  useEffect(() => {
    const ask = () => fetched('data/operator').then(
      (found) => setState({ found }), (error) => setState((before) => ({ ...before, error: error.message })));
    ask();
    const timer = setInterval(() => document.hidden || ask(), EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  const { found, error } = state;
  return html`<${Head} words=${words} />
    <main class="content"><h1>${words.t('page.operator')}</h1>
    ${error && html`<p class="notice bad" role="alert">${words.t('failed', { why: error })}</p>`}
    ${!found && !error && html`<p role="status">${words.t('loading')}</p>`}
    ${found && html`<div class="tiles"><${Agents} words=${words} found=${found} /><${Rules} words=${words} found=${found} />
      <${Edges} words=${words} rows=${found.edges} /><${Letters} words=${words} rows=${found.letters} /></div>`}</main>`;
}

function Table({ heads, rows, none }) {
  if (!rows.length) return html`<p class="muted">${none}</p>`;
  return html`<table><thead><tr>${heads.map(([text, kind]) => html`<th scope="col" class=${kind || ''}>${text}</th>`)}</tr></thead>
    <tbody>${rows.map((cells) => html`<tr>${cells.map((cell, index) => html`<td class=${heads[index][1] || ''}>${cell}</td>`)}</tr>`)}</tbody></table>`;
}

// What people call it, and what commands and logs do.
function named(name, code) { return name === code ? code : html`${name} <span class="code">${code}</span>`; }

function Agents({ words, found }) {
  const rows = Object.entries(found.agents).map(([name, agent]) => [
    named(words.stage(name), name), html`<span class=${agent.ready ? 'good' : 'late'}>${words.t(agent.ready ? 'op.yes' : 'op.no')}</span>`, words.n(agent.lag),
    agent.progress ? words.time(agent.progress * 1000) : '–',
  ]);
  const { level, behind } = found.ledger;
  return html`<section class="panel"><h2>${words.t('op.agents')}</h2>
    <${Table} heads=${[[words.t('op.agent')], [words.t('op.serves')], [words.t('op.lag'), 'right'], [words.t('op.progress')]]} rows=${rows} none=${words.t('op.noagents')} />
    <p><b>${words.t('op.ledger')}</b> ${words.t('op.level', { when: words.time(level), n: words.n(behind) })}</p></section>`;
}

function Rules({ words, found }) {
  const rows = found.rules.map(({ version, open }) => [
    html`<span class="version">${version}</span> ${version === found.version && html`<span class="tag">${words.t('op.current')}</span>`}`, words.n(open)]);
  if (!found.rules.some((row) => row.version === found.version)) rows.unshift([html`<span class="version">${found.version}</span> <span class="tag">${words.t('op.current')}</span>`, '0']);
  return html`<section class="panel"><h2>${words.t('op.rules')}</h2><${Table} heads=${[[words.t('op.version')], [words.t('op.open'), 'right']]} rows=${rows} /></section>`;
}

function Edges({ words, rows }) {
  const cells = rows.map((edge) => {
    const bad = edge.gone || ['failed', 'degraded'].includes(edge.state);
    const state = `${MARKS[edge.state]} ${words.t(`edge.${edge.state}`)}${edge.gone ? ` · ${words.t('op.gone')}` : ''}`;
    return [named(words.sender(edge.name), edge.name), html`<span class=${bad ? 'late' : edge.state === 'running' ? 'good' : ''}>${state}</span>`, span(words, edge.age_seconds),
      span(words, edge.silent_seconds), words.n(edge.published), words.n(edge.rejected), [edge.why, edge.owner && words.t('op.turn', { who: words.turn(edge.owner) })].filter(Boolean).join(' · ')];
  });
  return html`<section class="panel wide"><h2>${words.t('op.edges')}</h2><${Table} heads=${[[words.t('op.edge')], [words.t('col.state')], [words.t('op.since')],
    [words.t('op.last')], [words.t('op.published'), 'right'], [words.t('op.rejected'), 'right'], [words.t('op.why')]]} rows=${cells} none=${words.t('op.noedges')} /></section>`;
}

function span(words, seconds) { return seconds === null ? '–' : words.span(seconds * 1000); }

function Letters({ words, rows }) {
  const link = (row) => html`<a href=${words.link('letters', { stage: row.stage, reason: row.reason, state: 'all' })}>${words.n(row.count)}</a>`;
  const cells = rows.map((row) => [words.stage(row.stage), words.t(`reason.${row.reason}`), words.n(row.day), link(row), words.when(row.last)]);
  return html`<section class="panel wide"><h2>${words.t('op.letters')}</h2><${Table} heads=${[[words.t('op.stage')], [words.t('op.reason')],
    [words.t('op.day'), 'right'], [words.t('op.total'), 'right'], [words.t('op.newest')]]} rows=${cells} none=${words.t('op.noletters')} />
    <p><a href=${words.link('letters')}>${words.t('op.deal')}</a></p></section>`;
}
