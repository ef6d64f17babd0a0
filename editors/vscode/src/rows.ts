/** Answers in words: what a hit is called, where it is, and what a reply leaves to say. */
import * as path from 'node:path';
import * as vscode from 'vscode';
import { linesOf } from './places';
import type { Completeness, Hit, SymbolInfo } from './protocol';

const ICONS: Record<string, string> = {
  module: 'file-code',
  section: 'list-tree',
  heading: 'list-tree',
  type: 'symbol-class',
  trait: 'symbol-interface',
  macro: 'symbol-function',
  test: 'beaker',
};
const SYMBOL_ICONS = new Set(
  `array boolean class constant constructor enum enum-member event field file function interface key method module
  namespace number object operator package property string struct variable`.split(/\s+/),
);

/** Return the icon of a kind. */
export function icon(kind: string): vscode.ThemeIcon {
  const name = ICONS[kind] ?? (SYMBOL_ICONS.has(kind) ? `symbol-${kind}` : 'symbol-snippet');
  return new vscode.ThemeIcon(name);
}

/** Return what a hit is called: its symbol, or its file. */
export function nameOf(hit: Hit): string {
  return hit.symbol || path.posix.basename(hit.path);
}

/** Return `path:line`, with the folder's name where there are several. */
export function placeOf(hit: Hit): string {
  const several = (vscode.workspace.workspaceFolders?.length ?? 0) > 1;
  const folder = several ? `${path.posix.basename(vscode.Uri.parse(hit.folder).path)}/` : '';
  return `${folder}${hit.path}:${hit.focus.start.line + 1}`;
}

export interface Glimpse {
  text: string;
  /** Beginning and end of each word of the question in the text. */
  highlights: [number, number][];
}

/** Return the line of a hit that says most, and where words of the question are in it. */
export function glimpse({ excerpt, range, focus }: Hit, query: string): Glimpse {
  const line = linesOf(excerpt)[focus.start.line - range.start.line] ?? '';
  const text = line.trim().replace(/\s+/g, ' ');
  const words = [...new Set(query.toLowerCase().match(/[\p{L}\p{N}_]{3,}/gu) ?? [])];
  return { text, highlights: found(text.toLowerCase(), words) };
}

function found(text: string, words: readonly string[]): [number, number][] {
  const places = words
    .map((word): [number, number] => [text.indexOf(word), text.indexOf(word) + word.length])
    .filter(([begin]) => begin >= 0)
    .sort(([a], [b]) => a - b);
  return places.filter(([begin], number) => number === 0 || begin >= (places[number - 1]?.[1] ?? 0));
}

/** Return a text in which `$(name)` is no icon: it is how jQuery begins. */
export function plain(text: string): string {
  return text.replace(/\$\(/g, '\\$(');
}

/** Return a definition as a hit without an excerpt. */
export function asHit(symbol: SymbolInfo): Hit {
  const folder = vscode.Uri.parse(symbol.folder).path;
  const file = vscode.Uri.parse(symbol.uri).path;
  return {
    ...symbol,
    path: path.posix.relative(folder, file),
    excerpt: '',
    symbol: symbol.container ? `${symbol.container}.${symbol.name}` : symbol.name,
    language: '',
    reasons: [],
  };
}

/** Return what an incomplete index leaves to say; undefined if it is complete. */
export function progressOf(state: Completeness): string | undefined {
  if (state.complete) return undefined;
  if (state.phase === 'paused') {
    return vscode.l10n.t('Indexing is paused, {0} %: {1} files to go', state.percent, state.pending);
  }
  // How many files there are is not known before the first look at all of them.
  return state.pending === 0
    ? vscode.l10n.t('Still indexing, {0} %', state.percent)
    : vscode.l10n.t('Still indexing, {0} %: {1} files to go', state.percent, state.pending);
}
