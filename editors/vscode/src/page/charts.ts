/** Charts as inline SVG. Numbers are said in words too, for those who do not see them. */

const SPACE = 'http://www.w3.org/2000/svg';
const WIDTH = 360;
const ROW = 20;
const NAME = 110;
const NUMBER = 60;
const MOST_BARS = 12;
const LINE_HEIGHT = 90;

type Attributes = Record<string, string | number>;

/** Return name → number as bars, the largest first. */
export function bars(values: Record<string, number>, format: (value: number) => string): SVGElement {
  const sorted = Object.entries(values).sort(([one, a], [other, b]) => b - a || one.localeCompare(other));
  const shown = folded(sorted);
  const most = Math.max(1, ...shown.map(([, value]) => value));
  const chart = root(shown.length * ROW, shown.map(([name, value]) => `${name}: ${format(value)}`).join(', '));
  shown.forEach(([name, value], number) => {
    const y = number * ROW;
    const width = ((WIDTH - NAME - NUMBER) * value) / most;
    chart.append(
      element('text', { x: 0, y: y + 14 }, name.length > 17 ? `${name.slice(0, 16)}…` : name),
      element('rect', { class: 'bar', x: NAME, y: y + 4, width: Math.max(width, 1), height: ROW - 8, rx: 1 }),
      element('text', { class: 'value', x: WIDTH, y: y + 14 }, format(value)),
    );
  });
  return chart;
}

/** Return numbers in their order as a line above 0. */
export function line(values: readonly number[], unit: string): SVGElement {
  const most = niceTop(Math.max(...values));
  const height = LINE_HEIGHT;
  // The numbers stand beside the line, not on it.
  const room = WIDTH - NUMBER;
  const x = (number: number): number => (values.length < 2 ? room / 2 : (number * room) / (values.length - 1));
  const y = (value: number): number => height - 4 - ((height - 20) * value) / most;
  const said = `${values.length}; ${values.slice(-10).map((value) => value.toFixed(1)).join(', ')} ${unit}`;
  const chart = root(height, said);
  for (const value of [0, most / 2, most]) {
    chart.append(
      element('line', { class: 'grid', x1: 0, x2: WIDTH, y1: y(value), y2: y(value) }),
      element('text', { class: 'value', x: WIDTH, y: y(value) - 3 }, `${value} ${unit}`),
    );
  }
  const points = values.map((value, number) => `${x(number).toFixed(1)},${y(value).toFixed(1)}`);
  chart.append(element('polyline', { class: 'line', points: points.join(' ') }));
  const last = values.at(-1);
  if (last !== undefined) {
    chart.append(element('circle', { class: 'dot', cx: x(values.length - 1), cy: y(last), r: 2.5 }));
  }
  return chart;
}

/** Return the largest entries, and what the others are together. */
function folded(sorted: [string, number][]): [string, number][] {
  if (sorted.length <= MOST_BARS) return sorted;
  const rest = sorted.slice(MOST_BARS - 1);
  return [...sorted.slice(0, MOST_BARS - 1), [`+ ${rest.length}`, rest.reduce((sum, [, value]) => sum + value, 0)]];
}

/** Return a round number that is not below a value. */
function niceTop(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 5, 10].map((step) => step * power).find((top) => top >= value) ?? value;
}

function root(height: number, label: string): SVGElement {
  return element('svg', { viewBox: `0 0 ${WIDTH} ${Math.max(height, 1)}`, role: 'img', 'aria-label': label });
}

function element(name: string, attributes: Attributes, text = ''): SVGElement {
  const made = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.textContent = text;
  return made;
}
