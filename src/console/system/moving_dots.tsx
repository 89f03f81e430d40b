// Dots that move along the edges as often as real traffic does: never more than the eye can follow,
// none where nothing is counted.
import { useEffect, useRef } from "react";
import type { EdgeFigure } from "./figures.ts";
import type { Layout } from "./topology.ts";

const dotsPerSecondMax = 7;
const pixelsPerSecond = 150;
/** In total: more would cost frames and show nothing. */
const dotsMax = 120;
const svgNamespace = "http://www.w3.org/2000/svg";

interface MovingDotsProps {
  flows: Readonly<Record<string, EdgeFigure>>;
  layout: Layout;
}

interface Dot {
  element: SVGCircleElement;
  path: SVGPathElement;
  length: number;
  passed: number;
}

/** Drawn outside React: sixty moves per second must not re-render the page. */
export function MovingDots({ flows, layout }: MovingDotsProps) {
  const group = useRef<SVGGElement>(null);
  const newest = useRef(flows);
  newest.current = flows;
  useEffect(() => {
    const root = group.current;
    if (root === null) return;
    const paths = Object.entries(layout.edges).map(([id, line]) => ({ id, path: pathOf(line.path), due: 0 }));
    let dots: Dot[] = [];
    let last = performance.now();
    let frame = requestAnimationFrame(function draw(now) {
      // a tab that returns does not catch up on what it missed
      const elapsedS = Math.min(0.1, (now - last) / 1_000);
      last = now;
      for (const edge of paths) {
        edge.due += dotsPerSecond(newest.current[edge.id]?.perS ?? 0) * elapsedS;
        if (edge.due < 1) continue;
        edge.due = Math.min(1, edge.due - 1);
        if (dots.length < dotsMax) dots.push(newDot(root, edge.path));
      }
      for (const dot of dots) move(dot, elapsedS * pixelsPerSecond);
      for (const dot of dots) if (dot.passed > dot.length) dot.element.remove();
      dots = dots.filter((dot) => dot.passed <= dot.length);
      frame = requestAnimationFrame(draw);
    });
    return () => {
      cancelAnimationFrame(frame);
      root.replaceChildren();
    };
  }, [layout]);
  return <g ref={group} className="dots" />;
}

/**
 * One dot per second at 1/s, then growing more slowly than the rate: 10/s, 100/s and 1,000/s must
 * still look different.
 */
function dotsPerSecond(perS: number): number {
  return perS <= 1 ? perS : Math.min(dotsPerSecondMax, 1 + 1.7 * Math.log10(perS));
}

function pathOf(d: string): SVGPathElement {
  const path = document.createElementNS(svgNamespace, "path");
  path.setAttribute("d", d);
  return path;
}

function newDot(root: SVGGElement, path: SVGPathElement): Dot {
  const element = document.createElementNS(svgNamespace, "circle");
  element.setAttribute("r", "3");
  root.append(element);
  return { element, path, length: path.getTotalLength(), passed: 0 };
}

function move(dot: Dot, by: number): void {
  dot.passed += by;
  const { x, y } = dot.path.getPointAtLength(Math.min(dot.passed, dot.length));
  dot.element.setAttribute("cx", String(x));
  dot.element.setAttribute("cy", String(y));
}
