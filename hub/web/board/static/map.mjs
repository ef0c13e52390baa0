// The city's areas by their share of overdue cases, and all urgent cases on one canvas. A table beside it says the same.
import { html, useEffect, useRef } from './vendor/htm/standalone.mjs';

export const STEPS = [0.001, 0.05, 0.15, 0.3];
const LABELLED = 14;

export function AreaMap({ words, areas, points }) {
  const holder = useRef(null);
  const drawn = useRef(null);
  useEffect(() => {
    drawn.current = new DrawnMap(holder.current, words);
    return () => drawn.current.remove();
  }, []);
  useEffect(() => { drawn.current.showAreas(areas); }, [JSON.stringify(areas)]);
  useEffect(() => { drawn.current.showPoints(points); }, [points]);
  return html`<div class="map-holder" ref=${holder} role="img" aria-label=${words.t('map.label')}></div>
    <table class="hidden"><caption>${words.t('map.list')}</caption><tbody>
    ${Object.entries(areas).map(([code, [open, late]]) => html`<tr key=${code}><th scope="row">${words.area(code)}</th><td>${words.t('dep.of', { late, open })}</td></tr>`)}
    </tbody></table>`;
}

class DrawnMap {
  constructor(holder, words) {
    const { L } = window;
    const style = getComputedStyle(holder);
    this.words = words;
    this.colours = ['--step-0', '--step-1', '--step-2', '--step-3', '--step-4'].map((name) => style.getPropertyValue(name).trim());
    this.line = style.getPropertyValue('--map-line').trim();
    this.map = L.map(holder, {
      preferCanvas: true, attributionControl: false, zoomControl: false, dragging: false, scrollWheelZoom: false,
      doubleClickZoom: false, boxZoom: false, keyboard: false, touchZoom: false, zoomSnap: 0, zoomAnimation: false,
      fadeAnimation: false,
    });
    this.areas = {};
    const group = [];
    for (const [code, area] of Object.entries(words.city.areas)) {
      const polygon = L.polygon(area.rings, { color: this.line, weight: 1.2, fillOpacity: 1, fillColor: this.colours[0], interactive: false });
      polygon.addTo(this.map);
      this.areas[code] = polygon;
      group.push(polygon);
    }
    this.bounds = group.length ? L.featureGroup(group).getBounds() : L.latLngBounds([[-60, -170], [70, 170]]);
    this.fit();
    this.points = new PointLayer(style).addTo(this.map);
    this.watch = new ResizeObserver(() => { this.map.invalidateSize({ animate: false }); this.fit(); });
    this.watch.observe(holder);
  }

  fit() { this.map.fitBounds(this.bounds, { animate: false, padding: [6, 6] }); }

  showAreas(counts) {
    const most = Object.entries(counts).sort((one, other) => other[1][1] - one[1][1]).slice(0, LABELLED).map(([code]) => code);
    for (const [code, polygon] of Object.entries(this.areas)) {
      const [open, late] = counts[code] || [0, 0];
      const share = open ? late / open : 0;
      polygon.setStyle({ fillColor: this.colours[STEPS.filter((step) => share >= step).length] });
      polygon.unbindTooltip();
      if (most.includes(code)) this.label(polygon, code, share);
    }
    this.points.draw();
  }

  label(polygon, code, share) {
    const text = document.createElement('span');
    const name = document.createElement('span');
    name.textContent = this.words.area(code);
    const number = document.createElement('b');
    number.textContent = `${Math.round(share * 100)}%`;
    text.append(name, number);
    polygon.bindTooltip(text, { permanent: true, direction: 'center', className: 'area-label', interactive: false });
  }

  showPoints(points) { this.points.show(points); }

  remove() { this.watch.disconnect(); this.map.remove(); }
}

// One canvas for all points: overdue ones are squares, the others rings, so that shape says it too.
const PointLayer = window.L ? window.L.Layer.extend({
  initialize(style) {
    this.late = style.getPropertyValue('--late').trim();
    this.soon = style.getPropertyValue('--soon').trim();
    this.edge = style.getPropertyValue('--map-edge').trim();
    this.count = 0;
    this.where = new Float64Array(0);
    this.kinds = new Uint8Array(0);
  },

  onAdd(map) {
    this.canvas = document.createElement('canvas');
    this.canvas.className = 'points leaflet-zoom-hide';
    map.createPane('urgent').style.zIndex = 640; // below the names of areas, which are read from afar and let points shine through
    map.getPane('urgent').append(this.canvas);
    map.on('moveend zoomend viewreset resize', this.draw, this);
    this.draw();
    return this;
  },

  onRemove(map) {
    map.off('moveend zoomend viewreset resize', this.draw, this);
    this.canvas.remove();
  },

  show(points) {
    const rows = Object.values(points);
    this.count = rows.length;
    this.where = new Float64Array(this.count * 2);
    this.kinds = new Uint8Array(this.count);
    rows.sort((one, other) => one[2] - other[2]);
    rows.forEach(([lat, lon, kind], index) => {
      this.where[index * 2] = lat;
      this.where[index * 2 + 1] = lon;
      this.kinds[index] = kind;
    });
    this.draw();
  },

  draw() {
    if (!this._map || this.isWaiting) return;
    this.isWaiting = true;
    requestAnimationFrame(() => { this.isWaiting = false; if (this._map) this.paint(); });
  },

  paint() {
    const map = this._map;
    const size = map.getSize();
    const ratio = window.devicePixelRatio || 1;
    window.L.DomUtil.setPosition(this.canvas, map.containerPointToLayerPoint([0, 0]));
    if (this.canvas.width !== size.x * ratio || this.canvas.height !== size.y * ratio) {
      this.canvas.width = size.x * ratio;
      this.canvas.height = size.y * ratio;
      this.canvas.style.width = `${size.x}px`;
      this.canvas.style.height = `${size.y}px`;
    }
    const context = this.canvas.getContext('2d');
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, size.x, size.y);
    this.scale = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16; // as large as the words, on a wall of any size
    const side = Math.max(4, Math.min(9 * this.scale, size.x / 70)) * (this.count > 1500 ? 0.6 : 1);
    for (const kind of [0, 1]) this.paintKind(context, kind, side, map);
  },

  paintKind(context, kind, side, map) {
    context.beginPath();
    for (let index = 0; index < this.count; index += 1) {
      if (this.kinds[index] !== kind) continue;
      const point = map.latLngToContainerPoint([this.where[index * 2], this.where[index * 2 + 1]]);
      if (kind) {
        context.rect(point.x - side / 2, point.y - side / 2, side, side);
      } else {
        context.moveTo(point.x + side / 2, point.y);
        context.arc(point.x, point.y, side / 2, 0, 2 * Math.PI);
      }
    }
    context.lineWidth = (kind ? 1 : 2) * Math.max(1, this.scale);
    context.strokeStyle = kind ? this.edge : this.soon;
    if (kind) { context.fillStyle = this.late; context.fill(); }
    context.stroke();
  },
}) : null;
