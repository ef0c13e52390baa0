// What all pages have: where one may go, and the other language.
import { html } from './vendor/htm/standalone.mjs';

export function Nav({ words }) {
  const here = document.documentElement.dataset.page;
  const other = words.language === 'zh' ? 'en' : 'zh';
  const asked = Object.fromEntries(new URLSearchParams(location.search));
  return html`<nav aria-label=${words.t('nav')}>
    ${words.city.asker.pages.map((page) => html`<a href=${words.link(page)} aria-current=${page === here ? 'page' : undefined}>${words.t(`page.${page}`)}</a>`)}
    <a class="language" href=${words.link(here, asked, other)} lang=${other === 'zh' ? 'zh-CN' : 'en'}>${words.t('language.other')}</a>
  </nav>`;
}

export function Due({ words, row, now }) {
  if (!row.due_at) return html`<span class="muted">–</span>`;
  const late = Boolean(row.overdue);
  const soon = !late && row.due_at < now + 3600000;
  const mark = late ? '■' : soon ? '▲' : '';
  return html`<span class=${late ? 'late' : soon ? 'soon' : ''}>${mark && html`<span aria-hidden="true">${mark} </span>`}${words.left(row.due_at, now)}</span>`;
}

// The bar at the head of every page but the wall: where one is, and who.
export function Head({ words }) {
  return html`<header class="bar-top"><span class="city">${words.cityName}</span><${Nav} words=${words} />
    <span class="zone">${words.t('zone', { zone: words.zone })}</span>
    <form method="post" action="../logout" class="who"><span>${words.city.asker.name}</span>
      <input type="hidden" name="csrf" value=${words.city.csrf} /><button>${words.t('logout')}</button></form></header>`;
}
