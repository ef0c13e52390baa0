// Begins the page that the document names, in its language.
import { html, render } from './vendor/htm/standalone.mjs';
import { load } from './words.mjs';

const PAGES = {
  wall: () => import('./wall.mjs'),
  desk: () => import('./desk.mjs'),
  phone: () => import('./phone.mjs'),
  operator: () => import('./operator.mjs'),
  letters: () => import('./letters.mjs'),
};

async function begin() {
  const root = document.getElementById('page');
  const [words, page] = await Promise.all([load(), PAGES[document.documentElement.dataset.page]()]);
  render(html`<${page.Page} words=${words} />`, root);
  document.documentElement.dataset.ready = '1';
}

begin();
