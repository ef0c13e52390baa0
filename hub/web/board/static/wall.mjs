// The wall: one screen that is read from afar, by people who touch nothing.
import { html } from './vendor/htm/standalone.mjs';
import { Nav } from './frame.mjs';
import { Live, useLive } from './live.mjs';
import { AreaMap, STEPS } from './map.mjs';
import { Spark } from './spark.mjs';

const STALE_MS = 30000;
const live = new Live('stream');

export function Page({ words }) {
  const parts = useLive(live);
  const age = live.age;
  const stale = age === null || age > STALE_MS || !live.isConnected;
  if (!parts.standing) return html`<${Waiting} words=${words} parts=${parts} />`;
  return html`<div class=${`wall-screen ${stale ? 'is-stale' : ''}`}>
    <${Head} words=${words} age=${age} />
    <main>
      <h1 class="hidden">${words.t('page.wall')} ${words.cityName}</h1>
      <${Numbers} words=${words} parts=${parts} />
      <${Next} words=${words} rows=${parts.next || []} />
      <${Map} words=${words} parts=${parts} />
      <${Departments} words=${words} rows=${parts.departments || {}} />
      <${Sources} words=${words} rows=${parts.arrivals || []} />
    </main>
    <${Health} words=${words} parts=${parts} />
  </div>`;
}

function Waiting({ words, parts }) {
  const text = parts.ledger === 'away' ? words.t('h.noledger') : words.t('loading');
  return html`<main class="waiting"><h1>${words.cityName}</h1><p role="status">${text}</p></main>`;
}

function Head({ words, age }) {
  const now = live.now;
  const isOld = age === null || age > STALE_MS;
  const standing = !live.isConnected ? words.t('offline')
    : isOld ? words.t('stale', { n: words.span(age || 0) })
    : words.t('ago', { n: Math.round(age / 1000) });
  const asof = live.isReplay ? now : live.parts.standing.level;
  return html`<header>
    <div class="city">${words.cityName}</div>
    <${Nav} words=${words} />
    <div class="now"><span class="day">${words.day(now)}<small>${words.zone}</small></span><span class="clock">${live.isReplay ? words.minute(now) : words.time(now)}</span></div>
    <div class=${`asof ${isOld || !live.isConnected ? 'late' : ''}`} role="status" aria-live="off">
      <span>${live.isReplay ? words.t('replay') + ' · ' : ''}${words.t('asof')} ${words.time(asof)}</span>
      <span class="age"><span aria-hidden="true">${isOld || !live.isConnected ? '⚠ ' : '● '}</span>${standing}</span>
    </div>
  </header>`;
}

const NUMBERS = [
  ['overdue', '■', { overdue: '1' }],
  ['soon', '▲', { overdue: '0', due: '60' }],
  ['unowned', '◇', null],
  ['open', '', { state: 'open' }],
];

function Numbers({ words, parts }) {
  const counts = parts.numbers || {};
  const before = parts.yesterday || {};
  return html`<section class="numbers">
    ${NUMBERS.map(([name, mark, filters]) => html`<a class=${`number ${name}`} href=${words.link('desk', filters || { department: words.city.desk })}>
      <span class="label">${mark && html`<span aria-hidden="true">${mark} </span>`}${words.t(`n.${name}`)}</span>
      <span class="value" data-number=${name}>${words.n(counts[name])}</span>
      <span class="what">${words.t(`n.${name}.what`)}</span>
      ${name === 'open' ? null : html`<${Yesterday} words=${words} now=${counts[name]} before=${before[name]} />`}
    </a>`)}
  </section>`;
}

function Yesterday({ words, now, before }) {
  if (before === undefined) return html`<span class="yesterday">${words.t('yesterday.none')}</span>`;
  const more = now - before;
  const sign = more > 0 ? `▲ +${words.n(more)}` : more < 0 ? `▼ −${words.n(-more)}` : '＝';
  return html`<span class="yesterday">${words.t('yesterday', { n: words.n(before) })} <b>${sign}</b></span>`;
}

const SPACE = '\u00a0';
const MOST_NEXT = 10; // few rows stand at the head, as high as they are among ten

function Next({ words, rows }) {
  const now = live.now;
  return html`<section class="panel next"><h2>${words.t('next.title')}</h2>
    ${rows.length ? html`<table><thead><tr><th class="right">${words.t('col.left')}</th><th>${words.t('col.what')}</th><th>${words.t('col.who')}</th></tr></thead>
    <tbody>${rows.map((row) => html`<tr key=${row.case_id}>
      <td class="right left-time">${minutesLeft(words, row.due_at - now)}</td>
      <td><a href=${words.link('desk', { case: row.case_id })}>${words.category(row.category)}</a><span class="place" title=${place(words, row)}>${place(words, row)}</span></td>
      <td><span class="who" title=${words.department(row.department)}>${words.department(row.department)}</span><span class="place">${words.clock(row.due_clock)}</span></td>
    </tr>`)}${Array.from({ length: MOST_NEXT - rows.length }, () => html`<tr class="filler" aria-hidden="true"><td></td><td>${SPACE}<span class="place">${SPACE}</span></td><td></td></tr>`)}</tbody></table>` : html`<p class="muted">${words.t('next.none')}</p>`}
  </section>`;
}

