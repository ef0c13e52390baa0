// One dead letter: what its bytes say beside the bytes themselves, what can be done, and the record as it is mended.
import { html, useEffect, useState } from './vendor/htm/standalone.mjs';
import { fetched, posted } from './words.mjs';

export function Letter({ words, id, close, done, asking }) {
  const [state, setState] = useState({});
  const [header, setHeader] = useState('');
  useEffect(() => {
    let isGone = false;
    fetched(`letters/${encodeURIComponent(id)}?${new URLSearchParams(header ? { header } : {})}`).then(
      (found) => isGone || setState({ found }), (error) => isGone || setState((before) => ({ ...before, error: error.message })));
    return () => { isGone = true; };
  }, [id, header, asking]);
  const { found, error } = state;
  return html`<aside class="panel story letter" aria-label=${words.t('dl.letter')}>
    <button type="button" onClick=${close}>✕ ${words.t('story.close')}</button>
    ${error && html`<p class="notice bad" role="alert">${words.t('act.failed', { why: error })}</p>`}
    ${!found && !error && html`<p role="status">${words.t('loading')}</p>`}
    ${found && html`<${Told} words=${words} found=${found} /><${Contents} words=${words} found=${found} />
      ${['record', 'row'].includes(found.way) && html`<${Mend} words=${words} found=${found} header=${header} setHeader=${setHeader} done=${done} />`}
      <${Done} words=${words} rows=${found.done} />`}</aside>`;
}

function Told({ words, found }) {
  return html`<h2 class="title">${words.t(`reason.${found.reason}`)}</h2>
    <p>${words.sender(found.sender)} · ${words.when(found.at)} <span class="tag">${words.t(`dl.state.${found.state}`)}</span></p>
    <p class="id">${found.id} · ${words.stage(found.stage)} · ${found.place}</p><p class="id" lang="en">${found.detail}</p>
    ${found.clocks.length > 0 && html`<p class="notice bad">▲ ${words.t('dl.clocks', { case: found.clocks[0].case })}
      ${found.clocks.map((clock) => html`<span class="line">${words.t('dl.clock', { clock: words.clock(clock.clock), when: words.when(clock.due) })}</span>`)}</p>`}
    <h3>${words.t('dl.way')}</h3><p>${words.t(`mend.${found.reason}`)} ${words.t(`dl.way.${found.way}`)}</p>`;
}

function Contents({ words, found }) {
  return html`<h3>${words.t('dl.contents')}</h3><div class="beside">
    <figure><figcaption>${found.form ? words.t('dl.decoded', { form: found.form === 'row' ? words.t('dl.row') : found.form }) : words.t('dl.undecoded')}</figcaption>
      ${found.record ? html`<pre tabindex="0" aria-label=${words.t('dl.contents')}>${found.record}</pre>` : found.text && html`<pre tabindex="0" aria-label=${words.t('dl.contents')}>${found.text}</pre>`}</figure>
    <figure><figcaption>${words.t('dl.bytes', { n: words.n(found.bytes) })}${found.shown < found.bytes ? ` ${words.t('dl.first', { n: words.n(found.shown) })}` : ''}</figcaption>
      <pre tabindex="0" class="hex" aria-label=${words.t('dl.hex')}>${found.hex || '–'}</pre></figure></div>`;
}

function Mend({ words, found, header, setHeader, done }) {
  const [text, setText] = useState(found.record || '');
  const [mapping, setMapping] = useState('');
  const [check, setCheck] = useState(null);
  const [fault, setFault] = useState('');
  const [names, setNames] = useState('');
  useEffect(() => setText(found.record || ''), [found.record]);
  useEffect(() => { setCheck(null); setFault(''); }, [text, mapping, found.id]);
  const path = `letters/${encodeURIComponent(found.id)}`;
  const body = { record: text, ...(header ? { header } : {}), ...(mapping ? { mapping } : {}) };
  const bad = (error) => setFault(error.message);
  const look = () => { setFault(''); posted(words, `${path}/check`, body).then(setCheck, bad); };
  const send = () => posted(words, `${path}/send`, body).then(
    () => { setCheck(null); done({ done: true, text: words.t('dl.sent') }); }, bad);
  return html`<h3>${words.t('dl.mend')}</h3>
    ${!found.record && found.way === 'row' && html`<form class="acts" onSubmit=${(event) => { event.preventDefault(); setHeader(names); }}>
      <label class="reason">${words.t('dl.header')}<input value=${names} onInput=${(event) => setNames(event.target.value)} /></label><button>${words.t('dl.header.read')}</button></form>`}
    ${found.mappings.length > 1 && html`<label class="field">${words.t('dl.mapping')}<select value=${mapping || found.mappings[0]} onChange=${(event) => setMapping(event.target.value)}>
      ${found.mappings.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}</select></label>`}
    <label class="field">${words.t('dl.record')}<textarea rows=${found.record ? 14 : 5} spellcheck="false" value=${text} onInput=${(event) => setText(event.target.value)}></textarea></label>
    ${check && html`<${Checked} words=${words} check=${check} />`}
    ${fault && html`<p class="notice bad" role="alert">${words.t('act.failed', { why: fault })}</p>`}
    <p class="acts"><button type="button" disabled=${!text.trim()} onClick=${look}>${words.t('dl.check')}</button>
      ${check && check.sound && html`<button type="button" class="main" onClick=${send}>${words.t('dl.send', { topic: check.topics.join(', ') })}</button>`}</p>`;
}

function Checked({ words, check }) {
  const kind = (line) => (line.startsWith('+') ? 'plus' : line.startsWith('-') ? 'minus' : '');
  return html`<div role="status"><pre class="diff" tabindex="0" aria-label=${words.t('dl.diff')}>${check.diff.slice(2).map((line) => html`<span class=${kind(line)}>${line}\n</span>`)}</pre>
    ${!check.diff.length && html`<p class="notice">${words.t('dl.same')}</p>`}
    ${check.faults.map((one) => html`<p class="notice bad">✗ ${words.t('dl.fault', { reason: words.t(`reason.${one.reason}`) })} <span lang="en">${one.detail}</span></p>`)}
    ${check.too_often && html`<p class="notice bad">✗ ${words.t('dl.left.often')}</p>`}
    ${check.sound && html`<p class="notice done">✓ ${words.t('dl.sound')}</p>`}</div>`;
}

function Done({ words, rows }) {
  if (!rows.length) return null;
  const more = (after) => (after ? [after.why, after.fields && after.fields.length && words.t('dl.fields', { names: after.fields.join(', ') })].filter(Boolean).join(' · ') : '');
  return html`<h3>${words.t('dl.done')}</h3><ul class="timeline">${rows.map((row) => html`<li><time datetime=${new Date(row.at).toISOString()}>${words.when(row.at)}</time>
    ${words.t(`dl.deed.${row.what}`)} · ${row.who} ${more(row.after)}</li>`)}</ul>`;
}
