// What the server says as it changes: the whole once, then changes of its parts. The browser reconnects by itself.
import { useEffect, useState } from './vendor/htm/standalone.mjs';

export class Live {
  constructor(path) {
    this.parts = {};
    this.isConnected = false;
    this.heardAt = 0;
    this.listeners = new Set();
    this.isDrawing = false;
    this.source = new EventSource(path);
    this.source.addEventListener('open', () => { this.isConnected = true; this.tell(); });
    this.source.addEventListener('error', () => { this.isConnected = false; this.tell(); });
    this.source.addEventListener('snapshot', (event) => this.begin(JSON.parse(event.data)));
    this.source.addEventListener('patch', (event) => this.patch(JSON.parse(event.data)));
  }

  // What is whole may have been said a while ago: `sent` is when it left the server.
  begin({ sent, ...parts }) {
    this.parts = parts;
    const { asked = 0 } = parts.standing || {};
    this.heardAt = performance.now() - Math.max(0, asked ? sent - asked : 0);
    this.tell();
  }

  // Only the standing says how old all is; what else comes, comes beside it.
  patch(changes) {
    if (changes.standing) this.heardAt = performance.now();
    for (const [name, change] of Object.entries(changes)) {
      this.parts[name] = change && change['+'] ? keyed(this.parts[name], change) : change;
    }
    this.tell();
  }

  // At most once a frame, however much comes.
  tell() {
    if (this.isDrawing) return;
    this.isDrawing = true;
    requestAnimationFrame(() => {
      this.isDrawing = false;
      for (const listener of this.listeners) listener();
    });
  }

  get elapsed() { return performance.now() - this.heardAt; }

  // The time by which cases are judged. Where history is played again it moves as the ledger does.
  get now() {
    const { now = 0, asked = 0 } = this.parts.standing || {};
    return this.isReplay ? now : now + Math.min(this.elapsed, 30000) * (asked ? 1 : 0);
  }

  get isReplay() {
    const { now = 0, asked = 0 } = this.parts.standing || {};
    return Math.abs(asked - now) > 60000;
  }

  // How old the ledger is, in ms; null while nothing has come.
  get age() {
    const { level, asked } = this.parts.standing || {};
    return level ? Math.max(0, asked - level) + this.elapsed : null;
  }
}

function keyed(before, change) {
  const after = { ...before, ...change['+'] };
  for (const key of change['-']) delete after[key];
  return after;
}

// Draws a component anew when something has come, and each second, as ages grow by themselves.
export function useLive(live) {
  const [, draw] = useState(0);
  useEffect(() => {
    const again = () => draw((count) => count + 1);
    live.listeners.add(again);
    const timer = setInterval(again, 1000);
    return () => { live.listeners.delete(again); clearInterval(timer); };
  }, [live]);
  return live.parts;
}
