/** The script of the status page: draws what it is told, and says which button was pressed. */
import type { FolderStatus, StatusResult } from '../protocol';
import { bars, line } from './charts';
import { patch } from './patch';
import type { PageState } from './state';

declare function acquireVsCodeApi(): { postMessage(message: unknown): void };

const editor = acquireVsCodeApi();
const texts = JSON.parse(document.getElementById('texts')?.textContent ?? '{}') as Record<string, string>;
const page = document.getElementById('page') ?? document.body;
/** What each part showed last: a part is drawn again only when that changes. */
const shown = new Map<string, string>();

const number = new Intl.NumberFormat(document.documentElement.lang);
const count = (value: number): string => number.format(value);
const size = (value: number): string =>
  value < 1e6 ? `${count(Math.ceil(value / 1e3))} kB` : `${(value / 1e6).toFixed(1)} MB`;
const text = (name: string): string => texts[name] ?? name;

window.addEventListener('message', ({ data }: MessageEvent<PageState>) => {
  const folders = data.status?.folders ?? [];
  part('head', [data.phase, data.message, data.server, data.status?.version], () => head(data));
  part('buttons', [data.phase, folders.map((one) => one.phase)], () => [buttons(data)]);
  for (const folder of folders) part(`folder ${folder.folder}`, folder, () => folderParts(folder));
  const about = [data.answers, { ...data.status, folders: [] }];
  part('engine', about, () => (data.status ? engine(data, data.status) : []));
  part('errors', data.errors, () => list('errors', data.errors.map((one) => `${one.at}  ${one.message}`).reverse()));
  const wanted = new Set(['head', 'buttons', 'engine', 'errors', ...folders.map((one) => `folder ${one.folder}`)]);
  for (const old of [...page.children]) if (!wanted.has(old.id)) forget(old);
  const headings = [...document.querySelectorAll('h1, h2, h3')].map((one) => one.textContent);
  editor.postMessage({ drawn: headings });
});
page.addEventListener('click', ({ target }) => {
  const command = (target as Element).closest('button')?.dataset.command;
  if (command) editor.postMessage({ command });
});
editor.postMessage({ command: 'refresh' });

/** Draw one part of the page if what it is about is new. */
function part(id: string, about: unknown, draw: () => Node[]): void {
  const now = JSON.stringify(about) || '';
  let section = document.getElementById(id);
  if (section && shown.get(id) === now) return;
  shown.set(id, now);
  if (!section) {
    section = made('section');
    section.id = id;
    page.append(section);
  }
  patch(section, draw());
}

function forget(old: Element): void {
  shown.delete(old.id);
  old.remove();
}

function head({ phase, message, server, status }: PageState): Node[] {
  const version = status ? ` ${status.version}` : '';
  return [
    made('h1', `Conexus${version}`),
    made('p', `${text('server')}: ${text(phase)}${server ? ` · ${server}` : ''}`, 'quiet'),
    ...(message ? [made('p', message, 'bad')] : []),
  ];
}

function buttons({ phase, status }: PageState): Node {
  const paused = status?.folders.some((folder) => folder.phase === 'paused');
  const names = phase === 'missing' ? ['install', 'logs'] : [paused ? 'resume' : 'pause', 'reindex', 'restart', 'logs'];
  const row = made('nav');
  for (const name of names) {
    const button = made('button', text(name));
    button.dataset.command = name;
    row.append(button);
  }
  return row;
}

function engine({ answers }: PageState, { memory, pid, fronts, latencies, recent }: StatusResult): Node[] {
  const rows = Object.entries(latencies).map(([name, { count: times, p50, p95 }]) => [
    name, count(times), `${p50.toFixed(1)} ms`, `${p95.toFixed(1)} ms`,
  ]);
  const charts = made('div', '', 'charts');
  charts.append(
    history('queries', recent?.search ?? []),
    history('edits', recent?.edit ?? []),
    history('answers', answers),
  );
  return [
    made('h2', text('engine')),
    made('p', `${size(memory)} ${text('memory')} · pid ${pid} · ${text('editors')}: ${fronts}`, 'quiet'),
    charts,
    ...table('latencies', ['', text('times'), text('median'), text('slowest')], rows),
  ];
}

function history(name: string, values: readonly number[]): Node {
  const drawing = values.length > 0 ? line(values, 'ms') : made('p', text('none'), 'quiet');
  return figure(text(name), drawing, text(`${name}Note`));
}

function folderParts(folder: FolderStatus): Node[] {
  const { total = 0, ...parts } = folder.bytes;
  const stored = Object.fromEntries(Object.entries(parts).filter(([, bytes]) => bytes > 0));
  const state = [text(folder.phase), `${text('model')}: ${folder.model}`, `${text('watching')}: ${folder.watching}`];
  const charts = made('div', '', 'charts');
  charts.append(figure(text('filesByLanguage'), bars(folder.languages, count)));
  if (folder.languageChunks) charts.append(figure(text('chunksByLanguage'), bars(folder.languageChunks, count)));
  charts.append(
    figure(text('size'), barsOf(stored, size)),
    figure(text('skipped'), barsOf(folder.skipped, count)),
  );
  return [
    made('h2', decodeURIComponent(folder.folder.replace('file://', ''))),
    made('p', state.join(' · '), 'quiet'),
    made('p', `${text('index')}: ${folder.directory}`, 'quiet'),
    ...(folder.phase === 'ready' ? [] : [bar(folder.percent)]),
    figures({
      files: count(folder.files),
      chunks: count(folder.chunks),
      symbols: count(folder.symbols),
      onDisk: size(total),
      buffers: count(folder.buffers),
      pending: count(folder.pending),
    }),
    charts,
    ...list('problems', folder.problems),
  ];
}

function barsOf(values: Record<string, number>, format: (value: number) => string): Node {
  return Object.keys(values).length > 0 ? bars(values, format) : made('p', text('nothing'), 'quiet');
}

function figures(values: Record<string, string>): Node {
  const all = made('dl', '', 'figures');
  for (const [name, value] of Object.entries(values)) {
    const one = made('div');
    one.append(made('dt', text(name)), made('dd', value));
    all.append(one);
  }
  return all;
}

function bar(percent: number): Node {
  const progress = made('progress');
  progress.max = 100;
  progress.value = percent;
  progress.setAttribute('aria-label', `${percent} %`);
  return progress;
}

function list(name: string, lines: readonly string[]): Node[] {
  if (lines.length === 0) return [];
  const all = made('ul');
  for (const one of lines) all.append(made('li', one));
  return [made('h3', text(name)), all];
}

function table(name: string, heads: readonly string[], rows: readonly string[][]): Node[] {
  if (rows.length === 0) return [];
  const all = made('table');
  const row = (kind: 'th' | 'td', cells: readonly string[]): void => {
    const one = made('tr');
    one.append(...cells.map((cell) => made(kind, cell)));
    all.append(one);
  };
  row('th', heads);
  for (const cells of rows) row('td', cells);
  return [made('h3', text(name)), all];
}

function figure(title: string, drawing: Node, note = ''): Node {
  const all = made('figure');
  all.append(made('h3', title), drawing);
  if (note) all.append(made('p', note, 'quiet'));
  return all;
}

function made<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  content = '',
  className = '',
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  element.textContent = content;
  if (className) element.className = className;
  return element;
}