function minutesLeft(words, ms) {
  return ms < 0 ? html`<span class="late">${words.t('u.minutes', { n: 0 })}</span>` : html`<span class=${ms < 900000 ? 'late' : 'soon'}>${words.span(ms)}</span>`;
}

function place(words, row) {
  return [words.area(row.area), row.address].filter(Boolean).join(' · ');
}

function Map({ words, parts }) {
  return html`<section class="panel map"><h2>${words.t('map.title')}</h2>
    <${AreaMap} words=${words} areas=${parts.areas || {}} points=${parts.points || {}} />
    <p class="legend"><span class="late"><span aria-hidden="true">■</span> ${words.t('map.late')}</span>
      <span class="soon"><span aria-hidden="true">○</span> ${words.t('map.soon')}</span><${Scale} /></p>
  </section>`;
}

function Scale() {
  const shares = STEPS.map((step) => Math.round(step * 100));
  return html`<span class="scale">${['0', ...shares.slice(1).map((share) => `< ${share}`), `≥ ${shares[shares.length - 1]}`].map((text, index) => html`<span>
    <span class=${`swatch swatch-${index}`}></span>${text}%</span>`)}</span>`;
}

function Departments({ words, rows }) {
  const sorted = Object.entries(rows).map(([code, [open, late]]) => ({ code, open, late, share: late / open }));
  const full = Math.max(0.2, ...sorted.map((row) => row.share));
  sorted.sort((one, other) => other.share - one.share || other.open - one.open);
  return html`<section class="panel departments"><h2>${words.t('dep.title')}</h2><ul>
    ${sorted.slice(0, 12).map((row) => html`<li key=${row.code}>
      <a href=${words.link('desk', { department: row.code, overdue: '1' })} title=${words.department(row.code)}>${words.department(row.code)}</a>
      <${Bar} share=${row.share / full} />
      <span class="share">${Math.round(row.share * 100)}%</span>
      <span class="of">${words.t('dep.of', { late: words.n(row.late), open: words.n(row.open) })}</span>
    </li>`)}</ul></section>`;
}

function Bar({ share }) {
  return html`<span class="bar" aria-hidden="true"><span style=${{ width: `${Math.min(100, share * 100)}%` }}></span></span>`;
}

function Sources({ words, rows }) {
  const now = live.now;
  return html`<section class="panel sources"><h2>${words.t('src.title')}</h2>
    ${rows.length ? html`<ul>${rows.map((row) => html`<li key=${row.source} class=${row.silent ? 'silent' : ''}>
      <span class="name" title=${words.source(row.source)}>${words.source(row.source)}</span>
      <${Spark} hours=${row.hours} usual=${row.usual} label=${words.t('src.label', { name: words.source(row.source) })} />
      <span class="rate">${row.silent
        ? html`<span class="late"><span aria-hidden="true">⚠ </span>${words.t('src.silent', { n: words.span(now - row.last) })}</span>`
        : words.t('src.hour', { n: words.n(row.hours[row.hours.length - 1]) })}
        <span class="usual">${isKnown(row) ? words.t('src.usual', { n: words.n(Math.round(row.usual[row.usual.length - 1])) }) : words.t('src.learning')}</span></span>
    </li>`)}</ul>` : html`<p class="muted">${words.t('src.none')}</p>`}
  </section>`;
}

function isKnown(row) {
  return row.usual.length > 0 && row.usual[row.usual.length - 1] !== null;
}

function Health({ words, parts }) {
  const health = parts.health || {};
  const behind = parts.standing.behind || 0;
  const facts = [
    [parts.ledger === 'away', parts.ledger === 'away' ? words.t('h.noledger') : words.t('h.ledger', { n: words.n(behind) })],
    [health.worker !== 'ready', words.t(`h.${health.worker || 'away'}`)],
    [false, words.t('h.lag', { n: words.n(health.lag) })],
    [(health.bad_edges || []).length > 0, (health.bad_edges || []).length ? words.t('h.badedges', { names: health.bad_edges.join(', ') }) : words.t('h.edges', { n: words.n(health.edges) })],
    [false, words.t('h.letters', { n: words.n(parts.letters) })],
  ];
  return html`<footer><a href=${words.link('operator')}>${words.t('h.title')}</a>
    ${facts.map(([bad, text]) => html`<span class=${bad ? 'late' : ''}><span aria-hidden="true">${bad ? '⚠' : '●'}</span> ${text}</span>`)}
  </footer>`;
}
