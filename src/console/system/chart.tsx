// One small chart over time (uPlot), drawn in the page's own colours. Used by node_panel.tsx.
import { useEffect, useRef } from "react";
import Plot from "uplot";
import "uplot/dist/uPlot.min.css";

const heightPx = 92;

interface ChartProps {
  description: string;
  /** In seconds. */
  times: readonly number[];
  values: readonly (number | null)[];
  show: (value: number) => string;
}

export function Chart({ description, times, values, show }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | null>(null);
  const showing = useRef(show);
  showing.current = show;
  useEffect(() => {
    const root = place.current;
    if (root === null) return;
    const ink = (name: string) => getComputedStyle(root).getPropertyValue(name).trim();
    const axis = { stroke: ink("--ink-soft"), grid: { stroke: ink("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui" };
    const drawn = new Plot(
      {
        width: root.clientWidth,
        height: heightPx,
        legend: { show: false },
        cursor: { show: false },
        scales: { y: { range: (_plot, _min, max) => [0, Math.max(max ?? 0, 1e-3) * 1.15] } },
        axes: [
          { ...axis, size: 20, space: 90 },
          { ...axis, size: 58, space: 34, values: (_plot, ticks) => ticks.map((tick) => showing.current(tick)) },
        ],
        series: [{}, { stroke: ink("--accent"), width: 1.5, points: { show: false } }],
      },
      [[], []],
      root,
    );
    plot.current = drawn;
    const resized = new ResizeObserver(() => drawn.setSize({ width: root.clientWidth, height: heightPx }));
    resized.observe(root);
    return () => {
      resized.disconnect();
      drawn.destroy();
    };
  }, []);
  useEffect(() => plot.current?.setData([[...times], [...values]]), [times, values]);
  const last = values.at(-1);
  return (
    <figure className="chart">
      <figcaption>
        {description} <strong>{last === null || last === undefined ? "–" : show(last)}</strong>
      </figcaption>
      <div ref={place} />
    </figure>
  );
}
