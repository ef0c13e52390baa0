// Reports by the hour as a small chart: filled what came, a dashed line what is usual.
import { html, useEffect, useRef } from './vendor/htm/standalone.mjs';

export function Spark({ hours, usual, label }) {
  const holder = useRef(null);
  const chart = useRef(null);
  useEffect(() => {
    chart.current = made(holder.current);
    const watch = new ResizeObserver(() => chart.current.setSize(sizeOf(holder.current)));
    watch.observe(holder.current);
    return () => { watch.disconnect(); chart.current.destroy(); };
  }, []);
  useEffect(() => {
    const last = usual.length ? usual : hours.map(() => null);
    chart.current.setData([hours.map((_, index) => index), hours, last]);
  }, [JSON.stringify(hours), JSON.stringify(usual)]);
  return html`<span class="spark" role="img" aria-label=${label} ref=${holder}></span>`;
}

function made(holder) {
  const style = getComputedStyle(holder);
  const colour = (name) => style.getPropertyValue(name).trim();
  const options = {
    ...sizeOf(holder),
    legend: { show: false }, cursor: { show: false }, select: { show: false },
    padding: [3, 2, 2, 2],
    axes: [{ show: false }, { show: false }],
    scales: { x: { time: false }, y: { range: (_, __, most) => [0, Math.max(1, most)] } },
    series: [
      {},
      { stroke: colour('--accent'), fill: colour('--accent-fill'), width: 1.5, points: { show: false } },
      { stroke: colour('--muted'), width: 1.5, dash: [4, 4], points: { show: false } },
    ],
  };
  return new window.uPlot(options, [[0], [0], [null]], holder);
}

function sizeOf(holder) {
  return { width: Math.max(40, holder.clientWidth), height: Math.max(20, holder.clientHeight) };
}
