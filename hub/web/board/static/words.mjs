// Texts and the city's names in one language, and how numbers and times are written in it.
export async function fetched(path) {
  const answer = await fetch(path, { headers: { Accept: 'application/json' } });
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw new Error(problem.detail || String(answer.status));
  }
  return answer.json();
}

// A call that does something. Rejects with what the hub says of it.
export async function posted(words, path, body) {
  const answer = await fetch(path, { method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': words.city.csrf } });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.detail || String(answer.status));
  return said;
}

export async function load() {
  const [texts, city] = await Promise.all([fetched('data/texts'), fetched('data/city')]);
  return new Words(document.documentElement.dataset.language, texts, city);
}

export class Words {
  constructor(language, texts, city) {
    this.language = language;
    this.city = city;
    this.texts = texts;
    const locale = language === 'zh' ? 'zh-CN' : 'en-GB';
    const zone = { timeZone: city.zone, hourCycle: 'h23' };
    this.number = new Intl.NumberFormat(locale);
    this.clockFormat = new Intl.DateTimeFormat(locale, { ...zone, hour: '2-digit', minute: '2-digit', second: '2-digit' });
    this.dayFormat = new Intl.DateTimeFormat(locale, { ...zone, month: 'long', day: 'numeric', weekday: 'short' });
    this.minuteFormat = new Intl.DateTimeFormat(locale, { ...zone, hour: '2-digit', minute: '2-digit' });
    this.whenFormat = new Intl.DateTimeFormat(locale, {
      ...zone, month: language === 'zh' ? '2-digit' : 'short', day: '2-digit', hour: '2-digit', minute: '2-digit',
    });
  }

  // The zone of all times, as people write it: UTC+8.
  get zone() {
    const parts = new Intl.DateTimeFormat('en-GB', { timeZone: this.city.zone, timeZoneName: 'shortOffset' }).formatToParts(Date.now());
    const offset = parts.find((part) => part.type === 'timeZoneName').value.replace('GMT', 'UTC');
    return `${offset} ${this.city.zone}`;
  }

  t(key, values = {}) {
    const single = values.n === '1' ? this.texts[`${key}.one`] : undefined;
    const text = (single || this.texts[key] || {})[this.language] ?? key;
    return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '');
  }

  n(value) { return value === undefined || value === null ? '–' : this.number.format(value); }

  named(kind, code) {
    const found = this.city[kind][code];
    const name = found && (found.name || found);
    return name ? name[this.language] : code || '–';
  }

  get cityName() { return this.city.name[this.language]; }
  department(code) { return this.named('departments', code); }
  departments(codes) { return codes.split(', ').map((code) => this.department(code)).join(this.language === 'zh' ? '、' : ', '); }
  category(code) { return this.named('categories', code); }
  area(code) { return code ? this.named('areas', code) : this.t('area.none'); }
  source(code) { return this.named('sources', code); }
  clock(code) { // a called department's own is CLOCK/DEPARTMENT
    const [name, who] = (code || '').split('/');
    return this.named('clocks', name) + (who ? ` · ${this.department(who)}` : '');
  }
  clocks(codes) { return codes.split(', ').map((code) => this.clock(code)).join(this.language === 'zh' ? '、' : ', '); }
  turn(owner) { return this.texts[`turn.${owner}`] ? this.t(`turn.${owner}`) : owner; } // whose it is to act on an edge
  unitOf(department, code) { return this.of((this.city.below[department] || {})[code]) || this.department(code); }
  of(name) { return name && name[this.language]; }
  unit(code, count) { return this.named('units', code) + (this.language === 'en' && count !== 1 ? 's' : ''); }
  // Who answers for a sender: whoever runs its connector, or the department itself.
  owner(code) { return this.of(this.city.owners[code]) || (this.city.departments[code] ? this.department(code) : '–'); }
  // Who wrote something: a source, a department, or a part of the hub that has no name in words.
  sender(code) { return this.city.sources[code] ? this.source(code) : this.city.departments[code] ? this.department(code) : code || '–'; }
  stage(code) {
    const [kind, name] = code.split(':');
    return name ? this.t(`stage.${kind}`, { name: this.sender(name) }) : this.t(`stage.${code}`);
  }
  result(code) { return code ? this.named('outcomes', code) : ''; }
  event(code) { return code ? this.named('events', code.toLowerCase()) : ''; }

  time(ms) { return ms ? this.clockFormat.format(ms) : '–'; }
  minute(ms) { return ms ? this.minuteFormat.format(ms) : '–'; }
  day(ms) { return ms ? this.dayFormat.format(ms) : ''; }
  when(ms) { return ms ? this.whenFormat.format(ms) : '–'; }

  // Of a length of time, the one unit that people would say.
  span(ms) {
    const minutes = Math.floor(Math.abs(ms) / 60000);
    if (minutes < 1) return this.t('u.seconds', { n: Math.floor(Math.abs(ms) / 1000) });
    if (minutes < 120) return this.t('u.minutes', { n: minutes });
    if (minutes < 2880) return this.t('u.hours', { n: Math.floor(minutes / 60) });
    return this.t('u.days', { n: this.n(Math.floor(minutes / 1440)) });
  }

  // Of a due time: how much is left, or by how much it is late.
  left(dueMs, nowMs) {
    if (!dueMs) return '–';
    return this.t(dueMs < nowMs ? 'late.by' : 'left', { n: this.span(dueMs - nowMs) });
  }

  // An address of another page, or of this one in the other language.
  link(page, filters = {}, language = this.language) {
    const asked = new URLSearchParams({ ...filters, lang: language });
    return `${page}?${asked}`;
  }
}
